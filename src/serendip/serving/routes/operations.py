"""Operations: jobs, queues, storage, limits, health and backups, for whoever runs the service."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, Request

from serendip.serving.bodies import Answered, Body
from serendip.serving.control import operations
from serendip.serving.engine import Engine
from serendip.serving.problems import Refused
from serendip.serving.routes.health import readiness
from serendip.serving.wire import JsonAnswer, JsonRoute, Live
from serendip.store import rounds

router = APIRouter(prefix="/v1", tags=["operation"], route_class=JsonRoute)

ROUNDS = 10


class ProcessTold(Answered):
    version: str
    python: str
    system: str
    cores: int
    processes: int
    """How many answer on this address."""
    memory_bytes: int | None
    """Of all of them; null where the system does not say."""
    since: str | None
    up_s: float | None
    """Since the latest of them was started."""


class HealthTold(Answered):
    ready: bool
    why: str | None
    """What keeps it from being ready."""
    model_version: str | None
    """Of the model that answers; null: none does."""
    degraded: list[str]
    """What is worked around meanwhile."""
    alerts: int


class JobsTold(Answered):
    training: bool
    """Whether a new model is trained now."""
    rounds: list[dict[str, Any]]
    """The latest rounds of training, latest first."""


class QueuesTold(Answered):
    """What waits, in all processes of the service."""

    writes: int
    """Calls that write, behind the one under way."""
    exposures: int
    """Lists that were shown and are not yet written down."""
    erasures: int
    """People whom models are about to forget."""
    requests: int
    """Requests that are being answered, this one included."""


class PartTold(Answered):
    name: Literal["store", "models", "vectors", "pictures", "checkpoints", "imports", "backups"]
    bytes: int
    files: int
    whole: bool
    """false: there are more files than were counted."""


class StorageTold(Answered):
    parts: list[PartTold]
    free_bytes: int
    """Left on the disk of the workspace."""
    total_bytes: int
    measured: str
    """It is measured at most once a minute."""


class LimitTold(Answered):
    name: str
    value: float
    about: str


class Operations(Answered):
    """How the service stands."""

    process: ProcessTold
    health: HealthTold
    jobs: JobsTold
    queues: QueuesTold
    storage: StorageTold
    limits: list[LimitTold]


class BackupBody(Body):
    """Nothing needs to be said."""


class BackupTold(Answered):
    name: str
    bytes: int
    made: str | None


class LatestBackup(Answered):
    name: str
    begun: str
    stage: Literal["copying the store", "packing", "reading back", "done", "failed"]
    done: int
    """Bytes of this stage, of `total`."""
    total: int
    why: str
    """What ended one that failed."""
    ended: bool


class BackupList(Answered):
    """Latest first. Backups are no download: they are files of the machine, and restored by the command line."""

    data: list[BackupTold]
    latest: LatestBackup | None
    """The one that was begun last."""
    folder: str
    restore: str | None
    """The command that makes a new workspace of the latest."""


@router.get("/operations", response_model=Operations)
def told(request: Request, engine: Live) -> JsonAnswer:
    """Jobs, queues, storage, limits and health, of all processes that answer on this address."""
    siblings = request.app.state.siblings
    numbers = operations.counted((siblings or engine.metrics).text())
    return JsonAnswer(
        {
            "process": operations.process(numbers, siblings.count() if siblings else 1),
            "health": {**_health(request, engine), "alerts": int(numbers[operations.ALERTS])},
            "jobs": _jobs(engine, numbers),
            "queues": operations.queues(numbers),
            "storage": operations.storage(request.app.state.storage),
            "limits": operations.limits(engine.workspace.settings.service),
        }
    )


@router.get("/backups", response_model=BackupList)
def backups(request: Request, engine: Live) -> JsonAnswer:
    """The backups there are, and how far the one is that was begun last."""
    return JsonAnswer(_backups(request, engine))


@router.post("/backups", response_model=BackupList, status_code=202)
def begin_backup(request: Request, engine: Live, body: BackupBody) -> JsonAnswer:
    """Begin a backup of everything: store, settings, current model and pictures. `GET /v1/backups` tells how far it is.

    One is made at a time; it goes on beside the service, and is read back before it counts.
    """
    request.app.state.backups.begin()
    return JsonAnswer(_backups(request, engine), 202)


def _backups(request: Request, engine: Engine) -> dict[str, Any]:
    return operations.backups(request.app.state.backups, str(engine.workspace.backups_dir.resolve()))


def _jobs(engine: Engine, numbers: dict[str, float]) -> dict[str, Any]:
    known = rounds.read(engine.workspace.path)[-ROUNDS:]
    training = bool(numbers.get(operations.TRAINING))
    return {"training": training, "rounds": [one.to_json() for one in reversed(known)]}


def _health(request: Request, engine: Engine) -> dict[str, Any]:
    current = engine.deployment.current
    version = None if current is None else current.version
    try:
        readiness(request, engine)
    except Refused as refused:
        return {"ready": False, "why": refused.detail, "model_version": version, "degraded": []}
    return {"ready": True, "why": None, "model_version": version, "degraded": list(engine.probe()[1].degraded)}
