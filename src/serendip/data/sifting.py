"""Sifting: what a stranger's file is, and what is in it, found out in a process of its own.

`python -m serendip.data.sifting FOLDER` reads `FOLDER/file` as `FOLDER/task.json` says and writes `answer.json`, the
tables that can be imported (`tables/*.parquet`) and the rows that cannot (`rejected.csv`). Whoever starts it watches
its time and memory: a small file can hold much, and one that was made to do harm takes nothing but this process.
"""

from __future__ import annotations

import csv
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import polars as pl

from serendip.data.checks import Finding, Level, check
from serendip.data.cleaning import canonical
from serendip.data.readers.chosen import LONGEST_CELL, Choice, guessed, parsed, read_chosen
from serendip.data.readers.events import Sifted
from serendip.data.readers.raw import RawTable
from serendip.data.signals import Signals
from serendip.data.tables import Tables
from serendip.errors import InputError

FILE, TASK, ANSWER, REJECTED, TABLES = "file", "task.json", "answer.json", "rejected.csv", "tables"
MOST_ROWS = 2_000_000
MOST_COLUMNS = 200
MOST_TEXT = 1 << 30
"""Bytes of all texts of a file together: one that repeats a long text a million times is small until it is read."""
SHOWN_REFUSED = 20

_OF_ENTITIES = ("ids", "encoding")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)*([eE][+-]?\d+)?")


def main(folder: Path) -> None:
    """Do the task in `folder`; what is wrong with the file is the `fault` of the answer."""
    task: dict[str, Any] = json.loads((folder / TASK).read_text(encoding="utf-8"))
    try:
        answer = _sift(folder, task) if "choice" in task else _guess(folder, task)
    except InputError as error:
        answer = {"fault": str(error)}
    (folder / ANSWER).write_text(json.dumps(answer), encoding="utf-8")


def _guess(folder: Path, task: Mapping[str, Any]) -> dict[str, Any]:
    found = guessed(folder / FILE, task["name"], task.get("kind"), task.get("delimiter"))
    if len(found.headers) > MOST_COLUMNS:
        raise InputError(f"{task['name']} has {len(found.headers):,} columns; there may be {MOST_COLUMNS}")
    return {"choice": found.choice.model_dump(), "headers": found.headers, "sample": found.sample}


def _sift(folder: Path, task: Mapping[str, Any]) -> dict[str, Any]:
    choice, name = Choice(**task["choice"]), task["name"]
    path = folder / FILE
    if choice.format == "parquet":
        _check_rows(name, _parquet_rows(path, name))
    raw = parsed(path.read_bytes(), name, choice)
    _check_rows(name, raw.frame.height)
    _check_text(name, raw.frame)
    rows = raw.frame.height + raw.skipped
    tables, sifted = read_chosen(raw, choice)
    tables, spelling = canonical(tables)
    _write(folder, tables)
    refused = _refused(sifted.kept)
    _write_refused(folder / REJECTED, refused)
    findings = [
        _rows_finding(tables, sifted, rows),
        *_findings(tables, choice, Signals(**task["signals"]), task["first"]),
    ]
    return {
        "rows": rows,
        "kept": _size(tables),
        "refused": sifted.kept.skipped,
        "refused_told": len(refused),
        "first_refused": [{**row, "cells": _short(row["cells"])} for row in refused[:SHOWN_REFUSED]],
        "notes": [*sifted.notes, *([spelling.sentence + "."] if spelling.examples else [])],
        "findings": [asdict(one) for one in findings],
    }


def _parquet_rows(path: Path, name: str) -> int:
    """As the end of the file tells; nothing else is read."""
    try:
        return int(pl.scan_parquet(path).select(pl.len()).collect().item())
    except (pl.exceptions.PolarsError, OSError):
        raise InputError(f"{name} is not a readable Parquet file") from None


def _check_rows(name: str, rows: int) -> None:
    if rows > MOST_ROWS:
        raise InputError(f"{name} has {rows:,} rows; here are at most {MOST_ROWS:,} (`serendip import` takes more)")


def _check_text(name: str, frame: pl.DataFrame) -> None:
    texts = [column for column, kind in frame.schema.items() if kind == pl.String]
    size = sum(int(frame[column].str.len_bytes().cast(pl.Int64).sum() or 0) for column in texts)
    if size > MOST_TEXT:
        raise InputError(f"{name} holds more than {MOST_TEXT:,} bytes of text (`serendip import` takes more)")


def _size(tables: Tables) -> int:
    return tables.events.height + tables.items.height + tables.users.height


def _write(folder: Path, tables: Tables) -> None:
    (folder / TABLES).mkdir(exist_ok=True)
    for name in ("events", "items", "users"):
        frame: pl.DataFrame = getattr(tables, name)
        frame.write_parquet(folder / TABLES / f"{name}.parquet")


def written(folder: Path) -> Tables:
    """The tables that a process wrote."""
    names = ("events", "items", "users")
    return Tables(*(pl.read_parquet(folder / TABLES / f"{name}.parquet", memory_map=False) for name in names))


def _rows_finding(tables: Tables, sifted: Sifted, rows: int) -> Finding:
    refused, kept = sifted.kept.skipped, _size(tables)
    level: Level = "FAIL" if not kept else "WARN" if refused else "PASS"
    detail = f"{kept:,} of {rows:,} rows can be imported" + (f"; {refused:,} cannot be used" if refused else "")
    return Finding(level, "rows", detail, refused)


def _findings(tables: Tables, choice: Choice, signals: Signals, first: bool) -> list[Finding]:
    """Those of `serendip check` that the file alone can answer; `first`: there are no events yet beside it."""
    found = check(tables, signals)
    if choice.kind != "events":
        return [one for one in found if one.name in _OF_ENTITIES]
    left_out = {"unknown items"} | (set() if first else {"enough data"})
    return [one for one in found if one.name not in left_out]


# Rows that cannot be imported


def _refused(kept: RawTable) -> list[dict[str, Any]]:
    told = sorted(kept.refused, key=lambda one: one.record)
    lines = kept.lines_of([one.record for one in told])
    return [{"row": line, "why": one.why, "cells": one.cells} for line, one in zip(lines, told, strict=True)]


def _short(cells: Mapping[str, object]) -> dict[str, str | None]:
    return {name: None if cell is None else str(cell)[:LONGEST_CELL] for name, cell in cells.items()}


def _write_refused(path: Path, refused: list[dict[str, Any]]) -> None:
    names = list(dict.fromkeys(name for row in refused for name in row["cells"]))
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow([harmless(cell) for cell in ("row", "reason", *names)])
        out.writerows(_lines(refused, names))


def _lines(refused: list[dict[str, Any]], names: list[str]) -> Iterator[list[str]]:
    for row in refused:
        cells = ("" if row["cells"].get(name) is None else str(row["cells"][name]) for name in names)
        yield [str(row["row"]), *(harmless(cell) for cell in (row["why"], *cells))]


def harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula: one that begins like one is marked as text with an apostrophe."""
    return f"'{cell}" if cell.startswith(_FORMULA) and not _NUMBER.fullmatch(cell) else cell


if __name__ == "__main__":
    if hasattr(os, "nice"):
        os.nice(10)  # whoever asks for lists goes first
    main(Path(sys.argv[1]))
