"""Hashes: by which two programs can tell that they speak of the same events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b

import polars as pl

from serendip.data.arrays import IntArray
from serendip.data.dataset import Dataset

HASH_BYTES = 16
LINES_AT_ONCE = 100_000


def events_hash(sides: Sequence[Dataset]) -> str:
    """Says which events are on which of `sides`, whatever the numbering of rows and the order of equals."""
    digest = blake2b(digest_size=HASH_BYTES)
    for side in sides:
        _add_lines(digest.update, _event_lines(side, with_values=False))
        digest.update(b"\0")
    return digest.hexdigest()


def data_hash(*parts: Dataset) -> str:
    """Says which events with which values, people, items and facts there are, whatever their order.

    Several `parts` are parts of the events of one dataset: they share people, items and facts.
    """
    digest = blake2b(digest_size=HASH_BYTES)
    _add_lines(digest.update, pl.concat([_event_lines(part, with_values=True) for part in parts]))
    for frame in (parts[0].items.attributes, parts[0].users.attributes, parts[0].relations):
        digest.update(b"\0")
        ordered = frame.select(sorted(frame.columns)).sort(_sortable(frame))
        for some in ordered.iter_slices(LINES_AT_ONCE):
            digest.update(some.write_ndjson().encode())
    return digest.hexdigest()


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
