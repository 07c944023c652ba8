"""Shown: the latest lists of a store, what came of them, and how events came in."""

from __future__ import annotations

import json

import polars as pl
import sqlalchemy as sa
from sqlalchemy import Connection

from serendip.store.schema import events, exposures

MINUTE_MS = 60_000
LISTS = pl.Schema(
    {
        "request_id": pl.String(),
        "user_id": pl.String(),
        "time_ms": pl.Int64(),
        "surface": pl.String(),
        "item_ids": pl.List(pl.String()),
    }
)
OUTCOMES = pl.Schema({"request_id": pl.String(), "item_id": pl.String(), "type": pl.String(), "value": pl.Float64()})


def latest(connection: Connection, limit: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The latest `limit` lists, newest first, and the events of their people on what they showed."""
    shown, event = exposures.c, events.c
    newest = sa.select(shown.request_id, shown.user_id, shown.time_ms, shown.surface, shown["items"])
    newest = newest.order_by(shown.time_ms.desc()).limit(limit)
    rows = [
        (request_id, user_id, time_ms, surface, [item["item_id"] for item in json.loads(items)])
        for request_id, user_id, time_ms, surface, items in connection.execute(newest)
    ]
    lists = pl.DataFrame(rows, schema=LISTS, orient="row")
    of = newest.subquery()
    came = sa.select(event.request_id, event.item_id, event.type, event.value).join(
        of, sa.and_(of.c.request_id == event.request_id, of.c.user_id == event.user_id)
    )
    outcomes = pl.DataFrame(
        [tuple(row) for row in connection.execute(came.order_by(event.seq))], schema=OUTCOMES, orient="row"
    )
    places = lists.select("request_id", pl.col("item_ids").alias("item_id")).explode("item_id")
    return lists, outcomes.join(places, on=["request_id", "item_id"], how="semi", maintain_order="left")


def arrivals(connection: Connection, since_ms: int, limit: int) -> list[tuple[int, int]]:
    """Minutes (milliseconds at their start) and how many of the latest `limit` events came in, since then."""
    newest = sa.select(events.c.received_ms).order_by(events.c.seq.desc()).limit(limit).subquery()
    minute = (newest.c.received_ms - newest.c.received_ms % MINUTE_MS).label("minute")
    query = sa.select(minute, sa.func.count()).where(newest.c.received_ms >= since_ms).group_by(minute).order_by(minute)
    return [(int(at), int(count)) for at, count in connection.execute(query)]
