"""Lately: the newest events and answers of one person, of one item or of everybody, in windows that are bounded."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy import Connection

from serendip.data.attributes import to_json
from serendip.data.query import NO_ITEM
from serendip.store import log, people
from serendip.store.records import Exposure, Showings, StoredEvent
from serendip.store.schema import events, exposures

MINUTE_MS = 60_000
DEEDS = pl.Schema(
    {
        "user_id": pl.String(),
        "item_id": pl.String(),
        "type": pl.String(),
        "value": pl.Float64(),
        "time_ms": pl.Int64(),
        "seq": pl.Int64(),
    }
)
SHOWN = pl.Schema(
    {
        "request_id": pl.String(),
        "user_id": pl.String(),
        "time_ms": pl.Int64(),
        "surface": pl.String(),
        "item_id": pl.String(),
        "rank": pl.Int64(),
    }
)
ANSWERS = pl.Schema(
    {
        "request_id": pl.String(),
        "item_id": pl.String(),
        "type": pl.String(),
        "value": pl.Float64(),
    }
)


class Lately(ABC):
    """The part of a store over SQL that looks back from now."""

    @abstractmethod
    def _reading(self) -> AbstractContextManager[Connection]: ...

    def timeline(
        self, user_id: str, limit: int, before: tuple[int | None, int] | None = None
    ) -> list[tuple[int, StoredEvent]]:
        with self._reading() as connection:
            return timeline(connection, user_id, limit, before)

    def latest_on(self, item_id: str, limit: int, before: int | None = None) -> list[tuple[int, StoredEvent]]:
        with self._reading() as connection:
            return latest_on(connection, item_id, limit, before)

    def latest(self, limit: int) -> pl.DataFrame:
        with self._reading() as connection:
            return latest(connection, limit)

    def latest_of_each(self, item_ids: Sequence[str], limit: int) -> pl.DataFrame:
        with self._reading() as connection:
            return latest_of_each(connection, item_ids, limit)

    def requests(self, user_id: str, limit: int, before: tuple[int, str] | None = None) -> list[Exposure]:
        with self._reading() as connection:
            return requests(connection, user_id, limit, before)

    def showings(self, latest: int, item_id: str | None = None) -> Showings:
        with self._reading() as connection:
            return showings(connection, latest, item_id)

    def arrivals(self, since_ms: int, limit: int) -> list[tuple[int, int]]:
        with self._reading() as connection:
            return arrivals(connection, since_ms, limit)


def timeline(
    connection: Connection, user_id: str, limit: int, before: tuple[int | None, int] | None
) -> list[tuple[int, StoredEvent]]:
    """The next events of a person, the latest first: by time, then arrival; those without time last."""
    query = sa.select(events).where(events.c.user_id == user_id, *_older(before))
    order = (events.c.time_ms.desc().nulls_last(), events.c.seq.desc())
    return log.numbered(connection.execute(query.order_by(*order).limit(limit)))


def _older(before: tuple[int | None, int] | None) -> list[sa.ColumnElement[bool]]:
    if before is None:
        return []
    time_ms, seq = before
    untimed = events.c.time_ms.is_(None)
    if time_ms is None:
        return [untimed, events.c.seq < seq]
    same = sa.and_(events.c.time_ms == time_ms, events.c.seq < seq)
    return [sa.or_(events.c.time_ms < time_ms, same, untimed)]


def latest_on(connection: Connection, item_id: str, limit: int, before: int | None) -> list[tuple[int, StoredEvent]]:
    """The next events on an item, those that arrived last first."""
    query = sa.select(events).where(events.c.item_id == item_id)
    query = query if before is None else query.where(events.c.seq < before)
    return log.numbered(connection.execute(query.order_by(events.c.seq.desc()).limit(limit)))


def latest(connection: Connection, limit: int) -> pl.DataFrame:
    """The events of everybody that arrived last, in order of arrival."""
    return _deeds(connection.execute(_last_deeds().limit(limit)).all()[::-1])


def latest_of_each(connection: Connection, item_ids: Sequence[str], limit: int) -> pl.DataFrame:
    """The events that arrived last on each of the items, in order of arrival."""
    query = _last_deeds().where(events.c.item_id == sa.bindparam("item_id")).limit(limit)
    rows = [row for item_id in item_ids for row in connection.execute(query, {"item_id": item_id})]
    return _deeds(rows).sort("seq")


def _last_deeds() -> sa.Select[Any]:
    return (
        sa.select(*(events.c[name] for name in DEEDS)).where(events.c.item_id != NO_ITEM).order_by(events.c.seq.desc())
    )


def _deeds(rows: Sequence[Any]) -> pl.DataFrame:
    return pl.DataFrame([tuple(row) for row in rows], schema=DEEDS, orient="row")


def requests(connection: Connection, user_id: str, limit: int, before: tuple[int, str] | None) -> list[Exposure]:
    """The next answers that a person got, the latest first."""
    query = sa.select(exposures).where(exposures.c.user_id == user_id)
    if before is not None:
        time_ms, request_id = before
        same = sa.and_(exposures.c.time_ms == time_ms, exposures.c.request_id < request_id)
        query = query.where(sa.or_(exposures.c.time_ms < time_ms, same))
    order = (exposures.c.time_ms.desc(), exposures.c.request_id.desc())
    return [people.exposure_of(row) for row in connection.execute(query.order_by(*order).limit(limit)).mappings()]


def showings(connection: Connection, latest: int, item_id: str | None) -> Showings:
    """What the last answers showed, and what their people did with it."""
    window = _window(latest)
    read, since_ms = connection.execute(sa.select(sa.func.count(), sa.func.min(window.c.time_ms))).one()
    query = sa.select(*(window.c[name] for name in ("request_id", "user_id", "time_ms", "surface", "items")))
    if item_id is not None:  # as it is written in there, so that few lists have to be read
        query = query.where(window.c["items"].contains(f'"item_id":{to_json(item_id)}', autoescape=True))
    shown = list(_one_by_one(connection.execute(query), item_id))
    return Showings(
        read,
        since_ms,
        pl.DataFrame(shown, schema=SHOWN, orient="row").sort("time_ms", descending=True, maintain_order=True),
        _answers(connection, window, item_id),
    )


def _window(latest: int) -> sa.Subquery:
    return sa.select(exposures).order_by(exposures.c.time_ms.desc()).limit(latest).subquery()


def _one_by_one(rows: sa.CursorResult[Any], item_id: str | None) -> Iterator[tuple[Any, ...]]:
    for row in rows:
        for item in json.loads(row[-1]):
            if item_id is None or item["item_id"] == item_id:
                yield *row[:-1], item["item_id"], item["rank"]


def _answers(connection: Connection, window: sa.Subquery, item_id: str | None) -> pl.DataFrame:
    """Events that name one of the answers, by its person where it has one."""
    theirs = sa.or_(window.c.user_id == events.c.user_id, window.c.user_id.is_(None))
    query = sa.select(*(events.c[name] for name in ANSWERS)).join(
        window, sa.and_(window.c.request_id == events.c.request_id, theirs, events.c.item_id != NO_ITEM)
    )
    query = query if item_id is None else query.where(events.c.item_id == item_id)
    rows = connection.execute(query.order_by(events.c.seq)).all()
    return pl.DataFrame([tuple(row) for row in rows], schema=ANSWERS, orient="row")


def arrivals(connection: Connection, since_ms: int, limit: int) -> list[tuple[int, int]]:
    """Minutes (milliseconds at their start) and how many of the last `limit` events arrived in each, since then."""
    newest = sa.select(events.c.received_ms).order_by(events.c.seq.desc()).limit(limit).subquery()
    minute = (newest.c.received_ms - newest.c.received_ms % MINUTE_MS).label("minute")
    query = sa.select(minute, sa.func.count()).where(newest.c.received_ms >= since_ms).group_by(minute).order_by(minute)
    return [(int(at), int(count)) for at, count in connection.execute(query)]
