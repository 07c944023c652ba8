"""One person: everything that is held of them, to hand out or to forget."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import astuple
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy import Connection

from serendip.data.attributes import to_json
from serendip.data.query import NO_ITEM
from serendip.data.tables import EVENT_SCHEMA
from serendip.store import entities
from serendip.store.bulk import read_events
from serendip.store.records import Drawn, Erasure, Exposure, Mark
from serendip.store.schema import ERASURES, FRIEND, events, exposures, inserting, meta, relations, users

NUMBERED = pl.Schema({**EVENT_SCHEMA, "seq": pl.Int64()})


def _concerns(user_id: str) -> dict[sa.Table, sa.ColumnElement[bool]]:
    """Which rows of which tables are about a person; relations of another kind start and end at things."""
    linked = sa.or_(relations.c.head == user_id, relations.c.tail == user_id)
    return {
        events: events.c.user_id == user_id,
        users: users.c.id == user_id,
        exposures: exposures.c.user_id == user_id,
        relations: sa.and_(relations.c.relation == FRIEND, linked),
    }


def mark(connection: Connection) -> Mark:
    """The moment that a connection sees."""
    last = connection.execute(sa.select(sa.func.max(events.c.seq))).scalar()
    erasures = connection.execute(sa.select(meta.c.value).where(meta.c.name == ERASURES)).scalar()
    return Mark(last or 0, erasures or 0)


def erase(connection: Connection, user_id: str) -> Erasure:
    """Delete all rows about one person, and count the erasure if there was something to learn from."""
    gone = read_events(connection, NUMBERED, user_id)
    rows = _concerns(user_id).items()
    removed = {table.name: connection.execute(sa.delete(table).where(which)).rowcount for table, which in rows}
    counted = any(count for table, count in removed.items() if table != exposures.name)
    if counted:
        first = inserting(connection, meta).values(name=ERASURES, value=1)
        once_more = {"value": meta.c.value + 1}
        connection.execute(first.on_conflict_do_update(index_elements=["name"], set_=once_more))
    return Erasure(removed, gone, mark(connection), counted)


def export(connection: Connection, user_id: str) -> dict[str, Any]:
    """All rows about one person, in order of arrival, without empty fields."""
    concerns = _concerns(user_id)

    def rows(table: sa.Table, order: sa.Column[Any]) -> list[dict[str, Any]]:
        found = connection.execute(sa.select(table).where(concerns[table]).order_by(order)).mappings()
        return [_told(row) for row in found]

    return {
        "user_id": user_id,
        "attributes": entities.read(connection, "users", [user_id]).get(user_id, {}),
        "events": rows(events, events.c.seq),
        "exposures": rows(exposures, exposures.c.time_ms),
        "relations": rows(relations, relations.c.seq),
    }


def _told(row: sa.RowMapping) -> dict[str, Any]:
    decoded: dict[str, Any] = {
        name: json.loads(row[name]) for name in ("context", "items", "request", "drawn") if row.get(name)
    }
    told = {**row, **decoded}
    return {name: value for name, value in told.items() if value not in (None, NO_ITEM) and name != "seq"}


def log_exposures(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Insert exposures; those that are stored already stay as they are."""
    connection.execute(inserting(connection, exposures).on_conflict_do_nothing(index_elements=["request_id"]), rows)


def exposure_row(exposure: Exposure) -> dict[str, Any]:
    """As it is stored."""
    request = None if exposure.request is None else to_json(exposure.request)
    drawn = to_json([astuple(one) for one in exposure.drawn]) if exposure.drawn else None
    return {**vars(exposure), "items": to_json(exposure.items), "request": request, "drawn": drawn}


def exposure(connection: Connection, request_id: str) -> Exposure | None:
    """What one answer showed."""
    row = connection.execute(sa.select(exposures).where(exposures.c.request_id == request_id)).mappings().first()
    return None if row is None else exposure_of(row)


def exposure_of(row: sa.RowMapping) -> Exposure:
    """As it was before it was stored."""
    request = row["request"] and json.loads(row["request"])
    drawn = tuple(Drawn(*one) for one in json.loads(row["drawn"] or "[]"))
    return Exposure(**{**row, "items": tuple(json.loads(row["items"])), "request": request, "drawn": drawn})
