"""Chosen: one table in one file, with its columns as somebody chose them, and the guess that they begin with."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal, TypeAlias

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from serendip.data.readers.attributes import read_entities
from serendip.data.readers.columns import EVENT_PARTS, ITEM_PARTS, RATINGS, USER_PARTS, guess, listed
from serendip.data.readers.events import VIEW, Sifted, read_events
from serendip.data.readers.raw import RawTable, guess_delimiter, parse_csv, parse_jsonl, parse_parquet
from serendip.data.signals import RATING
from serendip.data.tables import Tables
from serendip.data.times import MILLISECONDS_FROM
from serendip.errors import InputError

TableKind: TypeAlias = Literal["events", "items", "users"]
Format: TypeAlias = Literal["csv", "jsonl", "parquet"]
TimeUnit: TypeAlias = Literal["auto", "s", "ms", "us", "ns"]

PARTS: Mapping[TableKind, Mapping[str, tuple[str, ...]]] = {
    "events": EVENT_PARTS,
    "items": ITEM_PARTS,
    "users": USER_PARTS,
}
NEEDED: Mapping[TableKind, tuple[str, ...]] = {"events": ("user", "item"), "items": ("item_id",), "users": ("user_id",)}
ENDINGS: Mapping[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
NAMES: Mapping[TableKind, tuple[str, ...]] = {
    "items": ("item", "product", "movie"),
    "users": ("user", "customer", "people"),
}
"""How the names of their files begin."""
UNITS_MS: Mapping[TimeUnit, float | None] = {"auto": None, "s": 1000.0, "ms": 1.0, "us": 1e-3, "ns": 1e-6}
SEPARATOR = r"^[\t !#-~]$"  # one byte, and no quotation mark
HEAD_BYTES = 256 << 10
SAMPLE_ROWS = 20
LONGEST_CELL = 120


class Choice(BaseModel):
    """How to read a file."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    kind: TableKind
    format: Format
    delimiter: str | None = Field(None, min_length=1, max_length=1, pattern=SEPARATOR)
    """What separates the values of a CSV file; absent: whatever does most often in its first line."""
    columns: dict[str, str] = Field({}, max_length=20)
    """Which column plays which part, such as `{"user": "visitorid"}`; what plays none is an attribute of an item or a
    person, and says nothing of an event."""
    leave_out: tuple[str, ...] = Field((), max_length=1_000)
    """Columns that shall not become attributes."""
    event_type: str | None = Field(None, min_length=1, max_length=64)
    """The type of events that tell none; absent: `rating` where there are ratings, else `view`."""
    time_unit: TimeUnit = "auto"
    """Of times that are numbers; `auto`: seconds or milliseconds, by their size."""


@dataclass(frozen=True)
class Guess:
    """What a file seems to be."""

    choice: Choice
    headers: list[str]
    sample: list[list[str | None]]
    """The first rows, as texts."""


def guessed(path: Path, name: str, kind: TableKind | None = None, delimiter: str | None = None) -> Guess:
    """What the beginning of a file tells; `name` is what its owner calls it.

    Raises:
        InputError: it cannot be read at all.
    """
    format_ = format_of(name)
    raw, delimiter = _beginning(path, name, format_, delimiter)
    headers = raw.frame.columns
    kind = kind or _kind_of(name, headers)
    columns = guess(headers, PARTS[kind])
    unit = _unit_of(raw.frame[columns["time"]]) if "time" in columns else "auto"
    choice = Choice(kind=kind, format=format_, delimiter=delimiter, columns=columns, time_unit=unit)
    sample = [[_shown(cell) for cell in row] for row in raw.frame.head(SAMPLE_ROWS).iter_rows()]
    return Guess(choice, headers, sample)


def format_of(name: str) -> Format:
    """By the ending of a file's name.

    Raises:
        InputError: it is none that is read here.
    """
    format_ = ENDINGS.get(Path(name).suffix.lower())
    if format_ is None:
        raise InputError(f"{name} is of a kind that is not read here; its name ends in one of {', '.join(ENDINGS)}")
    return format_


def read_chosen(raw: RawTable, choice: Choice) -> tuple[Tables, Sifted]:
    """The tables of a file, and what was left out of it: rows that cannot be used, each with the reason.

    Raises:
        InputError: a column is not there or not chosen.
    """
    headers, parts = raw.frame.columns, PARTS[choice.kind]
    for part, header in choice.columns.items():
        if part not in parts:
            raise InputError(f"{choice.kind} have no {part!r}; they have {listed(list(parts), 20)}")
        if header not in headers:
            raise InputError(f"{raw.name} has no column {header!r} for the {part}; it has {listed(headers)}")
    for part in NEEDED[choice.kind]:
        if part not in choice.columns:
            raise InputError(f"choose the column that holds the {part.replace('_', ' ')}")
    if len(set(choice.columns.values())) < len(choice.columns):
        raise InputError("each part needs a column of its own")
    if choice.kind == "events":
        sifted = _events(raw, choice)
        return Tables(sifted.frame), sifted
    sifted = _entities(raw, choice)
    return (Tables(items=sifted.frame) if choice.kind == "items" else Tables(users=sifted.frame)), sifted


def parsed(data: bytes, name: str, choice: Choice) -> RawTable:
    """The rows of a file; those that are broken are left out."""
    if choice.format == "csv":
        return parse_csv(data, name, delimiter=choice.delimiter, skip_bad_rows=True)
    if choice.format == "jsonl":
        return parse_jsonl(data, name, skip_bad_rows=True)
    return parse_parquet(data, name)


def _events(raw: RawTable, choice: Choice) -> Sifted:
    rated = choice.columns.get("value", "").strip().lower() in RATINGS and "type" not in choice.columns
    default_type = choice.event_type or (RATING if rated else VIEW)
    return read_events(raw, choice.columns, default_type, True, UNITS_MS[choice.time_unit])


def _entities(raw: RawTable, choice: Choice) -> Sifted:
    kept = [header for header in raw.frame.columns if header not in choice.leave_out]
    missing = set(choice.columns.values()) - set(kept)
    if missing:
        raise InputError(f"the column {min(missing)!r} has a part and is left out: choose one of both")
    unnamed = {part: () for part in PARTS[choice.kind]}  # nothing is guessed beyond what was chosen
    chosen = RawTable(raw.name, raw.frame.select(kept), raw.records, raw.lines, raw.skipped, raw.refused)
    return read_entities(chosen, unnamed, choice.columns, typed=choice.format != "csv", skip_bad_rows=True)


def _beginning(path: Path, name: str, format_: Format, delimiter: str | None) -> tuple[RawTable, str | None]:
    if format_ == "parquet":
        try:
            rows = pl.scan_parquet(path).head(SAMPLE_ROWS).collect()
        except (pl.exceptions.PolarsError, OSError):
            raise InputError(f"{name} is not a readable Parquet file") from None
        buffer = io.BytesIO()
        rows.write_parquet(buffer)
        return parse_parquet(buffer.getvalue(), name), None
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        whole = not file.read(1)
    if not whole:  # the last line may be cut off
        head = head[: head.rfind(b"\n") + 1] or head
    if format_ == "jsonl":
        some = b"\n".join(islice((line for line in head.split(b"\n") if line.strip()), SAMPLE_ROWS * 5))
        return parse_jsonl(some, name, skip_bad_rows=True), None
    raw = parse_csv(head, name, delimiter=delimiter, skip_bad_rows=True)
    return raw, delimiter or guess_delimiter(head.removeprefix(b"\xef\xbb\xbf"))


def _kind_of(name: str, headers: Sequence[str]) -> TableKind:
    """By the name of the file, else by its columns."""
    stem = Path(name).stem.lower()
    for kind, words in NAMES.items():
        if stem.startswith(words):
            return kind
    found = guess(headers, EVENT_PARTS)
    if {"user", "item"} <= set(found) or {"item", "type", "time"} <= set(found):
        return "events"
    return "users" if "user" in found else "items"


def _unit_of(column: pl.Series) -> TimeUnit:
    """By the size of most numbers; `auto` where they are dates or texts."""
    numbers = column.cast(pl.Float64, strict=False) if column.dtype == pl.String or column.dtype.is_numeric() else None
    middle = numbers.median() if numbers is not None and numbers.null_count() < len(numbers) / 2 else None
    if not isinstance(middle, float):
        return "auto"
    steps: tuple[tuple[float, TimeUnit], ...] = ((1e17, "ns"), (1e14, "us"), (MILLISECONDS_FROM, "ms"))
    return next((unit for least, unit in steps if middle >= least), "s")


def _shown(cell: object) -> str | None:
    if cell is None:
        return None
    text = str(cell)
    return text if len(text) <= LONGEST_CELL else f"{text[:LONGEST_CELL]}…"
