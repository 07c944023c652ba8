"""DIN: of a history, what has to do with the item asked about counts.

    v(t) = 1 / √n Σ_j a(h_j, t) h_j,   s = v(t) · t + w · tower([v(t), t, v(t) ⊙ t, context])

over the n items h_j of the history and the item t, each the vectors of its fields side by side, where a small network
looks at h, t, their product and their difference: Zhou et al., "Deep interest network for click-through rate
prediction", KDD 2018, sections 4.3 and 5.3 (Dice, the activation of the tower). s is the log-odds that the person wants
the item, a score ln(1 + e^s), which keeps the order and is above 0.

What is not in the paper: v(t) · t and v(t) ⊙ t, which spare the tower to find out on its own that like goes with like,
and vectors of their own for items in a history. On ml-100k (validation by time, 101 people, 5 epochs, one seed)
NDCG@10 is 0.091 with all of it and 0.072 without v(t) · t, a difference that so few people do not prove.

The columns are those of `training.rankers`; there are none of people beside their history, so who was never seen in
training is served like all others.

Use it to put some hundred candidates in order where people have more than one interest. To score all items it is slow:
each pair reads the whole history again. Nor is it for few data: on ml-100k by time (three seeds) NDCG@10 is 0.102,
where `popular` has 0.115 and `dcn` 0.149.

With W = F·D numbers for an item of F fields, A the width of the attention, T events and H the width of the tower: an
epoch O(E·K·(T·A·W + W·H + H²)) for K negatives; memory 16 D·(2 N + labels) bytes while learning, and 4 T·A for each
pair of a step. A score costs O(T·A·W + W·H + H²) for each item that is asked about.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field
from torch import Tensor, nn

from serendip.data import Dataset, Queries
from serendip.data.arrays import FloatArray, IntArray
from serendip.models.base import NotSearched, Search, Weights, fitted
from serendip.training import FitOptions
from serendip.training.blocks.target_attention import TargetAttention
from serendip.training.blocks.towers import Dice, Tower
from serendip.training.rankers import CONTEXTS, Head, People, RankerConfig, Taught


class DinConfig(RankerConfig):
    max_history: Annotated[int, NotSearched("a bound on time and memory")] = Field(50, ge=1)
    """Only the last so many events of a history are looked at."""
    attention_size: Annotated[int, Search(16, 64, log=True)] = Field(32, ge=1)
    """Width of the layer that says how much an event counts."""


class _Head(Head):
    apart = True

    def __init__(self, config: DinConfig, n_fields: int) -> None:
        super().__init__()
        width = n_fields * config.embedding_size
        self.width = config.embedding_size
        self.numbers = max(config.hidden_size, config.attention_size * config.max_history)
        self.attention = TargetAttention(width, config.attention_size)
        parts = [width, width, width, CONTEXTS * config.embedding_size]
        self.tower = Tower(parts, config.hidden_size, config.layers, config.dropout, Dice)
        self.out = nn.Linear(config.hidden_size, 1)

    def forward(self, people: People, items: Tensor) -> Tensor:
        history, real = people.padded()
        items = items.flatten(2)  # (B, C, W)
        told = self.attention(history, real, items)  # (B, C, W)
        product = told * items
        found = self.tower(told, items, product, people.context.flatten(1)[:, None])
        added: Tensor = product.sum(2) + self.out(found)[..., 0]
        return added


class Din:
    Config = DinConfig
    personalised = True

    def __init__(self, config: DinConfig = DinConfig()) -> None:
        self.config = config
        self._taught: Taught | None = None

    def _build(self, n_fields: int) -> Head:
        return _Head(self.config, n_fields)

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        self._taught = Taught.by(self._build, dataset, self.config, options, "DIN")
        return self

    def score(self, queries: Queries, rows: IntArray | None = None) -> FloatArray:
        return fitted(self._taught).score(queries, rows)

    def weights(self) -> Weights:
        return fitted(self._taught).weights()

    def restore(self, weights: Weights) -> Self:
        self._taught = Taught.restored(self._build, weights, self.config)
        return self
