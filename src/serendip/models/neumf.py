"""NeuMF: a product of person and item, a network that reads both side by side, or the two together.

    gmf:    s = b_i + h · (p ⊙ q_i)
    mlp:    s = b_i + h · φ(... φ(W_1 [p; q_i] + c_1) ...),   each layer half as wide, φ(x) = max(0, x)
    neumf:  both, with vectors of their own, added

learned by binary cross-entropy, or by BPR, on what people want and `negatives` items drawn for each. He, Liao, Zhang,
Nie, Hu and Chua, "Neural collaborative filtering", WWW 2017, equations 7 to 12. In the place of an id of their own a
person has the sum of vectors of their history (`training.meetings`), so that somebody new needs no training; the biases
b_i are ours. Both parts learn at once, without learning each before.

Use it to compare with: with as much care plain factorisation is at least as good (Rendle, Krichene, Zhang and Anderson,
"Neural collaborative filtering vs. matrix factorization revisited", RecSys 2020), since a network must learn what a
product gives for nothing; `gmf` is close to `bpr`.

With width D and K negatives: an epoch O(E·K·D²), memory 64·A·D bytes while fitting, 16·A·D kept, A items that somebody
wants. An answer costs O(T·D + A·D²): every item goes through the network, some people at a time.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal, Self, cast

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from serendip.data import Dataset, Queries
from serendip.data.arrays import FloatArray, IntArray
from serendip.models.base import NotSearched, Search, Weights, fitted, take
from serendip.training import FitOptions
from serendip.training.meetings import PairConfig, PairNet
from serendip.training.profiles import Taught


class NeuMfConfig(PairConfig):
    kind: Annotated[Literal["gmf", "mlp", "neumf"], NotSearched("three models")] = "neumf"
    """`gmf`, `mlp` or `neumf`."""
    embedding_size: Annotated[int, Search(16, 128, log=True)] = Field(32, ge=1)
    """D, the width of the vectors of each part."""
    layers: Annotated[int, Search(1, 4)] = Field(3, ge=1)
    """Layers of the network, the first of width D."""


class _Net(PairNet):
    def __init__(self, n_items: int, config: NeuMfConfig) -> None:
        width, parts = config.embedding_size, 2 if config.kind == "neumf" else 1
        super().__init__(n_items, parts * width, config)
        self.held = 2 * width
        self.parts = nn.ModuleDict()
        if config.kind != "mlp":
            self.parts["product"] = _Product(width)
        if config.kind != "gmf":
            self.parts["tower"] = _Tower(width, config.layers)

    def meeting(self, people: Tensor, items: Tensor) -> Tensor:
        vectors = zip(people.chunk(len(self.parts), -1), items.chunk(len(self.parts), -1), strict=True)
        return torch.stack([part(p, q) for part, (p, q) in zip(self.parts.values(), vectors, strict=True)]).sum(0)


class _Product(nn.Module):
    """The products of two vectors, number by number, weighed."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.ones(width))  # h

    def forward(self, people: Tensor, items: Tensor) -> Tensor:
        """(B, 1, D) and (B or 1, C, D) to (B, C)."""
        return ((people * self.weights) * items).sum(-1)


class _Tower(nn.Module):
    """Layers over a person and an item side by side."""

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.of_people, self.of_items = nn.Linear(width, width), nn.Linear(width, width, bias=False)  # W_1 in two
        widths = [max(1, width >> place) for place in range(layers)]
        self.deeper = nn.ModuleList(nn.Linear(wide, less) for wide, less in pairwise(widths))
        self.out = nn.Linear(widths[-1], 1, bias=False)

    def forward(self, people: Tensor, items: Tensor) -> Tensor:
        """(B, 1, D) and (B or 1, C, D) to (B, C)."""
        x = functional.relu(self.of_people(people) + self.of_items(items))  # (B, C, D)
        for layer in self.deeper:
            x = functional.relu(layer(x))
        return cast(Tensor, self.out(x)[..., 0])


class NeuMf:
    Config = NeuMfConfig
    personalised = True

    def __init__(self, config: NeuMfConfig = NeuMfConfig()) -> None:
        self.config = config
        self._taught: Taught | None = None

    def _build(self, n_items: int) -> _Net:
        return _Net(n_items, self.config)

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        self._taught = Taught.by(self._build, dataset.matrix(), self.config, options, self.config.kind)
        return self

    def score(self, queries: Queries, rows: IntArray | None = None) -> FloatArray:
        return take(fitted(self._taught).score(queries), rows)

    def weights(self) -> Weights:
        return fitted(self._taught).weights()

    def restore(self, weights: Weights) -> Self:
        self._taught = Taught.restored(self._build, weights)
        return self
