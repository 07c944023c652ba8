"""Drift: is what happens now still what the model in service was fitted on? And is all well with it otherwise?

The card of a model says what people did last when it was fitted and how the scores of its lists were spread
(`pipeline.card`). The log says what they did since, and the lists that were answered say how scores are spread now.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from threading import Lock
from typing import Any

import numpy as np

from serendip.data import Recommendations
from serendip.data.query import NO_ITEM
from serendip.metrics import Stability, stability
from serendip.pipeline.card import cells_of
from serendip.serving.deployment import Deployment, Served
from serendip.store import Workspace, rounds
from serendip.store.provenance import Provenance

KEPT_S = 60.0
"""What was found holds so long."""
RECENT_EVENTS = 2_000
RECENT_LISTS = 500
FEWEST = 100
"""Of fewer events or lists nothing is said."""
DRIFTS = {
    "items": "Stability index of the items of recent events against those before the fit; 0.25 is a shift.",
    "types": "Stability index of the types of recent events against those before the fit.",
    "scores": "Stability index of the scores of recent lists against those at the fit.",
}
SAYS = {
    "items": "people turn to other items than before the model in service was fitted",
    "types": "the mix of types of events is not what it was when the model in service was fitted",
    "scores": "the scores of lists are spread otherwise than when the model in service was fitted",
}


@dataclass(frozen=True)
class Alert:
    """Something that somebody should look at."""

    code: str
    detail: str
    value: float | None = None
    limit: float | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class Drift:
    """Compares when it is asked, at most once in `KEPT_S`."""

    def __init__(self, workspace: Workspace, deployment: Deployment) -> None:
        self._workspace, self._deployment = workspace, deployment
        self._scores: deque[tuple[str, tuple[float, ...]]] = deque(maxlen=RECENT_LISTS)  # version, scores
        self._lock = Lock()
        self._found: tuple[float, str, dict[str, Stability]] = (float("-inf"), "", {})

    def shown(self, version: str, found: Recommendations) -> None:
        """A list was answered."""
        self._scores.append((version, tuple([item.score for item in found])))

    def index(self, of: str) -> float:
        """The stability index of one of `DRIFTS`, NaN where too little is known."""
        found = self.stabilities().get(of)
        return found.index if found else float("nan")

    def stabilities(self) -> Mapping[str, Stability]:
        """What is known, by the names of `DRIFTS`."""
        served = self._deployment.current
        if served is None:
            return {}
        with self._lock:
            at_s, version, found = self._found
            if version != served.version or time.monotonic() - at_s >= KEPT_S:
                found = {**self._of_events(served), **self._of_scores(served)}
                self._found = time.monotonic(), served.version, found
        return found

    def alerts(self) -> list[Alert]:
        """All there are now, the graver first."""
        return [*self._of_models(), *self._of_training(), *self._of_drift(), *self._of_age()]

    def _of_models(self) -> Iterator[Alert]:
        yield from (Alert("model_damaged", trouble) for trouble in self._deployment.trouble)

    def _of_training(self) -> Iterator[Alert]:
        last = rounds.read(self._workspace.path)[-1:]
        yield from (Alert("training_failed", one.why) for one in last if one.outcome == "failed")

    def _of_drift(self) -> Iterator[Alert]:
        for of, found in self.stabilities().items():
            if found.shifted:
                yield Alert(f"drift_{of}", SAYS[of], round(found.index, 4), round(found.limit, 4))

    def _of_age(self) -> Iterator[Alert]:
        served, oldest_h = self._deployment.current, self._workspace.settings.training.oldest_h
        if served is not None and oldest_h:
            age_h = (time.time() - served.trained_s) / 3600
            if age_h > oldest_h:
                yield Alert("model_old", "the model in service was fitted long ago", round(age_h, 1), oldest_h)

    def _of_events(self, served: Served) -> dict[str, Stability]:
        before, provenance = served.pipeline.card.get("mix"), Provenance.of(served.pipeline.card)
        if not before or provenance is None:
            return {}
        store = self._workspace.store
        after = max(provenance.events_to, store.mark().events - RECENT_EVENTS)
        events = [event for _, event in store.event_page(RECENT_EVENTS, after) if event.item_id != NO_ITEM]
        if len(events) < FEWEST:
            return {}
        learned = served.pipeline.learned
        items = [one.item_id if one.item_id in learned else None for one in events]
        return {
            "items": _compared({**before["items"], "": before["others"]}, items),
            "types": _compared(before["types"], [one.type for one in events]),
        }

    def _of_scores(self, served: Served) -> dict[str, Stability]:
        before = served.pipeline.card.get("scores")
        lists = [scores for version, scores in list(self._scores) if version == served.version and scores]
        if not before or not before["lists"] or len(lists) < FEWEST:
            return {}
        now = cells_of(np.concatenate([np.asarray(one) for one in lists]), np.asarray(before["bounds"]))
        # The scores of one list hang together: it counts as one draw.
        independent = float(before["lists"]), float(len(lists))
        return {"scores": stability(np.asarray(before["counts"]), now, independent)}


def _compared(before: Mapping[str, int], names: list[str | None]) -> Stability:
    """Counts by name and those of `names` now; a name that was not counted is among the others, at "" where there are
    any, and None is what nobody knew then."""
    cells = {name: place for place, name in enumerate(before)}
    unknown = len(cells)
    others = cells.get("", unknown)
    places = [unknown if name is None else cells.get(name, others) for name in names]
    now = np.bincount(places, minlength=unknown + 1)
    return stability(np.array([*before.values(), 0]), now)
