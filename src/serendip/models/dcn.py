"""DCN-V2: products of columns of ever higher degree by cross layers, beside or below layers that bend.

    x_{l+1} = x_0 ⊙ (W_l x_l + b_l) + x_l,   s = w · [x_L, tower(x_0)]  or, stacked,  w · tower(x_L)

over x_0, the vectors of all fields side by side: Wang, Shivanna, Cheng, Jain, Lin, Hong and Chi, "DCN V2: improved
deep & cross network and practical lessons for web-scale learning to rank systems", WWW 2021, sections 3.2 to 3.5. With
a `rank` W_l is U V'; with `experts` it is a mixture of that many such maps, bent by tanh, whose gate looks at x_l. s is
the log-odds that the person wants the item, a score ln(1 + e^s), which keeps the order and is above 0.

The fields are the item, its attributes, the same of the items in the history (with vectors of their own, each history
divided by √n), and the context: see `training.rankers`. Who was never seen in training is served like all others.

Use it to put candidates in order where it is not known which columns belong together, and more than two do. It has to
be taught for many times as long as a linear model (`ease`), so begin with that.

With W = (2 F + 2)·D numbers in x_0, F fields of an item, L cross layers and a tower H wide: an epoch costs
O(E·K·(L·W² + W·H + H²) + E·T·F·D) for K negatives and histories of T items, with L·W·rank in the place of L·W² where
there is a rank; memory 16 D·(2 N + labels) + 16 L·W² bytes while learning. A score costs O(L·W² + W·H + H²) for each
item that is asked about.
"""

from __future__ import annotations

from typing import Annotated, Self

import torch
from pydantic import Field
from torch import Tensor, nn

from serendip.data import Dataset, Queries
from serendip.data.arrays import FloatArray, IntArray
from serendip.models.base import NotSearched, Search, Weights, fitted
from serendip.training import FitOptions
from serendip.training.blocks.cross import BentLowRank, Cross, LowRank
from serendip.training.blocks.experts import Mixture
from serendip.training.blocks.towers import Tower
from serendip.training.rankers import CONTEXTS, Head, People, RankerConfig, Taught


class DcnConfig(RankerConfig):
    crosses: Annotated[int, Search(1, 4)] = Field(2, ge=1)
    """Cross layers, one after the other; each brings products of one column more."""
    rank: Annotated[int | None, Search(8, 128, log=True)] = Field(None, ge=1)
    """Directions that a cross layer looks along; None: all there are, or 16 with `experts`."""
    experts: Annotated[int, Search(1, 8)] = Field(1, ge=1)
    """Maps of low rank in each cross layer that a gate chooses from; 1: one map, and no gate."""
    stacked: Annotated[bool, NotSearched("two forms of the paper")] = False
    """The tower looks at what the cross layers found; else at what they were given, beside them."""


DEFAULT_RANK = 16


class _Head(Head):
    apart = True

    def __init__(self, config: DcnConfig, n_fields: int) -> None:
        super().__init__()
        width = (2 * n_fields + CONTEXTS) * config.embedding_size
        self.width, self.stacked = config.embedding_size, config.stacked
        self.numbers = max(config.hidden_size, width)
        self.cross = Cross(config.crosses, lambda: _inner(config, width))
        self.tower = Tower([width], config.hidden_size, config.layers, config.dropout)
        self.out = nn.Linear(config.hidden_size + width * (not config.stacked), 1)

    def forward(self, people: People, items: Tensor) -> Tensor:
        person, items = people.fields.flatten(1), items.flatten(2)
        shape = len(person), items.shape[1], -1
        x = torch.cat([person[:, None].expand(shape), items.expand(shape)], dim=2)  # (B, C, W)
        crossed = self.cross(x)
        found = self.tower(crossed) if self.stacked else torch.cat([crossed, self.tower(x)], dim=2)
        return torch.squeeze(self.out(found), 2)


def _inner(config: DcnConfig, width: int) -> nn.Module:
    """W x + b of a cross layer, or what stands in its place."""
    if config.experts > 1:
        return Mixture(config.experts, lambda: BentLowRank(width, config.rank or DEFAULT_RANK), width)
    return nn.Linear(width, width) if config.rank is None else LowRank(width, config.rank)


class Dcn:
    Config = DcnConfig
    personalised = True

    def __init__(self, config: DcnConfig = DcnConfig()) -> None:
        self.config = config
        self._taught: Taught | None = None

    def _build(self, n_fields: int) -> Head:
        return _Head(self.config, n_fields)

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        self._taught = Taught.by(self._build, dataset, self.config, options, "DCN")
        return self

    def score(self, queries: Queries, rows: IntArray | None = None) -> FloatArray:
        return fitted(self._taught).score(queries, rows)

    def weights(self) -> Weights:
        return fitted(self._taught).weights()

    def restore(self, weights: Weights) -> Self:
        self._taught = Taught.restored(self._build, weights, self.config)
        return self
