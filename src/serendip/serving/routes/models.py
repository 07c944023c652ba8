"""Models: which are there, what came of training, which one answers; and what somebody should look at."""

from __future__ import annotations

from fastapi import APIRouter

from serendip.data import InputError
from serendip.serving.bodies import AlertPage, ModelPage, Promoted, Promotion
from serendip.serving.problems import ProblemError, Refused
from serendip.serving.wire import JsonAnswer, JsonRoute, Live
from serendip.store import rounds

router = APIRouter(prefix="/v1", tags=["operation"], route_class=JsonRoute)


@router.get("/models", response_model=ModelPage)
def models(engine: Live) -> JsonAnswer:
    """The models that are there, oldest first, and what came of the latest rounds of training, oldest first."""
    current = engine.workspace.current_model()
    versions = [
        {"version": version, "current": current is not None and version == current.name}
        for version in engine.workspace.versions()
    ]
    known = [one.to_json() for one in rounds.read(engine.workspace.path)]
    return JsonAnswer({"data": versions, "rounds": known})


@router.post("/models:promote", response_model=Promoted)
def promote(engine: Live, body: Promotion) -> JsonAnswer:
    """Put a model that is there in service, such as the one before: in one step, for all processes.

    It answers here when this call does; other processes on the same workspace take it up within a second.
    """
    try:
        engine.workspace.promote(body.version)
    except InputError as error:
        wrong = ProblemError(pointer="#/version", code="unknown", detail=str(error))
        raise Refused("invalid-request", str(error), [wrong]) from None
    engine.deployment.look()
    served = engine.deployment.current
    return JsonAnswer({"version": body.version, "answers": served is not None and served.version == body.version})


@router.get("/alerts", response_model=AlertPage)
def alerts(engine: Live) -> JsonAnswer:
    """What somebody should look at: a damaged model, training that failed, drift, a model that is old."""
    return JsonAnswer({"data": [one.to_json() for one in engine.drift.alerts()]})
