"""VBPR: what a person is drawn to in what things are, beside what they are drawn to in things for their own sake.

    s_ui = b_i + β · f_i + p_u · q_i + θ_u · E f_i

with f_i what item i is (`training.content_reader`): the first product is that of a factorisation, the second takes
place among the factors E f of contents, and β says what is liked by all. Learned by BPR. He and McAuley, "VBPR: visual
Bayesian personalized ranking from implicit feedback", AAAI 2016, equations 3 and 4. In the place of ids of their own,
people are their history (`training.meetings`), with weights w whose sum is W, while learning without what is asked:

    p_u = W^-½ Σ_j w_j y_j,    θ_u = W^-½ Σ_j w_j G f_j

So somebody new needs no training, and an item that nobody met counts in a history, and is scored, by its contents.

Use it as the reference among models of contents: simple, and a sum in which each event has its exact share. Where new
items matter most, take `two_tower`.

With widths D and F numbers of content: an epoch O(E·K·D + A·F·D) for K negatives, A items that somebody wants; memory
4·N·(F + 4 D) bytes while fitting, 16·N·D kept. A score costs O(T·D + N·D).
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

import numpy as np
import polars as pl
import scipy.sparse as sp
import torch
from pydantic import Field
from torch import Tensor, nn

from serendip.algebra.histories import shares
from serendip.data import Dataset, Queries
from serendip.data.arrays import FloatArray, IntArray
from serendip.features.item_vectors import below
from serendip.models.base import NotSearched, Search, Weights, fitted, take
from serendip.training import FitOptions
from serendip.training.content_reader import ContentConfig, ContentReader, side_by_side
from serendip.training.meetings import SPREAD, PairConfig, PairNet
from serendip.training.profiles import Profiles, Taught


class VbprConfig(ContentConfig, PairConfig):
    embedding_size: Annotated[int, Search(16, 256, log=True)] = Field(64, ge=1)
    """D, the width of p and q, and that of θ."""
    objective: Annotated[Literal["binary", "bpr"], NotSearched("two ways to say what is wrong")] = "bpr"
    """`bpr`: what is wanted is put above what is not; `binary`: the one is told from the other, one by one."""
    learning_rate: Annotated[float, Search(1e-3, 2e-2, log=True)] = Field(5e-3, gt=0)
    """The largest; it falls to 0 along half a cosine."""
    memory: Annotated[float | None, Search(1, 100, log=True)] = Field(None, gt=0)
    """Events of the asking history after which one counts for 1/e; None: all count the same."""


class _Net(PairNet):
    contents: Tensor

    def __init__(self, contents: Tensor, config: VbprConfig) -> None:
        """From contents (A, F)."""
        super().__init__(len(contents), config.embedding_size, config)
        self.register_buffer("contents", contents, persistent=False)
        width = config.embedding_size
        self.parts = [width, width, 1]
        self.maps = nn.Parameter(torch.randn(contents.shape[1], sum(self.parts)) * SPREAD)  # G, E and β

    def sources(self) -> Tensor:
        return torch.cat([self.given.weight, self._said()[0]], dim=1)

    def targets(self) -> Tensor:
        return torch.cat([self.wanted.weight, self._said()[1]], dim=1)

    def biases(self) -> Tensor:
        return self.bias + self._said()[2][:, 0]

    def _said(self) -> tuple[Tensor, ...]:
        """By the contents of each item: what histories hold, what people meet, and how much all like it."""
        return torch.split(self.contents @ self.maps, self.parts, dim=1)

    def meeting(self, people: Tensor, items: Tensor) -> Tensor:
        return (people * items).sum(-1)

    def forward(self, people: Profiles) -> Tensor:
        return self.person(people) @ self.targets().T + self.biases()


class Vbpr:
    Config = VbprConfig
    personalised = True

    def __init__(self, config: VbprConfig = VbprConfig()) -> None:
        self.config = config
        self._contents = ContentReader.of(config)
        self._maps = np.empty((0, 0), np.float32)  # G, E and β beside each other, (F, 2 D + 1)
        self._sources = np.empty((0, 0), np.float32)  # y and G f, (N, 2 D)
        self._targets: FloatArray | None = None  # q, E f and b + β f, (N, 2 D + 1)

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        config, matrix = self.config, dataset.matrix()
        self._contents = ContentReader.of(config, options)
        contents = side_by_side(self._contents.fit_encode(dataset, options), dataset.n_items)
        met = np.unique(matrix.indices)
        known = torch.from_numpy(contents[met] if len(met) else np.zeros((1, contents.shape[1]), np.float32))
        net = Taught.by(lambda _: _Net(known, config), matrix, config, options, "VBPR").net
        assert isinstance(net, _Net)
        self._maps = net.maps.detach().numpy() * np.float32(len(met) > 0)  # else nothing was learned
        self._sources, self._targets = self._by_contents(contents)
        if len(met):
            width = config.embedding_size
            self._sources[met, :width] = net.given.weight.detach().numpy()
            self._targets[met, :width] = net.wanted.weight.detach().numpy()
            self._targets[met, -1] += net.bias.detach().numpy()
        return self

    def _by_contents(self, contents: FloatArray) -> tuple[FloatArray, FloatArray]:
        """What contents (n, F) say of histories (n, 2 D) and of items (n, 2 D + 1), without vectors of their own."""
        said = contents @ self._maps
        width, none = self.config.embedding_size, np.zeros((len(contents), self.config.embedding_size))
        sources = np.concatenate([none, said[:, :width]], axis=1)
        return sources.astype(np.float32), np.concatenate([none, said[:, width:]], axis=1).astype(np.float32)

    def add_items(self, items: pl.DataFrame) -> Self:
        """See `models.base.AddsItems`."""
        known = fitted(self._targets)
        sources, targets = self._by_contents(side_by_side(self._contents.encode(items), items.height))
        self._sources, self._targets = np.concatenate([self._sources, sources]), np.concatenate([known, targets])
        return self

    def score(self, queries: Queries, rows: IntArray | None = None) -> FloatArray:
        return take(self.query_vectors(queries) @ self.item_vectors().T, rows)

    def query_vectors(self, queries: Queries) -> FloatArray:
        """p, θ, and 1 for a history that says anything, (B, 2 D + 1)."""
        n_items = len(self.item_vectors())
        recent, share, scale = self._shares(queries)
        cells = (recent * scale, queries.item_rows, queries.offsets)
        people = sp.csr_array(cells, shape=(len(queries), n_items)) @ self._sources  # (B, 2 D)
        personal = np.bincount(queries.query_rows, share, len(queries)) > 0
        return np.concatenate([people, personal[:, None]], axis=1).astype(np.float32)

    def item_vectors(self) -> FloatArray:
        return fitted(self._targets)

    def contributions(self, queries: Queries, rows: IntArray) -> FloatArray:
        """What event e adds to p and θ, and its share w_e / W of the biases: see `models.base.Attributes`."""
        targets = self.item_vectors()
        recent, share, scale = self._shares(queries)
        told = self._sources[queries.item_rows] * (recent * scale)[:, None]
        events = np.concatenate([told, share[:, None]], axis=1)  # (E, 2 D + 1)
        return np.asarray(np.einsum("ed,ecd->ec", events, targets[rows[queries.query_rows]]), np.float32)

    def _shares(self, queries: Queries) -> tuple[FloatArray, FloatArray, FloatArray]:
        """w of each event, its share w / W of its history, and W^-½ of the history, all (E,); of known items only."""
        return shares(queries, np.any(self._sources, axis=1), self.config.memory)

    def weights(self) -> Weights:
        learned = {f"reader.{name}": array for name, array in self._contents.arrays().items()}
        return {"histories": self._sources, "items": fitted(self._targets), "maps": self._maps, **learned}

    def restore(self, weights: Weights) -> Self:
        self._contents.restore(below(weights, "reader."))
        self._sources, self._targets, self._maps = weights["histories"], weights["items"], weights["maps"]
        return self
