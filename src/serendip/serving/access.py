"""Access: which key may do what. A route that is not in the table is open to nobody.

Without a key in the store everything is open, to this machine alone (see `server`). From the first key on each request
needs one, in `Authorization: Bearer` or `X-API-Key`, this machine's own included.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers

from serendip.serving.problems import Refused
from serendip.store import Key, Store, StoreError
from serendip.store.keys import matching

SECONDS_KEPT = 0.5
"""A key that was made or revoked by another process is seen after so long."""

ANYBODY = "anybody"
READ, EVENTS, DATA, ADMIN = "recommend:read", "events:write", "data:write", "admin"
POLICY: dict[tuple[str, str], str] = {
    ("POST", "/v1/recommendations"): READ,
    ("POST", "/v1/similar"): READ,
    ("POST", "/v1/rank"): READ,
    ("GET", "/v1/trending"): READ,
    ("GET", "/v1/recommendations/{request_id}"): DATA,
    ("POST", "/v1/events"): EVENTS,
    ("GET", "/v1/items"): DATA,
    ("POST", "/v1/items:batch"): DATA,
    ("GET", "/v1/items/{item_id}"): READ,
    ("PUT", "/v1/items/{item_id}"): DATA,
    ("PATCH", "/v1/items/{item_id}"): DATA,
    ("DELETE", "/v1/items/{item_id}"): DATA,
    ("GET", "/v1/items/{item_id}/image"): ANYBODY,  # pages show pictures, and browsers send no key for them
    ("GET", "/v1/users"): DATA,
    ("POST", "/v1/users:batch"): DATA,
    ("GET", "/v1/users/{user_id}"): DATA,
    ("PUT", "/v1/users/{user_id}"): DATA,
    ("PATCH", "/v1/users/{user_id}"): DATA,
    ("GET", "/v1/users/{user_id}/history"): DATA,
    ("DELETE", "/v1/users/{user_id}"): ADMIN,
    ("GET", "/v1/users/{user_id}/export"): ADMIN,
    ("GET", "/healthz"): ANYBODY,
    ("GET", "/readyz"): ANYBODY,
    ("GET", "/metrics"): ADMIN,
    ("POST", "/api/user"): DATA,
    ("POST", "/api/users"): DATA,
    ("GET", "/api/users"): DATA,
    ("GET", "/api/user/{user_id}"): DATA,
    ("PATCH", "/api/user/{user_id}"): DATA,
    ("DELETE", "/api/user/{user_id}"): ADMIN,
    ("POST", "/api/item"): DATA,
    ("POST", "/api/items"): DATA,
    ("GET", "/api/items"): DATA,
    ("GET", "/api/item/{item_id}"): READ,
    ("PATCH", "/api/item/{item_id}"): DATA,
    ("DELETE", "/api/item/{item_id}"): DATA,
    ("PUT", "/api/item/{item_id}/category/{category}"): DATA,
    ("DELETE", "/api/item/{item_id}/category/{category}"): DATA,
    ("POST", "/api/feedback"): EVENTS,
    ("PUT", "/api/feedback"): EVENTS,
    ("GET", "/api/feedback"): DATA,
    ("GET", "/api/feedback/{feedback_type}"): DATA,
    ("GET", "/api/feedback/{user_id}/{item_id}"): DATA,
    ("GET", "/api/feedback/{feedback_type}/{user_id}/{item_id}"): DATA,
    ("GET", "/api/user/{user_id}/feedback"): DATA,
    ("GET", "/api/user/{user_id}/feedback/{feedback_type}"): DATA,
    ("GET", "/api/item/{item_id}/feedback"): DATA,
    ("GET", "/api/item/{item_id}/feedback/{feedback_type}"): DATA,
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


class Access:
    """The keys of a store, read again after a moment.

    While the store fails, the keys that were last read count: lists are answered without it, and nobody new comes in.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: tuple[float, Sequence[Key]] = (time.monotonic(), store.keys())

    async def check(self, headers: Headers, scope: str) -> None:
        """See that a request may do what needs `scope`.

        Raises:
            Refused: there are keys, and the request has none of them, or one that does not allow it.
        """
        if scope == ANYBODY:
            return
        known = await self._keys()
        if not known:
            return
        key = matching(_sent(headers), known, time.time_ns() // 1_000_000)
        if key is None:
            raise Refused(
                "key-needed",
                "send a valid key in `Authorization: Bearer` or `X-API-Key`",
                headers={"www-authenticate": "Bearer"},
            )
        if not key.may(scope):
            raise Refused("key-insufficient", f"the key {key.id} does not have the scope {scope}")

    async def _keys(self) -> Sequence[Key]:
        """All keys there are; those that are no longer valid still close the door."""
        read_s, known = self._known
        if time.monotonic() - read_s >= SECONDS_KEPT:
            with contextlib.suppress(StoreError):
                known = await run_in_threadpool(self._store.keys)
            self._known = time.monotonic(), known
        return known


def _sent(headers: Headers) -> str:
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")


class GuardedRoute(APIRoute):
    """A route behind the scope that the table names for it; one that the table does not name cannot be made."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        (method,) = list(self.methods or ())
        scope = POLICY[method, self.path]

        async def guarded(request: Request) -> Response:
            access: Access = request.app.state.access
            await access.check(request.headers, scope)
            return await handle(request)

        return guarded
