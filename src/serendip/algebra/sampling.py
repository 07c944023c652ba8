"""Sampling: exact conditional draws for linear models with Gaussian priors, many rows at a time.

Row u of a side has a vector a_u ~ N(m_u, Λ⁻¹) of width K, and each of its cells says t = x · a_u + noise of
precision α. Over its cells, G_u = Σ x xᵀ and h_u = Σ t x are all that is to be known; with them the precision of a_u
is S_u = Λ + α G_u.
"""

from __future__ import annotations

import numpy as np

from serendip.algebra.compiled import compiled
from serendip.data.arrays import FloatArray, IntArray

MEAN_WORTH = 2.0  # rows that the prior of a mean counts for


@compiled
def add_up(
    starts: IntArray,
    columns: IntArray,
    values: FloatArray,
    others: FloatArray,
    gram: FloatArray,
    moment: FloatArray,
    start: int,
    stop: int,
) -> None:
    """G_u into `gram` (U, K, K) and h_u into `moment` (U, K) for rows `start` to `stop`.

    The cell of column i has x = (1, `others`[i, 1:]) and t = value - `others`[i, 0]: a bias and a vector on each side.
    """
    width = others.shape[1]
    for row in range(start, stop):
        first, count = starts[row], starts[row + 1] - starts[row]
        x = np.empty((count, width), np.float32)
        t = np.empty(count, np.float32)
        for cell in range(count):
            column = columns[first + cell]
            x[cell] = others[column]
            x[cell, 0] = 1
            t[cell] = values[first + cell] - others[column, 0]
        gram[row] = np.dot(x.T, x)
        moment[row] = np.dot(t, x)


@compiled
def factor(system: FloatArray) -> None:
    """The lower Cholesky factor of a small (K, K) in its place; what is above the diagonal is not looked at."""
    for i in range(len(system)):
        for j in range(i + 1):
            total = system[i, j]
            for k in range(j):  # along rows, where the numbers lie together
                total -= system[i, k] * system[j, k]
            if i == j:
                system[i, i] = np.sqrt(total)
            else:
                system[i, j] = total / system[j, j]


@compiled
def backward(lower: FloatArray, values: FloatArray) -> None:
    """L⁻ᵀ v in the place of v."""
    for i in range(len(values) - 1, -1, -1):
        values[i] /= lower[i, i]
        for j in range(i):
            values[j] -= lower[i, j] * values[i]


@compiled
def forward(lower: FloatArray, columns: FloatArray) -> None:
    """L⁻¹ V in the place of V, (K, C)."""
    width = columns.shape[1]
    for i in range(len(lower)):
        for j in range(i):
            share = lower[i, j]
            for c in range(width):
                columns[i, c] -= share * columns[j, c]
        share = 1 / lower[i, i]
        for c in range(width):
            columns[i, c] *= share


@compiled
def draw(
    gram: FloatArray,
    moment: FloatArray,
    means: FloatArray,
    precision: FloatArray,
    alpha: float,
    noise: FloatArray,
    found: FloatArray,
    start: int,
    stop: int,
) -> None:
    """a_u ~ N(S⁻¹ (α h_u + Λ m_u), S⁻¹) into `found` (U, K); with `noise` 0 instead of normal, its mean."""
    for row in range(start, stop):
        system = precision + alpha * gram[row]
        factor(system)
        values = np.dot(precision, means[row].astype(np.float64)) + alpha * moment[row]
        forward(system, values.reshape(-1, 1))
        values += noise[row]
        backward(system, values)
        found[row] = values


@compiled
def collapse(
    gram: FloatArray,
    moment: FloatArray,
    means: FloatArray,
    precision: FloatArray,
    alpha: float,
    start: int,
    stop: int,
) -> None:
    """What the cells of a row say of m_u where a_u may be anything: precision Λ - Λ S⁻¹ Λ, in the place of `gram`,
    and its product with what m_u lacks, Λ S⁻¹ (α h_u) - (Λ - Λ S⁻¹ Λ) m_u, in the place of `moment`."""
    width = len(precision)
    for row in range(start, stop):
        system = precision + alpha * gram[row]
        factor(system)
        part = np.empty((width, width + 1))
        part[:, :width] = precision
        part[:, width] = alpha * moment[row]
        forward(system, part)  # L⁻¹ of Λ and of α h side by side
        both = np.dot(part[:, :width].copy().T, part)
        told = precision - both[:, :width]
        gram[row] = told
        moment[row] = both[:, width] - np.dot(told, means[row].astype(np.float64))


@compiled
def regress(
    starts: IntArray,
    rows: IntArray,
    values: FloatArray,
    told: FloatArray,
    lacking: FloatArray,
    pull: FloatArray,
    centre: FloatArray,
    noise: FloatArray,
    effects: FloatArray,
) -> None:
    """One draw of each effect of each feature, one after the other in its place, where m_u = ... + Σ_f x_uf effect_f.

    Features in columns (F, all their cells one after the other); `told` and `lacking` as `collapse` leaves them, used
    up; the effects have the prior N(centre, 1 / pull); `pull`, `centre`, `noise` and `effects` are all (K, F).
    """
    n_rows, width = lacking.shape
    shift = np.empty(n_rows, np.float32)
    for k in range(width):
        own = told[:, k, k].copy()
        lack = lacking[:, k].copy()
        shift[:] = 0
        for feature in range(len(starts) - 1):
            precision, gain = 0.0, 0.0
            for cell in range(starts[feature], starts[feature + 1]):
                row, value = rows[cell], values[cell]
                precision += value * value * own[row]
                gain += value * lack[row]
            before = effects[k, feature]
            total = precision + pull[k, feature]
            mean = (gain + precision * before + pull[k, feature] * centre[k, feature]) / total
            after = mean + noise[k, feature] / np.sqrt(total)
            effects[k, feature] = after
            change = np.float32(after - before)
            for cell in range(starts[feature], starts[feature + 1]):
                row = rows[cell]
                step = values[cell] * change
                shift[row] += step
                lack[row] -= own[row] * step
        for row in range(n_rows):
            for other in range(width):
                lacking[row, other] -= told[row, other, k] * shift[row]


@compiled
def squares(starts: IntArray, columns: IntArray, values: FloatArray, own: FloatArray, others: FloatArray) -> float:
    """Σ of the squared errors of all cells."""
    total = 0.0
    for row in range(len(starts) - 1):
        for cell in range(starts[row], starts[row + 1]):
            column = columns[cell]
            error = values[cell] - own[row, 0] - others[column, 0]
            for k in range(1, own.shape[1]):
                error -= own[row, k] * others[column, k]
            total += error * error
    return total


def wishart(generator: np.random.Generator, freedom: float, scale: FloatArray) -> FloatArray:
    """A draw of a (K, K) precision with the mean `freedom` times `scale`, by Bartlett's decomposition."""
    width = len(scale)
    lower = np.tril(generator.standard_normal((width, width)), -1)
    lower.flat[:: width + 1] = np.sqrt(generator.chisquare(freedom - np.arange(width)))
    root = np.linalg.cholesky(scale) @ lower
    return np.asarray(root @ root.T)


def normal_wishart(generator: np.random.Generator, vectors: FloatArray) -> tuple[FloatArray, FloatArray]:
    """A draw of the mean (K,) and precision (K, K) that `vectors` (U, K) come from.

    The prior is that of Salakhutdinov and Mnih, ICML 2008: Λ ~ Wishart(I, K) and μ ~ N(0, (2 Λ)⁻¹), equation 14 for
    what it becomes.
    """
    count, width = vectors.shape
    mean = vectors.mean(axis=0)
    spread = vectors - mean
    total = np.eye(width) + spread.T @ spread + MEAN_WORTH * count / (MEAN_WORTH + count) * np.outer(mean, mean)
    precision = wishart(generator, width + count, np.linalg.inv(total))
    root = np.linalg.cholesky((MEAN_WORTH + count) * precision)
    noise = np.linalg.solve(root.T, generator.standard_normal(width))
    return count / (MEAN_WORTH + count) * mean + noise, precision


def strength(generator: np.random.Generator, effects: FloatArray, centre: FloatArray) -> tuple[FloatArray, FloatArray]:
    """A draw of the precision and then of the mean, (K,) each, that the rows of `effects` (K, F) come from.

    The priors are Gamma(1, 0.01) and, for the mean, one more effect of 0.
    """
    count = effects.shape[1]
    squares_ = np.square(effects - centre[:, None]).sum(axis=1) + np.square(centre)
    precision = generator.gamma(1.5 + count / 2, 1 / (0.01 + squares_ / 2))
    noise = generator.standard_normal(len(effects)) / np.sqrt(precision * (count + 1))
    return precision, effects.sum(axis=1) / (count + 1) + noise
