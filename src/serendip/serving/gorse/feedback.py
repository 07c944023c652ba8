"""Feedback of gorse: statements in the log of events, and what they come to for a type, a person and an item."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

from fastapi import APIRouter

from serendip.data.gorse import ADDED, written_time
from serendip.data.query import NO_ITEM
from serendip.serving.engine import Engine
from serendip.serving.gorse.bodies import Feedback, GorseFeedback, GorseFeedbackPage, GorseWritten
from serendip.serving.gorse.paging import Cursor, Number
from serendip.serving.problems import Refused
from serendip.serving.wire import JsonAnswer, JsonRoute, Live, PathId, cursor_after, id_of
from serendip.store import StoredEvent

MOST_EVENTS = 100_000
"""Of one person or item that one answer takes into account, the first ones."""

_READ_AT_ONCE = 5_000

router = APIRouter(prefix="/api", tags=["gorse"], route_class=JsonRoute)


@router.post("/feedback", response_model=GorseWritten)
def insert_feedback(engine: Live, body: Feedback) -> JsonAnswer:
    """Record feedback, all or none; values are added up. What was sent before, time and all, counts once."""
    return _insert(engine, body, adds=True)


@router.put("/feedback", response_model=GorseWritten)
def overwrite_feedback(engine: Live, body: Feedback) -> JsonAnswer:
    """Record feedback, all or none; each replaces the value that was there."""
    return _insert(engine, body, adds=False)


@router.get("/feedback", response_model=GorseFeedbackPage)
def get_feedback(engine: Live, n: Number = 10, cursor: Cursor = "") -> JsonAnswer:
    """The log in order of arrival, a page at a time: each statement as it came."""
    return _page(engine, n, cursor, None)


@router.get("/feedback/{feedback_type}", response_model=GorseFeedbackPage)
def get_typed_feedback(engine: Live, feedback_type: PathId, n: Number = 10, cursor: Cursor = "") -> JsonAnswer:
    """The log of one type."""
    return _page(engine, n, cursor, feedback_type)


@router.get("/feedback/{user_id}/{item_id}", response_model=list[GorseFeedback])
def get_user_item_feedback(engine: Live, user_id: PathId, item_id: PathId) -> JsonAnswer:
    """What a person said of an item."""
    return JsonAnswer(_told(engine, user_id=user_id, item_id=item_id))


@router.get("/feedback/{feedback_type}/{user_id}/{item_id}", response_model=GorseFeedback)
def get_typed_user_item_feedback(engine: Live, feedback_type: PathId, user_id: PathId, item_id: PathId) -> JsonAnswer:
    """What a person said of an item in that way."""
    found = _told(engine, user_id=user_id, item_id=item_id, type_=feedback_type)
    if not found:
        raise Refused("not-found", "there is no such feedback")
    return JsonAnswer(found[0])


@router.get("/user/{user_id}/feedback", response_model=list[GorseFeedback])
def get_user_feedback(engine: Live, user_id: PathId) -> JsonAnswer:
    """What a person said."""
    return JsonAnswer(_told(engine, user_id=user_id))


@router.get("/user/{user_id}/feedback/{feedback_type}", response_model=list[GorseFeedback])
def get_typed_user_feedback(engine: Live, user_id: PathId, feedback_type: PathId) -> JsonAnswer:
    """What a person said in that way."""
    return JsonAnswer(_told(engine, user_id=user_id, type_=feedback_type))


@router.get("/item/{item_id}/feedback", response_model=list[GorseFeedback])
def get_item_feedback(engine: Live, item_id: PathId) -> JsonAnswer:
    """What people said of an item; takes time in proportion to the log."""
    return JsonAnswer(_told(engine, item_id=item_id))


@router.get("/item/{item_id}/feedback/{feedback_type}", response_model=list[GorseFeedback])
def get_typed_item_feedback(engine: Live, item_id: PathId, feedback_type: PathId) -> JsonAnswer:
    """What people said of an item in that way; takes time in proportion to the log."""
    return JsonAnswer(_told(engine, item_id=item_id, type_=feedback_type))


def record(engine: Engine, events: Sequence[StoredEvent]) -> None:
    """Write events, all of which can be stored.

    Raises:
        Refused: one cannot.
    """
    receipt = engine.append(events)
    counts = {"accepted": receipt.accepted, "duplicate": receipt.duplicates, "rejected": len(receipt.rejected)}
    for outcome, count in counts.items():
        engine.metrics.events.labels(outcome).inc(count)
    if receipt.rejected:
        first = receipt.rejected[0]
        raise Refused("invalid-request", f"feedback {first.index + 1} cannot be stored: {first.detail}")


def _insert(engine: Engine, body: Sequence[GorseFeedback], *, adds: bool) -> JsonAnswer:
    record(engine, [feedback.stored(adds=adds) for feedback in body])
    return JsonAnswer({"RowAffected": len(body)})


def _page(engine: Engine, n: int, cursor: str, type_: str | None) -> JsonAnswer:
    rows = engine.store.event_page(n + 1, _place(cursor), type=type_)
    following = cursor_after(str(rows[n - 1][0])) if len(rows) > n else ""
    told = [_statement(event, event.value) for _, event in rows[:n] if event.item_id != NO_ITEM]
    return JsonAnswer({"Cursor": following, "Feedback": told})


def _place(cursor: str) -> int:
    text = id_of(cursor or None)
    if text is None:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Refused("invalid-request", "the cursor is not one that a list gave")
    return int(text)


def _told(
    engine: Engine, *, user_id: str | None = None, item_id: str | None = None, type_: str | None = None
) -> list[dict[str, Any]]:
    """One object per type, person and item: the sum of the values since one last replaced them, told as last said.

    What is yet to come (written back with a delay) is left out.
    """
    now_ms = time.time_ns() // 1_000_000
    sums: dict[tuple[str, str, str], float] = {}
    last: dict[tuple[str, str, str], StoredEvent] = {}
    for event in _events(engine, user_id, item_id, type_):
        if event.time_ms is not None and event.time_ms > now_ms:
            continue
        key = event.type, event.user_id, event.item_id
        added = event.event_id is not None and event.event_id.startswith(ADDED)
        sums[key] = (event.value or 0.0) + (sums.get(key, 0.0) if added else 0.0)
        last[key] = event
    return [_statement(event, sums[key]) for key, event in last.items()]


def _events(engine: Engine, user_id: str | None, item_id: str | None, type_: str | None) -> Iterator[StoredEvent]:
    place, left = 0, MOST_EVENTS
    while left:
        rows = engine.store.event_page(min(left, _READ_AT_ONCE), place, user_id=user_id, item_id=item_id, type=type_)
        if not rows:
            return
        yield from (event for _, event in rows if event.item_id != NO_ITEM)
        place, left = rows[-1][0], left - len(rows)


def _statement(event: StoredEvent, value: float | None) -> dict[str, Any]:
    notes = event.context or {}
    told = {
        "FeedbackType": event.type,
        "UserId": event.user_id,
        "ItemId": event.item_id,
        "Value": value or 0.0,
        "Timestamp": written_time(event.time_ms),
        "Comment": str(notes.get("comment", "")),
    }
    return {**told, "Labels": notes["labels"]} if "labels" in notes else told
