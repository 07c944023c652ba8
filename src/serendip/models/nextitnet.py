"""NextItNet: convolutions that look further and further back read a whole history and say what comes next.

The vectors of the items pass through residual blocks of causal convolutions; each looks at `kernel` events that lie
1, 2, 4, ... apart, so that L layers see (kernel - 1)·(2^L - 1) events before their own:
Yuan, Karatzoglou, Arapakis, Jose and He, "A simple convolutional generative network for next item recommendation",
WSDM 2019, section 3. It is taught at all positions of all histories at once, by cross-entropy over all
items, or over many drawn ones without bias. The paper has vectors of its own for what is said; here those of what is
read serve for both, which takes half the memory. (Caser, Tang and Wang, WSDM 2018, reads the newest few events as a
picture and is taught one target each; here every position is a target and the whole history is read.)

Use it where the order of close events says much and time is short: nothing is computed one after the other as in
`gru4rec`, and nothing grows with the square of the history as in `sasrec`. How far back something lies has a weight of
its own, so it fits badly where the same thing may lie 5 or 50 events back.

With width D, kernel k, L blocks, E events in all and C candidates: an epoch O(E·(L·k·D² + C·D)); memory O(N·D) and
what a batch needs, 12 N·D bytes while fitting. A question costs O(L·T·k·D² + N·D).
"""

from __future__ import annotations

from typing import Annotated, Self

import torch
from pydantic import Field
from torch import Tensor, nn

from serendip.data import Dataset, Queries
from serendip.data.arrays import FloatArray, IntArray
from serendip.models.base import NotSearched, Search, Weights, fitted, take
from serendip.training import FitOptions
from serendip.training.blocks.convolution import DilatedBlock
from serendip.training.readers import Reader, ReaderConfig, Taught
from serendip.training.sequences import Batch

DILATIONS = (1, 4, 16, 64)
"""Of the first convolution of each block, the second is twice as far; then they start again."""


class NextItNetConfig(ReaderConfig):
    dropout: Annotated[float, Search(0.0, 0.6)] = Field(0.4, ge=0, lt=1)
    """Share of the numbers between layers that is left out at random while learning."""
    learning_rate: Annotated[float, Search(3e-4, 5e-3, log=True)] = Field(5e-3, gt=0)
    """The largest; it falls to 0 along half a cosine."""
    blocks: Annotated[int, Search(2, 8)] = Field(4, ge=1)
    """Residual blocks of two convolutions; four with a kernel of 3 see 510 events back."""
    kernel: Annotated[int, NotSearched("more blocks reach as far")] = Field(3, ge=2)
    """Events that each convolution looks at, its own among them."""


class _Encoder(nn.Module):
    def __init__(self, config: NextItNetConfig) -> None:
        super().__init__()
        width = config.embedding_size
        dilations = [DILATIONS[place % len(DILATIONS)] for place in range(config.blocks)]
        self.blocks = nn.ModuleList(DilatedBlock(width, config.kernel, far, config.dropout) for far in dilations)
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])

    def forward(self, x: Tensor, batch: Batch) -> Tensor:
        x = self.norms[0](x)  # of about the size of what blocks add
        for block in self.blocks:
            x = block(x)
        found: Tensor = self.norms[1](x)
        return found

    def last(self, x: Tensor, batch: Batch) -> Tensor:
        found: Tensor = self(x, batch)[torch.arange(len(x), device=x.device), (batch.lengths - 1).clamp(min=0)]
        return found


class NextItNet:
    Config = NextItNetConfig
    personalised = True

    def __init__(self, config: NextItNetConfig = NextItNetConfig()) -> None:
        self.config = config
        self._taught: Taught | None = None

    def _build(self, n_items: int) -> Reader:
        return Reader(n_items, self.config, _Encoder(self.config))

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        self._taught = Taught.by(self._build, dataset, self.config, options, "nextitnet")
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
