"""Gorse: the dump that its master writes (`/api/dump`), and its exports as JSON lines (`/api/bulk/...`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import BaseModel, ConfigDict

from serendip.data.gorse import feedback_id, item_attributes, user_attributes
from serendip.data.query import MAX_ID_BYTES
from serendip.data.readers import gorse_dump, gorse_lines
from serendip.data.readers.files import members, read_bytes
from serendip.data.readers.gorse_record import Place, Record
from serendip.data.readers.result import ReadResult
from serendip.data.tables import EVENT_SCHEMA, Tables, event_frame
from serendip.errors import InputError

_LONGEST_TYPE = 64  # characters


class GorseOptions(BaseModel):
    """There is nothing to choose: gorse says what everything is."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def read(path: Path, options: GorseOptions) -> ReadResult:
    """A dump; or JSON lines: a file called `users`, `items` or `feedback`, or a folder or zip with some of these."""
    gathered = _Gathered()
    for kind, place, record in _records(path):
        gathered.take(kind, place, record)
    return ReadResult(gathered.tables(), gathered.notes())


def _records(path: Path) -> Iterator[tuple[str, Place, Record]]:
    kind = gorse_lines.kind_of(path.name)
    if kind is not None and path.is_file():
        yield from gorse_lines.records(kind, path.name, read_bytes(path))
    elif path.is_dir() or path.suffix == ".zip":
        yield from _of_folder(path)
    else:
        yield from gorse_dump.records(path)


def _of_folder(path: Path) -> Iterator[tuple[str, Place, Record]]:
    files = members(path)
    kinds = {name: kind for name in files.openers if (kind := gorse_lines.kind_of(name)) is not None}
    for kind in set(kinds.values()):
        named = [name for name in kinds if kinds[name] == kind]
        if len(named) > 1:
            raise InputError(f"{path} has both {named[0]} and {named[1]}; keep one of them.")
    if not kinds:
        raise InputError(f"{path} has no file such as {gorse_lines.KINDS[0]}.jsonl.")
    for name, kind in kinds.items():
        yield from gorse_lines.records(kind, name, files.openers[name]())


@dataclass
class _Gathered:
    """Records as tables; the last record of an id counts."""

    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    items: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: dict[str, list[Any]] = field(default_factory=lambda: {name: [] for name in EVENT_SCHEMA if name != "text"})
    comments: int = 0

    def take(self, kind: str, place: Place, record: Record) -> None:
        getattr(self, f"_{kind}")(place, record)

    def _users(self, place: Place, record: Record) -> None:
        user_id = _id(place, record, "UserId")
        self.users[user_id] = user_attributes(labels=record.get("Labels"), comment=record.get("Comment"))

    def _items(self, place: Place, record: Record) -> None:
        item_id = _id(place, record, "ItemId")
        self.items[item_id] = item_attributes(
            hidden=bool(record.get("IsHidden")),
            categories=record.get("Categories"),
            time_ms=record.get("Timestamp"),
            labels=record.get("Labels"),
            comment=record.get("Comment"),
        )

    def _feedback(self, place: Place, record: Record) -> None:
        user_id, item_id = _id(place, record, "UserId"), _id(place, record, "ItemId")
        type_ = _id(place, record, "FeedbackType")
        if len(type_) > _LONGEST_TYPE:
            raise place.error(f"the FeedbackType is longer than {_LONGEST_TYPE} characters")
        value, time_ms = record.get("Value") or None, record.get("Timestamp")
        self.comments += bool(record.get("Comment"))
        event_id = feedback_id(type_, user_id, item_id, value, time_ms, adds=False)
        row = (user_id, item_id, type_, value, time_ms, event_id)
        for column, cell in zip(self.events.values(), row, strict=True):
            column.append(cell)

    def tables(self) -> Tables:
        events = event_frame(pl.DataFrame(self.events, schema={name: EVENT_SCHEMA[name] for name in self.events}))
        return Tables(events, _frame("item_id", self.items), _frame("user_id", self.users))

    def notes(self) -> list[str]:
        said = ["The value 0 of feedback is read as none."] if self.events["value"].count(None) else []
        if self.comments:
            said.append(f"Comments of feedback are not kept: {self.comments:,}.")
        return said


def _id(place: Place, record: Record, name: str) -> str:
    value = record.get(name)
    if not isinstance(value, str) or not value:
        raise place.error(f"the {name} is missing")
    if len(value.encode()) > MAX_ID_BYTES or "\0" in value:
        raise place.error(f"the {name} is longer than {MAX_ID_BYTES} bytes or holds a NUL character")
    return value


def _frame(id_column: str, rows: Mapping[str, Mapping[str, Any]]) -> pl.DataFrame:
    names = dict.fromkeys(name for attributes in rows.values() for name in attributes)
    ids = pl.Series(id_column, list(rows), dtype=pl.String)
    return pl.DataFrame([ids, *(_column(name, [row.get(name) for row in rows.values()]) for name in names)])


def _column(name: str, values: list[Any]) -> pl.Series:
    """A column of its own type where all values have one, so that each reads back as it was."""
    kinds = {_kind(value) for value in values if value is not None}
    if len(kinds) == 1 and (dtype := _DTYPES.get(kinds.pop())) is not None:
        return pl.Series(name, values, dtype=dtype)
    return pl.Series(name, values, dtype=pl.Object)


_DTYPES: dict[object, Any] = {
    bool: pl.Boolean(),
    float: pl.Float64(),
    str: pl.String(),
    (list, str): pl.List(pl.String()),
    (list, float): pl.List(pl.Float64()),
}


def _kind(value: object) -> object:
    if not isinstance(value, list):
        return type(value)
    inner = {type(one) for one in value}
    return (list, inner.pop()) if len(inner) == 1 else list
