"""Experiments: start one between models on the shelf, read it at any time, stop it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import Field

from serendip.data.times import rfc3339
from serendip.evaluation.experiments.advice import Reason, Verdict
from serendip.serving import experiments
from serendip.serving.bodies import Answered, Body
from serendip.serving.engine import Engine
from serendip.serving.problems import Refused
from serendip.serving.wire import JsonAnswer, JsonRoute, Live, PathId
from serendip.store import Arm, Experiment

router = APIRouter(prefix="/v1", tags=["experiments"], route_class=JsonRoute)

Name = Field(min_length=1, max_length=64)
_CONTROL_AND_NEW = [{"name": "control"}, {"name": "new", "model_version": "20260101T120000.000000Z-1a2b"}]


class ArmBody(Body):
    name: str = Name
    model_version: str | None = Field(None, max_length=128)
    """A model on the shelf; absent is whichever is current, also when another becomes so."""
    share: float = Field(1.0, gt=0, le=1_000)
    """Of the people of the experiment, beside the shares of the other arms."""


class ExperimentBody(Body):
    """What to compare, and on whom."""

    name: str = Name
    kind: Literal["split", "interleaving"] = "split"
    """`split`: each person sees the lists of one arm. `interleaving`: everybody sees both of two arms in one list."""
    arms: tuple[ArmBody, ...] = Field(min_length=2, max_length=8, examples=[_CONTROL_AND_NEW])
    """The control first."""
    traffic: float = Field(1.0, gt=0, le=1)
    """The share of all people who take part; nobody is in two experiments."""
    worth: float = Field(0.01, gt=0, lt=1)
    """The smallest difference worth knowing, as a share of lists."""
    surface: str | None = Field(None, max_length=64)
    """Lists of this surface alone; absent is all lists."""


class StopBody(Body):
    why: str = Field("", max_length=200)


class ArmTold(Answered):
    name: str
    model_version: str | None
    """null: whichever is current."""
    recipe: str | None
    """null where the model is not in service here."""
    share: float


class ExperimentTold(Answered):
    id: str
    name: str
    kind: Literal["split", "interleaving"]
    arms: list[ArmTold]
    traffic: float
    worth: float
    surface: str | None
    started: str
    stopped: str | None
    """null: it runs."""
    stopped_why: str | None


class ExperimentList(Answered):
    """Newest first."""

    data: list[ExperimentTold]
    models: list[str]
    """The versions on the shelf that arms may name, oldest first."""


class Figure(Answered):
    mean: float | None
    low: float | None
    """The interval may be looked at at any time; null until there is enough to tell."""
    high: float | None


class AdviceTold(Answered):
    verdict: Verdict
    reason: Reason
    why: str
    """The reason as a sentence, with its figures."""


class ArmRead(Answered):
    name: str
    people: int
    lists: int
    wanted: Figure
    """Share of lists that led to something wanted; interleaved, whose choices favour the arm."""
    gain: Figure | None
    """Against the control; null of the control itself."""
    harms: dict[str, Figure]
    """Against the control: what must not go up."""
    advice: AdviceTold | None


class ResultsTold(Answered):
    """What an experiment says so far, from exposures and events alone."""

    experiment: ExperimentTold
    kind: Literal["split", "interleaving"]
    worth: float
    split_p_value: float
    """Below 0.001 the split is broken: people are lost or added on one side, and no figure is to be believed."""
    split_broken: bool
    arms: list[ArmRead]


@router.post("/experiments", response_model=ExperimentTold)
def start(engine: Live, body: ExperimentBody) -> JsonAnswer:
    """Start an experiment. Its models are held in memory beside the current one until it is stopped."""
    arms = [Arm(arm.name, arm.model_version, arm.share) for arm in body.arms]
    begun = experiments.begin(engine.workspace, body.name, arms, body.kind, body.traffic, body.worth, body.surface)
    engine.experiments.look()
    return JsonAnswer(_told(engine, begun))


@router.get("/experiments", response_model=ExperimentList)
def every(engine: Live) -> JsonAnswer:
    """All experiments there ever were, and the models that others may compare."""
    told = [_told(engine, one) for one in reversed(engine.store.experiments())]
    return JsonAnswer({"data": told, "models": engine.workspace.versions()})


@router.get("/experiments/{experiment_id}", response_model=ExperimentTold)
def one(engine: Live, experiment_id: PathId) -> JsonAnswer:
    """One experiment, by its id or its name."""
    return JsonAnswer(_told(engine, _found(engine, experiment_id)))


@router.get("/experiments/{experiment_id}/results", response_model=ResultsTold)
def read(engine: Live, experiment_id: PathId) -> JsonAnswer:
    """What it says so far; it may be asked at any time, and as often as one likes."""
    experiment = _found(engine, experiment_id)
    engine.exposures.flush()
    told = experiments.read(engine.workspace, experiment).to_json()
    return JsonAnswer({"experiment": _told(engine, experiment), **told})


@router.post("/experiments/{experiment_id}/stop", response_model=ExperimentTold)
def stop(engine: Live, experiment_id: PathId, body: StopBody) -> JsonAnswer:
    """End an experiment; everybody is answered by the current model again. Its results stay."""
    experiment = _found(engine, experiment_id)
    engine.store.stop_experiment(experiment.id, body.why)
    engine.experiments.look()
    return JsonAnswer(_told(engine, _found(engine, experiment.id)))


def _found(engine: Engine, id_or_name: str) -> Experiment:
    experiment = experiments.find(engine.workspace, id_or_name)
    if experiment is None:
        raise Refused("not-found", f"there is no experiment {id_or_name!r}")
    return experiment


def _told(engine: Engine, experiment: Experiment) -> dict[str, Any]:
    stopped_ms = experiment.stopped_ms
    return {
        "id": experiment.id,
        "name": experiment.name,
        "kind": experiment.kind,
        "arms": [{**asdict(arm), "recipe": _recipe(engine, arm)} for arm in experiment.arms],
        "traffic": experiment.traffic,
        "worth": experiment.worth,
        "surface": experiment.surface,
        "started": rfc3339(experiment.started_ms),
        "stopped": None if stopped_ms is None else rfc3339(stopped_ms),
        "stopped_why": experiment.stopped_why,
    }


def _recipe(engine: Engine, arm: Arm) -> str | None:
    served = engine.of_arm(arm)
    return None if served is None else served.pipeline.recipe.name
