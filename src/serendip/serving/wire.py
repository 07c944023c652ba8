"""The wire: JSON in and out, ids in paths, and the engine and the control room that routes ask."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Coroutine, Sequence
from typing import Annotated, Any, TypeVar
from urllib.parse import unquote

from fastapi import Depends, Path, Query, Request, Response
from pydantic import BeforeValidator, TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from serendip.data.query import Id
from serendip.serving.access import GuardedRoute
from serendip.serving.control.room import ControlRoom
from serendip.serving.engine import Engine
from serendip.serving.problems import Refused

T = TypeVar("T")

JSON_TYPE = "application/json"
NO_CURSOR = "the cursor is not one that a list gave"
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


async def _engine(request: Request) -> Engine:
    engine: Engine = request.app.state.engine
    return engine


async def _control(request: Request) -> ControlRoom:
    control: ControlRoom = request.app.state.control
    return control


Live = Annotated[Engine, Depends(_engine)]
Control = Annotated[ControlRoom, Depends(_control)]

PathId = Annotated[
    Id,
    BeforeValidator(lambda value: unquote(value) if isinstance(value, str) else value),  # see gate.canonical_path
    Path(description="Any UTF-8 string of at most 256 bytes, percent-encoded."),
]
Limit = Annotated[int, Query(ge=1, le=1_000)]


class JsonAnswer(Response):
    """A plain structure as JSON, without another validation; a number that is none (NaN) is null."""

    media_type = JSON_TYPE

    def render(self, content: Any) -> bytes:
        return to_json(content, inf_nan_mode="null")


def read_json(body: bytes) -> Any:
    """Strict JSON: UTF-8, no NaN, no lone surrogates, limited depth.

    Raises:
        Refused: it is not.
    """
    try:
        return from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise Refused("malformed-request", f"the body is not JSON: {error}") from None


def key_of(request: Request) -> str | None:
    """The id of the key that a request came with."""
    key_id: str | None = request.scope["state"].get("key_id")
    return key_id


def media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def check_media_type(request: Request) -> None:
    """Raises Refused: the body is not sent as JSON."""
    if media_type(request) != JSON_TYPE:
        raise Refused("unsupported-media-type", f"the body must be sent as Content-Type: {JSON_TYPE}")


class JsonRoute(GuardedRoute):
    """A guarded route whose body is strict JSON and says so.

    Asking for the content type also keeps a foreign web page from posting here unasked: a browser sends
    `application/json` across origins only after a preflight, which is not answered.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def strict(request: Request) -> Response:
            if request.method in _WITH_BODY:
                check_media_type(request)
            return await handle(_StrictRequest(request.scope, request.receive))

        return strict


class _StrictRequest(Request):
    async def json(self) -> Any:
        return read_json(await self.body())


def cursor_after(id_: str) -> str:
    """An opaque cursor for the page after this id."""
    return base64.urlsafe_b64encode(id_.encode()).decode().rstrip("=")


def id_of(cursor: str | None) -> str | None:
    """The id after which the page starts.

    Raises:
        Refused: this is not a cursor of ours.
    """
    if cursor is None:
        return None
    try:
        return base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise Refused("invalid-request", NO_CURSOR) from None


def cursor_at(place: Sequence[str | int | None]) -> str:
    """An opaque cursor for the page after a place that takes several values to tell."""
    return cursor_after(to_json(place).decode())


def place_of(cursor: str | None, kinds: type[T]) -> T | None:
    """The place after which the page starts, of the kinds that `cursor_at` was given.

    Raises:
        Refused: this is not a cursor of ours.
    """
    told = id_of(cursor)
    if told is None:
        return None
    try:
        return TypeAdapter(kinds).validate_json(told, strict=False)
    except ValidationError:
        raise Refused("invalid-request", NO_CURSOR) from None
