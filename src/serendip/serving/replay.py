"""Replay: an answer given again from the log, with what every step decided."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from serendip.data import DamagedArtifactError, InputError
from serendip.pipeline import Pipeline
from serendip.pipeline.tracing import Trace, trace
from serendip.serving.asked import Asked
from serendip.serving.deployment import Deployment
from serendip.serving.shop_rules import ShopRules
from serendip.store import Exposure, Store


@dataclass(frozen=True)
class Replayed:
    """What an answer was made of."""

    trace: Trace | None
    """None where it cannot be replayed."""
    same: bool
    """Whether the replay lists what was shown, in the same order."""
    notes: tuple[str, ...]
    """What is not as it was then."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class Replays:
    """Answers requests of the past as the model of then did, from the history of then.

    Events are never changed, so a history of the past is in the log; models stay on disk until they are removed.
    Attributes of items are those of now.
    """

    def __init__(self, deployment: Deployment, store: Store, models: Path, rules: ShopRules) -> None:
        self._deployment, self._store, self._models, self._rules = deployment, store, models, rules
        self._opened: tuple[str, Pipeline] | None = None
        self._lock = Lock()

    def of(self, exposure: Exposure) -> Replayed:
        """The replay of one answer."""
        if exposure.request is None:
            return Replayed(None, False, ("what was asked was not logged then",))
        if exposure.request.get("picture"):
            return Replayed(None, False, ("the picture that was asked with was not kept",))
        asked = Asked.of_json(exposure.request, exposure.user_id, exposure.surface)
        if exposure.experiment is not None and exposure.arm is None:
            return Replayed(None, False, ("two lists were interleaved, by coins that were not kept",))
        if asked.kind == "rank":
            return Replayed(None, False, ("a ranking of given items proposes and leaves out nothing",))
        try:
            pipeline = self.pipeline(exposure.model_version)
            query = self._query(asked, exposure)
            rules, unchanged = self._rules.then(exposure.request.get("rules"), asked)
            found = trace(pipeline, query if asked.item_id is None else Pipeline.likened(asked.item_id, query), rules)
        except (InputError, DamagedArtifactError) as error:
            return Replayed(None, False, (str(error),))
        same = list(found.item_ids) == [item["item_id"] for item in exposure.items]
        return Replayed(found, same, (*self._changed(exposure), *([] if unchanged else ["rules were changed since"])))

    def _query(self, asked: Asked, exposure: Exposure) -> Any:
        """With the history as it was."""
        if exposure.user_id is None or asked.query.history is not None:
            return asked.query
        past = self._store.history(exposure.user_id, until=exposure.position or 0)
        return asked.query.model_copy(update={"history": past})

    def _changed(self, exposure: Exposure) -> Iterator[str]:
        if exposure.catalogue_version != self._store.catalogue_version():
            yield "items were changed since"
        if any(one.explored for one in exposure.drawn):
            yield "an item was tried in the place of another, by chance"

    def pipeline(self, version: str) -> Pipeline:
        """The model of that version, in service or on disk.

        Raises:
            InputError: it is not there any more.
            DamagedArtifactError: it cannot be read.
        """
        if (served := self._deployment.of_version(version)) is not None:
            return served.pipeline
        folder = self._models / version
        with self._lock:
            if not folder.is_dir() or folder.resolve().parent != self._models.resolve():
                self._opened = None  # it may have been removed because it knew somebody who was erased
                raise InputError(f"the model {version} is not there any more")
            if self._opened is None or self._opened[0] != version:
                pipeline = Pipeline.load(folder)
                self._deployment.give_catalogue(pipeline)
                self._opened = version, pipeline
            return self._opened[1]
