"""SASRec: a Transformer that reads a history and says what comes next."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field
from torch import Tensor, nn

from serendip.data import Dataset, Queries
from serendip.data.arrays import FloatArray, IntArray
from serendip.models.base import NotSearched, Search, Weights, fitted, take
from serendip.training import FitOptions
from serendip.training.blocks.attention import Block, Stack
from serendip.training.readers import Reader, ReaderConfig, Taught
from serendip.training.sequences import Batch


class SasRecConfig(ReaderConfig):
    blocks: Annotated[int, Search(1, 4)] = Field(2, ge=1)
    """Transformer blocks, one after the other."""
    heads: Annotated[int, NotSearched("one is as good on all data seen")] = Field(1, ge=1)
    """Parts of the width that look at a history apart from each other."""
    growth: Annotated[int, Search(1, 4)] = Field(2, ge=1)
    """How many times wider the inner layer of a block is."""
    gated: Annotated[bool, NotSearched("gated is what makes depth trainable")] = True
    """LiGR blocks in the place of plain ones."""


class _Encoder(nn.Module):
    def __init__(self, config: SasRecConfig) -> None:
        super().__init__()
        width = config.embedding_size
        self.stack = Stack(
            config.blocks, lambda: Block(width, config.heads, config.growth, config.dropout, config.gated), width
        )

    def forward(self, x: Tensor, batch: Batch) -> Tensor:
        found: Tensor = self.stack(x)
        return found

    def last(self, x: Tensor, batch: Batch) -> Tensor:
        return self.stack.last(x, batch.lengths)


class SasRec:
    Config = SasRecConfig
    personalised = True

    def __init__(self, config: SasRecConfig = SasRecConfig()) -> None:
        self.config = config
        self._taught: Taught | None = None

    def _build(self, n_items: int) -> Reader:
        return Reader(n_items, self.config, _Encoder(self.config))

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        self._taught = Taught.by(self._build, dataset, self.config, options, "sasrec")
        return self

    def score(self, queries: Queries, rows: IntArray | None = None) -> FloatArray:
        return take(fitted(self._taught).score(queries), rows)

    def query_vectors(self, queries: Queries) -> FloatArray:
        return fitted(self._taught).query_vectors(queries)

    def item_vectors(self) -> FloatArray:
        return fitted(self._taught).item_vectors()

    def weights(self) -> Weights:
        return fitted(self._taught).weights()

    def restore(self, weights: Weights) -> Self:
        self._taught = Taught.restored(self._build, weights, self.config)
        return self
