"""Health: is it alive, can it serve, what does it count."""

from __future__ import annotations

import logging

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from serendip.serving.access import GuardedRoute
from serendip.serving.bodies import Health, Readiness
from serendip.serving.engine import Engine
from serendip.serving.problems import Refused
from serendip.serving.wire import JsonAnswer, Live
from serendip.store import StoreError

router = APIRouter(tags=["operation"], route_class=GuardedRoute)
_log = logging.getLogger(__name__)


@router.get("/healthz", response_model=Health)
async def health() -> JsonAnswer:
    """The process answers."""
    return JsonAnswer({"status": "ok"})


@router.get("/readyz", response_model=Readiness)
def readiness(request: Request, engine: Live) -> JsonAnswer:
    """200 only when lists can be served from now on; `degraded` says what is worked around meanwhile."""
    if request.app.state.draining:
        raise _not_ready("the service is shutting down")
    try:
        engine.store.catalogue_version()
    except StoreError as error:
        _log.error("the store cannot be read: %s", error)
        raise _not_ready("the store cannot be read") from None
    if _is_loading(engine):
        raise _not_ready("the model is being loaded")
    version, found = engine.probe()
    if not len(found):
        raise _not_ready("; ".join((*found.degraded, *found.warnings)) or "no list can be served")
    return JsonAnswer({"status": "ready", "model_version": version, "degraded": found.degraded})


def _is_loading(engine: Engine) -> bool:
    """Whether a model is published that was neither taken up nor found damaged."""
    deployment = engine.deployment
    return deployment.current is None and not deployment.trouble and engine.workspace.current_model() is not None


def _not_ready(why: str) -> Refused:
    return Refused("not-ready", why, headers={"retry-after": "1"})


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def metrics(request: Request, engine: Live) -> Response:
    """Counters and timings in the text format of Prometheus; of all processes that answer on this address."""
    told = request.app.state.siblings or engine.metrics
    return Response(told.text(), headers={"content-type": CONTENT_TYPE_LATEST})
