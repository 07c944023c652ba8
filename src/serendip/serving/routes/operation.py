"""Operation: is it alive, can it serve, what does it count."""

from __future__ import annotations

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST

from serendip.serving.access import GuardedRoute
from serendip.serving.bodies import Health, Readiness
from serendip.serving.problems import Refused
from serendip.serving.wire import JsonAnswer, Live

router = APIRouter(tags=["operation"], route_class=GuardedRoute)


@router.get("/healthz", response_model=Health)
async def health() -> JsonAnswer:
    """The process answers."""
    return JsonAnswer({"status": "ok"})


@router.get("/readyz", response_model=Readiness)
def readiness(engine: Live) -> JsonAnswer:
    """200 only when a list can be served."""
    version, found = engine.probe()
    if not len(found):
        raise Refused("not-ready", "; ".join((*found.degraded, *found.warnings)) or "no list can be served")
    return JsonAnswer({"status": "ready", "model_version": version, "degraded": found.degraded})


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def metrics(engine: Live) -> Response:
    """Counters and timings in the text format of Prometheus."""
    return Response(engine.metrics.text(), headers={"content-type": CONTENT_TYPE_LATEST})
