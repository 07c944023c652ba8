"""Service: the engine of a workspace, in process and without threads: it looks about itself when it is told to."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from serendip.data import Query, Tables
from serendip.pipeline import Pipeline, Recipe
from serendip.serving.asked import Asked
from serendip.serving.engine import Answer, Engine
from serendip.store import StoredEvent, Workspace
from serendip.training import FitOptions


class Service:
    """Lists are logged as exposures and events are appended exactly as `serendip serve` does it."""

    def __init__(self, folder: Path, past: Tables, seed: int) -> None:
        self.workspace = Workspace.create(folder)
        self._options = FitOptions(seed=seed, threads=1)
        self.workspace.store.import_tables(past)
        self._past = self.workspace.store.mark().events
        self._stale: set[str] = set()
        self._seed = seed
        self._engine: Engine | None = None

    @property
    def engine(self) -> Engine:
        """Begins with the first model."""
        if self._engine is None:
            self._engine = Engine(self.workspace)
            self._engine.luck = Random(self._seed).random
        return self._engine

    def fit(self, recipe: Recipe, aside: bool = False) -> str:
        """Learn from the log as it stands; the version of the model."""
        reading = self.workspace.read()
        return self.workspace.adopt(Pipeline(recipe).fit(reading.dataset, self._options), reading, aside)

    def forget_updates(self, version: str) -> None:
        """Break a model: it sees histories as they were at the beginning."""
        self._stale.add(version)
        self._break()

    def look(self) -> None:
        """Take up models, experiments and what came of exploration."""
        engine = self.engine
        engine.exposures.flush()
        engine.deployment.look()
        engine.experiments.look()
        engine.exploring.look()
        self._break()

    def _break(self) -> None:
        for served in self.engine.deployment.in_service():
            if served.version in self._stale:
                served.pipeline.lookup = partial(self.workspace.store.history, until=self._past)

    def put_items(self, items: Sequence[tuple[str, dict[str, Any]]]) -> None:
        if items:
            self.workspace.store.put("items", items)

    def ask(self, query: Query) -> Answer:
        return self.engine.answer_here(Asked("recommendations", query))

    def ask_as_before(self, query: Query) -> Answer:
        """A list by the taste of the beginning."""
        assert query.user is not None
        history = tuple(self.workspace.store.history(query.user, until=self._past))
        return self.ask(query.model_copy(update={"history": history}))

    def list_of(self, user_id: str, n: int) -> None:
        """Make a list and show it to nobody."""
        current = self.engine.deployment.current
        assert current is not None
        current.pipeline.recommend(Query(user=user_id, n=n))

    def tell(self, events: Sequence[StoredEvent]) -> None:
        """What people did."""
        if events:
            self.engine.append(events)

    def close(self) -> None:
        if self._engine is not None:
            self._engine.stop()
        self.workspace.close()
