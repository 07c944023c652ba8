"""Joint reading: a history and one candidate at a time, to put some hundred candidates in order.

Each candidate stands where the next event of the history would, and goes through the same blocks: it looks at every
event and at itself, and is changed by what it finds on every layer. With h_c what comes out, u what comes out at the
last event, and x_c the vector of the candidate, its score is

    s_c = u · x_c + w · h_c

A history is read once for all candidates (`Stack.beside`). An item is a vector of its own and a linear map of what it
is; while learning, the own vector is left out for some, so that items that nobody met can be put in order as well.

It is taught two things at once: by lists, what came next among rivals, of which most are what a retriever would have
listed there, by the cross-entropy of the list (Cao et al., "Learning to rank: from pairwise approach to listwise
approach", ICML 2007); and at every event, by u · x alone, what came next among all items, as `readers` are. The second
is cheap and teaches vectors and blocks; lists alone would take many times as long to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from serendip.data import Queries
from serendip.data.arrays import IntArray
from serendip.training import losses, negatives
from serendip.training.blocks.attention import Block, Stack
from serendip.training.content_reader import ContentConfig
from serendip.training.options import Retriever
from serendip.training.sequences import Sequences, budgeted
from serendip.training.settings import NotSearched, Search

EXAMINED_BY = 10
"""The cut-off of the NDCG that learning is examined by."""
MOST, DRAWN = 10_000, 2_048
"""Of more items so many are drawn for each step that what came next is told apart from."""
ASKED_AT_ONCE = 1_000
"""Histories for which a retriever is asked together."""
EXAMINED_AT_ONCE = 64
"""Lists that are examined together."""


class JointConfig(ContentConfig):
    embedding_size: Annotated[int, Search(32, 256, log=True)] = Field(64, ge=2)
    """D, the width of item vectors and of all layers."""
    blocks: Annotated[int, Search(1, 4)] = Field(2, ge=1)
    """Transformer blocks, one after the other."""
    heads: Annotated[int, NotSearched("one is common")] = Field(1, ge=1)
    """Parts of the width that look at a history apart from each other."""
    growth: Annotated[int, Search(1, 4)] = Field(2, ge=1)
    """How many times wider the inner layer of a block is."""
    dropout: Annotated[float, Search(0.0, 0.6)] = Field(0.2, ge=0, lt=1)
    """Share of the numbers between layers that is left out at random while learning."""
    own_dropout: Annotated[float, Search(0.0, 0.5)] = Field(0.1, ge=0, le=1)
    """Share of the items of a step whose own vector is left out while learning."""
    max_history: Annotated[int, NotSearched("a bound on time and memory")] = Field(100, ge=2)
    """Only the last so many events of a history are read."""
    negatives: Annotated[int, NotSearched("a trade of time for accuracy")] = Field(31, ge=1)
    """Rivals of what came next in each list."""
    hard: Annotated[float, Search(0.0, 1.0)] = Field(0.75, ge=0, le=1)
    """Share of the rivals that a retriever would have listed, where there is one; the others are any items."""
    lists: Annotated[int, NotSearched("a trade of time for accuracy")] = Field(8, ge=1)
    """Lists made of each history in an epoch, each after another of its events."""
    depth: Annotated[int, NotSearched("as many as are put in order")] = Field(100, ge=1)
    """How many items a retriever lists, to draw rivals from."""
    epochs: Annotated[int, NotSearched("learning stops by itself")] = Field(12, ge=1)
    """Passes over all histories at most."""
    patience: Annotated[int, NotSearched("learning stops by itself")] = Field(3, ge=0)
    """Stop after so many epochs without a better NDCG@10 of lists that were withheld; 0: never, nothing is withheld."""
    examined: Annotated[int, NotSearched("a bound on time")] = Field(1_000, ge=1)
    """People whose last item is withheld to examine by, a fifth of all at most."""
    learning_rate: Annotated[float, Search(3e-4, 1e-2, log=True)] = Field(3e-3, gt=0)
    """The largest; it falls to 0 along half a cosine."""
    weight_decay: Annotated[float, Search(0, 0.5)] = Field(0.01, ge=0)
    """Pull of all weights towards 0."""
    batch_size: Annotated[int, NotSearched("a trade of time for accuracy")] = Field(8_192, ge=1)
    """Candidates of a step."""


class JointReader(nn.Module):
    """Scores of candidates for histories."""

    def __init__(self, content_width: int, n_own: int, config: JointConfig) -> None:
        """For items of so many numbers of content, of which so many have a vector of their own."""
        super().__init__()
        width = config.embedding_size
        self.own = nn.Embedding(max(1, n_own), width)
        nn.init.normal_(self.own.weight, std=width**-0.5)
        self.lift = nn.Linear(content_width, width, bias=False)
        self.asked = nn.Parameter(torch.zeros(width))
        self.out = nn.Linear(width, 1, bias=False)
        self.stack = Stack(
            config.blocks, lambda: Block(width, config.heads, config.growth, config.dropout, gated=True), width
        )
        self.dropout, self.own_dropout = nn.Dropout(config.dropout), config.own_dropout

    def items(self, content: Tensor, own: Tensor) -> Tensor:
        """(n, D) of `content` (n, F) and the places `own` (n,) of own vectors, -1: none."""
        known = own >= 0
        if self.training:
            known = known & (torch.rand(len(own), device=own.device) >= self.own_dropout)
        found: Tensor = self.lift(content) + self.own(own.clamp(min=0)) * known[:, None]
        return found

    def forward(self, history: Tensor, candidates: Tensor, after: Tensor) -> tuple[Tensor, Tensor]:
        """Scores (B, M) of `candidates` (B, M, D), and u after each event of `history` (B, T, D), (B, T, D).

        Each candidate comes after the first `after` (B, M) events, which are 1 or more.
        """
        read, found = self.stack.beside(self.dropout(history), self.dropout(candidates + self.asked), after)
        expected = torch.gather(read, 1, (after - 1)[:, :, None].expand(-1, -1, read.shape[2]))  # (B, M, D)
        return (expected * candidates).sum(2) + self.out(found)[..., 0], read


Propose = Callable[[Sequences], IntArray]
"""Items that might come after each sequence, (S, R) places, -1: none."""


@dataclass(frozen=True, eq=False)
class Lists:
    """What came next somewhere in a sequence, and what might have. List l belongs to sequence `owners[l]`."""

    owners: IntArray  # (L,) int64, ascending
    after: IntArray  # (L,) int64: how many events of the sequence come before, 1 or more
    targets: IntArray  # (L,) int64
    rivals: IntArray  # (L, R) int64; -1: none

    @classmethod
    def at_the_end(cls, asked: Sequences, targets: IntArray, longest: int, propose: Propose) -> Lists:
        """One list for each of `asked`, after its last event, of which `longest` are read."""
        after = np.minimum(asked.lengths, longest)
        return cls(np.arange(len(asked)), after, targets, _without(propose(asked), targets))

    @classmethod
    def within(
        cls, whole: Sequences, longest: int, most: int, propose: Propose, generator: np.random.Generator
    ) -> Lists:
        """Up to `most` lists of each of `whole`, after events at random among its last `longest` but the last."""
        events = np.minimum(whole.lengths, longest)
        able = np.maximum(events - 1, 0)
        owners = np.repeat(np.arange(len(whole)), able)
        rank = np.arange(len(owners)) - np.repeat(np.cumsum(able) - able, able)
        order = np.lexsort((generator.random(len(owners)), owners))
        chosen = np.sort(order[rank < most])
        owners, after = owners[chosen], rank[chosen] + 1
        before = (whole.lengths - events)[owners] + after
        targets = whole.places[whole.offsets[owners] + before]
        return cls(owners, after, targets, _without(propose(whole[owners].to(before)), targets))

    @property
    def digest(self) -> str:
        """By which they are told from any others."""
        joined = b"".join(part.tobytes() for part in (self.owners, self.after, self.targets, self.rivals))
        return sha256(joined).hexdigest()

    def of(self, members: IntArray) -> tuple[IntArray, IntArray]:
        """The lists of the sequences `members`, and for each where its sequence stands among them."""
        starts, ends = (np.searchsorted(self.owners, members, side) for side in ("left", "right"))
        chosen = np.concatenate([np.arange(*pair) for pair in zip(starts, ends, strict=True)])
        return chosen, np.repeat(np.arange(len(members)), ends - starts)


def told_apart(people: IntArray) -> negatives.Sampler:
    """What `ListwiseLesson` tells the next item apart from: all that somebody met, or where those are many, drawn ones.

    `people` (N,) is how many met each.
    """
    met = np.flatnonzero(people)
    if len(met) <= MOST:
        everything = negatives.Drawn(met, np.zeros(len(met), np.float32))
        return lambda targets, generator: everything
    return negatives.mixed(people.astype(float), DRAWN)


def _without(rivals: IntArray, targets: IntArray) -> IntArray:
    return np.where(rivals == targets[:, None], -1, rivals)


def proposals(retriever: Retriever | None, depth: int, people: IntArray, generator: np.random.Generator) -> Propose:
    """What a `retriever` lists; without one, draws, each item as likely as `people` (N,) want it."""
    shares = np.cumsum(people / max(1, people.sum()))

    def drawn(sequences: Sequences) -> IntArray:
        numbers = generator.random((len(sequences), depth))
        return np.minimum(np.searchsorted(shares, numbers, side="right"), len(people) - 1)

    if retriever is None:
        return drawn
    listed = retriever

    def asked(sequences: Sequences) -> IntArray:
        starts = range(0, len(sequences), ASKED_AT_ONCE)
        parts = (sequences[np.arange(at, min(at + ASKED_AT_ONCE, len(sequences)))] for at in starts)
        return np.concatenate([np.empty((0, depth), np.int64), *(listed(queries_of(part), depth) for part in parts)])

    return asked


def queries_of(sequences: Sequences) -> Queries:
    """Histories of item rows, as a model is asked with them."""
    everything = np.ones(len(sequences.places), np.float32)
    return Queries(sequences.offsets, sequences.places.astype(np.int32), sequences.times_ms, everything)


@dataclass(frozen=True, eq=False)
class ListwiseLesson:
    """What came next, told apart from its rivals."""

    net: JointReader
    sequences: Sequences
    lists: Lists
    content: Tensor  # (N, F)
    own: Tensor  # (N,) int64: the place of each item's own vector, -1: nobody met it, so that it is no rival
    config: JointConfig
    sampler: negatives.Sampler
    asked: Sequences
    exam: Lists

    @property
    def device(self) -> torch.device:
        return self.content.device

    def batches(self, generator: np.random.Generator) -> Iterable[tuple[IntArray, np.random.Generator]]:
        """Sequences that have lists, with as many candidates as a step may have."""
        able, counts = np.unique(self.lists.owners, return_counts=True)
        candidates = counts * (1 + self.config.negatives)
        order = np.argsort(self.sequences.lengths[able], kind="stable")  # so that equals stand together below
        for members in budgeted(candidates[order], self.config.batch_size, generator):
            yield np.sort(able[order[members]]), generator

    def loss(self, batch: tuple[IntArray, np.random.Generator]) -> Tensor:
        members, generator = batch
        chosen, owners = self.lists.of(members)
        rivals = self._drawn(self.lists.rivals[chosen], generator)
        targets, sequences = self.lists.targets[chosen, None], self.sequences[members]
        scores, read = self._scores(sequences, owners, self.lists.after[chosen], np.hstack([targets, rivals]))
        scores[:, 1:].masked_fill_(torch.from_numpy(rivals == targets).to(self.device), -torch.inf)
        right = torch.zeros(len(scores), dtype=torch.long, device=self.device)
        return functional.cross_entropy(scores, right) + self._next(sequences, read, generator)

    def _next(self, sequences: Sequences, read: Tensor, generator: np.random.Generator) -> Tensor:
        """How badly u after each event, `read` (B, T, D), tells what came next apart from all items, ()."""
        targets = sequences.between(sequences.offsets[:-1] + 1, sequences.offsets[1:]).places
        there = np.arange(read.shape[1]) < sequences.lengths[:, None] - 1
        drawn = self.sampler(targets, generator)
        chosen = torch.from_numpy(drawn.places).to(self.device)
        table = self.net.items(self.content[chosen], self.own[chosen])
        offsets = -torch.from_numpy(drawn.log_chance).to(self.device) if drawn.log_chance.any() else None
        among = torch.from_numpy(drawn.among(targets)).to(self.device)
        return losses.softmax(read[torch.from_numpy(there).to(self.device)], table, among, offsets)

    def examined(self) -> float | None:
        if not len(self.exam.owners):
            return None
        ranks = []
        for start in range(0, len(self.exam.owners), EXAMINED_AT_ONCE):
            part = slice(start, start + EXAMINED_AT_ONCE)
            rivals, targets = self.exam.rivals[part], self.exam.targets[part, None]
            candidates = np.hstack([targets, np.maximum(rivals, 0)])
            asked = self.asked[self.exam.owners[part]]
            found, _ = self._scores(asked, np.arange(len(asked)), self.exam.after[part], candidates)
            scores = found.cpu().numpy()
            ranks.append(1 + ((scores[:, 1:] >= scores[:, :1]) & (rivals >= 0)).sum(axis=1))
        rank = np.concatenate(ranks)
        return float(np.mean((rank <= EXAMINED_BY) / np.log2(1 + rank)))

    def _drawn(self, rivals: IntArray, generator: np.random.Generator) -> IntArray:
        """Some of `rivals` (L, R) and some of all items that anybody met, (L, K)."""
        met = np.flatnonzero(self.own.cpu().numpy() >= 0)
        drawn = met[generator.integers(len(met), size=(len(rivals), self.config.negatives))]
        hard = round(self.config.hard * self.config.negatives)
        if hard and rivals.shape[1]:
            picked = np.take_along_axis(rivals, generator.integers(rivals.shape[1], size=(len(rivals), hard)), axis=1)
            drawn[:, :hard] = np.where(picked >= 0, picked, drawn[:, :hard])
        return drawn

    def _scores(
        self, sequences: Sequences, owners: IntArray, after: IntArray, candidates: IntArray
    ) -> tuple[Tensor, Tensor]:
        """Scores of `candidates` (L, C) and u after each event of the sequences, (B, T, D).

        List l comes after the first `after[l]` events of sequence `owners[l]`.
        """
        batch = sequences.batch(self.device)
        places, where = np.unique(np.append(sequences.places, candidates), return_inverse=True)
        chosen = torch.from_numpy(places).to(self.device)
        vectors = self.net.items(self.content[chosen], self.own[chosen])  # each item once, however often it is met
        history = torch.zeros_like(batch.places)
        history[batch.real] = torch.from_numpy(where[: len(sequences.places)]).to(self.device)
        slots = np.arange(len(owners)) - np.searchsorted(owners, owners)
        grid = np.zeros((len(sequences), int(slots.max(initial=0)) + 1, candidates.shape[1]), np.int64)
        starts = np.ones(grid.shape[:2], np.int64)
        grid[owners, slots] = where[len(sequences.places) :].reshape(candidates.shape)
        starts[owners, slots] = after
        found, read = self.net(
            functional.embedding(history, vectors),
            functional.embedding(torch.from_numpy(grid).flatten(1).to(self.device), vectors),
            torch.from_numpy(starts).repeat_interleave(candidates.shape[1], 1).to(self.device),
        )
        return found.reshape(grid.shape)[owners, slots], read
