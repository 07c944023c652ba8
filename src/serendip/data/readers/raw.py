"""Raw tables: a file's rows as columns, before anybody says what the columns mean."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice
from typing import Literal

import numpy as np
import polars as pl

from serendip.data.arrays import BoolArray, IntArray
from serendip.data.readers.files import check_utf8
from serendip.errors import InputError

_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_BOM = b"\xef\xbb\xbf"
NO_OBJECT = "the line is not a JSON object"
LONGEST_LINE = 1_000  # bytes of a line that are told
MOST_REFUSED = 10_000
"""Rows that were left out are told one by one up to here; the others are counted."""


@dataclass(frozen=True)
class RefusedRow:
    """A row that cannot be used."""

    record: int
    why: str
    cells: dict[str, object]
    """What stands in it; `line` where it could not be read."""


@dataclass(frozen=True, eq=False)
class RawTable:
    """Rows, where they came from, and how to name one of them."""

    name: str
    frame: pl.DataFrame
    records: IntArray  # (E,) which record of the file each row is; some are left out
    lines: Callable[[], Iterator[int]]  # of each record: the 1-based row as an editor shows it
    skipped: int = 0
    refused: tuple[RefusedRow, ...] = ()  # the first of those that were skipped

    def row(self, index: int) -> str:
        """`events.csv, row 17`."""
        return f"{self.name}, row {self.lines_of([int(self.records[index])])[0]}"

    def lines_of(self, records: Sequence[int]) -> list[int]:
        """Where records (in their order) start; slow, and only needed to say what is wrong."""
        wanted = iter(records)
        found, record = [], next(wanted, None)
        for place, line in enumerate(self.lines()):
            if record is None:
                break
            if place == record:
                found.append(line)
                record = next(wanted, None)
        return found

    def keep(self, mask: BoolArray, why: Callable[[int], str]) -> RawTable:
        """The rows at `mask`; the others count as skipped, and `why` says of each (by its index) what is wrong."""
        out = np.flatnonzero(~mask)
        told = [RefusedRow(int(self.records[at]), why(at), self._cells(at)) for at in map(int, out[:MOST_REFUSED])]
        return replace(
            self,
            frame=self.frame.filter(mask),
            records=self.records[mask],
            skipped=self.skipped + len(out),
            refused=(*self.refused, *told)[:MOST_REFUSED],
        )

    def _cells(self, index: int) -> dict[str, object]:
        return self.frame.row(index, named=True)


def raw_table(name: str, frame: pl.DataFrame, lines: Callable[[], Iterator[int]]) -> RawTable:
    """All rows of `frame`."""
    return RawTable(name, frame, np.arange(frame.height), lines)


def parse_csv(
    data: bytes,
    name: str,
    *,
    delimiter: str | None = None,
    columns: Sequence[str] | None = None,
    quoted: bool = True,
    skip_bad_rows: bool = False,
) -> RawTable:
    """Separated values, all as text; empty lines are passed over.

    `columns` names the columns of a file without a header. A row with more or fewer fields than the header is an
    error, or is left out.
    """
    data = data.removeprefix(_BOM)
    if not data.strip():
        raise InputError(f"{name} is empty.")
    check_utf8(data, name)
    sheet = _Sheet(data, name, delimiter or guess_delimiter(data), columns, quoted)
    frame, uneven = sheet.read(skip_bad_rows)
    table = raw_table(name, frame, sheet.lines)
    filled = ~frame.select(pl.all_horizontal(pl.all().is_null())).to_series().to_numpy()
    table = replace(table, frame=frame.filter(filled), records=table.records[filled])
    if not uneven:
        return table
    return table.keep(~np.isin(table.records, list(uneven)), lambda index: uneven[int(table.records[index])])


def guess_delimiter(data: bytes) -> str:
    """The separator that occurs most often in the first line, quoted parts apart; a comma where none does."""
    first = data.lstrip(b"\r\n").split(b"\n", 1)[0].decode()
    bare = "".join(first.split('"')[::2])
    return max(_DELIMITERS, key=bare.count)


def describe_delimiter(delimiter: str) -> str:
    return _DELIMITERS.get(delimiter, repr(delimiter))


@dataclass(frozen=True)
class _Sheet:
    """One text of separated values."""

    data: bytes
    name: str
    delimiter: str
    columns: Sequence[str] | None
    quoted: bool

    def read(self, skip_bad_rows: bool) -> tuple[pl.DataFrame, dict[int, str]]:
        """The rows, and what is wrong with the records among them whose number of fields is."""
        try:
            frame = self._parse(cut=False)
        except pl.exceptions.ComputeError:
            return self._read_uneven(skip_bad_rows)
        short = pl.last().is_null() & pl.first().is_not_null()
        if frame.width == 1 or not frame.select(short.any()).item():
            return frame, {}
        return frame, self._uneven(skip_bad_rows, strict=False)

    def _read_uneven(self, skip_bad_rows: bool) -> tuple[pl.DataFrame, dict[int, str]]:
        uneven = self._uneven(skip_bad_rows, strict=True)
        try:
            return self._parse(cut=True), uneven
        except pl.exceptions.ComputeError:
            separator = describe_delimiter(self.delimiter)
            raise InputError(f"{self.name} is not a table of values separated by {separator}.") from None

    def _parse(self, *, cut: bool) -> pl.DataFrame:
        return pl.read_csv(
            io.BytesIO(self.data),
            separator=self.delimiter,
            has_header=self.columns is None,
            new_columns=self.columns,
            quote_char='"' if self.quoted else None,
            infer_schema=False,
            truncate_ragged_lines=cut,
        )

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        """The first line of each record, and its fields, from the header (or the first row) on."""
        text = io.TextIOWrapper(io.BytesIO(self.data), encoding="utf-8", newline="")
        quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if self.quoted else csv.QUOTE_NONE
        reader = csv.reader(text, delimiter=self.delimiter, quoting=quoting, strict=True)
        line, begun = 1, False
        try:
            for fields in reader:
                begun = begun or bool(fields)
                if begun:
                    yield line, fields
                line = reader.line_num + 1
        except csv.Error as error:
            raise InputError(f"{self.name}, row {line}: a quoted field is wrong ({error}).") from None

    def _uneven(self, skip_bad_rows: bool, *, strict: bool) -> dict[int, str]:
        """Records that are too long or too short; with `strict`, a field that cannot be parsed is an error."""
        found: dict[int, str] = {}
        records = self._records()
        wanted = len(self.columns) if self.columns else len(next(records)[1])
        try:
            for record, (line, fields) in enumerate(records):
                if fields and len(fields) != wanted:
                    found[record] = f"it has {_fields(len(fields))}, {_fields(wanted)} are expected"
                    if not skip_bad_rows:
                        raise _UnevenError(f"{self.name}, row {line}: {found[record]}.")
        except InputError as error:
            if strict or isinstance(error, _UnevenError):
                raise
        return found

    def lines(self) -> Iterator[int]:
        """Where records start."""
        return (line for line, _ in islice(self._records(), int(self.columns is None), None))


class _UnevenError(InputError):
    """A row with the wrong number of fields."""


def _fields(count: int) -> str:
    return "1 field" if count == 1 else f"{count} fields"


def parse_jsonl(data: bytes, name: str, *, skip_bad_rows: bool = False) -> RawTable:
    """One JSON object per line; empty lines are passed over."""
    data = data.removeprefix(_BOM)
    if not data.strip():
        raise InputError(f"{name} is empty.")
    check_utf8(data, name)

    def lines() -> Iterator[int]:
        return (line for line, text in enumerate(data.split(b"\n"), 1) if text.strip())

    try:
        return raw_table(name, pl.read_ndjson(io.BytesIO(data), infer_schema_length=None), lines)
    except pl.exceptions.PolarsError:
        return _parse_jsonl_slowly(data, name, lines, skip_bad_rows)


def _parse_jsonl_slowly(data: bytes, name: str, lines: Callable[[], Iterator[int]], skip_bad_rows: bool) -> RawTable:
    """For files with a broken line, or with a column of several types, which becomes text."""
    rows, records, refused, skipped = [], [], [], 0
    for record, text in enumerate(text for text in data.split(b"\n") if text.strip()):
        row = _json_object(text)
        if row is not None:
            rows.append(row)
            records.append(record)
        elif skip_bad_rows:
            skipped += 1
            refused.append(RefusedRow(record, NO_OBJECT, {"line": text[:LONGEST_LINE].decode("utf-8", "replace")}))
            del refused[MOST_REFUSED:]
        else:
            raise InputError(f"{name}, row {next(islice(lines(), record, None))}: {NO_OBJECT}.")
    names = dict.fromkeys(key for row in rows for key in row)
    frame = pl.DataFrame([_column(key, [row.get(key) for row in rows]) for key in names])
    return RawTable(name, frame, np.array(records, dtype=np.int64), lines, skipped, tuple(refused))


def _json_object(text: bytes) -> dict[str, object] | None:
    try:
        row = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


def _column(name: str, values: list[object]) -> pl.Series:
    try:
        return pl.Series(name, values)
    except (TypeError, OverflowError, pl.exceptions.PolarsError):
        texts = [value if isinstance(value, str | None) else json.dumps(value, ensure_ascii=False) for value in values]
        return pl.Series(name, texts, dtype=pl.String)


def parse_parquet(data: bytes, name: str) -> RawTable:
    """A Parquet file; its rows are counted from 1."""
    if not data:
        raise InputError(f"{name} is empty.")
    try:
        frame = pl.read_parquet(io.BytesIO(data))
    except (pl.exceptions.PolarsError, OSError):
        raise InputError(f"{name} is not a readable Parquet file.") from None
    return raw_table(name, frame, lambda: count(1))
