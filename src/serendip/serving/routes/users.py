"""Users: people, what they did, what is held of them, and how it is erased."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request

from serendip.data import HistoryEvent
from serendip.data.times import rfc3339
from serendip.serving.audit import audited
from serendip.serving.bodies import (
    AttributesBody,
    Erased,
    Export,
    History,
    User,
    UserPage,
    UserRows,
    UsersBody,
    Written,
)
from serendip.serving.problems import Refused
from serendip.serving.wire import JsonAnswer, JsonRoute, Limit, Live, PathId, cursor_after, id_of

router = APIRouter(prefix="/v1", tags=["users"], route_class=JsonRoute)


@router.get("/users", response_model=UserPage)
def list_users(engine: Live, limit: Limit = 50, cursor: str | None = None) -> JsonAnswer:
    """The people with attributes in order of ids, a page at a time."""
    rows = engine.store.page("users", limit + 1, id_of(cursor))
    data = [{"user_id": user_id, "attributes": attributes} for user_id, attributes in rows[:limit]]
    return JsonAnswer({"data": data, "next_cursor": cursor_after(rows[limit - 1][0]) if len(rows) > limit else None})


@router.post("/users:batch", response_model=Written)
def put_users(engine: Live, body: UsersBody | UserRows) -> JsonAnswer:
    """Store many people, all or none; each replaces what is stored under its id."""
    users = body.users if isinstance(body, UsersBody) else body
    return JsonAnswer({"accepted": engine.store.put("users", [(user.user_id, user.attributes) for user in users])})


@router.get("/users/{user_id}", response_model=User)
def get_user(engine: Live, user_id: PathId) -> JsonAnswer:
    return _user(user_id, engine.store.get("users", user_id))


@router.put("/users/{user_id}", response_model=User)
def put_user(engine: Live, user_id: PathId, body: AttributesBody) -> JsonAnswer:
    """Store a person with exactly these attributes."""
    engine.store.put("users", [(user_id, body.attributes)])
    return _user(user_id, body.attributes)


@router.patch("/users/{user_id}", response_model=User)
def patch_user(engine: Live, user_id: PathId, body: AttributesBody) -> JsonAnswer:
    """Change the named attributes; null removes one."""
    return _user(user_id, engine.store.patch("users", user_id, body.attributes))


@router.delete("/users/{user_id}", response_model=Erased)
def erase_user(request: Request, engine: Live, user_id: PathId) -> JsonAnswer:
    """Erase a person: events, attributes, exposures, relations, and what models learned. The answer is the receipt.

    Models that can forget exactly do so at once, the others when they are fitted next. Backups are not reached.
    """
    done = engine.erasures.erase(user_id)
    audited(request, **done.receipt())
    return JsonAnswer({"user_id": user_id, "time": rfc3339(time.time_ns() // 1_000_000), **asdict(done)})


@router.get("/users/{user_id}/export", response_model=Export)
def export_user(engine: Live, user_id: PathId) -> JsonAnswer:
    """All that is held of a person."""
    engine.exposures.flush()
    held = engine.store.export(user_id)
    timed = {table: [_timed(row) for row in held[table]] for table in ("events", "exposures")}
    return JsonAnswer({**held, **timed})


@router.get("/users/{user_id}/history", response_model=History)
def user_history(
    engine: Live,
    user_id: PathId,
    limit: Limit = 50,
    include: Annotated[list[Literal["attributes"]], Query()] = [],  # noqa: B006 - FastAPI copies it
) -> JsonAnswer:
    """What a person did, the latest first; nothing for somebody new."""
    events = engine.store.history(user_id, limit)[::-1]
    attributes = engine.store.attributes([event.item_id for event in events]) if include else None
    return JsonAnswer({"user_id": user_id, "data": [_past(event, attributes) for event in events]})


def _timed(row: dict[str, Any]) -> dict[str, Any]:
    """Times in words, as everywhere in answers."""
    return {name.removesuffix("_ms"): rfc3339(value) if name.endswith("_ms") else value for name, value in row.items()}


def _past(event: HistoryEvent, attributes: dict[str, dict[str, Any]] | None) -> dict[str, Any]:
    past: dict[str, Any] = {
        "item_id": event.item_id,
        "type": event.type,
        "value": event.value,
        "timestamp": None if event.timestamp is None else rfc3339(event.timestamp),
    }
    return past if attributes is None else {**past, "attributes": attributes.get(event.item_id, {})}


def _user(user_id: str, attributes: dict[str, Any] | None) -> JsonAnswer:
    if attributes is None:
        raise Refused("not-found", f"no attributes of a user {user_id!r} are known")
    return JsonAnswer({"user_id": user_id, "attributes": attributes})
