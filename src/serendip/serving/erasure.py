"""Erasure: one person out of the store, the caches and the models, and a receipt that says how far it went.

The store goes first, in one transaction that hands out what models may have learned of the person. Models that can
forget (`models.Forgets`) then take exactly that back, off the path of the request: the current model is saved as a new
version, and of the old one nothing is left. In between, what is to be forgotten is in memory only, so a crash leaves a
model that still knows the person. Its card shows that (`store.provenance`), and the next build heals it, as it does
for models that cannot forget.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from serendip.data import Queries
from serendip.models import Forgets, Model
from serendip.pipeline import Pipeline
from serendip.serving.deployment import Deployment, Served
from serendip.serving.drafts import Drafts
from serendip.serving.exposures import ExposureLog
from serendip.serving.histories import RecentHistories
from serendip.store import Erasure, Workspace
from serendip.store.files import write_whole
from serendip.store.provenance import IN_CARD, Provenance

WAIT_S = 5.0
"""How long a request waits for models; what takes longer goes on after it."""
TRIES = 3  # when another model is published meanwhile
CARD = "card.json"

CACHES = {
    "histories": "forgotten here; another process on the same store forgets them within seconds",
    "exposures": "none is waiting to be written",
    "checkpoints": "of fits that were cut off are deleted",
    "imports": "files on their way in are deleted, and refused rows that may be about the person",
}
EXACT, UNDER_WAY, NEXT_BUILD = "exact", "under way", "at the next build"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Standing:
    """What became of what one source of a model learned of who was erased."""

    version: str
    source: str
    model: str
    how: str
    keeps_row: bool


@dataclass(frozen=True)
class Done:
    """How far an erasure went."""

    removed: dict[str, int]
    caches: dict[str, str]
    models: list[Standing]
    models_deleted: list[str]

    def receipt(self) -> dict[str, Any]:
        """What the audit keeps of it, which names nobody."""
        return {"removed": self.removed, "models": [asdict(one) for one in self.models]}


class Erasures:
    """Erases people, one after the other where models are concerned."""

    def __init__(
        self, workspace: Workspace, exposures: ExposureLog, histories: RecentHistories, deployment: Deployment
    ) -> None:
        self._workspace = workspace
        self._exposures, self._histories, self._deployment = exposures, histories, deployment
        self._drafts = Drafts(workspace.imports_dir)
        self._worker: ThreadPoolExecutor | None = None
        self._waiting = 0
        self._lock, self._turn = Lock(), Lock()

    def __len__(self) -> int:
        """Erasures on their way into models."""
        return self._waiting

    def erase(self, user_id: str) -> Done:
        """Take a person out of everything; what models need longer for than `WAIT_S` goes on afterwards.

        Raises:
            StoreError: the store cannot do it now, or its files could not be cleared of the rows: to be repeated.
        """
        with self._turn:  # models forget people in the order in which the store did
            try:
                erased = list(self._out_of_the_store(user_id))
            finally:
                self._histories.forget([user_id])
            works = [self._submit(erasure) for erasure in erased if erasure.counted]
        self._drafts.forget(user_id)
        self._workspace.store.scrub()  # where it fails, the request is to be repeated, but models forget all the same
        deleted = [version for work in wait(works, WAIT_S).done for version in work.result()]
        removed = {table: sum(one.removed[table] for one in erased) for table in erased[0].removed}
        return Done(removed, CACHES, list(self._standings()), deleted)

    def stop(self) -> None:
        """Return when models have forgotten whom they must."""
        with self._lock:
            worker, self._worker = self._worker, None
        if worker is not None:
            worker.shutdown()

    # The store

    def _out_of_the_store(self, user_id: str) -> Iterator[Erasure]:
        self._exposures.flush()
        yield self._workspace.store.take_out(user_id)
        self._exposures.flush()  # of lists that were answered meanwhile
        if self._workspace.store.export(user_id)["exposures"]:
            yield self._workspace.store.take_out(user_id)

    # The models

    def _submit(self, erasure: Erasure) -> Future[list[str]]:
        with self._lock:
            self._waiting += 1
            if self._worker is None:
                self._worker = ThreadPoolExecutor(1, "erasures")
            return self._worker.submit(self._out_of_the_models, erasure)

    def _out_of_the_models(self, erasure: Erasure) -> list[str]:
        """The versions that were deleted."""
        try:
            before = self._versions()
            for _ in range(TRIES):
                folder = self._workspace.current_model()
                if folder is None or self._forgotten(folder, erasure):
                    break
            self._drop_reserves(erasure)
            self._workspace.drop_checkpoints()
            return sorted(before - self._versions())
        except Exception:
            _log.exception("erasure %d could not reach the models; the next build does", erasure.mark.erasures)
            return []
        finally:
            with self._lock:
                self._waiting -= 1
            self._deployment.look()

    def _versions(self) -> set[str]:
        return {card.parent.name for card in self._workspace.models_dir.glob(f"*/{CARD}") if ".tmp" not in str(card)}

    def _forgotten(self, folder: Path, erasure: Erasure) -> bool:
        """Whether the model in `folder` forgot what it can; False where it is no longer the current one."""
        provenance = Provenance.of(_card(folder))
        if provenance is None:
            return True
        # Who missed an erasure before would not be exact after this one either.
        exact = {name for name, n in provenance.erasures.items() if n == erasure.mark.erasures - 1}
        if provenance.read(erasure).is_empty():
            _restate(folder, provenance.after(erasure, exact))
            return True
        pipeline = Pipeline.load(folder)
        taught = provenance.taught(erasure, pipeline.items, pipeline.signals)
        forgot = {name for name in exact if taught is not None and _forgets(pipeline.models[name], taught)}
        learned = min(provenance.erasures.values(), default=0) < erasure.mark.erasures  # else it was fitted after it
        uncounted = learned and taught is not None and _uncount(pipeline, taught)
        if not forgot and not uncounted:
            return True
        provenance.after(erasure, forgot).write(pipeline)
        draft = self._workspace.new_model_folder()
        pipeline.save(draft)
        return self._workspace.replace_model(draft, folder) is not None

    def _drop_reserves(self, erasure: Erasure) -> None:
        """Remove models that are not served, if they read anything of who was taken out."""
        current = self._workspace.current_model()
        folders = [self._workspace.models_dir / name for name in self._versions()]
        self._workspace.drop_models(folder for folder in folders if folder != current and _read(folder, erasure))

    # The receipt

    def _standings(self) -> Iterator[Standing]:
        erasures = self._workspace.store.mark().erasures
        for served in self._deployment.in_order():
            provenance = Provenance.of(served.pipeline.card)
            for source in served.pipeline.recipe.learners:
                missed = provenance is None or provenance.erasures.get(source.name, -1) < erasures
                how = EXACT if not missed else UNDER_WAY if self._comes(served, source.name) else NEXT_BUILD
                keeps = missed and getattr(served.pipeline.models[source.name], "keeps_people", False)
                yield Standing(served.version, source.name, source.model, how, keeps)

    def _comes(self, served: Served, source: str) -> bool:
        return self._waiting > 0 and isinstance(served.pipeline.models[source], Forgets)


def _uncount(pipeline: Pipeline, taught: Queries) -> bool:
    """Take who was taught out of how many people wanted each item; whether that changed anything."""
    before = pipeline.wanted_by
    if not len(before) or not len(taught):
        return False
    wanted = np.bincount(taught.matrix(len(before)).indices, minlength=len(before))
    pipeline.wanted_by = np.maximum(before - wanted, 0).astype(np.int32)
    return bool(wanted.any())


def _forgets(model: Model, taught: Queries) -> bool:
    """Whether the model is now as if nobody had taught it that."""
    if not len(taught):
        return True
    if not isinstance(model, Forgets):
        return False
    nothing = Queries.of_histories([(np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0, np.float32))])
    try:
        model.exchange(taught, nothing)
    except (RuntimeError, ValueError) as error:
        _log.info("%s forgets at the next build: %s", type(model).__name__, error)
        return False
    return True


def _read(folder: Path, erasure: Erasure) -> bool:
    """Whether a model may have learned from what was taken out."""
    provenance = Provenance.of(_card(folder))
    return provenance is None or not provenance.read(erasure).is_empty()


def _card(folder: Path) -> dict[str, Any]:
    """The card as it is written, empty where it cannot be read."""
    try:
        card: dict[str, Any] = json.loads((folder / CARD).read_bytes())
    except (OSError, ValueError):
        return {}
    return card


def _restate(folder: Path, provenance: Provenance) -> None:
    """Change what the card says, and nothing else."""
    card = _card(folder) | {IN_CARD: provenance.model_dump(mode="json")}
    write_whole(folder / CARD, json.dumps(card, indent=2, ensure_ascii=False) + "\n")
