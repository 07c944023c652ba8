"""Imports: what each file brought; and samples that say what there is, whatever the size of it all."""

from __future__ import annotations

import json
from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy import Connection

from serendip.data.attributes import to_json
from serendip.store import entities
from serendip.store.log import LOOKUP, batches
from serendip.store.records import Attributes, Imported, Kind, Sample, TypeCount
from serendip.store.schema import ENTITIES, events, imports


def add(connection: Connection, imported: Imported) -> None:
    connection.execute(sa.insert(imports), {**vars(imported), "body": to_json(imported.body)})


def page(connection: Connection, limit: int, before: str | None) -> list[Imported]:
    """The latest first."""
    query = sa.select(imports).order_by(imports.c.id.desc()).limit(limit)
    query = query if before is None else query.where(imports.c.id < before)
    return [Imported(**{**row, "body": json.loads(row["body"])}) for row in connection.execute(query).mappings()]


def sample(connection: Connection, kind: Kind, most: int) -> Sample:
    """Rows at even distances; all of them where there are at most `most`."""
    table = ENTITIES[kind]
    total = connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
    if total <= most:
        query = sa.select(table.c.id, table.c.attributes).order_by(table.c.seq)
        return Sample(entities.decoded(connection.execute(query).all()), total)
    return Sample(list(_at_distances(connection, table, most)), total)


def _at_distances(connection: Connection, table: sa.Table, most: int) -> Iterator[tuple[str, Attributes]]:
    """By number, of which some are missing where rows were deleted."""
    first, last = connection.execute(sa.select(sa.func.min(table.c.seq), sa.func.max(table.c.seq))).one()
    numbers = [first + place * (last - first) // max(most - 1, 1) for place in range(most)]
    query = sa.select(table.c.id, table.c.attributes).where(table.c.seq.in_(sa.bindparam("some", expanding=True)))
    for some in batches(numbers, LOOKUP):
        yield from entities.decoded(connection.execute(query, {"some": list(some)}).all())


def type_counts(connection: Connection, window: int) -> list[TypeCount]:
    """Of the latest events by number."""
    last = sa.select(sa.func.max(events.c.seq)).scalar_subquery()
    query = (
        sa.select(events.c.type, sa.func.count(), sa.func.count(events.c.value), sa.func.max(events.c.time_ms))
        .where(events.c.seq > last - window)
        .group_by(events.c.type)
        .order_by(sa.func.count().desc(), events.c.type)
    )
    return [TypeCount(*row) for row in connection.execute(query)]
