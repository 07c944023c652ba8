"""Access: which key may do what. A route that is not in the table is open to nobody.

Without a key in the store everything is open, to this machine alone (see `server`). From the first key on each request
needs one, in `Authorization: Bearer` or `X-API-Key`, this machine's own included.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.types import Scope

from serendip.serving.limits import MOST_CLIENTS, Limits
from serendip.serving.problems import Refused
from serendip.store import Key, Store, StoreError
from serendip.store.keys import matching

SECONDS_KEPT = 0.5
"""A key that was made or revoked by another process is seen after so long."""

ANYBODY = "anybody"
ANY_KEY = "any key"
READ, EVENTS, SEE, DATA = "recommend:read", "events:write", "data:read", "data:write"
LOOK, ADMIN = "control:read", "admin"
POLICY: dict[tuple[str, str], str] = {
    ("POST", "/v1/recommendations"): READ,
    ("POST", "/v1/similar"): READ,
    ("POST", "/v1/rank"): READ,
    ("GET", "/v1/trending"): READ,
    ("GET", "/v1/recommendations/{request_id}"): SEE,
    ("POST", "/v1/recommendations:trace"): SEE,
    ("POST", "/v1/events"): EVENTS,
    ("GET", "/v1/items"): SEE,
    ("POST", "/v1/items:batch"): DATA,
    ("GET", "/v1/items/{item_id}"): READ,
    ("PUT", "/v1/items/{item_id}"): DATA,
    ("PATCH", "/v1/items/{item_id}"): DATA,
    ("DELETE", "/v1/items/{item_id}"): DATA,
    ("GET", "/v1/items/{item_id}/image"): ANYBODY,  # pages show pictures, and browsers send no key for them
    ("GET", "/v1/items/{item_id}/audience"): SEE,
    ("GET", "/v1/items/{item_id}/events"): SEE,
    ("GET", "/v1/items/{item_id}/standing"): SEE,
    ("GET", "/v1/users"): SEE,
    ("POST", "/v1/users:batch"): DATA,
    ("GET", "/v1/users/{user_id}"): SEE,
    ("PUT", "/v1/users/{user_id}"): DATA,
    ("PATCH", "/v1/users/{user_id}"): DATA,
    ("GET", "/v1/users/{user_id}/history"): SEE,
    ("GET", "/v1/users/{user_id}/profile"): SEE,
    ("GET", "/v1/users/{user_id}/events"): SEE,
    ("GET", "/v1/users/{user_id}/taste"): SEE,
    ("GET", "/v1/users/{user_id}/requests"): SEE,
    ("GET", "/v1/users/{user_id}/neighbours"): SEE,
    ("DELETE", "/v1/users/{user_id}"): ADMIN,
    ("GET", "/v1/users/{user_id}/export"): ADMIN,
    ("POST", "/v1/experiments"): ADMIN,
    ("GET", "/v1/experiments"): LOOK,
    ("GET", "/v1/experiments/{experiment_id}"): LOOK,
    ("GET", "/v1/experiments/{experiment_id}/results"): LOOK,
    ("POST", "/v1/experiments/{experiment_id}/stop"): ADMIN,
    ("GET", "/v1/rules"): LOOK,
    ("POST", "/v1/rules"): ADMIN,
    ("PUT", "/v1/rules/{rule_id}"): ADMIN,
    ("DELETE", "/v1/rules/{rule_id}"): ADMIN,
    ("POST", "/v1/rules:preview"): LOOK,
    ("GET", "/v1/map"): LOOK,
    ("GET", "/v1/map/people/{user_id}"): LOOK,
    ("GET", "/v1/me"): ANY_KEY,
    ("GET", "/healthz"): ANYBODY,
    ("GET", "/readyz"): ANYBODY,
    ("GET", "/metrics"): LOOK,
    ("GET", "/v1/models"): LOOK,
    ("GET", "/v1/models/training"): LOOK,
    ("GET", "/v1/models/{version}"): LOOK,
    ("POST", "/v1/models:promote"): ADMIN,
    ("POST", "/v1/models:train"): ADMIN,
    ("POST", "/v1/models:evaluate"): ADMIN,
    ("GET", "/v1/pipeline"): LOOK,
    ("GET", "/v1/recipe"): LOOK,
    ("POST", "/v1/recipe:check"): LOOK,
    ("POST", "/v1/recipe:dry-run"): LOOK,
    ("PUT", "/v1/recipe"): ADMIN,
    ("POST", "/v1/recipe:aside"): ADMIN,
    ("GET", "/v1/alerts"): LOOK,
    ("GET", "/v1/keys"): LOOK,
    ("POST", "/v1/keys"): ADMIN,
    ("DELETE", "/v1/keys/{key_id}"): ADMIN,
    ("GET", "/v1/audit"): LOOK,
    ("GET", "/v1/erasures"): LOOK,
    ("POST", "/v1/imports"): ADMIN,
    ("GET", "/v1/imports"): LOOK,
    ("GET", "/v1/imports/{import_id}"): LOOK,
    ("POST", "/v1/imports/{import_id}:guess"): ADMIN,
    ("POST", "/v1/imports/{import_id}:check"): ADMIN,
    ("POST", "/v1/imports/{import_id}:accept"): ADMIN,
    ("DELETE", "/v1/imports/{import_id}"): ADMIN,
    ("GET", "/v1/imports/{import_id}/rejected"): LOOK,
    ("GET", "/v1/schema"): LOOK,
    ("GET", "/v1/operations"): LOOK,
    ("GET", "/v1/backups"): LOOK,
    ("POST", "/v1/backups"): ADMIN,
    ("GET", "/v1/overview"): LOOK,
    ("POST", "/api/user"): DATA,
    ("POST", "/api/users"): DATA,
    ("GET", "/api/users"): SEE,
    ("GET", "/api/user/{user_id}"): SEE,
    ("PATCH", "/api/user/{user_id}"): DATA,
    ("DELETE", "/api/user/{user_id}"): ADMIN,
    ("POST", "/api/item"): DATA,
    ("POST", "/api/items"): DATA,
    ("GET", "/api/items"): SEE,
    ("GET", "/api/item/{item_id}"): READ,
    ("PATCH", "/api/item/{item_id}"): DATA,
    ("DELETE", "/api/item/{item_id}"): DATA,
    ("PUT", "/api/item/{item_id}/category/{category}"): DATA,
    ("DELETE", "/api/item/{item_id}/category/{category}"): DATA,
    ("POST", "/api/feedback"): EVENTS,
    ("PUT", "/api/feedback"): EVENTS,
    ("GET", "/api/feedback"): SEE,
    ("GET", "/api/feedback/{feedback_type}"): SEE,
    ("GET", "/api/feedback/{user_id}/{item_id}"): SEE,
    ("GET", "/api/feedback/{feedback_type}/{user_id}/{item_id}"): SEE,
    ("GET", "/api/user/{user_id}/feedback"): SEE,
    ("GET", "/api/user/{user_id}/feedback/{feedback_type}"): SEE,
    ("GET", "/api/item/{item_id}/feedback"): SEE,
    ("GET", "/api/item/{item_id}/feedback/{feedback_type}"): SEE,
    ("GET", "/api/recommend/{user_id}"): READ,  # with write-back-type also EVENTS, see `gorse.lists`
    ("GET", "/api/recommend/{user_id}/{category}"): READ,
    ("POST", "/api/session/recommend"): READ,
    ("POST", "/api/session/recommend/{category}"): READ,
    ("GET", "/api/item/{item_id}/neighbors"): READ,
    ("GET", "/api/item/{item_id}/neighbors/{category}"): READ,
    ("GET", "/api/item-to-item/{name}/{item_id}"): READ,
    ("GET", "/api/popular"): READ,
    ("GET", "/api/popular/{category}"): READ,
    ("GET", "/api/non-personalized/{name}"): READ,
    ("GET", "/api/latest"): READ,
    ("GET", "/api/latest/{category}"): READ,
    ("GET", "/api/health/live"): ANYBODY,
    ("GET", "/api/health/ready"): ANYBODY,
}
UNLIMITED = frozenset({"/healthz", "/readyz", "/api/health/live", "/api/health/ready"})
"""Whoever watches over the service must get an answer just when there is too much to do."""

_ID = slice(len("sk_"), len("sk_") + 12)


class Access:
    """The keys of a store, read again after a moment, and what each of them may still do.

    While the store fails, the keys that were last read count: lists are answered without it, and nobody new comes in.
    """

    def __init__(self, store: Store, limits: Limits, limit_anybody: bool = False) -> None:
        """Args: limit_anybody: clients without a key have limits although there is no key at all."""
        self._store, self._limits, self._limit_anybody = store, limits, limit_anybody
        self._read_s = time.monotonic()
        self._known = _by_id(store)
        self._proven: dict[tuple[str, str], None] = {}  # addresses and the keys they have sent, oldest first

    async def check(self, request: Scope, needed: str) -> None:
        """See that a request may do what needs the scope `needed`, and is not one too many.

        Raises:
            Refused: there are keys, and the request has none of them, or one that does not allow it; or the client
                has made too many requests.
        """
        if time.monotonic() - self._read_s >= SECONDS_KEPT:
            await self._renew()
        if needed == ANYBODY or not self._known:
            if (self._known or self._limit_anybody) and request["path"] not in UNLIMITED:
                self._limits.take("anonymous", _address(request))
            return
        key = self._key(request)
        request["state"]["key_id"] = key.id
        if needed != ANY_KEY and not key.may(needed):
            raise Refused("key-insufficient", f"the key {key.id} does not have the scope {needed}")
        self._limits.take("reads" if needed == READ else "writes", key.id)

    def read_again(self) -> None:
        """Have the next request read the keys: one was made or revoked here."""
        self._read_s = float("-inf")

    async def _renew(self) -> None:
        """Read the keys again; other requests go by the old ones meanwhile."""
        self._read_s = time.monotonic()
        with contextlib.suppress(StoreError):
            self._known = await run_in_threadpool(_by_id, self._store)

    def _key(self, request: Scope) -> Key:
        """The key of a request.

        An address that has sent too many wrong ones is not told which other one is right: only the keys that came
        from there before open, so that a guesser learns nothing and a neighbour behind the same address is not shut
        out.
        """
        text, address = _sent(request), _address(request)
        key = matching(text, self._known.get(text[_ID], ()), time.time_ns() // 1_000_000)
        if key is not None and (address, key.id) in self._proven:
            return key
        self._limits.check_failures(address)
        if key is None:
            self._limits.failed(address)
            request["state"]["past_key_id"] = self._past_key_id(text)
            raise Refused(
                "key-needed",
                "send a valid key in `Authorization: Bearer` or `X-API-Key`",
                headers={"www-authenticate": "Bearer"},
            )
        if len(self._proven) >= MOST_CLIENTS:
            self._proven = dict.fromkeys(list(self._proven)[MOST_CLIENTS // 2 :])
        self._proven[address, key.id] = None
        return key

    def _past_key_id(self, text: str) -> str | None:
        """Of a key that has ended, for the audit."""
        past = [replace(key, revoked_ms=None, expires_ms=None) for key in self._known.get(text[_ID], ())]
        key = matching(text, past, 0)
        return None if key is None else key.id


def _by_id(store: Store) -> dict[str, tuple[Key]]:
    """All keys there are; those that are no longer valid still close the door."""
    found = store.keys()
    return {key.id: (key,) for key in found}


def _sent(request: Scope) -> str:
    headers = dict(request["headers"])
    scheme, _, key = headers.get(b"authorization", b"").partition(b" ")
    text: bytes = key.strip() if scheme.lower() == b"bearer" else headers.get(b"x-api-key", b"")
    return text.decode("latin-1")


def _address(request: Scope) -> str:
    client = request.get("client")
    return client[0] if client else ""


class GuardedRoute(APIRoute):
    """A route behind the scope that the table names for it; one that the table does not name cannot be made."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        (method,) = list(self.methods or ())
        needed = POLICY[method, self.path]

        async def guarded(request: Request) -> Response:
            access: Access = request.app.state.access
            await access.check(request.scope, needed)
            return await handle(request)

        return guarded
