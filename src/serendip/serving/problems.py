"""Problems: every failure is one `application/problem+json` document (RFC 9457), never a stack trace."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from pydantic_core import to_json
from starlette.exceptions import HTTPException

from serendip.data import InputError
from serendip.store import StoreError, StoreFullError, StoreReadOnlyError

MEDIA_TYPE = "application/problem+json"
MOST_ERRORS = 20
"""Further errors of one request are not listed."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Kind:
    status: int
    title: str


KINDS = {
    "malformed-request": Kind(400, "The request cannot be read"),
    "key-needed": Kind(401, "A key is needed"),
    "key-insufficient": Kind(403, "The key does not allow this"),
    "not-found": Kind(404, "There is no such thing"),
    "method-not-allowed": Kind(405, "This address does not answer this method"),
    "too-slow": Kind(408, "The request did not arrive in time"),
    "conflict": Kind(409, "Something else came before"),
    "too-large": Kind(413, "The request is too large"),
    "unsupported-media-type": Kind(415, "The body is of a type that is not read here"),
    "misdirected": Kind(421, "This server does not go by that name"),
    "invalid-request": Kind(422, "The request is not valid"),
    "too-many-requests": Kind(429, "There were too many requests"),
    "headers-too-large": Kind(431, "The head of the request is too large"),
    "internal-error": Kind(500, "Something went wrong here"),
    "overloaded": Kind(503, "There is too much to do now"),
    "timed-out": Kind(503, "The answer took too long"),
    "not-ready": Kind(503, "No list can be served yet"),
    "store-read-only": Kind(503, "The store takes no writes now"),
    "store-unavailable": Kind(503, "The store cannot do its work now"),
    "insufficient-storage": Kind(507, "There is no room to write"),
}
"""The stable last part of each `type`, `urn:serendip:problem:<name>`."""

_STORE_FAULTS: dict[type[Exception], str] = {
    StoreFullError: "insufficient-storage",
    StoreReadOnlyError: "store-read-only",
}
_BY_STATUS = {kind.status: name for name, kind in KINDS.items()}


class ProblemError(BaseModel):
    """One place in the request that is wrong."""

    pointer: str = Field(examples=["#/limit"])
    """A JSON pointer into the body, or `query:name`, `path:name`."""
    code: str
    detail: str


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str = Field(examples=["urn:serendip:problem:not-found"])
    title: str
    status: int
    detail: str
    instance: str
    request_id: str
    errors: list[ProblemError] = []


class Refused(HTTPException):
    """Raised by a route: the request is answered with the problem of that name."""

    def __init__(
        self, name: str, detail: str, errors: Iterable[ProblemError] = (), headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(KINDS[name].status, detail, headers)
        self.name = name
        self.errors = list(errors)


def problem_response(
    name: str,
    detail: str,
    *,
    instance: str,
    request_id: str,
    errors: Iterable[ProblemError] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    kind = KINDS[name]
    body: dict[str, Any] = {
        "type": f"urn:serendip:problem:{name}",
        "title": kind.title,
        "status": kind.status,
        "detail": detail,
        "instance": instance,
        "request_id": request_id,
    }
    listed = [error.model_dump() for error in errors]
    if listed:
        body["errors"] = listed
    return Response(to_json(body), kind.status, headers, MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Answer what routes raise, and addresses and methods that are not there, with problems."""
    for kind in ANSWERED:
        app.add_exception_handler(kind, answer_to)


async def answer_to(request: Request, error: Exception) -> Response:
    """The problem that stands for what a route raised, one of `ANSWERED`."""
    for kind, answer in _ANSWERS.items():
        if isinstance(error, kind):
            return await answer(request, error)
    raise error


def pointed(errors: Iterable[Mapping[str, Any]]) -> list[ProblemError]:
    """Validation errors as pointers, without the values that were sent."""
    return [_pointed(error) for error in list(errors)[:MOST_ERRORS]]


def _pointed(error: Mapping[str, Any]) -> ProblemError:
    place, *steps = error["loc"] or ("body",)
    path = "/".join(str(step).replace("~", "~0").replace("/", "~1") for step in steps)
    pointer = (f"#/{path}" if path else "#") if place == "body" else f"{place}:{path}"
    return ProblemError(pointer=pointer, code=error["type"], detail=error["msg"].removeprefix("Value error, "))


async def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    name = error.name if isinstance(error, Refused) else _BY_STATUS.get(error.status_code, "malformed-request")
    detail = error.detail if isinstance(error, Refused) else _spoken(request, error.status_code)
    errors = error.errors if isinstance(error, Refused) else ()
    return _answer(request, name, detail, errors, error.headers)


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = pointed(error.errors())
    detail = "; ".join(f"{one.pointer}: {one.detail}" for one in errors[:3])
    return _answer(request, "invalid-request", detail, errors)


async def _on_input_error(request: Request, error: Exception) -> Response:
    return _answer(request, "invalid-request", str(error))


async def _on_store_error(request: Request, error: Exception) -> Response:
    _log.error("request %s: the store failed: %s", _request_id(request), error)
    request.app.state.engine.metrics.store_errors.inc()
    name = _STORE_FAULTS.get(type(error), "store-unavailable")
    return _answer(request, name, "the log says why under this request id")


_ANSWERS: dict[type[Exception], Callable[[Request, Exception], Awaitable[Response]]] = {
    HTTPException: _on_http_error,
    RequestValidationError: _on_invalid,
    InputError: _on_input_error,
    StoreError: _on_store_error,
}
ANSWERED = tuple(_ANSWERS)
"""What routes may raise; everything else is a fault."""


def _answer(
    request: Request,
    name: str,
    detail: str,
    errors: Iterable[ProblemError] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    return problem_response(
        name, detail, instance=request.scope["path"], request_id=_request_id(request), errors=errors, headers=headers
    )


def _request_id(request: Request) -> str:
    request_id: str = request.scope.get("state", {}).get("request_id", "")
    return request_id


def _spoken(request: Request, status: int) -> str:
    """The framework's own refusals in our words."""
    if status == 404:
        return f"there is nothing at {request.scope['path']}"
    if status == 405:
        return f"{request.scope['path']} does not answer {request.method}"
    return "the request cannot be read"
