"""Hybrid EASE: EASE that also knows what things are, so that it scores items which nobody has met.

Both parts say how likely somebody is to want item j, as a linear map of their history x:
- EASE, x B: from who wants what, see `ease` (Steck, WWW 2019, equation 8);
- content, x M F_wᵀ f_j: the column x_j of an item is foretold from the columns X_w of the items that people want by
  kernel ridge regression over attributes, x̂_j = X_w (K + ρI)⁻¹ F_w f_j with K = F_w F_wᵀ, where f_j are the attributes
  of j; and a history stands for those of its kind, x -> x (G + λ_c I)⁻¹ G with G = XᵀX. Together
  M = (G + λ_c I)⁻¹ G (K + ρI)⁻¹. So attributes that go with being wanted by many raise an item too.
An item that n people want gets n / (n + shrinkage) of the first and the rest of the second; without `shrinkage` only
items that nobody wants are scored by content. Jeunen, Van Balen and Goethals, "Closed-form models for collaborative
filtering with side-information", RecSys 2020, add attributes to EASE as extra people instead; hardly tuned, that
reached NDCG@20 0.10 on items that nobody has met (validation of ml-1m/cold-item), where this reaches 0.25.

Use it where new items come in all the time and have texts, categories or numbers. Without attributes it is EASE.

With A items that take part, N in all and D attributes: fit O(A³), three inverses or products of that size; memory
24 A² bytes while fitting and 8 A² kept, with the attributes, which are sparse. A score costs O(T·A + D·(A + N)).
"""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
import polars as pl
import scipy.sparse as sp
from pydantic import Field

from serendip.algebra.symmetric import Packed
from serendip.data import Dataset, Queries
from serendip.data.arrays import FloatArray, IntArray, Sparse
from serendip.features.text import TextEncoder
from serendip.models.base import ModelConfig, NotSearched, Search, Weights, fitted, take
from serendip.training import FitOptions

KNOTS = 10


class HybridEaseConfig(ModelConfig):
    l2: Annotated[float, Search(1, 10_000, log=True)] = Field(300.0, gt=0)
    """λ: how much evidence two items need."""
    content_l2: Annotated[float, Search(1, 100, log=True)] = Field(10.0, gt=0)
    """ρ: how much evidence an attribute needs."""
    history_l2: Annotated[float, Search(100, 1_000_000, log=True)] = Field(10_000.0, gt=0)
    """λ_c: how far a history stands for others of its kind where content decides; large: only broad tastes count."""
    shrinkage: Annotated[float, Search(0, 30)] = Field(0.0, ge=0)
    """So many people must want an item before what they want counts as much as its attributes."""
    memory: Annotated[float | None, Search(1, 100, log=True)] = Field(None, gt=0)
    """In events: so many events ago, an event of the history counts 1/e of what it did; None: it never fades."""
    max_items: Annotated[int, NotSearched("a bound on time and memory")] = Field(15_000, ge=1)
    """Only so many of the most wanted items are learned from; the others are scored by content."""


class HybridEase:
    Config = HybridEaseConfig
    personalised = True

    def __init__(self, config: HybridEaseConfig = HybridEaseConfig()) -> None:
        self.config = config
        self._active: IntArray | None = None  # (A,) rows of the items that take part, ascending
        self._b = np.empty((0, 0), np.float32)  # (A, A)
        self._m = np.empty((0, 0), np.float32)  # (A, A)
        self._content = sp.csr_array((0, 0), dtype=np.float32)  # F, (N, D)
        self._share = np.empty(0, np.float32)  # (N,) how far an item is scored by its content

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        options.progress("hybrid EASE", 0, 2)
        config, matrix = self.config, dataset.matrix()  # (U, N)
        people = np.bincount(matrix.indices, minlength=dataset.n_items)
        wanted = np.argsort(-people, kind="stable")[: min(config.max_items, np.count_nonzero(people))]
        active = np.sort(wanted)
        counted = np.zeros(dataset.n_items)
        counted[active] = people[active]
        content, x = item_content(dataset.items.attributes), matrix[:, active]
        share = np.where(counted > 0, config.shrinkage / (counted + max(config.shrinkage, 1e-9)), 1)
        with options.limited():
            b = _ease(Packed.gram(x, config.l2, options.n_threads).invert())
            options.progress("hybrid EASE", 1, 2)
            m = _foretold(x, content[active], config, options) if content.shape[1] else np.zeros_like(b)
        options.progress("hybrid EASE", 2, 2)
        self._active, self._b, self._m, self._content = active, b, m, content
        self._share = (share if content.shape[1] else np.zeros(dataset.n_items)).astype(np.float32)
        return self

    def score(self, queries: Queries, rows: IntArray | None = None) -> FloatArray:
        active = fitted(self._active)
        history = queries.matrix(len(self._share), self.config.memory)[:, active]
        scores = np.zeros((len(queries), len(self._share)), np.float32)  # (B, N)
        scores[:, active] = (history @ self._b) * (1 - self._share[active])
        foretold = np.flatnonzero(self._share)
        kinds = (history @ self._m) @ self._content[active]  # (B, D): what each attribute is worth to them
        scores[:, foretold] += (kinds @ self._content[foretold].T) * self._share[foretold]
        return take(scores, rows)

    def contributions(self, queries: Queries, rows: IntArray) -> FloatArray:
        """What an event alone would score: see `models.base.Attributes`."""
        place = np.full(len(self._share), -1)
        place[fitted(self._active)] = np.arange(len(self._b))
        weights = queries.recent(self.config.memory)
        events = np.flatnonzero((place[queries.item_rows] >= 0) & (weights > 0))
        sources, candidates = place[queries.item_rows[events]], rows[queries.query_rows[events]]  # (e,), (e, C)
        targets, shares = place[candidates], self._share[candidates]
        parts = np.where(targets >= 0, self._b[sources[:, None], targets] * (1 - shares), 0)
        some, column = np.unique(candidates, return_inverse=True)
        kinds = self._m[sources] @ self._content[fitted(self._active)]  # (e, D)
        foretold = kinds @ self._content[some].T
        parts += np.take_along_axis(foretold, column.reshape(candidates.shape), axis=1) * shares
        whole = np.zeros((len(weights), rows.shape[1]), np.float32)
        whole[events] = parts * weights[events, None]
        return whole

    def weights(self) -> Weights:
        content = self._content
        return {
            "active": fitted(self._active),
            "b": self._b,
            "m": self._m,
            "share": self._share,
            "data": content.data,
            "indices": content.indices,
            "indptr": content.indptr,
            "width": np.array([content.shape[1]]),
        }

    def restore(self, weights: Weights) -> Self:
        self._active, self._b, self._m = weights["active"], weights["b"], weights["m"]
        self._share = weights["share"]
        cells = (weights["data"], weights["indices"], weights["indptr"])
        self._content = sp.csr_array(cells, shape=(len(self._share), int(weights["width"][0])))
        return self


def _ease(p: Packed) -> FloatArray:
    """B (A, A) float32: each column of -P over its diagonal, and a zero diagonal, for no item predicts itself."""
    b = p.whole()
    b /= -p.diagonal().astype(np.float32)
    np.fill_diagonal(b, 0.0)
    return b


def _foretold(x: Sparse, content: Sparse, config: HybridEaseConfig, options: FitOptions) -> FloatArray:
    """M (A, A) float32, by (G + λI)⁻¹ G = I - λ (G + λI)⁻¹."""
    attributes = Packed.gram(sp.csr_array(content.T), config.content_l2, options.n_threads).invert().whole(np.float64)
    p = Packed.gram(x, config.history_l2, options.n_threads).invert().whole(np.float64)
    p *= -config.history_l2
    np.fill_diagonal(p, 1 + np.diagonal(p))
    return (p @ attributes).astype(np.float32)


def item_content(attributes: pl.DataFrame) -> Sparse:
    """Attributes as numbers, sparse (N, D) float32: each column a row of length 1, and one number that is 1 for all.

    Without any attribute there are no numbers, D = 0.
    """
    parts = [_encoded(column) for column in attributes.iter_columns() if column.name != attributes.columns[0]]
    parts = [part for part in parts if part.shape[1]]
    if not parts:
        return sp.csr_array((attributes.height, 0), dtype=np.float32)
    always = sp.csr_array(np.ones((attributes.height, 1), np.float32))
    return sp.csr_array(sp.hstack([always, *parts]), dtype=np.float32)


def _encoded(column: pl.Series) -> Sparse:
    """One attribute, (N, D): words, members of a list, a number between fixed points, or nothing."""
    if column.dtype == pl.String:
        texts = column.fill_null("").to_list()
        return TextEncoder().fit(texts).encode(texts)
    if column.dtype == pl.List(pl.String):
        return _members(column)
    if column.dtype.is_numeric() or column.dtype == pl.Boolean:
        return _between(column.cast(pl.Float64).to_numpy())
    return sp.csr_array((len(column), 0), dtype=np.float32)


def _members(column: pl.Series) -> Sparse:
    pairs = pl.DataFrame({"row": np.arange(len(column)), "member": column}).explode("member").drop_nulls().unique()
    names = pairs["member"].unique().sort()
    place = names.search_sorted(pairs["member"]).to_numpy() if len(names) else np.empty(0, np.int64)
    rows = pairs["row"].to_numpy()
    values = 1 / np.sqrt(np.bincount(rows, minlength=len(column))[rows])
    return sp.csr_array((values, (rows, place)), shape=(len(column), len(names)), dtype=np.float32)


def _between(numbers: FloatArray) -> Sparse:
    """The two of some quantiles that a number lies between, each the more the nearer it is."""
    known = np.isfinite(numbers)
    if not known.any():
        return sp.csr_array((len(numbers), 0), dtype=np.float32)
    knots = np.unique(np.quantile(numbers[known], np.linspace(0, 1, KNOTS)))
    found = np.zeros((len(numbers), len(knots)))
    for column, hat in enumerate(np.eye(len(knots))):
        found[known, column] = np.interp(numbers[known], knots, hat)
    found[known] /= np.linalg.norm(found[known], axis=1, keepdims=True)
    return sp.csr_array(found, dtype=np.float32)
