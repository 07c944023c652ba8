"""Direct: the routes that are asked most, without the framework between the gate and their functions.

The framework declares and documents every route, and would answer these too, in the same words: a test asks both ways.
But to find a route, gather its arguments and hand it to a thread took it two thirds of the time of an empty answer.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any, get_type_hints

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError
from starlette.types import ASGIApp, Receive, Scope, Send

from serendip.serving import problems
from serendip.serving.access import POLICY, Access
from serendip.serving.engine import Engine
from serendip.serving.wire import check_media_type, read_json
from serendip.serving.workers import Workers

Routes = dict[tuple[str, str], ASGIApp]

PATHS = frozenset({"/v1/recommendations", "/v1/similar", "/v1/rank", "/v1/events"})
MISSING = {"type": "missing", "loc": ("body",), "msg": "Field required"}


def direct_routes(app: FastAPI, routes: Iterable[object], workers: Workers) -> Routes:
    """What answers each of `PATHS`: a function of engine and body (in a thread, if it waits) or of request and engine."""
    return {
        ("POST", route.path): _direct(app, route, workers)
        for route in routes
        if isinstance(route, APIRoute) and route.path in PATHS and route.methods == {"POST"}
    }


def _direct(app: FastAPI, route: APIRoute, workers: Workers) -> ASGIApp:
    access: Access = app.state.access
    needed = POLICY["POST", route.path]
    respond = _responder(app.state.engine, route.endpoint, workers)

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        scope["route"] = route
        request = Request(scope, receive)
        try:
            response = await respond(request, lambda: access.check(scope, needed))
        except problems.ANSWERED as error:
            response = await problems.answer_to(request, error)
        await response(scope, receive, send)

    return answer


def _responder(engine: Engine, endpoint: Callable[..., Any], workers: Workers) -> Callable[..., Any]:
    body_type = get_type_hints(endpoint, include_extras=True).get("body")
    if body_type is None:
        assert inspect.iscoroutinefunction(endpoint)

        async def respond(request: Request, admit: Callable[[], Any]) -> Response:
            await admit()
            response: Response = await endpoint(request, engine)
            return response

        return respond
    validate = TypeAdapter(body_type).validate_python

    async def respond_to_body(request: Request, admit: Callable[[], Any]) -> Response:
        check_media_type(request)
        await admit()
        body = _validated(validate, await request.body())
        here = inspect.iscoroutinefunction(endpoint)
        response: Response = await (endpoint(engine, body) if here else workers.run(endpoint, engine, body))
        return response

    return respond_to_body


def _validated(validate: Callable[..., Any], body: bytes) -> Any:
    """Raises RequestValidationError: what the framework would raise for this body."""
    if not body:
        raise RequestValidationError([MISSING])
    content = read_json(body)
    try:
        return validate(content, from_attributes=True)  # as the framework does, whose messages depend on it
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in found]) from None
