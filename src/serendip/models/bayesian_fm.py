"""Bayesian factorisation machine: ratings from people, items, who met what and what items are, averaged over all
settings of its parameters that the ratings leave likely.

r_ui = w + b_u + b_i + p_u · q_i + noise of precision α. Person and item have the same form, a = (b, p) and c = (b, q):

    a_u ~ N(μ + |N(u)|^-½ Σ_{j in N(u)} y_j, Λ⁻¹)                N(u): the items that u has rated (SVD++)
    c_i ~ N(μ' + |N(i)|^-½ Σ_{v in N(i)} z_v + Σ_f x_if g_f, Λ'⁻¹)    the people who have rated i; attributes of i

Nothing is tuned: α, the means and precisions, and the strength of each group of features for each factor (gamma
priors) are drawn with the rest. In one sweep of Gibbs sampling each side draws, from their exact conditionals, y or z
with a or c left open, one feature after the other (so that both move far in one sweep); then all vectors at once; then
what governs them. Salakhutdinov and Mnih, "Bayesian probabilistic matrix factorization using Markov chain Monte Carlo",
ICML 2008 (blocks, Wishart priors); Rendle, "Factorization machines with libFM", TIST 2012, section 4.3 (features);
Rendle, Zhang and Koren, "On the difficulty of evaluating baselines", 2019 (terms for who met what, on both sides).

Of each kept sample the items' side is saved. Whoever asks is placed into each sample from the ratings they bring: the
mean of a_u given these is a ridge regression in closed form. The rating is the mean over the samples.

Use it for ratings: of the models here it comes nearest. Attributes of people do not come with a question and are not
looked at. Slower than a point estimate, and larger: for rankings of likes take another.

With width D, F cells of features and S samples: a sweep O(E·(D² + D) + F·D + (U + N)·D³); memory 8 (U + N)·D² bytes
while fitting, 8 S·N·D kept. A question costs O(S·(T·D² + D³ + N·D)).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple
from typing import Annotated, Self

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from serendip.algebra.compiled import even_parts, in_threads
from serendip.algebra.rated import Rated, Scale
from serendip.algebra.sampling import add_up, collapse, draw, normal_wishart, regress, squares, strength
from serendip.data import Dataset, Queries
from serendip.data.arrays import BoolArray, FloatArray, IntArray, Sparse
from serendip.features.columns import blocks
from serendip.models.base import ModelConfig, NotSearched, Search, Weights, fitted
from serendip.training import FitOptions, one_blas_thread

PART = 10_000  # ratings in a piece of work for the threads to take
AT_ONCE = 1_000  # questions answered together
PLACING = ("vectors", "effects", "mean", "precision")  # what a sample holds beside "alpha"


class BayesianFmConfig(ModelConfig):
    # RMSE on the validation parts of the first two folds of ml-100k, mean, 100 sweeps: 0.8849 at width 8, 0.8841 at
    # 16, 0.8870 at 32. At width 8: 0.8838 after 300 sweeps; 0.8870 without attributes, 0.8900 without the mirrored
    # term, 0.8981 without both, 0.9012 without the implicit term too. On ml-1m (first fold) 32 wide gives 0.8299.
    embedding_size: Annotated[int, Search(8, 64, log=True)] = Field(16, ge=1)
    """D, the width of the vectors; more data bear a larger one, which is slower."""
    epochs: Annotated[int, NotSearched("more is better and slower")] = Field(100, ge=1)
    """Sweeps of the sampler."""
    burn_in: Annotated[int, NotSearched("the first fifth will do")] = Field(20, ge=0)
    """Sweeps that are forgotten; with fewer than two sweeps more than that, the last sweep is kept."""
    samples: Annotated[int, NotSearched("more is better and larger")] = Field(32, ge=1)
    """S, how many of the later sweeps are kept, evenly spaced."""
    implicit: Annotated[bool, NotSearched("it helps")] = True
    """Whether which items somebody rated says something beside the ratings."""
    mirrored: Annotated[bool, NotSearched("it helps")] = True
    """Whether which people rated an item says something beside the ratings."""
    attributes: Annotated[bool, NotSearched("it helps")] = True
    """Whether the attributes of items are looked at."""

    @property
    def kept(self) -> IntArray:
        """The sweeps that are kept, ascending."""
        return np.unique(np.linspace(min(self.burn_in, self.epochs - 1), self.epochs - 1, self.samples).astype(int))


class BayesianFm:
    Config = BayesianFmConfig
    personalised = True

    def __init__(self, config: BayesianFmConfig = BayesianFmConfig()) -> None:
        self.config = config
        self._scale: Scale | None = None
        self._known = np.empty(0, np.bool_)  # (N,) items that somebody has rated
        self._samples: Weights = {}

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        ratings = dataset.ratings()  # (U, N)
        self._scale = Scale.of(dataset, ratings)
        ratings.data -= np.float32(self._scale.mean)
        self._known = np.bincount(ratings.indices, minlength=dataset.n_items) > 0
        with options.limited(blas=1):
            self._samples = self._sampled(ratings, dataset, options) if ratings.nnz else {}
        return self

    def _sampled(self, ratings: Sparse, dataset: Dataset, options: FitOptions) -> Weights:
        config, generator = self.config, options.generator()
        mirror = sp.csr_array(ratings.T)
        mirror.sort_indices()
        features = [_bags(mirror)] if config.mirrored else []
        features += blocks(dataset.items.attributes) if config.attributes else []
        people = _Side(ratings, [_bags(ratings)] if config.implicit else [], config.embedding_size + 1, generator)
        items = _Side(mirror, features, config.embedding_size + 1, generator)
        alpha, kept = 1.0, []
        for sweep in range(config.epochs):
            options.progress("Bayesian FM", sweep, config.epochs)
            people.sweep(items.vectors, alpha, options.n_threads)
            items.sweep(people.vectors, alpha, options.n_threads)
            alpha = _precision_of_noise(ratings, people.vectors, items.vectors, generator)
            if sweep in config.kept:
                kept.append(_sample(people, items, alpha, self._known))
        options.progress("Bayesian FM", config.epochs, config.epochs)
        return {name: np.stack([sample[name] for sample in kept]) for name in kept[0]}

    def rate(self, queries: Queries, rows: IntArray) -> FloatArray:
        scale = fitted(self._scale)
        rated: FloatArray = np.clip(scale.mean + self._above(queries, rows)[0], scale.low, scale.high)
        return rated.astype(np.float32)

    def score(self, queries: Queries, rows: IntArray | None = None) -> FloatArray:
        above, told = self._above(queries, rows)
        return np.where(told[:, None], above, 0).astype(np.float32)

    def _above(self, queries: Queries, rows: IntArray | None) -> tuple[FloatArray, BoolArray]:
        """How far the expected ratings lie above the mean, and whether a history says anything, (B,)."""
        rated = Rated.of(queries, self._known, fitted(self._scale))
        width = len(self._known) if rows is None else rows.shape[1]
        found = np.zeros((len(queries), width))
        with one_blas_thread():
            for start in range(0, len(queries) if self._samples else 0, AT_ONCE):
                part = slice(start, start + AT_ONCE)
                for vectors, person in self._placed(rated, part):
                    found[part] += person[:, :1] + _products(person, vectors, None if rows is None else rows[part])
        return found / max(1, len(self._samples.get("alpha", ()))), np.diff(rated.offsets) > 0

    def _placed(self, rated: Rated, part: slice) -> Iterator[tuple[FloatArray, FloatArray]]:
        """The items' vectors and the mean of those of some who ask, sample by sample."""
        offsets = rated.offsets[part.start : part.stop + 1]
        cells = slice(offsets[0], offsets[-1])
        values = rated.ratings[cells] - np.float32(fitted(self._scale).mean)
        asking = sp.csr_array(
            (values, rated.items[cells], offsets - offsets[0]), shape=(len(offsets) - 1, len(self._known))
        )
        bags, silence = _bags(asking), np.zeros((asking.shape[0], self.config.embedding_size + 1))
        gram, moment = _empty_sums(silence.shape)
        for place, alpha in enumerate(self._samples["alpha"].tolist()):
            vectors, effects, mean, precision = (self._samples[name][place] for name in PLACING)
            means = (mean + bags @ effects if self.config.implicit else mean + silence).astype(np.float32)
            add_up(*_cells(asking), vectors, gram, moment, 0, len(means))
            draw(gram, moment, means, precision, alpha, silence, means, 0, len(means))
            yield vectors, means

    def weights(self) -> Weights:
        return {"scale": np.array(astuple(fitted(self._scale))), "known": self._known, **self._samples}

    def restore(self, weights: Weights) -> Self:
        self._scale = Scale(*weights["scale"].tolist())
        self._known = weights["known"]
        self._samples = {name: array for name, array in weights.items() if name not in ("scale", "known")}
        return self


def _sample(people: _Side, items: _Side, alpha: float, known: BoolArray) -> Weights:
    """What is kept of one sweep. Of an item that nobody has rated the mean is kept: a draw is further off."""
    return {
        "vectors": np.where(known[:, None], items.vectors, items.means),
        "effects": np.ascontiguousarray(people.effects.T, np.float32),
        "mean": people.mean,
        "precision": people.precision,
        "alpha": np.array(alpha),
    }


class _Side:
    """The people or the items: their vectors a ~ N(m, Λ⁻¹), m = μ + features times effects, and what governs them."""

    def __init__(self, cells: Sparse, features: Sequence[Sparse], width: int, generator: np.random.Generator) -> None:
        n_rows = cells.shape[0]
        self._cells, self._generator = cells, generator
        self._features = sp.csc_array(sp.hstack([sp.csc_array((n_rows, 0), dtype=np.float32), *features]))
        self._features.sort_indices()
        self._group = np.repeat(np.arange(len(features)), [block.shape[1] for block in features])  # (F,)
        self._strength: FloatArray = np.full((width, len(features)), 100.0)  # precision of the effects of each group
        self._centre: FloatArray = np.zeros((width, len(features)))  # and their mean
        self._parts = [(part.start, part.stop) for part in even_parts(cells.indptr, 1 + cells.nnz // PART)]
        self._gram, self._moment = _empty_sums((n_rows, width))
        self.effects = np.zeros((width, self._features.shape[1]))  # (K, F)
        self.mean: FloatArray = np.zeros(width)
        self.precision: FloatArray = 10 * np.eye(width)
        self._said = np.zeros((n_rows, width))  # m - μ
        self.means = np.zeros((n_rows, width), np.float32)  # m
        self.vectors = 0.1 * generator.standard_normal((n_rows, width), np.float32)  # a

    def sweep(self, others: FloatArray, alpha: float, n_threads: int) -> None:
        """Draw everything of this side, given the vectors of the other side."""
        sums = (self._gram, self._moment)
        cells = _cells(self._cells)
        in_threads(lambda part: add_up(*cells, others, *sums, *part), self._parts, n_threads)
        if len(self._group):
            self._draw_effects(alpha, n_threads)
        self.means = (self.mean + self._said).astype(np.float32)
        noise = self._generator.standard_normal(self.vectors.shape)
        vectors, means, precision = self.vectors, self.means, self.precision
        in_threads(lambda part: draw(*sums, means, precision, alpha, noise, vectors, *part), self._parts, n_threads)
        self.mean, self.precision = normal_wishart(self._generator, self.vectors - self._said)
        self.means = (self.mean + self._said).astype(np.float32)

    def _draw_effects(self, alpha: float, n_threads: int) -> None:
        told, lacking = self._gram.copy(), self._moment.copy()
        means, precision = self.means, self.precision
        in_threads(lambda part: collapse(told, lacking, means, precision, alpha, *part), self._parts, n_threads)
        features, noise = self._features, np.asarray(self._generator.standard_normal(self.effects.shape))
        pull, centre = self._strength[:, self._group], self._centre[:, self._group]
        regress(*_cells(features), told, lacking, pull, centre, noise, self.effects)
        self._said = features @ self.effects.T
        for group in range(self._strength.shape[1]):
            own = self.effects[:, self._group == group]
            found = strength(self._generator, own, self._centre[:, group])
            self._strength[:, group], self._centre[:, group] = found


def _precision_of_noise(
    ratings: Sparse, people: FloatArray, items: FloatArray, generator: np.random.Generator
) -> float:
    """A draw of α under the prior Gamma(1, 1)."""
    errors = squares(*_cells(ratings), people, items)
    return float(generator.gamma(1 + ratings.nnz / 2, 1 / (1 + errors / 2)))


def _bags(ratings: Sparse) -> Sparse:
    """1 / √n in the place of each of the n ratings of a row."""
    lengths = np.diff(ratings.indptr)
    shares = np.repeat(1 / np.sqrt(np.maximum(lengths, 1)), lengths).astype(np.float32)
    return sp.csr_array((shares, ratings.indices, ratings.indptr), shape=ratings.shape)


def _cells(matrix: Sparse) -> tuple[IntArray, IntArray, FloatArray]:
    return matrix.indptr, matrix.indices, matrix.data


def _empty_sums(shape: tuple[int, int]) -> tuple[FloatArray, FloatArray]:
    return np.empty((*shape, shape[1]), np.float32), np.empty(shape, np.float32)


def _products(people: FloatArray, items: FloatArray, rows: IntArray | None) -> FloatArray:
    """b_i + p_u · q_i of all items (B, N), or of the candidates (B, C)."""
    if rows is None:
        return np.asarray(items[:, 0] + people[:, 1:] @ items[:, 1:].T)
    own = items[rows]
    return np.asarray(own[:, :, 0] + (own[:, :, 1:] @ people[:, 1:, None])[:, :, 0])
