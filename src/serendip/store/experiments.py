"""Experiments: which run, on which stretch of the traffic, what they showed and what came of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from itertools import groupby
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy import Connection

from serendip.data.attributes import to_json
from serendip.errors import InputError
from serendip.store.records import Arm, Experiment
from serendip.store.schema import events, experiments, exposures

READ_AT_ONCE = 10_000  # rows
TOLERANCE = 1e-9
LISTS = pl.Schema({"request_id": pl.String(), "user_id": pl.String(), "arm": pl.String(), "empty": pl.Boolean()})
OUTCOMES = pl.Schema(
    {
        "request_id": pl.String(),
        "item_id": pl.String(),
        "type": pl.String(),
        "value": pl.Float64(),
        "arm": pl.String(),
    }
)
OUTCOMES_OF_DRAWS = pl.Schema({name: kind for name, kind in OUTCOMES.items() if name != "arm"})
DRAWS = pl.Schema(
    {
        "request_id": pl.String(),
        "user_id": pl.String(),
        "recipe": pl.String(),
        "item_id": pl.String(),
        "explored": pl.Boolean(),
        "chance": pl.Float64(),
    }
)


def start(connection: Connection, experiment: Experiment) -> Experiment:
    """Insert it where there is room; who writes takes turns, so nobody takes the same room."""
    running = read(connection, running=True)
    if any(one.name == experiment.name for one in running):
        raise InputError(f"an experiment named {experiment.name!r} runs already")
    placed = replace(experiment, begins=room([(one.begins, one.traffic) for one in running], experiment.traffic))
    row = {**vars(placed), "arms": to_json([asdict(arm) for arm in placed.arms])}
    connection.execute(sa.insert(experiments), row)
    return placed


def room(taken: Sequence[tuple[float, float]], wanted: float) -> float:
    """Where the first stretch of 0..1 begins that is `wanted` long and free; `taken` are beginnings and lengths.

    Raises:
        InputError: there is none; the message says how long the longest is.
    """
    begin, longest = 0.0, 0.0
    for next_begin, length in [*sorted(taken), (1.0, 0.0)]:
        if next_begin - begin >= wanted - TOLERANCE:
            return begin
        longest = max(longest, next_begin - begin)
        begin = next_begin + length
    raise InputError(f"{wanted:.0%} of the people are wanted, but other experiments leave {longest:.0%} side by side")


def read(connection: Connection, running: bool) -> list[Experiment]:
    query = sa.select(experiments).order_by(experiments.c.started_ms, experiments.c.id)
    if running:
        query = query.where(experiments.c.stopped_ms.is_(None))
    return [_experiment(dict(row)) for row in connection.execute(query).mappings()]


def _experiment(row: dict[str, Any]) -> Experiment:
    return Experiment(**{**row, "arms": tuple(Arm(**arm) for arm in json.loads(row["arms"]))})


def stop(connection: Connection, id_: str, now_ms: int, why: str) -> bool:
    runs = sa.and_(experiments.c.id == id_, experiments.c.stopped_ms.is_(None))
    stopped = sa.update(experiments).where(runs).values(stopped_ms=now_ms, stopped_why=why)
    return connection.execute(stopped).rowcount > 0


def lists(connection: Connection, id_: str) -> pl.DataFrame:
    """What it showed, a row for each list."""
    columns = exposures.c
    query = (
        sa.select(columns.request_id, columns.user_id, columns.arm, (columns["items"] == "[]").label("empty"))
        .where(columns.experiment == id_)
        .order_by(columns.time_ms, columns.request_id)
    )
    rows = connection.execute(query).all()
    found = pl.DataFrame([tuple(row) for row in rows], schema=list(LISTS), orient="row", infer_schema_length=None)
    return found.cast(LISTS)


def outcomes(connection: Connection, id_: str) -> pl.DataFrame:
    """What its people did with what it showed them, a row for each event."""
    shown = exposures.c
    query = (
        sa.select(events.c.request_id, events.c.item_id, events.c.type, events.c.value, shown.arm, shown["items"])
        .join(exposures, sa.and_(shown.request_id == events.c.request_id, shown.user_id == events.c.user_id))
        .where(shown.experiment == id_)
        .order_by(shown.time_ms, events.c.request_id, events.c.seq)
    )
    rows = connection.execution_options(yield_per=READ_AT_ONCE).execute(query)
    found = list(_on_shown_items(tuple(row) for row in rows))
    return pl.DataFrame(found, schema=OUTCOMES, orient="row")


def _on_shown_items(rows: Iterator[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    """Events on items that their list did not show are no outcome of it."""
    for request_id, of_list in groupby(rows, key=lambda row: row[0]):
        arms: dict[str, Any] | None = None
        for _, item_id, type_, value, arm, items in of_list:
            if arms is None:
                arms = {item["item_id"]: item.get("arm") for item in json.loads(items)}
            if item_id in arms:
                yield request_id, item_id, type_, value, arms[item_id] or arm


def draws(connection: Connection, since_ms: int) -> pl.DataFrame:
    """What was drawn, a row for each place that was given by chance."""
    shown = exposures.c
    query = sa.select(shown.request_id, shown.user_id, shown.recipe, shown.drawn).where(*_drawn_since(since_ms))
    rows = connection.execution_options(yield_per=READ_AT_ONCE).execute(query.order_by(shown.time_ms, shown.request_id))
    found = [(request, user, recipe, *one) for request, user, recipe, drawn in rows for one in json.loads(drawn)]
    return pl.DataFrame(found, schema=DRAWS, orient="row")


def outcomes_of_draws(connection: Connection, since_ms: int) -> pl.DataFrame:
    """What people did with what was drawn for them, a row for each event."""
    shown, event = exposures.c, events.c
    query = (
        sa.select(event.request_id, event.item_id, event.type, event.value, shown.drawn)
        .join(exposures, sa.and_(shown.request_id == event.request_id, shown.user_id == event.user_id))
        .where(*_drawn_since(since_ms))
        .order_by(event.seq)
    )
    rows = connection.execution_options(yield_per=READ_AT_ONCE).execute(query)
    found = [
        (request, item, type_, value)
        for request, item, type_, value, drawn in rows
        if item in {one[0] for one in json.loads(drawn)}
    ]
    return pl.DataFrame(found, schema=OUTCOMES_OF_DRAWS, orient="row")


def _drawn_since(since_ms: int) -> tuple[sa.ColumnElement[bool], ...]:
    return exposures.c.drawn.is_not(None), exposures.c.time_ms >= since_ms
