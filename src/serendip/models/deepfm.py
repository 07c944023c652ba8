"""DeepFM: columns meet in pairs by the products of their vectors, and all at once in layers over the same vectors.

    s = Σ_f b_f + Σ_{f < f'} v_f · v_f' + tower([v_1, v_2, ...])

over fields f, whose b and v are the sums of those of their columns: Guo, Tang, Ye, Li and He, "DeepFM: a
factorization-machine based neural network for CTR prediction", IJCAI 2017, equations 1 to 4. s is the log-odds that
the person wants the item, a score ln(1 + e^s), which keeps the order and is above 0.

The fields are the item, its attributes, the same of the items in the history (with vectors of their own, each history
divided by √n), and the context: see `training.rankers`. Nothing tells one person from another but what they did, so
who was never seen in training is served like all others; attributes of people are not looked at, since whoever asks
brings none.

Use it to put candidates in order where items have attributes, or time changes what is wanted. It has to be taught for
many times as long as a linear model (`ease`), so begin with that.

With F fields of an item, 2 F + 2 in all, and H the width of the tower: an epoch O(E·K·(F·D·H + H²) + E·T·F·D) for K
negatives and histories of T items; memory 16 D·(2 N + labels) bytes while learning. A score costs O(F·D + F·D·H + H²)
for each item that is asked about, and no more.
"""

from __future__ import annotations

from typing import Self

import torch
from torch import Tensor, nn

from serendip.data import Dataset, Queries
from serendip.data.arrays import FloatArray, IntArray
from serendip.models.base import Weights, fitted
from serendip.training import FitOptions
from serendip.training.blocks.towers import Tower
from serendip.training.rankers import CONTEXTS, Head, People, RankerConfig, Taught


class DeepFmConfig(RankerConfig):
    pass


class _Head(Head):
    apart = True

    def __init__(self, config: DeepFmConfig, n_fields: int) -> None:
        super().__init__()
        size = config.embedding_size
        self.width, self.numbers = 1 + size, max(config.hidden_size, n_fields * size)
        parts = [(n_fields + CONTEXTS) * size, n_fields * size]
        self.tower = Tower(parts, config.hidden_size, config.layers, config.dropout)
        self.out = nn.Linear(config.hidden_size, 1)

    def forward(self, people: People, items: Tensor) -> Tensor:
        person = people.fields[:, None]  # (B, 1, F + X, 1 + D)
        single = person[..., 0].sum(2) + items[..., 0].sum(2)  # (B, C)
        own, others = person[..., 1:], items[..., 1:]
        between = torch.einsum("bkd,bcd->bc", own.sum(2), others.sum(2))
        deep = self.out(self.tower(own.flatten(2), others.flatten(2)))[..., 0]
        found: Tensor = single + between + _pairs(own) + _pairs(others) + deep
        return found


def _pairs(fields: Tensor) -> Tensor:
    """Σ_{f < f'} v_f · v_f' of (B, C, F, D), (B, C)."""
    return (fields.sum(2).square() - fields.square().sum(2)).sum(2) / 2


class DeepFm:
    Config = DeepFmConfig
    personalised = True

    def __init__(self, config: DeepFmConfig = DeepFmConfig()) -> None:
        self.config = config
        self._taught: Taught | None = None

    def _build(self, n_fields: int) -> Head:
        return _Head(self.config, n_fields)

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        self._taught = Taught.by(self._build, dataset, self.config, options, "DeepFM")
        return self

    def score(self, queries: Queries, rows: IntArray | None = None) -> FloatArray:
        return fitted(self._taught).score(queries, rows)

    def weights(self) -> Weights:
        return fitted(self._taught).weights()

    def restore(self, weights: Weights) -> Self:
        self._taught = Taught.restored(self._build, weights, self.config)
        return self
