"""GRU4Rec: what is known of a person is one vector, which each event of the history changes a little.

    h_t = (1 - z_t) ∘ n_t + z_t ∘ h_{t-1},   s_i = (W h_t + b) · q_i

where the gates z_t and r_t and the news n_t = tanh(A q_t + r_t ∘ B h_{t-1} + c) are learned: Hidasi, Karatzoglou,
Baltrunas and Tikk, "Session-based recommendations with recurrent neural networks", ICLR 2016, section 3. It is taught
at all positions of all histories at once what comes next, by cross-entropy over all items, or over many drawn ones
without bias (Hidasi and Karatzoglou, "Recurrent neural networks with top-k gains for session-based recommendations",
CIKM 2018, where more and better drawn negatives are what makes it strong). Items have one vector each, for what is read
and for what is said. Where the paper runs parallel mini-batches of sessions and forgets between them, whole histories
are read, so that nothing has to be kept from one batch to the next.

Use it where histories are short or the newest events say nearly all; a state takes a new event at a cost that does not
depend on how long the history is. On long histories `sasrec` sees what a single vector has forgotten.

With width D, hidden width H, L layers, E events in all and C candidates: an epoch O(E·(L·H·(D + H) + C·D)), but the
events of a history one after the other, so that many histories are read side by side; memory O(N·D) and what a batch
needs, 12 N·D bytes while fitting. A question costs O(L·T·H·(D + H) + N·D).
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field
from torch import Tensor, nn

from serendip.data import Dataset, Queries
from serendip.data.arrays import FloatArray, IntArray
from serendip.models.base import NotSearched, Search, Weights, fitted, take
from serendip.training import FitOptions
from serendip.training.blocks.recurrent import Recurrent
from serendip.training.readers import Reader, ReaderConfig, Taught
from serendip.training.sequences import Batch


class Gru4RecConfig(ReaderConfig):
    dropout: Annotated[float, Search(0.0, 0.6)] = Field(0.4, ge=0, lt=1)
    """Share of the numbers between layers that is left out at random while learning."""
    learning_rate: Annotated[float, Search(3e-4, 5e-3, log=True)] = Field(3e-3, gt=0)
    """The largest; it falls to 0 along half a cosine."""
    layers: Annotated[int, NotSearched("one is as good in the literature")] = Field(1, ge=1)
    """Layers of gated units, one above the other."""
    growth: Annotated[int, Search(1, 4)] = Field(2, ge=1)
    """How many times wider the state is than the vector of an item."""


class _Encoder(nn.Module):
    def __init__(self, config: Gru4RecConfig) -> None:
        super().__init__()
        width = config.embedding_size
        self.recurrent = Recurrent(width, config.growth * width, config.layers, config.dropout)

    def forward(self, x: Tensor, batch: Batch) -> Tensor:
        found: Tensor = self.recurrent(x)
        return found

    def last(self, x: Tensor, batch: Batch) -> Tensor:
        return self.recurrent.last(x, batch.lengths)


class Gru4Rec:
    Config = Gru4RecConfig
    personalised = True

    def __init__(self, config: Gru4RecConfig = Gru4RecConfig()) -> None:
        self.config = config
        self._taught: Taught | None = None

    def _build(self, n_items: int) -> Reader:
        return Reader(n_items, self.config, _Encoder(self.config))

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        self._taught = Taught.by(self._build, dataset, self.config, options, "gru4rec")
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
