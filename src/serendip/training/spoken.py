"""Spoken: what people said, while content towers learn and when they answer: an item of which no more is said.

While learning, the words of a person are known as the events are that are shown: searches, and what was said of items
that are shown. What was said of a hidden item is hidden with it, or the item would be told by its own review.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b, sha256
from typing import NamedTuple

import numpy as np
from torch import Tensor

from serendip.data.arrays import BoolArray, FloatArray, IntArray
from serendip.data.words import Words
from serendip.training.sequences import Sequences

MOST_HEARD = 2_000


class Heard(NamedTuple):
    """Which words of people are known: their rows, whose they are, and how much they count, (w,) each."""

    rows: IntArray
    owners: IntArray
    weights: FloatArray


@dataclass(frozen=True, eq=False)
class Spoken:
    """The words that count, by the sequences of those who said them."""

    words: Words  # about places of items that take part
    contents: Sequence[Tensor]  # (W, K_m) for each kind
    memory: float | None

    @property
    def digest(self) -> str:
        """By which they are told from any others."""
        told = sha256("\0".join(self.words.texts.tolist()).encode("utf-8", "surrogatepass"))
        told.update(self.words.owners.tobytes() + self.words.item_rows.tobytes() + self.words.times_ms.tobytes())
        return told.hexdigest()

    def heard(self, members: IntArray, sequences: Sequences, shown: BoolArray, until_ms: IntArray) -> Heard:
        """What is known of the people `members` (B,), of whom `shown` (E,) events of `sequences` are, at `until_ms`."""
        starts, ends = (np.searchsorted(self.words.owners, members, side) for side in ("left", "right"))
        rows = np.concatenate([np.empty(0, np.int64), *map(np.arange, starts, ends)])
        owners = np.repeat(np.arange(len(members)), ends - starts)
        about = self.words.item_rows[rows]
        events = np.repeat(np.arange(len(members)), sequences.lengths)
        met = np.stack([events, sequences.places])[:, shown]
        told = (about < 0) | np.isin(_keys(owners, about), _keys(*met))
        kept = told & (self.words.times_ms[rows] <= until_ms[owners])
        rows, owners = rows[kept], owners[kept]
        return Heard(rows, owners, self._recency(owners, self.words.times_ms[rows], sequences, shown))

    def _recency(self, owners: IntArray, times_ms: IntArray, sequences: Sequences, shown: BoolArray) -> FloatArray:
        """As `content_towers.recency` has it of events."""
        if self.memory is None:
            return np.ones(len(owners), np.float32)
        so_far, after = np.concatenate([[0], np.cumsum(shown)]), np.empty(len(owners))
        for place, (owner, time_ms) in enumerate(zip(owners.tolist(), times_ms.tolist(), strict=True)):
            start, end = sequences.offsets[owner], sequences.offsets[owner + 1]
            later = start + np.searchsorted(sequences.times_ms[start:end], time_ms, "right")
            after[place] = so_far[end] - so_far[later]
        return np.asarray(np.exp(-after / self.memory), np.float32)


class Remembered:
    """Vectors of texts that were asked for lately, by digests of the texts: whose words they are is not kept."""

    def __init__(self) -> None:
        self._known: dict[bytes, FloatArray] = {}

    def of(self, texts: Sequence[str], make: Callable[[list[str]], FloatArray]) -> FloatArray:
        """(n, D); `make` makes those that are not known."""
        digests = [blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest() for text in texts]
        known = self._known
        unknown = {digest: text for digest, text in zip(digests, texts, strict=True) if digest not in known}
        made = dict(zip(unknown, make(list(unknown.values())), strict=True)) if unknown else {}
        if made:  # another dictionary: others may be reading
            latest = {**known, **made}
            self._known = dict(list(latest.items())[-MOST_HEARD:])
        return np.stack([made[digest] if digest in made else known[digest] for digest in digests])


def _keys(owners: IntArray, places: IntArray) -> IntArray:
    return np.asarray(owners.astype(np.int64) << 32 | places.astype(np.int64))
