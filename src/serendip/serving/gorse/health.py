"""Health in gorse's words; whether lists can be served is what `/readyz` says."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from serendip.serving.access import GuardedRoute
from serendip.serving.engine import Engine
from serendip.serving.gorse.bodies import GorseHealth
from serendip.serving.problems import Refused
from serendip.serving.wire import JsonAnswer, Live
from serendip.store import StoreError

router = APIRouter(prefix="/api/health", tags=["gorse"], route_class=GuardedRoute)


@router.get("/live", response_model=GorseHealth)
def live(engine: Live) -> JsonAnswer:
    """The process answers; what it says of its store may be bad."""
    try:
        return JsonAnswer(_health(engine))
    except StoreError:
        failed = {"DataStoreConnected": False, "CacheStoreConnected": False}
        return JsonAnswer({"Ready": False, "DataStoreError": "the store fails", "CacheStoreError": None, **failed})


@router.get("/ready", response_model=GorseHealth)
def ready(request: Request, engine: Live) -> JsonAnswer:
    """200 only while the store can be read and the service stays."""
    if request.app.state.draining:
        raise Refused("not-ready", "the service is shutting down")
    return JsonAnswer(_health(engine))


def _health(engine: Engine) -> dict[str, Any]:
    engine.store.catalogue_version()
    good = {"DataStoreConnected": True, "CacheStoreConnected": True}
    return {"Ready": True, "DataStoreError": None, "CacheStoreError": None, **good}
