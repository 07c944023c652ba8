"""Audiences: who met an item, what came of it, and whether it is on offer."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from serendip.data.times import rfc3339
from serendip.serving.bodies import Answered
from serendip.serving.control.audiences import Audience, Done, Place, Showing, Span
from serendip.serving.control.standing import Why, standing
from serendip.serving.routes.people import EventLog, logged
from serendip.serving.wire import Control, JsonAnswer, JsonRoute, Limit, Live, PathId, cursor_at, place_of

router = APIRouter(prefix="/v1/items/{item_id}", tags=["items"], route_class=JsonRoute)


class ShowingTold(Answered):
    """One time that an item was shown."""

    request_id: str
    user_id: str | None
    time: str
    surface: str
    position: int
    did: list[str]
    """Types of the events on it that name the list, in order."""


class SpanTold(Answered):
    begins: str
    events: int


class AudienceTold(Answered):
    """What became of an item in the latest answers, and in the latest events on it."""

    item_id: str
    exposures: int
    """Answers that were looked at."""
    since: str | None
    """When the oldest of them was given."""
    beside: int
    """The latest answers that tell how all items fare."""
    shown: int
    """Times that the item was in them."""
    people: int
    """Known people who were shown it."""
    events: int
    """On the item, by anybody, shown or not."""
    actors: int
    """People who did something with it."""
    types: list[Done]
    places: list[Place]
    """By the place in the list, from 1."""
    span_s: float
    """How long each stretch of `spans` is."""
    spans: list[SpanTold]
    """Events over time, without gaps."""
    showings: list[ShowingTold]
    """The latest first."""


class StandingTold(Answered):
    item_id: str
    on_offer: bool
    why: list[Why]
    """What keeps it back."""
    learned: bool
    """Whether the model was fitted on what people did with it; else it is found by what is said of it alone."""
    model_version: str | None
    attributes: dict[str, Any] | None
    """null: it is not in the catalogue."""


@router.get("/audience", response_model=AudienceTold)
def audience(engine: Live, control: Control, item_id: PathId, limit: Limit = 50) -> JsonAnswer:
    """Who was shown an item, at which place, and what they did: among the latest 10,000 answers of the service.

    A showing counts as wanted when an event on the item that names the list, by its person, says that they want it.
    The latest 10,000 events on the item tell what was done at all. `limit` bounds `showings`.
    """
    engine.exposures.flush()
    return JsonAnswer({"item_id": item_id, **_told(control.audiences.of(item_id, limit))})


@router.get("/events", response_model=EventLog)
def events(engine: Live, item_id: PathId, limit: Limit = 50, cursor: str | None = None) -> JsonAnswer:
    """What was done with an item, by whom, what arrived last first, a page at a time."""
    before = place_of(cursor, tuple[int])
    rows = engine.store.latest_on(item_id, limit + 1, None if before is None else before[0])
    next_cursor = cursor_at((rows[limit - 1][0],)) if len(rows) > limit else None
    return JsonAnswer({"data": [logged(event) for _, event in rows[:limit]], "next_cursor": next_cursor})


@router.get("/standing", response_model=StandingTold)
def stands(engine: Live, item_id: PathId) -> JsonAnswer:
    """Whether an item is on offer, under the rules of all surfaces, and what keeps it back."""
    everywhere = engine.rules.now.on("")
    return JsonAnswer({"item_id": item_id, **vars(standing(item_id, engine.store, engine.deployment, everywhere))})


def _told(found: Audience) -> dict[str, Any]:
    told = {name: value for name, value in vars(found).items() if name not in ("since_ms", "span_ms")}
    return {
        **told,
        "since": None if found.since_ms is None else rfc3339(found.since_ms),
        "span_s": found.span_ms / 1000,
        "spans": [_span(one) for one in found.spans],
        "showings": [_showing(one) for one in found.showings],
    }


def _span(span: Span) -> dict[str, Any]:
    return {"begins": rfc3339(span.begins_ms), "events": span.events}


def _showing(showing: Showing) -> dict[str, Any]:
    told = {name: value for name, value in vars(showing).items() if name != "time_ms"}
    return {**told, "time": rfc3339(showing.time_ms)}
