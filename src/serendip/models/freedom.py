"""FREEDOM: vectors smoothed over who wants what, and over which items are alike, found once and then left as it is.

Each item has an edge to the k items whose content is nearest, for each kind of content, found before learning starts.
Beside what LightGCN says (`lightgcn`; P and Q, from the learned Q_0) an item has the mean of its neighbours' Q_0, and
contents themselves are told apart too:

    s_ui = p_u · (q_i + mean_{j near i} q_0j),    loss = L(P, Q + S Q_0) + λ Σ_m L(P, X_m W_m)

For each epoch a share of the preferences, above all those of busy people and of popular items, is out of the graph
(`training.propagation.Pruned`). Zhou and Shen, "A tale of two graphs: freezing and denoising graph structures for
multimodal recommendation", ACM MM 2023. What differs here: as in `lightgcn` people are sums over their history, what is
asked for is out of the graph, and a softmax takes the place of BPR (`bpr` is the loss of the paper); kinds of content
count alike. An item that nobody met, or that is added after the fit, stands where its neighbours do on average, in
histories too.

Use it where histories are short and contents say much about what is wanted together.

With k neighbours, M kinds of content and F numbers in all, an epoch costs what one of LightGCN does and
O(E / B · A·(k·M + F)·D) for steps of B preferences; neighbours O(A²·F) once; memory 4·A·F bytes besides. A new item
costs O(A·F).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, Self

import numpy as np
import polars as pl
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from serendip.data import Dataset, Queries
from serendip.data.arrays import FloatArray, IntArray
from serendip.features.directions import unit
from serendip.features.item_vectors import below
from serendip.models.base import NotSearched, Search, Weights, fitted, take
from serendip.training import FitOptions
from serendip.training.blocks.graph import Graph
from serendip.training.content_reader import ContentConfig, ContentReader
from serendip.training.propagation import GraphConfig, Method, Net, Pairs, Smoothed, ranked, recognised

ROWS_AT_ONCE = 1_024


class FreedomConfig(ContentConfig, GraphConfig):
    unevenness: Annotated[float | None, NotSearched("neighbours are looked for")] = Field(None, gt=0)
    """As elsewhere, but by default each direction of a content is as strong as it was."""
    neighbors: Annotated[int, Search(5, 30, log=True)] = Field(10, ge=1)
    """k, the items that an item has an edge to, of each kind of content."""
    pruned: Annotated[float, Search(0.0, 0.9)] = Field(0.3, ge=0, lt=1)
    """Share of the preferences that are out of the graph for an epoch."""
    content_share: Annotated[float, Search(1e-3, 0.5, log=True)] = Field(0.1, ge=0)
    """λ: how much telling contents apart counts beside telling items apart."""
    loss: Annotated[Literal["softmax", "bpr"], NotSearched("two models")] = "softmax"
    """Each preference is told apart from all items, or from one other as in the paper."""


class _Net(Net):
    """Beside the first layer of vectors: who is near whom, and what contents say."""

    near: Tensor

    def __init__(self, shape: tuple[int, int], config: FreedomConfig, near: IntArray, contents: list[Tensor]) -> None:
        """`near` (A, k·M) are items, A where there is none; `contents` (A, F_m) of each kind."""
        super().__init__(shape, config)
        self.register_buffer("near", torch.from_numpy(near), persistent=False)
        self.said = nn.ModuleList(nn.Linear(kind.shape[1], config.embedding_size, bias=False) for kind in contents)
        for place, kind in enumerate(contents):
            self.register_buffer(f"kind{place}", kind, persistent=False)

    def neighbours(self) -> Tensor:
        """The mean of the learned vectors of each item's neighbours, 0 where there is none, (A, D)."""
        padded = torch.cat([self.items, self.items.new_zeros(1, self.items.shape[1])])
        return functional.embedding_bag(self.near, padded, mode="mean", padding_idx=len(self.items))

    def contents(self) -> list[Tensor]:
        """What each kind of content says of items, (A, D) each."""
        return [part(getattr(self, f"kind{place}")) for place, part in enumerate(self.said)]


@dataclass(frozen=True)
class _Method(Method):
    def tables(self, net: Net, graph: Graph) -> tuple[FloatArray, FloatArray]:
        assert isinstance(net, _Net)
        sources, items = super().tables(net, graph)
        with torch.inference_mode():
            return sources, items + net.neighbours().cpu().numpy()


class Freedom:
    Config = FreedomConfig
    personalised = True

    def __init__(self, config: FreedomConfig = FreedomConfig()) -> None:
        self.config = config
        self._contents = ContentReader.of(config)
        self._told: dict[str, FloatArray] = {}  # of each kind (A, F_m), of length 1, of the items that somebody met
        self._met = np.empty(0, np.int64)  # (A,) their rows
        self._smoothed: Smoothed | None = None

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        config = self.config
        self._contents = ContentReader.of(config, options)
        told = {kind: unit(x) for kind, x in self._contents.fit_encode(dataset, options).items()}
        self._met = np.unique(dataset.matrix().indices).astype(np.int64)
        self._told = {kind: x[self._met] for kind, x in told.items()}
        near = self._nearest(self._told, len(self._met), itself=True)
        tensors = [torch.from_numpy(x) for x in self._told.values()]
        method = _Method(self._loss, 0, lambda shape, config: _Net(shape, config, near, tensors), config.pruned)
        self._smoothed = Smoothed.by(method, dataset, config, options, "FREEDOM")
        unmet = np.setdiff1d(np.arange(dataset.n_items), self._met)
        means = self._means({kind: x[unmet] for kind, x in told.items()}, len(unmet))
        self._smoothed.sources[unmet], self._smoothed.targets[unmet] = means
        return self

    def _loss(self, net: Net, graph: Graph, pairs: Pairs) -> Tensor:
        assert isinstance(net, _Net)
        people, items = net(graph).vectors(0)
        total = self._told_apart(people, items + net.neighbours(), pairs)
        if self.config.content_share:
            for said in net.contents():
                total = total + self.config.content_share * self._told_apart(people, said, pairs)
        return total

    def _told_apart(self, people: Tensor, items: Tensor, pairs: Pairs) -> Tensor:
        if self.config.loss == "bpr":
            return ranked(people, items, pairs)
        return recognised(people, items, pairs, self.config.temperature)

    def _nearest(self, told: dict[str, FloatArray], n: int, itself: bool) -> IntArray:
        """The nearest of those met for each of n items, (n, k·M), A where there is none; `itself`: they are those."""
        most = min(self.config.neighbors, max(1, len(self._met)))
        found = np.full((n, most * max(1, len(told))), len(self._met))
        for place, (kind, x) in enumerate(told.items()):
            for start in range(0, n if len(self._met) else 0, ROWS_AT_ONCE):
                some = slice(start, min(start + ROWS_AT_ONCE, n))
                alike = x[some] @ self._told[kind].T  # (r, A)
                if itself:
                    alike[np.arange(some.stop - start), np.arange(start, some.stop)] = -1
                first = np.argpartition(-alike, most - 1, axis=1)[:, :most]
                nearer = np.take_along_axis(alike, first, axis=1) > 0
                found[some, place * most : (place + 1) * most] = np.where(nearer, first, len(self._met))
        return found

    def _means(self, told: dict[str, FloatArray], n: int) -> tuple[FloatArray, FloatArray]:
        """What an event at each of n items says of a person, and their vectors: means over neighbours, (n, D) each."""
        smoothed, near = fitted(self._smoothed), self._nearest(told, n, itself=False)
        there = near < len(self._met)
        rows = np.append(self._met, 0)[near]
        share = (there / np.maximum(there.sum(axis=1, keepdims=True), 1)).astype(np.float32)
        sources, targets = (np.einsum("nk,nkd->nd", share, x[rows]) for x in (smoothed.sources, smoothed.targets))
        return sources, targets

    def add_items(self, items: pl.DataFrame) -> Self:
        """See `models.base.AddsItems`."""
        smoothed = fitted(self._smoothed)
        told = {kind: unit(x) for kind, x in self._contents.encode(items).items()}
        # One by one, so that which neighbours of equal nearness are taken depends on nothing else.
        parts = [self._means({kind: x[row : row + 1] for kind, x in told.items()}, 1) for row in range(items.height)]
        sources = np.concatenate([smoothed.sources, *(part[0] for part in parts)])
        targets = np.concatenate([smoothed.targets, *(part[1] for part in parts)])
        self._smoothed = Smoothed(sources, targets, self.config.memory)
        return self

    def score(self, queries: Queries, rows: IntArray | None = None) -> FloatArray:
        return take(fitted(self._smoothed).score(queries), rows)

    def query_vectors(self, queries: Queries) -> FloatArray:
        """See `models.base.Embeds`."""
        return fitted(self._smoothed).query_vectors(queries)

    def item_vectors(self) -> FloatArray:
        return fitted(self._smoothed).targets

    def contributions(self, queries: Queries, rows: IntArray) -> FloatArray:
        """See `models.base.Attributes`."""
        return fitted(self._smoothed).contributions(queries, rows)

    def weights(self) -> Weights:
        smoothed = fitted(self._smoothed)
        told = {f"told.{kind}": x for kind, x in self._told.items()}
        reader = {f"reader.{name}": array for name, array in self._contents.arrays().items()}
        return {"histories": smoothed.sources, "items": smoothed.targets, "met": self._met, **told, **reader}

    def restore(self, weights: Weights) -> Self:
        self._contents.restore(below(weights, "reader."))
        self._told, self._met = below(weights, "told."), weights["met"]
        self._smoothed = Smoothed(weights["histories"], weights["items"], self.config.memory)
        return self
