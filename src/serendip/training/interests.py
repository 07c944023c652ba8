"""Interests: readers that find several vectors in a history, of which the nearest to an item says how it scores.

They are taught what follows the first events of a history, cut at random places, one answer per cut: only the interest
that is nearest to the right answer learns from it. Cen, Zhang, Zou, Zhou, Yang and Tang, "Controllable multi-interest
framework for recommendation", KDD 2020. Two corrections are of Xie, Gao, Zhou, Ye, Hua, Kim and Wu, "Rethinking
multi-interest learning for candidate matching in recommender systems", RecSys 2023: since an interest is chosen by the
answer, most drawn items are easily told from it, so hard ones count for more; and an interest that looks at a single
event knows no more than that event, so how uneven it looks costs something.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, cast

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from serendip.data import Queries
from serendip.data.arrays import FloatArray
from serendip.training import losses
from serendip.training.readers import FEWEST_STEPS, NextItemLesson, Reader, ReaderConfig, Taught, read
from serendip.training.sequences import Batch, Sequences, budgeted
from serendip.training.settings import NotSearched, Search

NONE = -1e9
"""The logarithm of no weight at all, finite, so that differences are."""


class InterestsConfig(ReaderConfig):
    """What all readers of several interests have in common."""

    interests: Annotated[int, Search(2, 8)] = Field(4, ge=1)
    """K, how many vectors are found in a history."""
    cuts: Annotated[int, NotSearched("a trade of time for accuracy")] = Field(8, ge=1)
    """Places at most at which a history is cut in one epoch, to learn what follows there."""
    hardness: Annotated[float, Search(0.0, 10.0)] = Field(1.0, ge=0)
    """β: an item counts among the others like exp(β s), where s is its score; 0: all count the same."""
    evenness: Annotated[float, Search(1e-3, 100.0, log=True)] = Field(0.1, ge=0)
    """Cost of interests that look at few events only."""


class Routing(nn.Module):
    """How much each interest looks at each event: softmax over events of W₂ tanh(W₁ (x + p)), p by how long ago."""

    def __init__(self, width: int, interests: int, longest: int) -> None:
        super().__init__()
        self.ago = nn.Parameter(torch.zeros(longest, width))
        self.up = nn.Linear(width, 4 * width, bias=False)
        self.down = nn.Linear(4 * width, interests, bias=False)

    def forward(self, x: Tensor, batch: Batch) -> Tensor:
        """(B, T, D) to shares (B, K, T), 0 at padding."""
        placed = x + self.ago[batch.from_end.clamp(max=len(self.ago) - 1)]
        scores = self.down(torch.tanh(self.up(placed))).transpose(1, 2)  # (B, K, T)
        return torch.softmax(scores.masked_fill(~batch.real[:, None], NONE), dim=2)


class InterestReader(Reader):
    """A reader whose encoder shares out the events of a history among interests."""

    def __init__(self, n_items: int, config: InterestsConfig) -> None:
        super().__init__(n_items, config, Routing(config.embedding_size, config.interests, config.max_history))
        self.interests = config.interests

    @property
    def width(self) -> int:
        return self.interests * self.items.embedding_dim

    def found(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The interests (B, K, D) and how much each looks at each event (B, K, T)."""
        x = self.dropout(self.items(batch.places))
        shares: Tensor = self.encoder(x, batch)
        return self._scaled(shares @ x), shares

    def last(self, batch: Batch) -> Tensor:
        """The interests side by side, (B, K D)."""
        return self.found(batch)[0].flatten(1)


@dataclass(frozen=True, eq=False)
class InterestLesson(NextItemLesson):
    """What follows the first events of each history, cut at random places."""

    net: InterestReader
    config: InterestsConfig

    def batches(self, generator: np.random.Generator) -> Iterable[tuple[Sequences, np.random.Generator]]:
        """Histories up to the event that is to be guessed, which is their last."""
        parts = self._cut(generator)
        tokens = min(self.config.batch_size, int((parts.lengths - 1).sum()) // FEWEST_STEPS)
        for members in budgeted(parts.lengths - 1, tokens, generator):
            yield parts[members], generator

    def _cut(self, generator: np.random.Generator) -> Sequences:
        """Up to `cuts` different places of each history, and what comes before each."""
        starts = np.repeat(self.sequences.offsets[:-1], self.sequences.lengths)  # (E,)
        places = np.flatnonzero(np.arange(len(starts)) > starts)  # those with something before them
        order = np.lexsort((generator.random(len(places)), starts[places]))
        counts = np.maximum(self.sequences.lengths - 1, 0)
        turn = np.arange(len(places)) - np.repeat(np.cumsum(counts) - counts, counts)  # 0, 1, ... in each history
        chosen = np.sort(places[order[turn < self.config.cuts]])
        first = np.maximum(starts[chosen], chosen - self.config.max_history)
        return self.sequences.between(first, chosen + 1)

    def loss(self, batch: tuple[Sequences, np.random.Generator]) -> Tensor:
        sequences, generator = batch
        newest = sequences.offsets[1:] - 1
        inputs = sequences.between(sequences.offsets[:-1], newest).batch(self.device)
        interests, shares = self.net.found(inputs)
        table, right, offsets = self.candidates(sequences.places[newest], generator)
        hidden = nearest(interests, table[right]) / (self.config.temperature or 1.0)
        told = hard_softmax(hidden, table, right, offsets, self.config.hardness)
        return told + self.config.evenness * unevenness(shares, inputs)

    def examined(self) -> float | None:
        if self.exam is None:
            return None
        table = self.net.table()

        def score(part: slice) -> FloatArray:
            found = read(self.net, self._part(part), self.device)  # (B, K D)
            return np.asarray(best(found.view(len(found), self.net.interests, -1), table).cpu().numpy())

        return self.exam.ndcg(score)


def nearest(interests: Tensor, items: Tensor) -> Tensor:
    """Of the interests (B, K, D) of each history the one with the largest product with its item (B, D), (B, D)."""
    which = (interests @ items[:, :, None]).squeeze(2).argmax(1)
    return interests[torch.arange(len(interests), device=interests.device), which]


def best(interests: Tensor, table: Tensor) -> Tensor:
    """The largest product of each item (N, D) with any of the interests (B, K, D), (B, N)."""
    found, *others = (interest @ table.T for interest in interests.unbind(1))
    for other in others:
        found = torch.maximum(found, other)
    return found


def hard_softmax(hidden: Tensor, table: Tensor, targets: Tensor, offsets: Tensor | None, hardness: float) -> Tensor:
    """Mean cross-entropy of `hidden @ table.T` against `targets`, where what scores high among the others counts more.

        -s_t + ln (e^{s_t} + Σ_c w_c · Σ_c w_c e^{(1+β) s_c} / Σ_c w_c e^{β s_c}),   c ≠ t,   w_c = e^{o_c}

    `hidden` (M, D), `table` (C, D), `targets` (M,) places in `table`, `offsets` (C,) o as in `losses.softmax`, which
    this is for a `hardness` β of 0. Xie et al., RecSys 2023, after Robinson, Chuang, Sra and Jegelka, "Contrastive
    learning with hard negative samples", ICLR 2021; items that were drawn are weighted by one over their chance.
    Memory O(M C).
    """
    if not hardness:
        return losses.softmax(hidden, table, targets, offsets)
    scores = hidden @ table.T  # (M, C)
    wanted = scores.gather(1, targets[:, None]).squeeze(1)
    weights = torch.zeros_like(scores) if offsets is None else offsets.expand_as(scores).clone()
    weights.scatter_(1, targets[:, None], NONE)
    others = torch.logsumexp(weights + (1 + hardness) * scores, 1) - torch.logsumexp(weights + hardness * scores, 1)
    others = others + torch.logsumexp(weights, 1)  # (M,)
    return (torch.logaddexp(wanted, others) - wanted).mean()


def unevenness(shares: Tensor, batch: Batch) -> Tensor:
    """Σ_k (Σ_t (a_kt - 1 / T)²)², the mean over histories of T events, () for shares a (B, K, T).

    The squared diagonal of the covariance of the shares: Xie et al., RecSys 2023.
    """
    even = batch.real / batch.lengths.clamp(min=1)[:, None]  # (B, T)
    return (shares - even[:, None]).square().sum(2).square().sum(1).mean()


class TaughtInterests(Taught):
    """A reader of several interests that has learned."""

    def interests(self, queries: Queries) -> FloatArray:
        """(B, K, D) float32; 0 for a history without a known item."""
        shape = (len(queries), cast(InterestReader, self.net).interests, self.net.items.embedding_dim)
        return self.query_vectors(queries).reshape(shape)

    def score(self, queries: Queries) -> FloatArray:
        """The largest product over the interests, (B, N) float32."""
        with torch.inference_mode():
            interests, items = (torch.from_numpy(part) for part in (self.interests(queries), self.item_vectors()))
            return np.asarray(best(interests, items).numpy())
