"""BERT4Rec: a Transformer that looks both ways learns to fill blanks; what comes next is a blank at the end.

A share of the events of each history is replaced by one learned vector, blocks of self-attention without a causal mask
read what is left, and the vector that comes out at a blank, times the vector of an item, is the score of that item
there: Sun, Liu, Wu, Pei, Lin, Ou and Jiang, "BERT4Rec: sequential recommendation with bidirectional encoder
representations from Transformer", CIKM 2019. As in the paper, some histories lose their last event alone
(`training.cloze`). What makes it strong is that blanks are told apart from all items by cross-entropy, not that it
looks both ways: with the same loss `sasrec` is better and learns faster (Klenitskiy and Vasilev, "Turning dross into
gold loss: is BERT4Rec really better than SASRec?", RecSys 2023), and many implementations stop long before this one has
learned what it can (Petrov and Macdonald, "A systematic review and replicability study of BERT4Rec", RecSys 2022).

Where the paper learns a vector for each position, queries and keys are rotated, so that only distances count, before
and after. Blocks are normalised first, or are LiGR blocks (see `blocks.attention`).

Use it where the order of a history says little or is wrong in places, and there is time to learn: an epoch teaches only
the blanks, a fifth of what `sasrec` is taught in one.

With width D, L blocks, histories of T events, E events in all, a share m left blank and C candidates: an epoch
O(E·(L·(D² + T·D) + m·C·D)); memory O(N·D) and what a batch needs, 12 N·D bytes while fitting. A question costs
O(L·T·(D² + T·D) + N·D).
"""

from __future__ import annotations

from typing import Annotated, Self, cast

from pydantic import Field
from torch import Tensor, nn

from serendip.data import Dataset, Queries
from serendip.data.arrays import FloatArray, IntArray
from serendip.models.base import NotSearched, Search, Weights, fitted, take
from serendip.training import FitOptions
from serendip.training.blocks.attention import Block, Stack
from serendip.training.cloze import ClozeConfig, ClozeLesson, ClozeReader
from serendip.training.readers import Reader, Taught
from serendip.training.sequences import Batch


class Bert4RecConfig(ClozeConfig):
    epochs: Annotated[int, NotSearched("learning stops by itself")] = Field(100, ge=1)
    """Passes over all histories at most; each teaches the blanks only."""
    patience: Annotated[int, NotSearched("learning stops by itself")] = Field(10, ge=0)
    """Stop after so many epochs without a better NDCG@10 on what was withheld; 0: never, and nothing is withheld."""
    dropout: Annotated[float, Search(0.0, 0.6)] = Field(0.4, ge=0, lt=1)
    """Share of the numbers between layers that is left out at random while learning."""
    learning_rate: Annotated[float, Search(3e-4, 5e-3, log=True)] = Field(3e-3, gt=0)
    """The largest; it falls to 0 along half a cosine."""
    blocks: Annotated[int, Search(1, 4)] = Field(2, ge=1)
    """Transformer blocks, one after the other."""
    heads: Annotated[int, NotSearched("as for sasrec")] = Field(2, ge=1)
    """Parts of the width that look at a history apart from each other."""
    growth: Annotated[int, Search(1, 4)] = Field(2, ge=1)
    """How many times wider the inner layer of a block is."""
    gated: Annotated[bool, NotSearched("gated is what makes depth trainable")] = True
    """LiGR blocks in the place of plain ones."""


class _Encoder(nn.Module):
    def __init__(self, config: Bert4RecConfig) -> None:
        super().__init__()
        width = config.embedding_size
        self.stack = Stack(
            config.blocks,
            lambda: Block(width, config.heads, config.growth, config.dropout, config.gated, causal=False),
            width,
        )

    def forward(self, x: Tensor, batch: Batch) -> Tensor:
        found: Tensor = self.stack(x, batch.real)
        return found

    def last(self, x: Tensor, batch: Batch) -> Tensor:
        """The last block computes nothing but the last real position of each sequence, (B, D)."""
        *first, final = self.stack.blocks
        for block in first:
            x = block(x, batch.real)
        found: Tensor = self.stack.norm(cast(Block, final).last(x, batch.lengths))
        return found


class Bert4Rec:
    Config = Bert4RecConfig
    personalised = True

    def __init__(self, config: Bert4RecConfig = Bert4RecConfig()) -> None:
        self.config = config
        self._taught: Taught | None = None

    def _build(self, n_items: int) -> Reader:
        return ClozeReader(n_items, self.config, _Encoder(self.config))

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        self._taught = Taught.by(self._build, dataset, self.config, options, "bert4rec", ClozeLesson)
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
