"""Schema: what there is."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from serendip.data.times import rfc3339
from serendip.serving.bodies import Answered
from serendip.serving.control import schema
from serendip.serving.wire import JsonAnswer, JsonRoute, Live

router = APIRouter(prefix="/v1", tags=["data"], route_class=JsonRoute)


class AttributeTold(Answered):
    name: str
    types: list[str]
    """`text`, `number`, `true or false`, `list`, `object`; several where values differ."""
    filled: int
    """Of those that were looked at, how many have it."""
    different: int
    """How many different values they have."""
    examples: list[str]


class TableTold(Answered):
    total: int
    sampled: int
    """So many were looked at, spread evenly over the order of their arrival."""
    attributes: list[AttributeTold]
    """Those that most have first."""
    more_names: int
    """Attributes that are not told, because there are too many."""


class TypeTold(Answered):
    type: str
    weight: float | None
    """What it says of a preference, by the settings; null: nothing, it has no weight."""
    events: int
    """Among the latest."""
    with_value: int
    latest: str | None


class EventsTold(Answered):
    window: int
    """The latest events that are counted, at most."""
    counted: int
    liked_from: float
    """A rating of at least this is a preference."""
    types: list[TypeTold]


class Schema(Answered):
    """Attributes of items and people, and types of events."""

    items: TableTold
    users: TableTold
    events: EventsTold


@router.get("/schema", response_model=Schema)
def told(engine: Live) -> JsonAnswer:
    """What items and people are like, from a sample, and which events there were lately."""
    found = schema.told(engine.store, engine.workspace.settings.events)
    types = [_timed(one) for one in found["events"]["types"]]
    return JsonAnswer({**found, "events": {**found["events"], "types": types}})


def _timed(one: dict[str, Any]) -> dict[str, Any]:
    latest_ms = one.pop("latest_ms")
    return {**one, "latest": None if latest_ms is None else rfc3339(latest_ms)}
