"""Users of gorse."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter, Request

from serendip.data.gorse import is_label
from serendip.serving.audit import audited
from serendip.serving.engine import Engine
from serendip.serving.gorse.bodies import GorseUser, GorseUserPage, GorseUserPatch, GorseWritten, Users, told_user
from serendip.serving.gorse.paging import Cursor, Number, page_of
from serendip.serving.problems import Refused
from serendip.serving.wire import JsonAnswer, JsonRoute, Live, PathId

router = APIRouter(prefix="/api", tags=["gorse"], route_class=JsonRoute)


@router.post("/user", response_model=GorseWritten)
def insert_user(engine: Live, body: GorseUser) -> JsonAnswer:
    """Store a person; replaces who is stored under the id."""
    return _put(engine, [body])


@router.post("/users", response_model=GorseWritten)
def insert_users(engine: Live, body: Users) -> JsonAnswer:
    """Store many people, all or none."""
    return _put(engine, body)


@router.get("/users", response_model=GorseUserPage)
def get_users(engine: Live, n: Number = 10, cursor: Cursor = "") -> JsonAnswer:
    """The people with attributes in order of ids, a page at a time."""
    rows, following = page_of(engine.store, "users", n, cursor)
    return JsonAnswer({"Cursor": following, "Users": [told_user(*row) for row in rows]})


@router.get("/user/{user_id}", response_model=GorseUser)
def get_user(engine: Live, user_id: PathId) -> JsonAnswer:
    """A person who was stored or did something."""
    attributes = engine.store.get("users", user_id)
    if attributes is None and not engine.store.history(user_id, 1):
        raise _unknown(user_id)
    return JsonAnswer(told_user(user_id, attributes or {}))


@router.patch("/user/{user_id}", response_model=GorseWritten)
def modify_user(engine: Live, user_id: PathId, body: GorseUserPatch) -> JsonAnswer:
    """Change what is not null."""
    known = engine.store.get("users", user_id)
    if known is None:
        raise _unknown(user_id)
    gone = dict.fromkeys(filter(is_label, known) if body.labels is not None else ())
    engine.store.patch("users", user_id, {**gone, **body.changes()})
    return JsonAnswer({"RowAffected": 1})


@router.delete("/user/{user_id}", response_model=GorseWritten)
def delete_user(request: Request, engine: Live, user_id: PathId) -> JsonAnswer:
    """Erase a person and all that is held of them, as `DELETE /v1/users/{user_id}` does."""
    audited(request, **engine.erasures.erase(user_id).receipt())
    return JsonAnswer({"RowAffected": 1})


def _put(engine: Engine, users: Sequence[GorseUser]) -> JsonAnswer:
    count = engine.store.put("users", [(user.user_id, user.attributes()) for user in users])
    return JsonAnswer({"RowAffected": count})


def _unknown(user_id: str) -> Refused:
    return Refused("not-found", f"there is no user {user_id!r}")
