"""How sure a figure is: bootstrap over people, paired differences, and Holm's correction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from serendip.data.arrays import FloatArray

RESAMPLES = 1_000
LEVEL = 0.95
COUNTS_AT_ONCE = 4_000_000
"""Bounds the counts held at one time: 32 MB, however many people there are."""


@dataclass(frozen=True)
class Estimate:
    """A mean and its interval; a figure that is no mean over people has none."""

    mean: float
    low: float | None = None
    high: float | None = None


def bootstrap(values: FloatArray, seed: int = 0, resamples: int = RESAMPLES) -> FloatArray:
    """Means of the columns of `values` (people, M) over resampled people, (R, M); NaN values are left out.

    All columns see the same resamples, so that the difference of two columns is a paired one.
    Efron, Tibshirani, An Introduction to the Bootstrap (1993), chapter 6.
    """
    n_people = len(values)
    generator = np.random.default_rng(seed)
    present = np.isfinite(values)
    filled = np.where(present, values, 0.0)
    at_once = max(1, COUNTS_AT_ONCE // max(1, n_people))
    means = [np.empty((0, values.shape[1]))]
    for start in range(0, resamples, at_once):
        chances = np.full(n_people, 1 / n_people)
        counts = generator.multinomial(n_people, chances, size=min(at_once, resamples - start)).astype(np.float64)
        with np.errstate(invalid="ignore"):
            means.append((counts @ filled) / (counts @ present))
    return np.concatenate(means)


def estimate(mean: float, resampled: FloatArray, level: float = LEVEL) -> Estimate:
    """`mean` with the percentile interval of its resampled values (R,)."""
    known = resampled[np.isfinite(resampled)]
    if not len(known):
        return Estimate(mean)
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(mean, float(low), float(high))


def p_value(resampled: FloatArray) -> float:
    """Two-sided, from resampled differences (R,): twice the share on the far side of 0, never below 2 / (R + 1)."""
    far = min(np.count_nonzero(resampled <= 0), np.count_nonzero(resampled >= 0))
    return min(1.0, 2 * (far + 1) / (len(resampled) + 1))


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values corrected for being several; Holm, "A simple sequentially rejective multiple test procedure", 1979.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    corrected = [0.0] * len(p_values)
    worst = 0.0
    for done, place in enumerate(np.argsort(p_values, kind="stable")):
        worst = max(worst, min(1.0, (len(p_values) - done) * float(p_values[place])))
        corrected[place] = worst
    return corrected
