"""HSTU: a history is read by sums of what silu says of each pair of events, their distance and the time between them.

Blocks of attention without a softmax, whose result is normalised and gated (`blocks.hstu`): Zhai et al., "Actions speak
louder than words: trillion-parameter sequential transducers for generative recommendations", ICML 2024, section 3. It
is taught at all positions of all histories at once what comes next, by cross-entropy over all items, or over many
drawn ones without bias.

Time enters as the paper has it, ⌊ln(max(1, Δ)) / 0.301⌋ with Δ in seconds. With `times` "past" Δ is the time from an
event to the newest one that is known at that position. With "asking" it is the time to when what follows was looked
for, as in the published code: to the event that is to be guessed while learning, to now in a service. It tells whether
a sitting goes on or somebody comes back, but evaluation can only ask at the time of the right answer, as if people
asked in the very second in which they then chose: read its figures apart from all others. Data without times are read
by their order alone.

Use it where histories have times that say which events belong together. A block has fewer layers than one of `sasrec`
and takes a little less time at some 200 events, but the fast kernels of attention do not serve it, so that time and
memory grow faster with the length. It learns slowly at a small `learning_rate`.

With width D, L blocks, H heads, histories of T events, E events in all and C candidates: an epoch
O(E·(L·(D² + T·D) + C·D)); memory O(N·D) and what a batch of B histories needs, O(L·H·B·T²), 12 N·D bytes while
fitting. A question costs O(L·T·(D² + T·D) + N·D).
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field

from serendip.data import Dataset, Queries
from serendip.data.arrays import FloatArray, IntArray
from serendip.models.base import NotSearched, Search, Weights, fitted, take
from serendip.training import FitOptions
from serendip.training.blocks.hstu import HstuStack, Times
from serendip.training.readers import Reader, ReaderConfig, Taught


class HstuConfig(ReaderConfig):
    dropout: Annotated[float, Search(0.0, 0.6)] = Field(0.4, ge=0, lt=1)
    """Share of the numbers between layers that is left out at random while learning."""
    learning_rate: Annotated[float, Search(1e-3, 1e-2, log=True)] = Field(5e-3, gt=0)
    """The largest; it falls to 0 along half a cosine."""
    blocks: Annotated[int, Search(1, 8)] = Field(2, ge=1)
    """Blocks, one after the other."""
    heads: Annotated[int, Search(1, 4)] = Field(1, ge=1)
    """Parts of the width that look at a history apart from each other; they divide `embedding_size`."""
    times: Annotated[Times, NotSearched("data have times that mean something, or not")] = "past"
    """none: the order of events counts; past: the times between them too; asking: also those up to when it is asked."""


class Hstu:
    Config = HstuConfig
    personalised = True

    def __init__(self, config: HstuConfig = HstuConfig()) -> None:
        self.config = config
        self._taught: Taught | None = None

    def _build(self, n_items: int) -> Reader:
        config = self.config
        width, longest = config.embedding_size, config.max_history
        stack = HstuStack(config.blocks, width, config.heads, config.dropout, longest, config.times)
        return Reader(n_items, config, stack)

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        self._taught = Taught.by(self._build, dataset, self.config, options, "hstu")
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
