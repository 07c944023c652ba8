"""Me: what the key of a request allows."""

from __future__ import annotations

from fastapi import APIRouter, Request

from serendip.serving.bodies import Answered
from serendip.serving.wire import JsonAnswer, JsonRoute, Live, key_of
from serendip.store.keys import SCOPES

router = APIRouter(prefix="/v1", tags=["operation"], route_class=JsonRoute)


class Me(Answered):
    """Whoever asks."""

    key_id: str | None
    """null: no key is needed, the service is open to its own machine."""
    name: str | None
    scopes: list[str]
    """All that the key may do, those it has through others too."""


@router.get("/me", response_model=Me)
def me(engine: Live, request: Request) -> JsonAnswer:
    """Which key this is, and what it may do; any key may ask."""
    id_ = key_of(request)
    if id_ is None:
        return JsonAnswer({"key_id": None, "name": None, "scopes": list(SCOPES)})
    every = engine.store.keys()
    key = next(one for one in every if one.id == id_)
    return JsonAnswer({"key_id": id_, "name": key.name, "scopes": [scope for scope in SCOPES if key.may(scope)]})
