"""People: what one did, what they turn to, which lists they got, and who is like them."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from fastapi import Query as InUrl

from serendip.data.query import NO_ITEM
from serendip.data.times import rfc3339
from serendip.serving.bodies import Answered
from serendip.serving.control.neighbours import Neighbour
from serendip.serving.control.tastes import Taste
from serendip.serving.wire import Control, JsonAnswer, JsonRoute, Limit, Live, PathId, cursor_at, place_of
from serendip.store import Exposure, StoredEvent

router = APIRouter(prefix="/v1/users/{user_id}", tags=["users"], route_class=JsonRoute)

Attributes = Annotated[list[Literal["attributes"]], InUrl()]


class Deed(Answered):
    type: str
    events: int


class Profile(Answered):
    """Who somebody is, as far as it is known; any id has an answer."""

    user_id: str
    attributes: dict[str, Any] | None
    """null: nothing was ever told of them."""
    events: int
    """Of the latest 1,000; so many at most."""
    types: list[Deed]
    """The most frequent first."""
    first: str | None
    """When the oldest of these events was."""
    last: str | None


class LoggedEvent(Answered):
    """One event as it stands in the log."""

    user_id: str
    item_id: str | None
    """null: it is about none, such as a search."""
    type: str
    value: float | None
    text: str | None
    """What the person said."""
    timestamp: str | None
    surface: str | None
    position: int | None
    request_id: str | None
    """The list that it answers to."""


class EventLog(Answered):
    data: list[LoggedEvent]
    next_cursor: str | None
    attributes: dict[str, dict[str, Any]] | None = None
    """Where `include` asks for them: of the items, by item id."""


class TasteTold(Answered):
    user_id: str
    taste: Taste


class PastRequest(Answered):
    request_id: str
    time: str
    surface: str
    kind: Literal["recommendations", "similar", "rank"] | None
    """null: it was not logged then."""
    text: str | None
    """The words that were searched."""
    model_version: str
    recipe: str
    experiment: str | None
    arm: str | None
    item_ids: list[str]
    """What was shown, best first."""


class PastRequests(Answered):
    """The latest first."""

    data: list[PastRequest]
    next_cursor: str | None


class NeighbourPage(Answered):
    """People who want the same items. The likeness of two is the cosine of the sets of items that they want."""

    user_id: str
    wanted: int
    """Items that the person wants."""
    events: int
    """On the latest of these, by anybody; so many were looked at."""
    met: int
    """People who want at least one of them."""
    data: list[Neighbour]
    """The most alike first."""
    attributes: dict[str, dict[str, Any]] | None = None
    """Where `include` asks for them: of shared items, by item id."""
    people: dict[str, dict[str, Any]] | None = None
    """Where `include` asks for them: the attributes of those alike, by user id."""


@router.get("/profile", response_model=Profile)
def profile(engine: Live, user_id: PathId) -> JsonAnswer:
    """Who somebody is, and what they did by type among their latest 1,000 events."""
    past = engine.store.history(user_id)
    times = [time_ms for time_ms in past.times_ms if time_ms is not None]
    answer = {
        "user_id": user_id,
        "attributes": engine.store.get("users", user_id),
        "events": len(past),
        "types": [{"type": type_, "events": count} for type_, count in Counter(past.types).most_common()],
        "first": rfc3339(times[0]) if times else None,
        "last": rfc3339(times[-1]) if times else None,
    }
    return JsonAnswer(answer)


@router.get("/events", response_model=EventLog, response_model_exclude_unset=True)
def events(
    engine: Live,
    user_id: PathId,
    limit: Limit = 50,
    cursor: str | None = None,
    include: Attributes = [],  # noqa: B006 - FastAPI copies it
) -> JsonAnswer:
    """What a person did, the latest first, with all that the log says of it, a page at a time."""
    rows = engine.store.timeline(user_id, limit + 1, place_of(cursor, tuple[int | None, int]))
    told = [logged(event) for _, event in rows[:limit]]
    more = len(rows) > limit
    answer: dict[str, Any] = {
        "data": told,
        "next_cursor": cursor_at((rows[limit - 1][1].time_ms, rows[limit - 1][0])) if more else None,
    }
    if include:
        answer["attributes"] = engine.store.attributes(
            [event["item_id"] for event in told if event["item_id"] is not None]
        )
    return JsonAnswer(answer)


@router.get("/taste", response_model=TasteTold)
def taste(control: Control, user_id: PathId) -> JsonAnswer:
    """What a person turns to, by the attributes of items, beside what everybody turns to.

    Shares are of items that are wanted: by the person among their latest 1,000 events, by everybody among the latest
    20,000. An attribute with several values counts for each of them.
    """
    return JsonAnswer({"user_id": user_id, "taste": control.tastes.of(user_id)})


@router.get("/requests", response_model=PastRequests)
def requests(engine: Live, user_id: PathId, limit: Limit = 20, cursor: str | None = None) -> JsonAnswer:
    """The lists that a person got, the latest first, a page at a time; each can be replayed by its request id."""
    engine.exposures.flush()
    found = engine.store.requests(user_id, limit + 1, place_of(cursor, tuple[int, str]))
    more = len(found) > limit
    next_cursor = cursor_at((found[limit - 1].time_ms, found[limit - 1].request_id)) if more else None
    return JsonAnswer({"data": [_past(one) for one in found[:limit]], "next_cursor": next_cursor})


@router.get("/neighbours", response_model=NeighbourPage, response_model_exclude_unset=True)
def neighbours(
    engine: Live,
    control: Control,
    user_id: PathId,
    limit: Annotated[int, InUrl(ge=1, le=50)] = 10,
    include: Attributes = [],  # noqa: B006 - FastAPI copies it
) -> JsonAnswer:
    """The people most like one, from the log alone: no model has a part in it.

    They are found through the latest 100 items that the person wants and the latest 200 events on each of these, and
    compared by what both want among their latest 500 events.
    """
    found = control.neighbourhoods.of(user_id, limit)
    answer: dict[str, Any] = {
        "user_id": user_id,
        "wanted": found.wanted,
        "events": found.events,
        "met": found.met,
        "data": found.neighbours,
    }
    if include:
        shared = dict.fromkeys(item_id for one in found.neighbours for item_id in one.shared)
        answer["attributes"] = engine.store.attributes(list(shared))
        answer["people"] = {one.user_id: engine.store.get("users", one.user_id) or {} for one in found.neighbours}
    return JsonAnswer(answer)


def logged(event: StoredEvent) -> dict[str, Any]:
    """An event as answers tell it."""
    return {
        "user_id": event.user_id,
        "item_id": None if event.item_id == NO_ITEM else event.item_id,
        "type": event.type,
        "value": event.value,
        "text": event.text,
        "timestamp": None if event.time_ms is None else rfc3339(event.time_ms),
        "surface": event.surface,
        "position": event.position,
        "request_id": event.request_id,
    }


def _past(exposure: Exposure) -> dict[str, Any]:
    asked = exposure.request or {}
    return {
        "request_id": exposure.request_id,
        "time": rfc3339(exposure.time_ms),
        "surface": exposure.surface,
        "kind": asked.get("kind"),
        "text": asked.get("query", {}).get("text"),
        "model_version": exposure.model_version,
        "recipe": exposure.recipe,
        "experiment": exposure.experiment,
        "arm": exposure.arm,
        "item_ids": [item["item_id"] for item in exposure.items],
    }
