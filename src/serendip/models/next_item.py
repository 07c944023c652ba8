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

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np
import scipy.sparse as sp
from pydantic import Field
from scipy import linalg

from serendip.data import Dataset, Queries
from serendip.data.arrays import FloatArray, IntArray
from serendip.models.base import ModelConfig, NotSearched, Search, Weights, fitted, take
from serendip.training import FitOptions

REACH = 6
"""Items farther apart than so many time scales are not paired: their part would be below exp(-6), a 400th."""
CHUNK = 4_000_000  # pairs of a history looked at together
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

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        options.progress("next item", 0, 2)
        place = _places(dataset, self.config.max_items)
        past = _Past.of(dataset.histories(), place)
        with options.limited():
            gram, target = _moments(past, int(place.max(initial=-1)) + 1, self.config)
            options.progress("next item", 1, 2)
            self._b = _solved(gram, target, self.config.l2).astype(np.float32)
        self._place = place
        options.progress("next item", 2, 2)
        return self

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
        return {"place": fitted(self._place), "b": self._b}

    def restore(self, weights: Weights) -> Self:
        self._place, self._b = weights["place"], weights["b"]
        return self


def _places(dataset: Dataset, limit: int) -> IntArray:
    """The place of each item among those that take part, in the order of rows, -1 for others, (N,)."""
    people = np.bincount(dataset.matrix().indices, minlength=dataset.n_items)
    wanted = np.argsort(-people, kind="stable")[: min(limit, np.count_nonzero(people))]
    place = np.full(dataset.n_items, -1)
    place[np.sort(wanted)] = np.arange(len(wanted))
    return place


@dataclass(frozen=True, eq=False)
class _Past:
    """Events that count, history after history, each in time order."""

    items: IntArray  # (E,) places of the items
    weights: FloatArray  # (E,)
    before: IntArray  # (E,) events before this one in its history
    after: IntArray  # (E,)

    @classmethod
    def of(cls, queries: Queries, place: IntArray) -> Self:
        kept = np.flatnonzero((queries.weights > 0) & (place[queries.item_rows] >= 0))
        lengths = np.bincount(queries.query_rows[kept], minlength=len(queries))
        before = np.arange(len(kept)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        after = np.repeat(lengths, lengths) - 1 - before
        return cls(place[queries.item_rows[kept]], queries.weights[kept], before, after)

    def backwards(self) -> _Past:
        """The same histories from the newest event to the oldest."""
        return _Past(self.items[::-1], self.weights[::-1], self.after[::-1], self.before[::-1])

    def pairs(self, kernel: FloatArray, size: int, weight: FloatArray | float = 1.0) -> FloatArray:
        """Σ of kernel_d w_p w_q weight_q over events p that stand d = 1, 2, ... places before q, at (p, q), (A, A)."""
        found = np.zeros((size, size), np.float32)
        worth = (self.weights * weight).astype(np.float32)  # (E,)
        for part in self._parts(len(kernel)):
            events = np.arange(part.start, part.stop)
            earlier = events[:, None] - np.arange(1, len(kernel) + 1)  # (e, d)
            real = earlier >= (events - self.before[part])[:, None]
            sources = earlier[real]
            ends = np.concatenate([[0], np.cumsum(real.sum(axis=1))])
            decayed = (np.broadcast_to(kernel, real.shape)[real] * self.weights[sources]).astype(np.float32)
            past = sp.csr_array((decayed, self.items[sources], ends), shape=(len(events), size))
            now = sp.csr_array((worth[part], self.items[part], np.arange(len(events) + 1)), shape=past.shape)
            sums = (past.T @ now).tocoo()
            found[sums.row, sums.col] += sums.data
        return found

    def _parts(self, width: int) -> Iterator[slice]:
        step = max(1, CHUNK // width)
        return (slice(start, min(start + step, len(self.items))) for start in range(0, len(self.items), step))


def _moments(past: _Past, size: int, config: NextItemConfig) -> tuple[FloatArray, FloatArray]:
    """SᵀS (K A, K A) and SᵀT (K A, A)."""
    unknowns = len(config.scales) * size
    dtype = np.float64 if unknowns <= PRECISE else np.float32
    gram, target = np.zeros((unknowns, unknowns), dtype), np.zeros((unknowns, size), dtype)
    for direction, share in ((past, 1.0), (past.backwards(), config.backward)):
        if share:
            _add_moments(direction, share, gram, target, config)
    return gram, target


def _add_moments(past: _Past, share: float, gram: FloatArray, target: FloatArray, config: NextItemConfig) -> None:
    size = target.shape[1]
    blocks = [(slice(start * size, (start + 1) * size), scale) for start, scale in enumerate(config.scales)]
    for place, (rows, scale) in enumerate(blocks):
        target[rows] += share * past.pairs(_to_target(scale, config.ahead), size)
        for columns, other in blocks[: place + 1]:
            later = _series(past.after, 1 / scale + 1 / other)  # (E,): Σ_k over the places k after an event
            both = past.pairs(_decay(scale), size, later)
            both += (both if scale == other else past.pairs(_decay(other), size, later)).T
            both.flat[:: size + 1] += np.bincount(past.items, later * past.weights**2, size)
            gram[rows, columns] += share * both  # the part above the diagonal is not looked at


def _decay(scale: float) -> FloatArray:
    """exp(-d / g) for d = 1, 2, ..."""
    return np.exp(-np.arange(1, int(np.ceil(REACH * scale)) + 1) / scale)


def _to_target(scale: float, ahead: int) -> FloatArray:
    """Σ_m 2^-m exp(-(d - m) / g) for d = 1, 2, ...: over the pasts, d - m ≥ 1 before their end, that it follows."""
    return np.convolve(_decay(scale), 0.5 ** np.arange(ahead))


def _series(terms: IntArray, rate: float) -> FloatArray:
    """Σ_{j=1}^{terms} exp(-j rate)."""
    return np.asarray(np.expm1(-rate * terms) / -np.expm1(rate))


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
