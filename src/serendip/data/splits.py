"""Splits: which events may be learned from, and which must be foretold.

Both sides share people, items and their rows. Events keep the stable order of (time, original row).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b

import numpy as np
import polars as pl

from serendip.data.arrays import BoolArray, IntArray
from serendip.data.dataset import Dataset
from serendip.errors import InputError

HASH_BYTES = 16
LINES_AT_ONCE = 100_000


@dataclass(frozen=True, eq=False)
class Split:
    """The training and the test part of one dataset."""

    train: Dataset
    test: Dataset
    name: str

    @cached_property
    def hash(self) -> str:
        """Says which events are on which side, whatever the numbering of rows and the order of equals."""
        digest = blake2b(digest_size=HASH_BYTES)
        for side in (self.train, self.test):
            _add_lines(digest.update, _event_lines(side, with_values=False))
            digest.update(b"\0")
        return digest.hexdigest()


def global_time(dataset: Dataset, test_share: float = 0.2) -> Split:
    """The last `test_share` of all events, by time, are the test: nothing learned is later than anything foretold.

    Events at the very time of the cut are all test events. Events without a time come first; where the cut falls
    among them, their original order decides.

    Raises:
        InputError: `test_share` is not between 0 and 1, or one side would be empty.
    """
    _check_share(test_share)
    times_ms = dataset.events.times_ms
    if not len(times_ms):
        raise InputError("the global-time split needs events, and there are none")
    place = min(round(len(times_ms) * (1 - test_share)), len(times_ms) - 1)
    cut = int(np.searchsorted(times_ms, times_ms[place])) if times_ms[place] > 0 else place
    return _split(dataset, np.arange(len(times_ms)) >= cut, "global-time")


def leave_one_out(dataset: Dataset, validation: bool = False) -> Split:
    """Each person's last liked event is the test; what they did before it is for training.

    What a person did after their test event is on neither side, and so are their earlier events on the same item:
    it could not be foretold as something new. Other people's later events do stay in training: this split lets
    models see the future and exists to compare with the literature.

    Args:
        validation: Leave the test events out altogether and hold out each person's liked event before them.

    Raises:
        InputError: nobody liked anything.
    """
    if validation:
        dataset = leave_one_out(dataset).train
    events = dataset.events
    liked = np.flatnonzero(events.signals > 0)
    last = np.full(dataset.n_users, -1)
    last[events.user_rows[liked]] = liked  # the last write is the latest event
    own = last[events.user_rows]  # (E,), the test event of each event's person, -1 for none
    places = np.arange(len(events))
    before = (places < own) & (events.item_rows != events.item_rows[own])
    return _split(dataset, places == own, "leave-one-out", train=before | (own < 0))


def random_per_user(dataset: Dataset, test_share: float = 0.2, seed: int = 0) -> Split:
    """A random `test_share` of each person's events, rounded, is the test.

    It flatters: models learn from the future and from the very days they are asked about. Kept to compare with the
    literature.

    Raises:
        InputError: `test_share` is not between 0 and 1, or one side would be empty.
    """
    _check_share(test_share)
    user_rows = dataset.events.user_rows
    order = np.lexsort((np.random.default_rng(seed).random(len(user_rows)), user_rows))  # shuffled within people
    counts = np.bincount(user_rows, minlength=dataset.n_users)
    starts = np.cumsum(counts) - counts
    within = np.arange(len(order)) - starts[user_rows[order]]
    test = np.zeros(len(order), dtype=bool)
    test[order] = within < np.round(counts * test_share)[user_rows[order]]
    return _split(dataset, test, "random-per-user")


SPLITS: dict[str, Callable[..., Split]] = {
    "global-time": global_time,
    "leave-one-out": leave_one_out,
    "random-per-user": random_per_user,
}


def data_hash(dataset: Dataset) -> str:
    """Says which events with which values, people, items and facts a dataset holds, whatever their order."""
    digest = blake2b(digest_size=HASH_BYTES)
    _add_lines(digest.update, _event_lines(dataset, with_values=True))
    for frame in (dataset.items.attributes, dataset.users.attributes, dataset.relations):
        digest.update(b"\0")
        ordered = frame.select(sorted(frame.columns)).sort(_sortable(frame))
        for part in ordered.iter_slices(LINES_AT_ONCE):
            digest.update(part.write_ndjson().encode())
    return digest.hexdigest()


def _split(dataset: Dataset, test: BoolArray, name: str, train: BoolArray | None = None) -> Split:
    train = ~test if train is None else train
    if not test.any() or not train.any():
        side = "test" if train.any() else "training"
        raise InputError(f"the {name} split of {len(test):,} events leaves the {side} part empty")
    return Split(dataset.with_events(train), dataset.with_events(test), name)


def _check_share(test_share: float) -> None:
    if not 0 < test_share < 1:
        raise InputError(f"test_share is {test_share}; it must lie between 0 and 1")


def _event_lines(dataset: Dataset, with_values: bool) -> pl.Series:
    """One line of text per event; ids carry their length, so that no two events read alike."""
    events = dataset.events
    columns = {
        "user_id": _ids(dataset.users.vocabulary.ids(), events.user_rows),
        "item_id": _ids(dataset.items.vocabulary.ids(), events.item_rows),
        "type": events.types,
        "time_ms": pl.Series(events.times_ms),
    }
    if with_values:
        columns["value"] = pl.Series(events.values)
    texts = [
        pl.concat_str(pl.col(name).str.len_bytes(), pl.lit(":"), pl.col(name))
        for name in ("user_id", "item_id", "type")
    ]
    numbers = [pl.col(name).cast(pl.String) for name in columns if name in ("time_ms", "value")]
    return pl.DataFrame(columns).select(pl.concat_str(*texts, *numbers, separator=" ")).to_series()


def _ids(vocabulary: tuple[str, ...], rows: IntArray) -> pl.Series:
    return pl.Series(vocabulary, dtype=pl.String).gather(rows)


def _add_lines(update: Callable[[bytes], None], lines: pl.Series) -> None:
    ordered = lines.sort()
    for start in range(0, len(ordered), LINES_AT_ONCE):
        update("\n".join(ordered[start : start + LINES_AT_ONCE]).encode() + b"\n")


def _sortable(frame: pl.DataFrame) -> list[str]:
    """Enough columns to fix the order of rows: the id of people and items, all three of facts."""
    first = frame.columns[0]
    return [first] if first in ("item_id", "user_id") else list(frame.columns)
