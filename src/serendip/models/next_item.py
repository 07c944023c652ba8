"""Linear next item: what people turn to next, as one linear map of their decayed history, in closed form.

Every place k of a history x_0, x_1, ... is a regression: from the past s_k = Σ_d exp(-d / g) e(x_{k-d}) to what
follows, t_k = Σ_{m < ahead} 2^-m e(x_{k+m}), with B = argmin Σ_k |s_k B - t_k|² + λ |B|² = (SᵀS + λI)⁻¹ SᵀT. With two
time scales g the two pasts stand side by side in s. Histories read backwards are learned from too, with the weight
`backward`: evidence of nearness without direction, worth most where events are few. The score of item j is s B_j for
the past s of whoever asks, a sum over their events. A pair counts once, at the place of its strongest event, and only
items that take part are counted as places. A relative of the transition part of SLIST, which has one scale: Choi, Kim,
Lee, Shim and Lee, "Session-aware linear item-item models for session-based recommendation", WWW 2021.

For items p places before q, the sum over all k of what they add to SᵀS is a geometric series. So the pairs of a
history that are close give SᵀS and SᵀT, and nothing with a row for each event is multiplied by itself.

Use it where order says something: what comes next in films, songs, shops. For tastes without an order use EASE.

With A items taking part, K scales and E events: fit O(E·g) for the sums and O(K³A³ / 3 + 2 K²A³) for the solution;
memory 4 (K² + 2K) A² bytes while fitting, twice that up to 8,192 unknowns, and 4 K A² kept: 15,000 items at two scales
take 7.2 GB and keep 1.8 GB. A score costs O(T·K·N).
"""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
import scipy.sparse as sp
from pydantic import Field
from scipy import linalg

from serendip.algebra.succession import Walks, blocks, succession
from serendip.data import Dataset, Queries
from serendip.data.arrays import FloatArray, IntArray, Sparse
from serendip.models.base import ModelConfig, NotSearched, Search, Weights, fitted, take
from serendip.training import FitOptions

BLOCK = 2_048  # unknowns eliminated at once; LAPACK itself is never given more
PRECISE = 8_192
"""Up to so many unknowns the solution is computed in float64, beyond in float32 at half the time and memory."""


class NextItemConfig(ModelConfig):
    l2: Annotated[float, Search(10, 1_000, log=True)] = Field(100.0, gt=0)
    """λ: how much evidence a succession needs."""
    memory: Annotated[float, Search(1, 6)] = Field(2.0, ge=0.1, le=1_000)
    """g in events: so many events ago, an event counts 1/e of what it did."""
    long_memory: Annotated[float, Search(6, 40, log=True)] = Field(12.0, ge=0, le=1_000)
    """A second, longer time scale beside it; 0: none, for a quarter of the memory and a fifth of the time."""
    ahead: Annotated[int, Search(1, 5)] = Field(3, ge=1, le=100)
    """How many of the items that follow are learned from, each half as much as the one before it."""
    backward: Annotated[float, Search(0.01, 1, log=True)] = Field(0.15, ge=0)
    """Weight of histories read backwards."""
    max_items: Annotated[int, NotSearched("a bound on time and memory")] = Field(15_000, ge=1)
    """Only so many of the most wanted items take part; the others score 0."""

    updatable_items: Annotated[int, NotSearched("a bound on memory")] = Field(1_000, ge=0)
    """Up to so many items that take part, the sums are kept and saved, so that `exchange` can forget and learn."""

    @property
    def scales(self) -> FloatArray:
        """The time scales, (K,)."""
        return np.array([scale for scale in (self.memory, self.long_memory) if scale])


class NextItem:
    Config = NextItemConfig
    personalised = True

    def __init__(self, config: NextItemConfig = NextItemConfig()) -> None:
        self.config = config
        self._place: IntArray | None = None  # (N,) place of each item among the A that take part, -1 for others
        self._b = np.empty((0, 0), np.float32)  # (K A, A): from each item at each scale to what follows
        self._sums: Sparse | None = None  # (A, blocks A): what B is the solution of, where it is kept

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        options.progress("next item", 0, 2)
        place = _places(dataset, self.config.max_items)
        sums = self._counted(dataset.histories(), place, options.n_threads)
        options.progress("next item", 1, 2)
        with options.limited():
            self._b = self._solution(sums)
        self._sums = sums if sums.shape[0] <= self.config.updatable_items else None
        self._place = place
        options.progress("next item", 2, 2)
        return self

    def exchange(self, before: Queries, after: Queries) -> Self:
        """See `models.base.Forgets`. Items that took no part in `fit` still take none; costs a solution, no count.

        Raises:
            RuntimeError: nothing has been learned, or its sums were not kept.
        """
        if len(before) != len(after):
            raise ValueError(f"{len(before)} histories cannot take the place of {len(after)}")
        place = fitted(self._place)
        if self._sums is None:
            raise RuntimeError(f"{len(self._b)} unknowns were solved for and not kept: set updatable_items, and fit")
        taken, given = (self._counted(queries, place, 1) for queries in (before, after))
        self._sums = self._sums - taken + given
        self._b = self._solution(self._sums)
        return self

    def _counted(self, queries: Queries, place: IntArray, n_threads: int) -> Sparse:
        """All that histories teach: see `algebra.succession`."""
        config, size = self.config, int(place.max(initial=-1)) + 1
        walks = Walks.of(queries, place)
        return succession(walks, size, config.scales, config.ahead, config.backward, n_threads)

    def _solution(self, sums: Sparse) -> FloatArray:
        gram, target = _dense(sums, len(self.config.scales))
        return _solved(gram, target, self.config.l2).astype(np.float32)

    def score(self, queries: Queries, rows: IntArray | None = None) -> FloatArray:
        place = fitted(self._place)
        parts, sources = self._sources(queries)
        events, scales = np.nonzero(parts)
        cells = (parts[events, scales], (queries.query_rows[events], sources[events, scales]))
        past = sp.csr_array(cells, shape=(len(queries), len(self._b)), dtype=np.float32)
        scores = np.zeros((len(queries), len(place)), np.float32)  # (B, N)
        active = np.flatnonzero(place >= 0)
        scores[:, active] = past @ self._b
        return take(scores, rows)

    def contributions(self, queries: Queries, rows: IntArray) -> FloatArray:
        """Σ over the scales of the event's decayed weight times its B: see `models.base.Attributes`."""
        targets = fitted(self._place)[rows][queries.query_rows]  # (E, C)
        parts, sources = self._sources(queries)
        events, candidates = np.nonzero((targets >= 0) & np.any(parts, axis=1, keepdims=True))
        found = self._b[sources[events], targets[events, candidates][:, None]]  # (E C, K)
        whole = np.zeros(targets.shape, np.float32)
        whole[events, candidates] = np.einsum("ek,ek->e", parts[events], found)
        return whole

    def _sources(self, queries: Queries) -> tuple[FloatArray, IntArray]:
        """What each event counts at each scale, 0 where it does not, and its row of B, both (E, K)."""
        place, scales = fitted(self._place), self.config.scales
        places = place[queries.item_rows]
        counts = (queries.weights > 0) & (places >= 0)
        so_far = np.concatenate([[0], np.cumsum(counts)])
        ago = so_far[queries.offsets[1:]][queries.query_rows] - so_far[:-1]  # 1: the newest
        parts = np.where(counts, queries.weights, 0)[:, None] * np.exp(-ago[:, None] / scales)
        return parts.astype(np.float32), places[:, None] + self._b.shape[1] * np.arange(len(scales))

    def weights(self) -> Weights:
        learned: Weights = {"place": fitted(self._place), "b": self._b}
        if (sums := self._sums) is not None:
            learned |= {"sums": sums.data, "sums_columns": sums.indices, "sums_offsets": sums.indptr}
        return learned

    def restore(self, weights: Weights) -> Self:
        self._place, self._b = weights["place"], weights["b"]
        if "sums" in weights:
            size = self._b.shape[1]
            cells = (weights["sums"], weights["sums_columns"], weights["sums_offsets"])
            self._sums = sp.csr_array(cells, shape=(size, len(blocks(len(self.config.scales))) * size))
        return self


def _places(dataset: Dataset, limit: int) -> IntArray:
    """The place of each item among those that take part, in the order of rows, -1 for others, (N,)."""
    people = np.bincount(dataset.matrix().indices, minlength=dataset.n_items)
    wanted = np.argsort(-people, kind="stable")[: min(limit, np.count_nonzero(people))]
    place = np.full(dataset.n_items, -1)
    place[np.sort(wanted)] = np.arange(len(wanted))
    return place


def _dense(sums: Sparse, n_scales: int) -> tuple[FloatArray, FloatArray]:
    """SᵀS (K A, K A), of which the part above the diagonal is not looked at, and SᵀT (K A, A)."""
    size = sums.shape[0]
    dtype = np.float64 if n_scales * size <= PRECISE else np.float32
    gram, target = np.zeros((n_scales * size, n_scales * size), dtype), np.zeros((n_scales * size, size), dtype)
    for block, (a, b) in enumerate(blocks(n_scales)):
        part = sums[:, block * size : (block + 1) * size].toarray()
        rows = slice(a * size, (a + 1) * size)
        if b < 0:
            target[rows] = part
        else:
            gram[b * size : (b + 1) * size, rows] = part.T
    return gram, target


def _solved(gram: FloatArray, target: FloatArray, l2: float) -> FloatArray:
    """(gram + λI)⁻¹ target in the place of `target`, by Cholesky in blocks; `gram`, of which the lower half counts, is
    used up.

    Raises:
        LinAlgError: rounding has made `gram` + λI indefinite: a larger l2 is needed.
    """
    gram.flat[:: len(gram) + 1] += l2
    starts = range(0, len(gram), BLOCK)
    for start in starts:
        rows, below = slice(start, start + BLOCK), slice(start + BLOCK, None)
        gram[start:, rows] -= gram[start:, :start] @ gram[rows, :start].T
        corner = gram[rows, rows] = linalg.cholesky(gram[rows, rows], lower=True, check_finite=False)
        gram[below, rows] = linalg.solve_triangular(corner, gram[below, rows].T, lower=True, check_finite=False).T
        target[rows] -= gram[rows, :start] @ target[:start]
        target[rows] = linalg.solve_triangular(corner, target[rows], lower=True, check_finite=False)
    for start in reversed(starts):
        rows, below = slice(start, start + BLOCK), slice(start + BLOCK, None)
        target[rows] -= gram[below, rows].T @ target[below]
        target[rows] = linalg.solve_triangular(gram[rows, rows], target[rows], lower=True, trans=1, check_finite=False)
    return target
