"""Models: which are there, how good they are, which one answers; training; what somebody should look at."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter, Request

from serendip.data import InputError
from serendip.serving.background import Background
from serendip.serving.control import examining, versions
from serendip.serving.engine import Engine
from serendip.serving.model_bodies import (
    AlertPage,
    Begun,
    Evaluation,
    ExamTold,
    ModelPage,
    ModelTold,
    Promoted,
    Promotion,
    TrainBody,
    TrainingNow,
)
from serendip.serving.problems import ProblemError, Refused
from serendip.serving.routes.recipe import read
from serendip.serving.trainer import Order
from serendip.serving.wire import JsonAnswer, JsonRoute, Live, PathId, key_of
from serendip.store import exams, rounds, underway
from serendip.store.provenance import Provenance

router = APIRouter(prefix="/v1", tags=["operation"], route_class=JsonRoute)


@router.get("/models", response_model=ModelPage)
def models(engine: Live) -> JsonAnswer:
    """The models that are there, what came of the latest rounds of training, and which were put in service."""
    known = [one.to_json() for one in rounds.read(engine.workspace.path)]
    return JsonAnswer(
        {"data": versions.every(engine.workspace), "rounds": known, "history": versions.history(engine.workspace)}
    )


@router.get("/models/training", response_model=TrainingNow)
def training(engine: Live) -> JsonAnswer:
    """The round of training that goes on, how far it is, and what came of the last one."""
    workspace = engine.workspace
    running, last = underway.read(workspace.path), rounds.read(workspace.path)[-1:]
    told = {"running": running and running.told(), "last": last[0].to_json() if last else None}
    settings = workspace.settings.training
    by_itself = {"every_h": settings.every_h, "every_events": settings.every_events}
    return JsonAnswer({**told, "events_since": _events_since(engine), **by_itself})


@router.get("/models/{version}", response_model=ModelTold)
def model(engine: Live, version: PathId) -> JsonAnswer:
    """One model: what it learned, from what, at what cost, and how good it is."""
    try:
        return JsonAnswer(versions.whole(engine.workspace, version))
    except InputError as error:
        raise Refused("not-found", str(error)) from None


@router.post("/models:promote", response_model=Promoted)
def promote(engine: Live, request: Request, body: Promotion) -> JsonAnswer:
    """Put a model that is there in service, such as the one before: in one step, for all processes.

    It answers here when this call does; other processes on the same workspace take it up within a second.
    """
    try:
        engine.workspace.promote(body.version, key_of(request))
    except InputError as error:
        raise _unknown(error) from None
    engine.deployment.look()
    return JsonAnswer({"version": body.version, "answers": engine.deployment.answers(body.version)})


@router.post("/models:train", response_model=Begun, status_code=202)
def train(engine: Live, request: Request, body: TrainBody) -> JsonAnswer:
    """Begin a round of training in a process of its own, which goes on when this has answered.

    It is compared with the model in service on the latest events, and takes over where it is not worse.
    `GET /v1/models/training` tells how far it is. One round goes on at a time; it ends with the service.
    """
    recipe = None if body.recipe is None and body.toml is None else read(engine, body)
    background: Background = request.app.state.background
    if not background.begin(Order(recipe, body.anyway, key_of(request))):
        raise Refused("conflict", "a model is being trained already; GET /v1/models/training tells how far it is")
    running = underway.read(engine.workspace.path)
    return JsonAnswer({"running": running and running.told()}, 202)


@router.post("/models:evaluate", response_model=ExamTold)
def evaluate(engine: Live, body: Evaluation) -> JsonAnswer:
    """Ask a model to foretell the latest events, of which it has learned none; it takes some seconds at most.

    What came of it is kept and told by `GET /v1/models/{version}`.
    """
    there = engine.workspace.versions()
    try:
        if body.version not in there:
            raise InputError(f"there is no model {body.version!r}; there are {', '.join(there) or 'none'}")
        pipeline = engine.replays.pipeline(body.version)
        exam = examining.examine(pipeline, engine.store, engine.workspace.settings.events).to_json()
    except InputError as error:
        raise _unknown(error) from None
    exams.keep(engine.workspace.path, body.version, exam, there)
    return JsonAnswer(exam)


@router.get("/alerts", response_model=AlertPage)
def alerts(engine: Live) -> JsonAnswer:
    """What somebody should look at: a damaged model, training that failed, drift, a model that is old."""
    found = {of: asdict(one) for of, one in engine.drift.stabilities().items()}
    return JsonAnswer({"data": [one.to_json() for one in engine.drift.alerts()], "drift": found})


def _unknown(error: InputError) -> Refused:
    wrong = ProblemError(pointer="#/version", code="unknown", detail=str(error))
    return Refused("invalid-request", str(error), [wrong])


def _events_since(engine: Engine) -> int | None:
    served = engine.deployment.current
    provenance = Provenance.of(served.pipeline.card) if served else None
    return max(0, engine.store.mark().events - provenance.events_to) if provenance else None
