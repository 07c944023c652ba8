"""Split: the parts of one dataset that are learned from, shown and foretold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b

import numpy as np

from serendip.data.arrays import BoolArray, FloatArray, IntArray
from serendip.data.dataset import Dataset
from serendip.data.splits.hashing import HASH_BYTES, events_hash
from serendip.errors import InputError


@dataclass(frozen=True, eq=False)
class Split:
    """The training and the test part of one dataset."""

    train: Dataset
    test: Dataset
    name: str
    folded_in: Dataset | None = None
    """What is known of the people who are asked, where nothing of theirs is learned from; None: the training part."""

    @property
    def known(self) -> Dataset:
        """The events that stand in the histories of the people who are asked."""
        return self.train if self.folded_in is None else self.folded_in

    @property
    def sides(self) -> tuple[Dataset, ...]:
        return (self.train, self.test) if self.folded_in is None else (self.train, self.test, self.folded_in)

    @cached_property
    def hash(self) -> str:
        """Says which events are on which side, whatever the numbering of rows and the order of equals."""
        return events_hash(self.sides)


def hash_of(splits: Sequence[Split]) -> str:
    """The hash of one split, or one that stands for several in their order."""
    hashes = [split.hash for split in splits]
    return hashes[0] if len(hashes) == 1 else blake2b("\n".join(hashes).encode(), digest_size=HASH_BYTES).hexdigest()


def divided(
    dataset: Dataset,
    test: BoolArray,
    name: str,
    train: BoolArray | None = None,
    folded_in: BoolArray | None = None,
) -> Split:
    """The split by masks over the events, each (E,); the training part is by default all that is not tested.

    Raises:
        InputError: one of the sides would be empty.
    """
    train = ~test if train is None else train
    for side, part in (("training", train), ("test", test), ("folded-in", folded_in)):
        if part is not None and not part.any():
            raise InputError(f"the {name} split of {len(test):,} events leaves the {side} part empty")
    shown = None if folded_in is None else dataset.with_events(folded_in)
    return Split(dataset.with_events(train), dataset.with_events(test), name, shown)


def check_share(name: str, share: float) -> None:
    if not 0 < share < 1:
        raise InputError(f"{name} is {share}; it must lie between 0 and 1")


def places_within(rows: IntArray, keys: FloatArray | IntArray | None = None) -> IntArray:
    """The place of each event among those of the same row, from 0, by `keys` or else as they come; (E,)."""
    order = np.argsort(rows, kind="stable") if keys is None else np.lexsort((keys, rows))
    counts = np.bincount(rows, minlength=1)
    starts = np.cumsum(counts) - counts
    places = np.empty(len(rows), np.int64)
    places[order] = np.arange(len(rows)) - starts[rows[order]]
    return places
