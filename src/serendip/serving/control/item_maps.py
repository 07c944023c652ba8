"""Item maps: the best known items in the plane, one map for each model, made beside the work and kept on disk.

A map is made when somebody first asks for it, in a thread of its own, and lies in the workspace's folder `maps`, where
other processes and later starts find it. Maps of models that are gone are removed.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock, Thread

import numpy as np

from serendip.algebra.flattening import flat
from serendip.data.vocabulary import UNKNOWN
from serendip.metrics.layouts import neighbours_kept
from serendip.pipeline import Pipeline
from serendip.pipeline.embedding import embedding
from serendip.serving.deployment import Deployment, Served
from serendip.store import Attributes, Workspace

MOST = 5_000
"""Items of one map, those that most people want."""
NEIGHBOURS = 10
"""For how many of the nearest a map is judged."""
AGAIN_S = 60.0
"""A map that could not be made is tried again after so long."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ItemMap:
    """Places of items."""

    version: str
    """Of the model."""
    source: str | None
    """The source whose vectors they are; None: they are made of what is said of the items."""
    kept: float
    """The share of the nearest of each item that are among its nearest on the map."""
    trustworthiness: float
    made_in_s: float
    item_ids: Sequence[str]
    """The best known first."""
    places: Sequence[Sequence[float]]
    """Of each, x and y within -1..1."""


class ItemMaps:
    """The maps of a workspace."""

    def __init__(self, workspace: Workspace, deployment: Deployment) -> None:
        self._workspace, self._deployment = workspace, deployment
        self._folder = workspace.path / "maps"
        self._made: ItemMap | None = None
        self._making: str | None = None
        self._failed: tuple[str, float] = ("", float("-inf"))  # which, and when
        self._lock = Lock()

    def current(self) -> ItemMap | None:
        """The map of the model in service; None: there is no model, or it is on its way."""
        served = self._deployment.current
        if served is None:
            return None
        made = self._made
        if made is None or made.version != served.version:
            made = self._made = self._read(served.version)
        if made is None:
            self._begin(served)
        return made

    @property
    def trouble(self) -> bool:
        """Whether the last try failed."""
        served = self._deployment.current
        return served is not None and self._failed[0] == served.version

    def _begin(self, served: Served) -> None:
        with self._lock:
            late = self._failed[0] != served.version or time.monotonic() - self._failed[1] > AGAIN_S
            if self._making is None and late:
                self._making = served.version
                Thread(target=self._make, args=(served,), name="item map", daemon=True).start()

    def _make(self, served: Served) -> None:
        try:
            popular = self._workspace.store.popular(MOST, self._workspace.settings.events)
            made = drawn(served.version, served.pipeline, [item_id for item_id, _ in popular])
            self._write(made)
            self._made = made
        except Exception:
            _log.exception("the map of the model %s could not be made", served.version)
            self._failed = served.version, time.monotonic()
        finally:
            self._making = None

    def _file(self, version: str) -> Path:
        return self._folder / f"{version}.json"

    def _read(self, version: str) -> ItemMap | None:
        try:
            return ItemMap(**json.loads(self._file(version).read_bytes()))
        except OSError:
            return None
        except (ValueError, TypeError):
            _log.warning("the map of the model %s is damaged; it is made anew", version)
            return None

    def _write(self, made: ItemMap) -> None:
        """In one step, so that nobody reads half of it."""
        self._folder.mkdir(exist_ok=True)
        there = {self._file(version) for version in self._workspace.versions()}
        for file in self._folder.glob("*.json"):
            if file not in there:
                file.unlink(missing_ok=True)
        draft = self._folder / f"{made.version}.{os.getpid()}.tmp"
        draft.write_text(json.dumps(asdict(made)), encoding="utf-8")
        draft.replace(self._file(made.version))


def described(pipeline: Pipeline, item_ids: Sequence[str]) -> dict[str, Attributes]:
    """The attributes of those that may still be shown, by item id, in the same order."""
    catalogue = pipeline.catalogue
    rows = catalogue.vocabulary.rows(item_ids)
    shown = (rows != UNKNOWN) & catalogue.listable[rows]
    pairs = zip(item_ids, rows.tolist(), shown.tolist(), strict=True)
    return {item_id: catalogue.records[row] for item_id, row, fits in pairs if fits}


def drawn(version: str, pipeline: Pipeline, best_known: Sequence[str]) -> ItemMap:
    """The map of those items that the pipeline knows and that may be shown, the best known first."""
    began_s, catalogue = time.monotonic(), pipeline.catalogue
    rows = catalogue.vocabulary.rows(best_known)
    rows = rows[rows != UNKNOWN]
    found = embedding(pipeline, rows[catalogue.listable[rows]][:MOST])
    places = flat(found.vectors)
    kept, trustworthiness = neighbours_kept(found.vectors, places, NEIGHBOURS)
    within = places / max(float(np.abs(places).max(initial=0.0)), 1e-12)
    ids = list(catalogue.vocabulary.ids(found.rows))
    took_s = time.monotonic() - began_s
    return ItemMap(version, found.source, kept, trustworthiness, took_s, ids, within.round(4).tolist())
