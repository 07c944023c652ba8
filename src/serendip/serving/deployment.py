"""Deployment: the pipeline that answers, the one before it, and the watch over both."""

from __future__ import annotations

import contextlib
import gc
import logging
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from serendip.data import Query
from serendip.data.times import epoch_ms
from serendip.pipeline import Pipeline
from serendip.serving.watching import Watcher
from serendip.store import Store, Workspace

LOOK_EVERY_S = 1.0
QUICK_S = 0.1
"""A catalogue that is read within this time is read again with each change, a larger one at the next look."""

_PAGE = 10_000
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Served:
    """A pipeline in service."""

    version: str
    pipeline: Pipeline
    trained_s: float
    """When it was fitted, seconds since 1970."""


class Deployment(Watcher):
    """Follows `models/current` and the catalogue of the store.

    A model that cannot be loaded changes nothing: the one before stays, and `trouble` says so.
    """

    def __init__(self, workspace: Workspace, fit_out: Callable[[str, Pipeline], None]) -> None:
        """`fit_out` gets each version and its pipeline before it answers: where histories are, how to guard it."""
        self._workspace = workspace
        self._fit_out = fit_out
        self._tried: tuple[Path, int] | None = None  # the folder last tried, and its state then
        self._refused: set[str] = set()  # versions beside that could not be loaded
        self._catalogue = Mirror(workspace.store)
        self._lock = Lock()
        super().__init__("deployment", LOOK_EVERY_S)
        self.current: Served | None = None
        self.previous: Served | None = None
        self.beside: dict[str, Served] = {}
        """Other versions that experiments need."""
        self.trouble: tuple[str, ...] = ()
        self.look()

    def in_order(self) -> Iterator[Served]:
        """Who may answer: the current pipeline, then the one before."""
        yield from (served for served in (self.current, self.previous) if served is not None)

    def in_service(self) -> tuple[Served, ...]:
        """All that may answer: the current pipeline, the one before, and those of experiments."""
        return (*self.in_order(), *self.beside.values())

    def of_version(self, version: str) -> Served | None:
        """The pipeline of one version, where it is in service."""
        return next((served for served in self.in_service() if served.version == version), None)

    def answers(self, version: str) -> bool:
        """Whether this version is the one that answers here."""
        return self.current is not None and self.current.version == version

    def serve_beside(self, versions: Collection[str]) -> None:
        """Hold these versions ready, and let go of others; one that cannot be loaded is left out."""
        if self.beside.keys() == set(versions):
            return
        with self._lock, collector_paused():
            held = {version: self.of_version(version) or self._open_once(version) for version in versions}
            self.beside = {version: served for version, served in held.items() if served is not None}
            self._follow_catalogue()

    def _open_once(self, version: str) -> Served | None:
        folder = self._workspace.models_dir / version
        if version in self._refused or folder.resolve().parent != self._workspace.models_dir.resolve():
            return None
        served = self._open(folder)
        if served is None:
            self._refused.add(version)
        return served

    def look(self) -> None:
        """Take up a new model or changed items, if there are any."""
        with self._lock, collector_paused():
            try:
                self._follow_pointer()
                self._let_go()
                self._follow_catalogue()
            except Exception:
                _log.exception("the workspace could not be looked at")

    def give_catalogue(self, pipeline: Pipeline) -> None:
        """Hand the items of the store, as they were last read, to a pipeline."""
        self._catalogue.give(pipeline)

    @property
    def catalogue_version(self) -> int | None:
        """Which version of the items of the store answers are made with."""
        return self._catalogue.version

    def items_changed(self) -> None:
        """Called after items were written: small catalogues count at once, large ones at the next look."""
        if self._catalogue.read_in_s < QUICK_S:
            self.look()

    def start(self) -> None:
        if self._thread is None:
            _set_apart()
        super().start()

    def _follow_pointer(self) -> None:
        folder = self._workspace.current_model()
        if folder is None:
            return
        state = folder, folder.stat().st_mtime_ns if folder.is_dir() else 0
        if state == self._tried:
            return
        fresh = self._open(folder)
        self._tried = state
        if fresh is None:
            self.trouble = (f"the model {folder.name} cannot be loaded",)
            self.current = self.current or self._older_than(folder)
        elif self.current is not None and self.current.version == fresh.version:
            self.current, self.trouble = fresh, ()
        else:
            if self.current is not None:
                _log.info("the model %s answers from now on, in the place of %s", fresh.version, self.current.version)
            self.previous, self.current, self.trouble = self.current, fresh, ()
            if self._thread is not None:
                _settle()

    def _let_go(self) -> None:
        """A model whose folder was removed answers no longer: it may hold somebody who was erased."""
        if self.previous is not None and not (self._workspace.models_dir / self.previous.version).is_dir():
            self.previous = None
        self.beside = {name: one for name, one in self.beside.items() if (self._workspace.models_dir / name).is_dir()}

    def _open(self, folder: Path) -> Served | None:
        try:
            pipeline = Pipeline.load(folder)
        except Exception:
            _log.exception("the model %s cannot be loaded", folder.name)
            return None
        self._fit_out(folder.name, pipeline)
        if self.current is not None:
            pipeline.catalogue.after(self.current.pipeline.catalogue)  # most texts are read already
        self.give_catalogue(pipeline)
        _warm(pipeline)
        return Served(folder.name, pipeline, _fitted_s(pipeline, folder))

    def _older_than(self, damaged: Path) -> Served | None:
        """The newest other model on disk that loads."""
        names = sorted(path.name for path in damaged.parent.iterdir() if path.is_dir() and path.suffix != ".tmp")
        others = (damaged.parent / name for name in reversed(names) if name != damaged.name)
        return next((served for folder in others if (served := self._open(folder)) is not None), None)

    def _follow_catalogue(self) -> None:
        if self._catalogue.renew():
            for served in self.in_service():
                self._catalogue.give(served.pipeline)


def _warm(pipeline: Pipeline) -> None:
    """Have everything in place before the first request."""
    try:
        pipeline.recommend(Query(history=tuple(pipeline.items.ids()[:1])))
    except Exception:
        _log.exception("a first list could not be made")


def _settle() -> None:
    """Collect what the model before left, then set apart what stays."""
    gc.collect()
    _set_apart()


def _set_apart() -> None:
    """Take what stays out of the sight of the garbage collector.

    A model and a catalogue hold many objects, and a full collection would look at each of them, again and again.
    """
    gc.freeze()
    gc.enable()  # a start is made without it, see `collector_paused`


@contextlib.contextmanager
def collector_paused() -> Iterator[None]:
    """While a model is loaded nearly nothing is garbage, and the collector would look at all of it again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _fitted_s(pipeline: Pipeline, folder: Path) -> float:
    """As its card says; what forgets somebody is written anew and stays as old as it was."""
    with contextlib.suppress(ValueError):
        fitted_ms = epoch_ms(pipeline.card.get("fitted_at"))
        if fitted_ms is not None:
            return fitted_ms / 1000
    return folder.stat().st_mtime


class Mirror:
    """The attributes of all items of the store, as of one version of its catalogue."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.version: int | None = None
        self._attributes: dict[str, dict[str, Any]] = {}
        self.read_in_s = 0.0

    def renew(self) -> bool:
        """Read the catalogue again where it changed; whether it did."""
        version = self._store.catalogue_version()
        if version == self.version:
            return False
        started_s = time.perf_counter()
        self._attributes = dict(self._all())
        self.version = version
        self.read_in_s = time.perf_counter() - started_s
        return True

    def give(self, pipeline: Pipeline) -> None:
        """Hand the attributes to a pipeline; items that it learned with attributes and that are gone are hidden."""
        self.renew()
        described = zip(pipeline.items.ids(), pipeline.catalogue.described, strict=True)
        gone = {id_: {"hidden": True} for id_, was in described if was and id_ not in self._attributes}
        pipeline.refresh_items({**self._attributes, **gone})

    def _all(self) -> Iterator[tuple[str, dict[str, Any]]]:
        after: str | None = None
        while page := self._store.page("items", _PAGE, after):
            yield from page
            after = page[-1][0]
