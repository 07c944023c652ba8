"""Plain tables: CSV, Parquet or JSON lines, as one file of events or a folder of up to four tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from serendip.data.readers.attributes import read_entities, read_relations
from serendip.data.readers.columns import EVENT_PARTS, ITEM_PARTS, RATINGS, USER_PARTS, choose, listed
from serendip.data.readers.events import VIEW, read_events
from serendip.data.readers.files import read_bytes
from serendip.data.readers.raw import (
    RawTable,
    describe_delimiter,
    guess_delimiter,
    parse_csv,
    parse_jsonl,
    parse_parquet,
)
from serendip.data.readers.result import ReadResult
from serendip.data.signals import RATING
from serendip.data.tables import Tables
from serendip.errors import InputError

TABLES = ("events", "items", "users", "relations")


class TableOptions(BaseModel):
    """What is not to be guessed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    user_column: str | None = None
    """The column of the user id; the other `_column` options likewise."""

    item_column: str | None = None
    type_column: str | None = None
    value_column: str | None = None
    time_column: str | None = None
    event_id_column: str | None = None
    text_column: str | None = None
    """The column of what people said, searches or reviews; it is read only where it is named: words are personal."""

    event_type: str | None = Field(None, min_length=1, max_length=64)
    """The type of events that tell none; by default `rating` where there are ratings, else `view`."""

    items: Path | None = None
    """A file of items; by default `items.*` in the folder. `users` and `relations` likewise."""

    users: Path | None = None
    relations: Path | None = None

    delimiter: str | None = Field(None, min_length=1, max_length=1)
    """What separates the values of a CSV file; guessed from its first line by default."""

    skip_bad_rows: bool = False
    """Leave out rows that cannot be used, and say how many, instead of refusing the file."""

    def columns(self) -> dict[str, str]:
        """Part of an event -> the column that is given for it."""
        return {
            part: given for part in (*EVENT_PARTS, "text") if (given := getattr(self, f"{part}_column")) is not None
        }


_Parse = Callable[[bytes, str, TableOptions], tuple[RawTable, list[str]]]


@dataclass(frozen=True)
class _Format:
    endings: tuple[str, ...]
    parse: _Parse
    typed: bool


def read_csv_tables(path: Path, options: TableOptions) -> ReadResult:
    """Values separated by commas, semicolons, tabs or bars, with a header; all read as text first."""
    return _read(path, options, _Format((".csv", ".tsv", ".csv.gz", ".tsv.gz"), _csv, typed=False))


def read_parquet_tables(path: Path, options: TableOptions) -> ReadResult:
    """Apache Parquet, with the types that the file states."""
    return _read(path, options, _Format((".parquet",), _parquet, typed=True))


def read_jsonl_tables(path: Path, options: TableOptions) -> ReadResult:
    """One JSON object per line."""
    endings = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")
    return _read(path, options, _Format(endings, _jsonl, typed=True))


def _csv(data: bytes, name: str, options: TableOptions) -> tuple[RawTable, list[str]]:
    table = parse_csv(data, name, delimiter=options.delimiter, skip_bad_rows=options.skip_bad_rows)
    delimiter = options.delimiter or guess_delimiter(data)
    return table, [] if delimiter == "," else [f"{name}: separated by {describe_delimiter(delimiter)}."]


def _parquet(data: bytes, name: str, options: TableOptions) -> tuple[RawTable, list[str]]:
    return parse_parquet(data, name), []


def _jsonl(data: bytes, name: str, options: TableOptions) -> tuple[RawTable, list[str]]:
    return parse_jsonl(data, name, skip_bad_rows=options.skip_bad_rows), []


def _read(path: Path, options: TableOptions, format_: _Format) -> ReadResult:
    tables: dict[str, pl.DataFrame] = {}
    notes: list[str] = []
    for table, file in _files(path, options, format_.endings).items():
        raw, said = format_.parse(read_bytes(file), file.name, options)
        tables[table], more = _table(table, raw, options, format_.typed)
        notes += said + more
    return ReadResult(Tables(**tables), notes)


def _files(path: Path, options: TableOptions, endings: tuple[str, ...]) -> dict[str, Path]:
    """Table -> the file that holds it."""
    given = {table: file for table in TABLES[1:] if (file := getattr(options, table)) is not None}
    for file in given.values():
        if not file.is_file():
            raise InputError(f"{file} is not a file.")
    if path.is_file():
        return {"events": path, **given}
    found = {table: _one_of(path, table, endings) for table in TABLES if table not in given}
    files = {table: file for table, file in found.items() if file is not None} | given
    if not files:
        raise InputError(f"{path} has no file such as events{endings[0]} or items{endings[0]}.")
    return {table: files[table] for table in TABLES if table in files}


def _one_of(folder: Path, table: str, endings: tuple[str, ...]) -> Path | None:
    files = [file for ending in endings if (file := folder / f"{table}{ending}").is_file()]
    if len(files) > 1:
        raise InputError(f"{folder} has both {files[0].name} and {files[1].name}; keep one of them.")
    return files[0] if files else None


def _table(table: str, raw: RawTable, options: TableOptions, typed: bool) -> tuple[pl.DataFrame, list[str]]:
    skip = options.skip_bad_rows
    if table == "events":
        return _events(raw, options)
    if table == "relations":
        return read_relations(raw, skip_bad_rows=skip)[:2]
    parts, given = (ITEM_PARTS, options.item_column) if table == "items" else (USER_PARTS, options.user_column)
    # The option names the column of the events; the other tables use the same name or one of the usual ones.
    own = {next(iter(parts)): given} if given in raw.frame.columns else {}
    return read_entities(raw, parts, own, typed=typed, skip_bad_rows=skip)[:2]


def _events(raw: RawTable, options: TableOptions) -> tuple[pl.DataFrame, list[str]]:
    headers = raw.frame.columns
    columns = choose(headers, EVENT_PARTS, options.columns(), raw.name)
    for part in ("user", "item"):
        if part not in columns:
            raise InputError(
                f"{raw.name} has no column for the {part} among {listed(headers)}; "
                f"name it with {part}_column (--{part}-column)."
            )
    default_type = options.event_type or _default_type(columns, options)
    events, notes, _ = read_events(raw, columns, default_type, options.skip_bad_rows)
    return events, [_column_note(raw, columns, default_type), *_ignored(raw, columns), *notes]


def _default_type(columns: Mapping[str, str], options: TableOptions) -> str:
    rated = options.value_column is not None or columns.get("value", "").strip().lower() in RATINGS
    return RATING if rated and "type" not in columns else VIEW


def _column_note(raw: RawTable, columns: Mapping[str, str], default_type: str) -> str:
    said = ", ".join(f"{part.replace('_', ' ')} from {header!r}" for part, header in columns.items())
    untyped = "" if "type" in columns else f"; there is no type column, so each event is of the type {default_type!r}"
    untimed = "" if "time" in columns else "; there is no time column, so the order counts"
    return f"{raw.name}: {said}{untyped}{untimed}."


def _ignored(raw: RawTable, columns: Mapping[str, str]) -> list[str]:
    others = [header for header in raw.frame.columns if header not in columns.values()]
    if not others:
        return []
    return [f"{raw.name}: the {'column' if len(others) == 1 else 'columns'} {listed(others)} {_are(others)} ignored."]


def _are(things: list[str]) -> str:
    return "is" if len(things) == 1 else "are"
