"""Graph filter: what people want, smoothed over the graph of who wants what; nothing is trained.

With X (U, N), degrees D_U and D_I (sums of its rows and columns) and R = D_U^-½ X D_I^-½, items are as similar as
L = RᵀR = V Λ Vᵀ says. Its eigenvalues λ lie between 0 and 1: near 1 what large groups share, near 0 noise. A history
x scores x f(L) D_I^p with

    f(λ) = (λ + β [λ ≥ λ_K]) exp(-s λ).

- s = 0, p = 0: λ + β, the linear and the ideal low-pass filter of GF-CF: Shen et al., "How powerful is graph
  convolution for recommendation?", CIKM 2021 (there the ideal part alone has degrees around it).
- s > 0: the heat equation run backwards for a time s, which sharpens what the filter has blurred: Choi, Hong, Park and
  Cho, "Blurring-sharpening process models for collaborative filtering", SIGIR 2023, early merge; they take a step of
  Runge-Kutta where this is the solution.
- p > 0: what many want is lifted among the things listed. Degrees that differ between the two sides are from Park, Shin
  and Shin, "Turbo-CF: matrix decomposition-free graph filtering for fast recommendation", SIGIR 2024.

Only K eigenvectors are computed. Beyond them f is taken as the straight line λ exp(-s λ_K), so that the rest of the
spectrum costs no more than two sparse products: f(L) = c L + V (f(Λ) - cΛ) Vᵀ. With all eigenvectors it is exact.

Use it on large, sparse data without an order, where EASE has too many items: places, books, music. It learns in
seconds, and each event adds its own share, so reasons are exact.

With E events, fit O(K E + K² N) for each sweep of the eigensolver; memory 8·E + 20·K·N bytes while fitting, 16·E +
4·K·N kept. A score costs one operation for each path item-person-item from the history, and O(K N). In a catalogue of
up to 5,000 items the whole filter is computed once instead: 4 N² bytes, and a score costs O(T·N).
"""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from serendip.algebra.spectrum import leading
from serendip.data import Dataset, Queries
from serendip.data.arrays import FloatArray, IntArray, Sparse
from serendip.models.base import ModelConfig, Search, Weights, fitted, take
from serendip.training import FitOptions

EXPLAINED_AT_ONCE = 64  # queries whose contributions are computed together
WHOLE = 5_000
"""Up to so many items the filter is kept as one dense matrix: 100 MB at most."""


class GraphFilterConfig(ModelConfig):
    # Chosen on the validation parts of gowalla and amazon-book (s 0 to 2.5, p 0 to 0.5, β 0 to 0.5, K 448 to 1,024);
    # around these values the figures are flat.
    embedding_size: Annotated[int, Search(32, 1_024, log=True)] = Field(512, ge=1)
    """K, the eigenvectors that are filtered one by one."""
    ideal: Annotated[float, Search(0, 0.5)] = Field(0.1, ge=0)
    """β: what is added to the filter of these eigenvectors, however small their eigenvalue."""
    sharpening: Annotated[float, Search(0, 3)] = Field(1.5, ge=0, le=20)
    """s: how long the heat equation runs backwards; more lets less of what everybody shares through."""
    popularity: Annotated[float, Search(-0.2, 0.6)] = Field(0.35, ge=-1, le=1)
    """p: the power of an item's degree that its score is multiplied by."""
    memory: Annotated[float | None, Search(1, 100, log=True)] = Field(None, gt=0)
    """In events: so many events ago, an event of the asking history counts 1/e of what it did. None: nothing fades."""


class GraphFilter:
    Config = GraphFilterConfig
    personalised = True
    keeps_people = True

    def __init__(self, config: GraphFilterConfig = GraphFilterConfig()) -> None:
        self.config = config
        self._graph: Sparse | None = None  # R, (U, N)
        self._columns = sp.csr_array((0, 0), dtype=np.float32)  # Rᵀ
        self._vectors = np.empty((0, 0), np.float32)  # V, (N, K)
        self._values = np.empty(0, np.float32)  # Λ, (K,)
        self._lift = np.empty(0, np.float32)  # D_I^p, (N,)
        self._whole: FloatArray | None = None  # f(L) D_I^p, (N, N), of a small catalogue

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        options.progress("graph filter", 0, 1)
        matrix = dataset.matrix()
        degrees = np.asarray(matrix.sum(axis=0, dtype=np.float64))  # (N,)
        people = _power(np.asarray(matrix.sum(axis=1, dtype=np.float64)), -0.5)
        graph = (sp.diags_array(people) @ matrix @ sp.diags_array(_power(degrees, -0.5))).tocsr()
        graph = graph[np.diff(graph.indptr) > 0]
        with options.limited():
            values, vectors = leading(graph, self.config.embedding_size, options.generator())
        options.progress("graph filter", 1, 1)
        lift = _power(degrees, self.config.popularity).astype(np.float32)
        return self.restore(
            {
                "data": graph.data.astype(np.float32),
                "indices": graph.indices.astype(np.int32),
                "indptr": graph.indptr.astype(np.int64),
                "values": values**2,
                "vectors": vectors,
                "lift": lift,
            }
        )

    def score(self, queries: Queries, rows: IntArray | None = None) -> FloatArray:
        graph = fitted(self._graph)
        history = queries.matrix(graph.shape[1], self.config.memory)
        if self._whole is not None:
            return take(np.asarray(history @ self._whole), rows)
        line, response = self._response()
        scores = ((history @ self._columns * line) @ graph).toarray()  # (B, N)
        scores += (history @ self._vectors * response) @ self._vectors.T
        scores *= self._lift
        return take(scores, rows)

    def contributions(self, queries: Queries, rows: IntArray) -> FloatArray:
        """w_e f(L)_(item of e, i) d_i^p of event e for candidate i: see `models.base.Attributes`."""
        fitted(self._graph)
        parts = np.empty((len(queries.item_rows), rows.shape[1]), np.float32)  # (E, C)
        for start in range(0, len(queries), EXPLAINED_AT_ONCE):
            some = queries[start : start + EXPLAINED_AT_ONCE]
            sources, source = np.unique(some.item_rows, return_inverse=True)
            targets, target = np.unique(rows[start : start + EXPLAINED_AT_ONCE], return_inverse=True)
            filtered = self._between(sources, targets)
            places = target.reshape(len(some), -1)[some.query_rows]  # (e, C)
            first = queries.offsets[start]
            parts[first : first + len(places)] = filtered[source[:, None], places]
        return parts * queries.recent(self.config.memory)[:, None]

    def _between(self, sources: IntArray, targets: IntArray) -> FloatArray:
        """f(L) D_I^p from some items to others, (S, C)."""
        if self._whole is not None:
            return np.asarray(self._whole[sources[:, None], targets])
        line, response = self._response()
        found = (self._columns[sources] @ self._columns[targets].T).toarray() * line
        found += (self._vectors[sources] * response) @ self._vectors[targets].T
        return np.asarray(found * self._lift[targets])

    def _response(self) -> tuple[np.float32, FloatArray]:
        """c, the slope of the line beyond the eigenvectors, and f(Λ) - cΛ, (K,)."""
        decay = np.exp(-self.config.sharpening * self._values)
        line = np.float32(decay[-1] if len(decay) else 1)
        return line, (self._values + self.config.ideal) * decay - line * self._values

    def weights(self) -> Weights:
        graph = fitted(self._graph)
        return {
            "data": graph.data,
            "indices": graph.indices,
            "indptr": graph.indptr,
            "values": self._values,
            "vectors": self._vectors,
            "lift": self._lift,
        }

    def restore(self, weights: Weights) -> Self:
        self._values, self._vectors, self._lift = weights["values"], weights["vectors"], weights["lift"]
        shape = (len(weights["indptr"]) - 1, len(self._lift))
        self._graph = sp.csr_array((weights["data"], weights["indices"], weights["indptr"]), shape=shape)
        self._columns = self._graph.T.tocsr()
        self._whole, every = None, np.arange(len(self._lift))
        if len(every) <= WHOLE:
            self._whole = self._between(every, every)
        return self


def _power(degrees: FloatArray, exponent: float) -> FloatArray:
    """degrees ** exponent, and 0 where there is none."""
    return np.where(degrees > 0, np.maximum(degrees, 1e-30) ** exponent, 0.0)
