"""Linear next item: what people turn to next, as one linear map of their decayed history, in closed form.

Every place k of a history x_0, x_1, ... is a regression: from the past s_k = Σ_d exp(-d / g) e(x_{k-d}) to what
follows, t_k = Σ_{m < ahead} 2^-m e(x_{k+m}), with B = argmin Σ_k |s_k B - t_k|² + λ |B|² = (SᵀS + λI)⁻¹ SᵀT. With two
time scales g the two pasts stand side by side in s. Histories read backwards are learned from too, with the weight
`backward`: evidence of nearness without direction, worth most where events are few. The score of item j is s B_j for
the past s of whoever asks, a sum over their events. A pair counts once, at the place of its strongest event, and only
items that take part are counted as places. A relative of the transition part of SLIST, which has one scale: Choi, Kim,
Lee, Shim and Lee, "Session-aware linear item-item models for session-based recommendation", WWW 2021.

SᵀS and SᵀT are sums over close pairs of each history (`algebra.succession`), exact whatever their order. Where they are
kept, histories can be forgotten or learned by taking their sums away or adding them, and solving again: the result is
that of a fit on the changed data, to the last bit (`exchange`, `learn`).

With `neighbors` each item is explained only by the sources that say most of it (`algebra.nearby`): no item by item
matrix, for 100,000 items and more. With `content`, items that are alike by their words follow each other, which is
what an item without events of its own goes by: made-up people who turn from one to the other are further rows.

Use it where order says something: what comes next in films, songs, shops. For tastes without an order use EASE.
docs/next_item.md says how its settings were chosen, where it wins and where it does not.

With A items taking part, K scales and E events: the sums O(E·g·K²), 12 bytes for each pair of items that meet, K² and
more times. Dense: O(K³A³ / 3 + 2 K²A³) for the solution, memory 4 (K² + 2K) A² bytes while fitting, twice that up to
8,192 unknowns, and 4 K A² kept: 15,000 items at two scales take 7.2 GB and keep 1.8 GB. By n neighbors: O(A n³ / 3) and
8 n A bytes kept. A score costs O(T·K·N), or O(T·n·K) beside the N zeros.
"""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
import scipy.sparse as sp
from pydantic import Field
from scipy import linalg

from serendip.algebra.nearby import nearby
from serendip.algebra.succession import GRAIN, Walks, blocks, succession
from serendip.data import Dataset, Queries
from serendip.data.arrays import FloatArray, IntArray, Sparse
from serendip.features.text import TextEncoder
from serendip.models.base import ModelConfig, NotSearched, Search, Weights, fitted, take
from serendip.training import FitOptions

BLOCK = 2_048  # unknowns eliminated at once; LAPACK itself is never given more
ALIKE = 20
"""So many items that are most like an item by their words are taken to follow it."""
TEXTS = ("title", "title_zh", "category", "brand", "maker", "tags", "description")
STRIP = 512  # items compared with all others at once
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

    neighbors: Annotated[int | None, NotSearched("a bound on time and memory")] = Field(None, ge=1)
    """Explain each item by so many of the sources that say most of it, without a dense matrix; None: by all."""
    content: Annotated[float, NotSearched("only where items have texts")] = Field(0.0, ge=0)
    """So many made-up people turn from each item to those most like it by title, category, brand, tags and words."""
    updatable_items: Annotated[int, NotSearched("a bound on memory")] = Field(1_000, ge=0)
    """Up to so many items that take part, the sums are kept and saved, so that it can forget and learn."""

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
        # (K A, A): from each item at each scale to what follows
        self._b: FloatArray | Sparse = np.empty((0, 0), np.float32)
        self._sums: Sparse | None = None  # (A, blocks A): what B is the solution of, where it is kept

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        options.progress("next item", 0, 2)
        place = _places(dataset, self.config)
        sums = self._counted(dataset.histories(), place, options.n_threads)
        if self.config.content and sums.shape[0]:
            sums = sums + _made_up(dataset, place, self.config)
        options.progress("next item", 1, 2)
        with options.limited():
            self._b = self._solution(sums, options.n_threads)
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
            raise RuntimeError(
                f"the sums over {self._b.shape[1]:,} items were not kept: fit with a larger updatable_items"
            )
        taken, given = (self._counted(queries, place, 1) for queries in (before, after))
        self._sums = self._sums - taken + given
        self._b = self._solution(self._sums)
        return self

    def learn(self, before: Queries, after: Queries) -> Self:
        """See `models.base.Learns`; exact to the last bit as `exchange` is, and as dear: a solution, no count.

        Raises:
            RuntimeError: nothing has been learned, or its sums were not kept.
        """
        place, wanted = fitted(self._place), np.unique(after.item_rows[after.weights > 0])
        changed = np.flatnonzero(before.differs(after))
        active = np.flatnonzero(place >= 0)
        new = np.setdiff1d(wanted, active)[: self.config.max_items - len(active)]
        if self._sums is not None and len(new):
            place = self._place = _in_order(np.union1d(active, new), len(place))
            self._sums = _spread(
                self._sums, place[active], len(active) + len(new), len(blocks(len(self.config.scales)))
            )
        return self.exchange(before.of_queries(changed), after.of_queries(changed))

    def _counted(self, queries: Queries, place: IntArray, n_threads: int) -> Sparse:
        """All that histories teach: see `algebra.succession`."""
        config, size = self.config, int(place.max(initial=-1)) + 1
        walks = Walks.of(queries, place)
        return succession(walks, size, config.scales, config.ahead, config.backward, n_threads)

    def _solution(self, sums: Sparse, n_threads: int = 1) -> FloatArray | Sparse:
        l2, n_scales, neighbors = self.config.l2, len(self.config.scales), self.config.neighbors
        if neighbors is not None:
            return nearby(*_sparse(sums, n_scales), l2, neighbors, n_threads)
        return _solved(*_dense(sums, n_scales), l2).astype(np.float32)

    def score(self, queries: Queries, rows: IntArray | None = None) -> FloatArray:
        place = fitted(self._place)
        parts, sources = self._sources(queries)
        events, scales = np.nonzero(parts)
        cells = (parts[events, scales], (queries.query_rows[events], sources[events, scales]))
        past = sp.csr_array(cells, shape=(len(queries), self._b.shape[0]), dtype=np.float32)
        scores = np.zeros((len(queries), len(place)), np.float32)  # (B, N)
        active = np.flatnonzero(place >= 0)
        found = past @ self._b
        scores[:, active] = found.toarray() if sp.issparse(found) else found
        return take(scores, rows)

    def contributions(self, queries: Queries, rows: IntArray) -> FloatArray:
        """Σ over the scales of the event's decayed weight times its B: see `models.base.Attributes`."""
        targets = fitted(self._place)[rows][queries.query_rows]  # (E, C)
        parts, sources = self._sources(queries)
        events, candidates = np.nonzero((targets >= 0) & np.any(parts, axis=1, keepdims=True))
        cells = sources[events], np.broadcast_to(targets[events, candidates][:, None], (len(events), parts.shape[1]))
        found = np.asarray(self._b[cells[0].ravel(), cells[1].ravel()]).reshape(cells[0].shape)  # (E C, K)
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
        learned: Weights = {"place": fitted(self._place)}
        learned |= _packed("b", self._b) if sp.issparse(self._b) else {"b": self._b}
        return learned if self._sums is None else learned | _packed("sums", self._sums)

    def restore(self, weights: Weights) -> Self:
        self._place = place = weights["place"]
        size, n_scales = int(place.max(initial=-1)) + 1, len(self.config.scales)
        self._b = _unpacked("b", weights, (n_scales * size, size)) if "b_columns" in weights else weights["b"]
        if "sums" in weights:
            self._sums = _unpacked("sums", weights, (size, len(blocks(n_scales)) * size))
        return self


def _packed(name: str, matrix: Sparse) -> Weights:
    return {name: matrix.data, f"{name}_columns": matrix.indices, f"{name}_offsets": matrix.indptr}


def _unpacked(name: str, weights: Weights, shape: tuple[int, int]) -> Sparse:
    cells = (weights[name], weights[f"{name}_columns"], weights[f"{name}_offsets"])
    return sp.csr_array(cells, shape=shape)


def _places(dataset: Dataset, config: NextItemConfig) -> IntArray:
    """The place of each item among those that take part, in the order of rows, -1 for others, (N,)."""
    people = np.bincount(dataset.matrix().indices, minlength=dataset.n_items)
    n_known = dataset.n_items if config.content else np.count_nonzero(people)
    wanted = np.argsort(-people, kind="stable")[: min(config.max_items, n_known)]
    return _in_order(np.sort(wanted), dataset.n_items)


def _in_order(active: IntArray, n_items: int) -> IntArray:
    """The place of each item among the rows `active`, which ascend, -1 for others, (N,)."""
    place = np.full(n_items, -1)
    place[active] = np.arange(len(active))
    return place


def _spread(sums: Sparse, places: IntArray, size: int, n_blocks: int) -> Sparse:
    """The same sums, of `size` items of which those summed over stand at `places`: see `succession`."""
    cells = sums.tocoo()
    block, column = np.divmod(cells.col, max(1, len(places)))
    where = places[cells.row], block * size + places[column]
    return sp.csr_array((cells.data, where), shape=(size, n_blocks * size))


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


def _sparse(sums: Sparse, n_scales: int) -> tuple[Sparse, sp.csc_array]:
    """The same, both halves of SᵀS, as sparse matrices."""
    size = sums.shape[0]
    parts = {ab: sums[:, start * size : (start + 1) * size] for start, ab in enumerate(blocks(n_scales))}
    scales = range(n_scales)
    gram = [[parts[a, b] if a <= b else parts[b, a].T for b in scales] for a in scales]
    whole = sp.csr_array(sp.block_array(gram, format="csr"))
    whole.sort_indices()
    return whole, sp.csc_array(sp.vstack([parts[a, -1] for a in scales], format="csc"))


def _made_up(dataset: Dataset, place: IntArray, config: NextItemConfig) -> Sparse:
    """Sums over `content` made-up people for each item, who turn from it to the items most like it; as `succession`."""
    texts = _texts(dataset, np.flatnonzero(place >= 0))
    alike = _most_alike(TextEncoder().fit(texts).encode(texts))  # (A, A)
    faded = np.exp(-1 / config.scales)
    own = sp.diags_array(alike.sum(axis=1))
    parts = [config.content * faded[a] * (alike if b < 0 else faded[b] * own) for a, b in blocks(len(faded))]
    sums = sp.csr_array(sp.hstack(parts, format="csr"))
    sums.data = np.rint(sums.data * GRAIN) / GRAIN
    return sums


def _texts(dataset: Dataset, rows: IntArray) -> list[str]:
    """All the words about each of the items `rows`."""
    fields = [name for name in TEXTS if name in dataset.items.attributes.columns]
    records = dataset.items.attributes[rows].select("item_id", *fields).iter_rows()
    return [" ".join(" ".join(v) if isinstance(v, list) else v for v in words if v) for _, *words in records]


def _most_alike(features: Sparse) -> Sparse:
    """For each item its `ALIKE` nearest others by cosine as shares of 1, (A, A); no row for items without a word."""
    found = []
    for start in range(0, features.shape[0], STRIP):
        near = (features[start : start + STRIP] @ features.T).toarray()
        near[np.arange(len(near)), start + np.arange(len(near))] = 0  # nothing follows itself
        kept = min(ALIKE, near.shape[1] - 1)
        bound = -np.partition(-near, kept, axis=1)[:, kept : kept + 1] if kept else near
        near[near <= bound] = 0
        found.append(sp.csr_array(near / np.maximum(near.sum(axis=1, keepdims=True), 1e-9)))
    return sp.csr_array(sp.vstack(found, format="csr", dtype=np.float64))


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
