"""Audit: who did what only administrators may, in the order in which it was written; and when keys were last used."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy import Connection

from serendip.data.attributes import to_json
from serendip.store.records import AuditEntry
from serendip.store.schema import audit, inserting, meta

USED = "used:"
"""Before the id of a key, in the names of `meta`."""


def write(connection: Connection, entries: Sequence[AuditEntry], used: Mapping[str, int]) -> None:
    """Append entries; of the uses of a key the latest stays."""
    if entries:
        connection.execute(sa.insert(audit), [_row(entry) for entry in entries])
    if used:
        noted = inserting(connection, meta)
        later = noted.on_conflict_do_update(
            index_elements=["name"], set_={"value": noted.excluded.value}, where=meta.c.value < noted.excluded.value
        )
        connection.execute(later, [{"name": USED + id_, "value": time_ms} for id_, time_ms in used.items()])


def page(
    connection: Connection, limit: int, before: int | None, key_id: str | None, actions: Sequence[str]
) -> list[AuditEntry]:
    """The latest entries first."""
    query = sa.select(audit).order_by(audit.c.seq.desc()).limit(limit)
    if before is not None:
        query = query.where(audit.c.seq < before)
    if key_id is not None:
        query = query.where(audit.c.key_id == key_id)
    if actions:
        query = query.where(audit.c.action.in_(actions))
    return [_entry(row) for row in connection.execute(query).mappings()]


def uses(connection: Connection) -> dict[str, int]:
    """When each key was last used."""
    noted = sa.select(meta.c.name, meta.c.value).where(meta.c.name.startswith(USED, autoescape=True))
    return {name.removeprefix(USED): value for name, value in connection.execute(noted)}


def _row(entry: AuditEntry) -> dict[str, object]:
    detail = None if entry.detail is None else to_json(entry.detail)
    return {**{name: value for name, value in vars(entry).items() if name != "seq"}, "detail": detail}


def _entry(row: sa.RowMapping) -> AuditEntry:
    return AuditEntry(**{**row, "detail": row["detail"] and json.loads(row["detail"])})
