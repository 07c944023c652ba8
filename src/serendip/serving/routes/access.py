"""Access: keys, the audit, and receipts of erasures."""

from __future__ import annotations

import time
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field

from serendip.data.times import rfc3339
from serendip.serving.audit import ERASURES, Audit, audited
from serendip.serving.bodies import Answered, Body
from serendip.serving.key_making import make_key
from serendip.serving.problems import Refused
from serendip.serving.wire import JsonAnswer, JsonRoute, Limit, Live, PathId, cursor_after, id_of
from serendip.store import AuditEntry, Key
from serendip.store.keys import LONGEST_NAME, SCOPES

router = APIRouter(prefix="/v1", tags=["access"], route_class=JsonRoute)

Scope = Literal["recommend:read", "events:write", "data:read", "data:write", "control:read", "admin"]
KeyId = Annotated[str, Query(max_length=64, pattern=r"^[\x21-\x7e]*$")]
SECRET = {"cache-control": "no-store"}


class KeyBody(Body):
    name: str = Field(min_length=1, max_length=LONGEST_NAME, pattern=r"^[^\x00-\x1f\x7f]+$")
    """What the key is for, in your words."""
    scopes: tuple[Scope, ...] = Field(min_length=1, max_length=len(SCOPES))
    days: float | None = Field(None, gt=0, le=36_500)
    """Valid for so many days; absent: until it is revoked."""


class KeyTold(Answered):
    id: str
    """The part of the key that may be shown."""
    name: str
    scopes: list[str]
    state: Literal["valid", "expired", "revoked"]
    created: str
    expires: str | None
    revoked: str | None
    last_used: str | None
    """To the minute; null: never since this is noted."""
    yours: bool
    """Whether this request came with it."""


class KeyList(Answered):
    """All keys ever made, oldest first."""

    open: bool
    """There is no key yet, so everything is open, to this machine alone unless it was served otherwise."""
    data: list[KeyTold]
    scopes: dict[str, str]
    """What each scope opens."""


class KeyMade(Answered):
    key: KeyTold
    text: str
    """The key itself. It is told once, here, and is in no other place."""


class Entry(Answered):
    time: str
    key_id: str | None
    """null: without a key, where none was needed."""
    action: str
    """The method and the template of the route."""
    target: str | None
    """Which thing; a person is `person:` and a digest."""
    status: int
    """401 or 403: it was refused; of the same refusals in a minute one is noted."""
    request_id: str | None
    detail: dict[str, Any] | None


class AuditPage(Answered):
    """What was done where an administrator is needed, and what was refused to known keys; latest first."""

    data: list[Entry]
    next_cursor: str | None


class ErasureReceipt(Answered):
    time: str
    person: str | None
    """A digest: who was erased is named nowhere."""
    key_id: str | None
    request_id: str | None
    status: int
    """Below 300: it was done."""
    removed: dict[str, int] | None
    """Rows, by table."""
    models: list[dict[str, Any]] | None
    """How far each source of the models had forgotten when the request was answered."""


class ErasurePage(Answered):
    """Receipts of erasures, latest first."""

    data: list[ErasureReceipt]
    next_cursor: str | None


async def _audit(request: Request) -> Audit:
    audit: Audit = request.app.state.audit
    return audit


Audited = Annotated[Audit, Depends(_audit)]


@router.get("/keys", response_model=KeyList)
def keys(request: Request, engine: Live, audit: Audited) -> JsonAnswer:
    """The keys, never their secrets."""
    audit.look()
    known, used = engine.store.keys(), engine.store.key_uses()
    told = [_told(key, used.get(key.id), _sent_with(request)) for key in known]
    return JsonAnswer({"open": not known, "data": told, "scopes": SCOPES})


@router.post("/keys", response_model=KeyMade)
def create(request: Request, engine: Live, body: KeyBody) -> JsonAnswer:
    """Make a key. With the first one every request needs a key, so it must have the scope `admin` and no end.

    A key opens and lasts at most what the key does that made it.
    """
    maker_id = _sent_with(request)
    key, text = make_key(engine.store, maker_id, body.name, body.scopes, body.days)
    request.app.state.access.read_again()
    audited(request, key.id, scopes=list(key.scopes))
    return JsonAnswer({"key": _told(key, None, maker_id), "text": text}, headers=SECRET)


@router.delete("/keys/{key_id}", response_model=KeyTold)
def revoke(request: Request, engine: Live, key_id: PathId) -> JsonAnswer:
    """Make a key worthless for ever. The last valid one with the scope `admin` stays; the command line can revoke it.

    Every process of the service sees it within a second.
    """
    if not engine.store.revoke_key(key_id, keep_an_admin=True):
        raise Refused("not-found", f"there is no key {key_id!r}")
    request.app.state.access.read_again()
    known = engine.store.keys()
    (key,) = (key for key in known if key.id == key_id)
    return JsonAnswer(_told(key, engine.store.key_uses().get(key_id), _sent_with(request)))


@router.get("/audit", response_model=AuditPage)
def audit_log(audit: Audited, limit: Limit = 50, cursor: str | None = None, key_id: KeyId | None = None) -> JsonAnswer:
    """Who did what: all that needs an administrator, and what was refused to known keys."""
    entries, following = _page(audit, limit, cursor, key_id, ())
    data = [{**_timed(entry), **_what(entry)} for entry in entries]
    return JsonAnswer({"data": data, "next_cursor": following})


@router.get("/erasures", response_model=ErasurePage)
def erasures(audit: Audited, limit: Limit = 50, cursor: str | None = None) -> JsonAnswer:
    """What was removed when. `DELETE /v1/users/{user_id}` erases a person."""
    entries, following = _page(audit, limit, cursor, None, ERASURES)
    return JsonAnswer({"data": [_receipt(entry) for entry in entries], "next_cursor": following})


def _page(
    audit: Audit, limit: int, cursor: str | None, key_id: str | None, actions: tuple[str, ...]
) -> tuple[list[AuditEntry], str | None]:
    before = id_of(cursor)
    if before is not None and not (before.isdecimal() and len(before) < 19):
        raise Refused("invalid-request", "the cursor is not one that a list gave")
    entries = audit.page(limit + 1, None if before is None else int(before), key_id, actions)
    return entries[:limit], cursor_after(str(entries[limit - 1].seq)) if len(entries) > limit else None


def _timed(entry: AuditEntry) -> dict[str, Any]:
    return {
        "time": rfc3339(entry.time_ms),
        "key_id": entry.key_id,
        "status": entry.status,
        "request_id": entry.request_id,
    }


def _what(entry: AuditEntry) -> dict[str, Any]:
    return {"action": entry.action, "target": entry.target, "detail": entry.detail}


def _receipt(entry: AuditEntry) -> dict[str, Any]:
    detail = entry.detail or {}
    return {
        **_timed(entry),
        "person": entry.target,
        "removed": detail.get("removed"),
        "models": detail.get("models"),
    }


def _sent_with(request: Request) -> str | None:
    key_id: str | None = request.scope["state"].get("key_id")
    return key_id


def _told(key: Key, used_ms: int | None, asked_with: str | None) -> dict[str, Any]:
    valid = key.valid(time.time_ns() // 1_000_000)
    times = {"expires": key.expires_ms, "revoked": key.revoked_ms, "last_used": used_ms}
    return {
        "id": key.id,
        "name": key.name,
        "scopes": key.scopes,
        "state": "valid" if valid else "revoked" if key.revoked_ms else "expired",
        "created": rfc3339(key.created_ms),
        **{name: None if time_ms is None else rfc3339(time_ms) for name, time_ms in times.items()},
        "yours": key.id == asked_with,
    }
