"""Histories as sequences of places: values and offsets, cut into batches of about equal length."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

import numpy as np
import torch
from torch import Tensor

from serendip.data import Queries
from serendip.data.arrays import IntArray

POOL = 64
"""Batches cut from one pool of sequences sorted by length: a larger one pads less, a smaller one mixes more."""


@dataclass(frozen=True, eq=False)
class Sequences:
    """What people turned to, one after the other; sequence s is the slice `offsets[s]:offsets[s + 1]`."""

    offsets: IntArray  # (S + 1,) int64
    places: IntArray  # (E,) int64: where each item stands among those that take part
    times_ms: IntArray  # (E,) int64
    until_ms: IntArray | None = None  # (E,) int64: when what follows each is looked for; None: at its own time

    @classmethod
    def of(cls, queries: Queries, place: IntArray, longest: int | None = None) -> Sequences:
        """The events that count, at items that take part (`place` (N,) is not -1), the last `longest` of each query.

        What follows an event is looked for when the next one happens; after the last one when the query is asked, or,
        where that is not known, at once.
        """
        counts = (queries.weights > 0) & (place[queries.item_rows] >= 0)
        lengths = np.bincount(queries.query_rows[counts], minlength=len(queries))
        offsets, times_ms = _offsets(lengths), queries.times_ms[counts]
        until_ms, last = np.append(times_ms[1:], 0), offsets[1:][lengths > 0] - 1
        until_ms[last] = times_ms[last] if queries.asked_ms is None else queries.asked_ms[lengths > 0]
        whole = cls(offsets, place[queries.item_rows[counts]], times_ms, until_ms)
        return whole if longest is None else whole.last(longest)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @cached_property
    def lengths(self) -> IntArray:
        return np.diff(self.offsets)

    @cached_property
    def digest(self) -> str:
        """By which they are told from any others."""
        joined = b"".join(np.ascontiguousarray(part).tobytes() for part in (self.offsets, self.places, self.times_ms))
        return sha256(joined).hexdigest()

    def last(self, longest: int) -> Sequences:
        """Of each sequence the last `longest` events."""
        return self.between(np.maximum(self.offsets[1:] - longest, self.offsets[:-1]), self.offsets[1:])

    def to(self, ends: IntArray) -> Sequences:
        """Of each sequence the events before `ends` (S,), which count within it."""
        return self.between(self.offsets[:-1], self.offsets[:-1] + ends)

    def windows(self, longest: int, generator: np.random.Generator) -> Sequences:
        """Of each sequence `longest` neighbouring events at random, or all where there are no more."""
        spare = np.maximum(self.lengths - longest, 0)
        starts = self.offsets[:-1] + generator.integers(0, spare + 1)
        return self.between(starts, np.minimum(starts + longest, self.offsets[1:]))

    def between(self, starts: IntArray, ends: IntArray) -> Sequences:
        """New sequences, the events `starts[s]:ends[s]` of all."""
        lengths = ends - starts
        offsets = _offsets(lengths)
        chosen = np.arange(offsets[-1]) - np.repeat(offsets[:-1] - starts, lengths)
        until_ms = None if self.until_ms is None else self.until_ms[chosen]
        return Sequences(offsets, self.places[chosen], self.times_ms[chosen], until_ms)

    def __getitem__(self, which: IntArray) -> Sequences:
        """The sequences at `which`, in that order."""
        return self.between(self.offsets[which], self.offsets[which + 1])

    def batch(self, device: torch.device) -> Batch:
        """All of them, padded on the right to the longest."""
        longest = int(self.lengths.max(initial=0))
        real = np.arange(longest) < self.lengths[:, None]  # (B, T)
        until_ms = self.times_ms if self.until_ms is None else self.until_ms
        columns = np.zeros((3, *real.shape), np.int64)
        columns[:, real] = self.places, self.times_ms, until_ms
        tensors = (torch.from_numpy(array).to(device) for array in (*columns, real, self.lengths))
        return Batch(*tensors)


@dataclass(frozen=True, eq=False)
class Batch:
    """Sequences side by side. What stands on the right of the real positions is never looked at."""

    places: Tensor  # (B, T) int64
    times_ms: Tensor  # (B, T) int64
    until_ms: Tensor  # (B, T) int64: when what follows each is looked for
    real: Tensor  # (B, T) bool
    lengths: Tensor  # (B,) int64

    @cached_property
    def from_end(self) -> Tensor:
        """How many real positions come after each, (B, T) int64; 0 for the newest and for padding."""
        positions = torch.arange(self.places.shape[1], device=self.places.device)
        return (self.lengths[:, None] - 1 - positions).clamp(min=0)


def budgeted(lengths: IntArray, tokens: int, generator: np.random.Generator) -> Iterator[IntArray]:
    """Every sequence once, in batches of at most `tokens` positions with the padding, or of one sequence.

    Sequences of about one length stand together, so that hardly anything is padded; which do, and the order of the
    batches, is new each time.
    """
    order = generator.permutation(len(lengths))
    mean = max(1.0, float(lengths.mean())) if len(lengths) else 1.0
    pool = max(1, int(POOL * tokens / mean))
    batches = []
    for start in range(0, len(order), pool):
        members = order[start : start + pool]
        batches += _cut(members[np.argsort(lengths[members], kind="stable")], lengths, tokens)
    for place in generator.permutation(len(batches)):
        yield batches[place]


def _cut(members: IntArray, lengths: IntArray, tokens: int) -> list[IntArray]:
    """`members`, shortest first, in slices whose padded size stays within `tokens`."""
    batches, start = [], 0
    for end in range(1, len(members) + 1):
        if end == len(members) or (end + 1 - start) * lengths[members[end]] > tokens:
            batches.append(members[start:end])
            start = end
    return batches


def _offsets(lengths: IntArray) -> IntArray:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
