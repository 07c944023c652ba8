"""Whole tables: an import in one transaction, and everything back as frames."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b

import polars as pl
import sqlalchemy as sa
from sqlalchemy import Connection

from serendip.data import InputError, Progress, Tables
from serendip.data.attributes import attribute_frame
from serendip.data.tables import EVENT_SCHEMA, RELATION_SCHEMA
from serendip.store import entities, log
from serendip.store.frames import attribute_rows, check_ids
from serendip.store.records import Kind, Receipt, Rejected
from serendip.store.schema import ENTITIES, ID_COLUMN, events, inserting, relations

CHUNK = 10_000  # rows between two words of progress
CONTENT = ["user_id", "item_id", "type", "value", "time_ms"]


def check(tables: Tables) -> None:
    """Every row can be stored, attributes aside.

    Raises:
        InputError: one cannot; the message names the table, the row (from 1) and the column.
    """
    check_ids("events", tables.events, "user_id", "type")
    check_ids("events", tables.events, "item_id", empty=tables.events["text"].is_not_null())
    _check_texts(tables.events["text"])
    check_ids("events", tables.events, "event_id", optional=True)
    check_ids("items", tables.items, "item_id")
    check_ids("users", tables.users, "user_id")
    check_ids("relations", tables.relations, *RELATION_SCHEMA)
    infinite = (~tables.events["value"].is_finite()).arg_true()
    if len(infinite):
        raise InputError(f"events row {infinite[0] + 1}: the value is not a finite number")


def _check_texts(texts: pl.Series) -> None:
    for place in texts.is_not_null().arg_true().to_list():
        try:
            log.check_said(texts[place])
        except ValueError as error:
            raise InputError(f"events row {place + 1}: the {error}") from None


def write(connection: Connection, tables: Tables, now_ms: int, progress: Progress) -> Receipt:
    """Write checked tables."""
    for kind in ENTITIES:
        _write_entities(connection, kind, tables, progress)
    _write_relations(connection, tables.relations, progress)
    return _write_events(connection, tables.events, now_ms, progress)


def read(connection: Connection) -> Tables:
    """Everything, events in order of arrival."""
    return Tables(
        read_events(connection, EVENT_SCHEMA),
        _read_entities(connection, "items"),
        _read_entities(connection, "users"),
        _frame(
            connection,
            sa.select(*(relations.c[name] for name in RELATION_SCHEMA)).order_by(relations.c.seq),
            RELATION_SCHEMA,
        ),
    )


def _write_entities(connection: Connection, kind: Kind, tables: Tables, progress: Progress) -> None:
    frame, id_column = getattr(tables, kind), ID_COLUMN[kind]
    done = 0
    for part in _parts(frame, kind, progress):
        rows = [
            entities.row(kind, id_, attributes, f"{kind} row {place} ({id_!r})")
            for place, (id_, attributes) in enumerate(attribute_rows(part, id_column), done + 1)
        ]
        entities.write(connection, kind, rows)
        done += len(rows)


def _write_relations(connection: Connection, frame: pl.DataFrame, progress: Progress) -> None:
    statement = inserting(connection, relations).on_conflict_do_nothing()
    for part in _parts(frame.select(list(RELATION_SCHEMA)), "relations", progress):
        connection.execute(statement, part.to_dicts())


def _write_events(connection: Connection, frame: pl.DataFrame, now_ms: int, progress: Progress) -> Receipt:
    named = frame.filter(pl.col("event_id").is_not_null()).height > 0  # only names can clash, content cannot
    accepted, rejected, done = 0, list[Rejected](), 0
    for part in _parts(_with_event_ids(frame), "events", progress):
        rows = part.with_columns(received_ms=now_ms).to_dicts()
        new, conflicts = log.insert(connection, rows, (*log.CORE, "text") if named else None)
        accepted += new
        rejected += [log.conflict(done + row, rows[row]["event_id"]) for row in conflicts]
        done += len(rows)
    return Receipt(accepted, frame.height - accepted - len(rejected), tuple(rejected))


def _parts(frame: pl.DataFrame, label: str, progress: Progress) -> Iterator[pl.DataFrame]:
    """The frame in chunks; says after each is written how much is done."""
    done = 0
    for part in frame.iter_slices(CHUNK):
        yield part
        done += part.height
        progress(label, done, frame.height)


def _with_event_ids(frame: pl.DataFrame) -> pl.DataFrame:
    """Events without `event_id` get a hash of their content and of how many like them stand before."""
    unnamed = frame["event_id"].is_null()
    if not unnamed.any():
        return frame
    named = [*CONTENT, "text"]
    alike = frame.filter(unnamed).select(*named, pl.int_range(pl.len()).over(named).alias("occurrence"))
    derived = pl.Series([_event_id(*content) for content in alike.iter_rows()], dtype=pl.String)
    return frame.with_columns(frame["event_id"].scatter(unnamed.arg_true(), derived))


def _event_id(
    user_id: str,
    item_id: str,
    type_: str,
    value: float | None,
    time_ms: int | None,
    said: str | None,
    occurrence: int,
) -> str:
    # Lengths in front: no two contents give one text, whatever characters the ids hold.
    text = f"{len(user_id)}:{user_id}{len(item_id)}:{item_id}{len(type_)}:{type_}{value}|{time_ms}|{occurrence}"
    text += "" if said is None else f"|{said}"
    return blake2b(text.encode(), digest_size=16).hexdigest()


def _read_entities(connection: Connection, kind: Kind) -> pl.DataFrame:
    table = ENTITIES[kind]
    rows = connection.execute(sa.select(table.c.id, table.c.attributes).order_by(table.c.seq))
    return attribute_frame(ID_COLUMN[kind], entities.decoded(rows.all()))


def read_events(connection: Connection, schema: pl.Schema, user_id: str | None = None) -> pl.DataFrame:
    """Columns of the events of everybody, or of one person, in order of arrival."""
    query = sa.select(*(events.c[name] for name in schema)).order_by(events.c.seq)
    return _frame(connection, query if user_id is None else query.where(events.c.user_id == user_id), schema)


def _frame(connection: Connection, query: sa.Select[tuple[object, ...]], schema: pl.Schema) -> pl.DataFrame:
    """The answer as a frame, fetched in chunks so that only one of them is held as Python objects."""
    chunks = connection.execute(query).partitions(5 * CHUNK)
    return pl.concat([schema.to_frame(), *(pl.DataFrame(chunk, schema=schema, orient="row") for chunk in chunks)])
