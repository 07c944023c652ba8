"""Events out of a raw table: each cell is checked, and what is wrong names its row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import polars as pl

from serendip.data.query import MAX_ID_BYTES, MOST_TEXT, NO_ITEM
from serendip.data.readers.cells import as_numbers, as_text, as_times_ms, is_blank
from serendip.data.readers.raw import RawTable
from serendip.data.signals import RATING
from serendip.data.tables import event_frame
from serendip.data.times import epoch_ms
from serendip.errors import InputError

VIEW = "view"


@dataclass(frozen=True)
class Fault:
    """Rows that cannot be used, and what is wrong with one of them (by its index)."""

    rows: pl.Series  # (E,) bool
    what: Callable[[int], str]


class Sifted(NamedTuple):
    """What could be read, in a sentence each what was left out, and the rows that could be used."""

    frame: pl.DataFrame
    notes: list[str]
    kept: RawTable


def without_faults(raw: RawTable, faults: Sequence[Fault], skip_bad_rows: bool) -> tuple[RawTable, pl.Series]:
    """The rows without a fault, and the mask (E,) that tells them.

    Raises:
        InputError: there is a fault and bad rows are not to be left out; it names the first row.
    """
    good = pl.repeat(True, raw.frame.height, eager=True)
    for fault in faults:
        good &= ~fault.rows
    if good.all():
        return raw, good

    def why(index: int) -> str:
        return next(fault.what(index) for fault in faults if fault.rows[index])

    if not skip_bad_rows:
        first = good.arg_min() or 0
        raise InputError(f"{raw.row(first)}: {why(first)}.")
    return raw.keep(good.to_numpy(), why), good


def read_events(
    raw: RawTable,
    columns: Mapping[str, str],
    default_type: str,
    skip_bad_rows: bool = False,
    unit_ms: float | None = None,
) -> Sifted:
    """Events by `EVENT_SCHEMA` in file order, and notes; `columns` says which header plays which part.

    `unit_ms` are the milliseconds of one in a time that is a number; without it each number tells its own unit.
    An event without a type is of the default type, but a rating without a value says nothing and is a view.
    """
    cells, faults = _cells(raw, columns, unit_ms)
    kept, good = without_faults(raw, faults, skip_bad_rows)
    frame = event_frame(pl.DataFrame(cells).filter(good))
    untyped = pl.col("type").is_null() | (pl.col("type").str.strip_chars() == "")
    guessed = pl.lit(default_type)
    if default_type == RATING:
        guessed = pl.when(pl.col("value").is_null()).then(pl.lit(VIEW)).otherwise(guessed)
    typed = frame.with_columns(pl.when(untyped).then(guessed).otherwise(pl.col("type")).alias("type"))
    return Sifted(typed, left_out(kept), kept)


def left_out(kept: RawTable) -> list[str]:
    """What `without_faults` and the parser left out, as a note."""
    return [f"{kept.name}: bad rows left out: {kept.skipped:,}."] if kept.skipped else []


def _cells(
    raw: RawTable, columns: Mapping[str, str], unit_ms: float | None
) -> tuple[dict[str, pl.Series], list[Fault]]:
    """The columns of the events, and what is wrong in them."""
    frame = raw.frame
    cells, faults = {}, []
    if "text" in columns:
        texts = as_text(frame[columns["text"]])
        cells["text"] = texts.set(is_blank(texts), None)
        too_long = (texts.str.len_chars() > MOST_TEXT).fill_null(False)
        faults.append(Fault(too_long, lambda _: f"the text is longer than {MOST_TEXT:,} characters"))
    for part in ("user", "item"):
        ids = as_text(frame[columns[part]])
        search = is_blank(ids) & cells["text"].is_not_null() if part == "item" and "text" in cells else None
        cells[f"{part}_id"] = ids if search is None else ids.set(search, NO_ITEM)
        faults += unusable(ids if search is None else ids.set(search, "none"), f"{part} id")
    cells["type"] = as_text(frame[columns["type"]]) if "type" in columns else _nothing(frame, pl.String())
    if "event_id" in columns:
        event_ids = as_text(frame[columns["event_id"]])
        cells["event_id"] = event_ids.set(is_blank(event_ids), None)
    if "value" in columns:
        cells["value"], bad = as_numbers(frame[columns["value"]])
        faults.append(no_number(frame[columns["value"]], bad, "value"))
    if "time" in columns:
        cells["time_ms"], bad = as_times_ms(frame[columns["time"]], unit_ms)
        faults.append(_no_time(frame[columns["time"]], bad))
    return cells, faults


def missing(column: pl.Series, part: str) -> Fault:
    return Fault(is_blank(column), lambda _: f"the {part} is missing")


def unusable(ids: pl.Series, part: str) -> list[Fault]:
    """Ids that are missing, too long to be addressed, or that no database keeps."""
    too_long = (ids.str.len_bytes() > MAX_ID_BYTES).fill_null(False)
    return [
        missing(ids, part),
        Fault(too_long, lambda _: f"the {part} is longer than {MAX_ID_BYTES} bytes"),
        Fault(ids.str.contains("\0", literal=True).fill_null(False), lambda _: f"the {part} holds a NUL character"),
    ]


def no_number(column: pl.Series, bad: pl.Series, part: str) -> Fault:
    return Fault(bad, lambda index: f"the {part} {column[index]!r} is not a number")


def _no_time(column: pl.Series, bad: pl.Series) -> Fault:
    def what(index: int) -> str:
        value = column[index]
        try:
            epoch_ms(value.strip() if isinstance(value, str) else value)
        except ValueError as error:
            return str(error)
        return f"the time {value} lies outside 1970 to 2100"

    return Fault(bad, what)


def _nothing(frame: pl.DataFrame, kind: pl.DataType) -> pl.Series:
    return pl.repeat(None, frame.height, dtype=kind, eager=True)
