"""SASRec: a Transformer that reads a history and says what comes next.

The vectors of the items of a history pass through blocks of causal self-attention; the vector that comes out at
position t, times the vector of an item, is the score of that item as the next one: Kang and McAuley, "Self-attentive
sequential recommendation", ICDM 2018. It is taught at all positions of all histories at once, by cross-entropy.

What decides how good it is, more than the network: cross-entropy over all items, or over many drawn ones without bias,
in the place of one negative and a binary loss (Klenitskiy and Vasilev, "Turning dross into gold loss", RecSys 2023;
Petrov and Macdonald, "gSASRec", RecSys 2023). So answers are told apart from all items (`negatives` None), or from
those of the batch and drawn ones, each weighted by one over its chance of being there (`losses.softmax`). Blocks are
LiGR (Tikhonovich et al., "eSASRec", RecSys 2025; see `blocks.attention`). Where the paper learns a vector for each
position, queries and keys are rotated, so that only the distance of two events counts. Where `contents` are read, an
item is a vector of its own and a linear map of what it is: what few met is near what it is like.

Use it where order says something and there are some 100,000 events or more; `next_item` learns in seconds what a linear
map can know.

With width D, L blocks, histories of T events, E events in all and C candidates: an epoch O(E·(L·(D² + T·D) + C·D));
memory O(N·D) and what a batch needs, 12 N·D bytes while fitting. A question costs O(L·T·(D² + T·D) + N·D).
"""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from serendip.data import Dataset, Queries
from serendip.data.arrays import FloatArray, IntArray
from serendip.models.base import NotSearched, Search, Weights, fitted, take
from serendip.training import FitOptions
from serendip.training.blocks.attention import Block, Stack
from serendip.training.blocks.tables import ContentTable
from serendip.training.content_reader import ContentConfig, ContentReader
from serendip.training.readers import Reader, ReaderConfig, Taught
from serendip.training.sequences import Batch


class SasRecConfig(ContentConfig, ReaderConfig):
    blocks: Annotated[int, Search(1, 4)] = Field(2, ge=1)
    """Transformer blocks, one after the other."""
    heads: Annotated[int, NotSearched("one is common")] = Field(1, ge=1)
    """Parts of the width that look at a history apart from each other."""
    growth: Annotated[int, Search(1, 4)] = Field(2, ge=1)
    """How many times wider the inner layer of a block is."""
    gated: Annotated[bool, NotSearched("gated is what makes depth trainable")] = True
    """LiGR blocks in the place of plain ones."""
    contents: Annotated[str, NotSearched("what there is")] = ""
    """What is read of items beside who turned to them, such as `text:minilm`; see `training.content_reader`."""


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
        self._content: FloatArray | None = None  # (A, K), of the items that take part

    def _build(self, n_items: int) -> Reader:
        reader = Reader(n_items, self.config, _Encoder(self.config))
        if self._content is not None:
            assert isinstance(reader.items, nn.Embedding)
            reader.items = ContentTable(reader.items, torch.tensor(self._content))
        return reader

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        self._content = self._read(dataset, options)
        self._taught = Taught.by(self._build, dataset, self.config, options, "sasrec")
        return self

    def _read(self, dataset: Dataset, options: FitOptions) -> FloatArray | None:
        """What the items are that somebody turned to; None where nothing is read of them."""
        reader = ContentReader.of(self.config, options)
        kinds = reader.fit_encode(dataset, options) if self.config.contents else {}
        met = np.unique(dataset.matrix().indices)
        return np.concatenate([kind[met] for kind in kinds.values()], axis=1) if kinds else None

    def score(self, queries: Queries, rows: IntArray | None = None) -> FloatArray:
        return take(fitted(self._taught).score(queries), rows)

    def query_vectors(self, queries: Queries) -> FloatArray:
        return fitted(self._taught).query_vectors(queries)

    def item_vectors(self) -> FloatArray:
        return fitted(self._taught).item_vectors()

    def weights(self) -> Weights:
        return fitted(self._taught).weights()

    def restore(self, weights: Weights) -> Self:
        self._content = weights.get("items.content")
        self._taught = Taught.restored(self._build, weights, self.config)
        return self
