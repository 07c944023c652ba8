"""Engine: one request from history to list, and what happens when a part of it fails."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from serendip.data import InputError, Query, Recommendation, Recommendations, Vocabulary
from serendip.pipeline import Pipeline
from serendip.pipeline.catalogue import Catalogue
from serendip.serving.deployment import Deployment
from serendip.serving.exposures import ExposureLog
from serendip.serving.following import Follower
from serendip.serving.histories import RecentHistories
from serendip.serving.metrics import Metrics
from serendip.store import Exposure, Receipt, StoredEvent, Workspace

NO_MODEL = "none"
"""The model version of answers that no model had a part in."""

POPULAR_POOL = 1000
POPULAR_KEPT_S = 5.0

Ask = Callable[[Pipeline], Recommendations]
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answer:
    """A list with its identity."""

    request_id: str
    model_version: str
    found: Recommendations
    took_ms: float


class Engine:
    """Answers from the current pipeline, else the one before, else what is popular, else an empty list.

    Whatever was worked around is said in `degraded`; a fault of a model is never an error of the service.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.store = workspace.store
        self.metrics = Metrics()
        self.histories = RecentHistories(self.store.history)
        self.follower = Follower(self.store.changes, self.histories)
        self.exposures = ExposureLog(self.store, self.metrics.exposures_dropped.inc)
        self.deployment = Deployment(workspace, self.histories)
        self._popular: tuple[float, list[str]] = (float("-inf"), [])
        self._declare_gauges()

    def start(self) -> None:
        """Begin to write exposures, to follow the log of events and to watch for new models."""
        self.follower.start()
        self.exposures.start()
        self.deployment.start()

    def stop(self) -> None:
        """End all three; nothing that was shown is lost."""
        self.deployment.stop()
        self.follower.stop()
        self.exposures.stop()

    # Lists

    def recommend(self, query: Query) -> Answer:
        """The list for `query`.

        Raises:
            InputError: the query makes no sense.
        """
        return self._answer("recommendations", query, lambda pipeline: pipeline.recommend(query))

    def similar(self, item_id: str, query: Query) -> Answer:
        """Items that people who want `item_id` want too."""
        asked = query.model_copy(update={"without": query.without | {item_id}})
        return self._answer("similar", asked, lambda pipeline: pipeline.similar(item_id, asked))

    def rank(self, query: Query, item_ids: Sequence[str]) -> Answer:
        """The best `query.n` of the given items, in the order of the person's taste."""
        return self._answer("rank", query, lambda pipeline: pipeline.order(query, item_ids), item_ids)

    def probe(self) -> tuple[str, Recommendations]:
        """The list of one item that a stranger would be shown now, and the version that made it; not logged."""
        query = Query(n=1)
        return self._found(query, lambda pipeline: pipeline.recommend(query))

    def _answer(self, kind: str, query: Query, ask: Ask, ranked: Sequence[str] | None = None) -> Answer:
        started_s = time.perf_counter()
        version, found = self._found(query, ask, ranked)
        answer = Answer(uuid.uuid4().hex, version, found, (time.perf_counter() - started_s) * 1000)
        self.metrics.recommendations.labels(kind).inc()
        if found.degraded:
            self.metrics.degraded.inc()
        self.exposures.put(self._exposure(answer, query))
        return answer

    def _found(self, query: Query, ask: Ask, ranked: Sequence[str] | None = None) -> tuple[str, Recommendations]:
        """The version that answered, and its list."""
        degraded = list(self.deployment.trouble)
        for served in self.deployment.in_order():
            try:
                return served.version, _with(ask(served.pipeline), degraded)
            except InputError:
                raise
            except Exception:
                _log.exception("the model %s failed", served.version)
                degraded.append(f"the model {served.version} failed")
        if not degraded:
            degraded.append("there is no model yet")
        try:
            found = self._most_popular(query, ranked)
        except InputError:
            raise
        except Exception:
            _log.exception("what is popular cannot be read")
            found = Recommendations((), ("nothing can be listed now",))
        return NO_MODEL, _with(found, [*degraded, "the list is by popularity alone"])

    # Without a model

    def _most_popular(self, query: Query, ranked: Sequence[str] | None) -> Recommendations:
        """What most people want, under the rules of the request."""
        best = self._popular_ids()
        if ranked is not None:
            place = {item_id: rank for rank, item_id in enumerate(best)}
            ids = sorted(dict.fromkeys(ranked), key=lambda item_id: place.get(item_id, len(best)))
        else:
            ids = [item_id for item_id in best if item_id not in self._left_out(query)]
            ids = [item_id for item_id in ids if query.only is None or item_id in query.only]
        attributes = self.store.attributes(ids)
        if ranked is None:
            ids = _allowed(ids, attributes, query)
        items = tuple(
            Recommendation(item_id, rank, 1.0 / rank, "popular", attributes=attributes.get(item_id, {}))
            for rank, item_id in enumerate(ids[: query.n], 1)
        )
        return Recommendations(items, () if items else ("nothing is popular yet",))

    def _popular_ids(self) -> list[str]:
        read_s, ids = self._popular
        if time.monotonic() - read_s >= POPULAR_KEPT_S or not ids:
            ids = [item_id for item_id, _ in self.store.popular(POPULAR_POOL, self.workspace.settings.events)]
            self._popular = time.monotonic(), ids
        return ids

    def _left_out(self, query: Query) -> set[str]:
        events = query.history
        if events is None and query.user is not None:
            events = tuple(self.histories(query.user))
        return {event.item_id for event in events or ()} | query.without

    # Events and people

    def append(self, events: Sequence[StoredEvent]) -> Receipt:
        """Write events; they count in the next answer of their people once this returns."""
        try:
            return self.store.append(events)
        finally:
            self.histories.forget(list({event.user_id for event in events}))

    def erase(self, user_id: str) -> dict[str, int]:
        """Remove all that is held of a person; how many rows of each table."""
        self.exposures.flush()
        try:
            return self.store.erase(user_id)
        finally:
            self.histories.forget([user_id])

    # Traces

    def _exposure(self, answer: Answer, query: Query) -> Exposure:
        items = tuple(
            {
                "item_id": item.item_id,
                "rank": item.rank,
                "score": item.score,
                "source": item.source,
                "propensity": item.propensity,
            }
            for item in answer.found
        )
        now_ms = time.time_ns() // 1_000_000
        recipe = self._recipe(answer.model_version)
        return Exposure(answer.request_id, query.user, now_ms, query.surface, answer.model_version, recipe, items)

    def _recipe(self, version: str) -> str:
        names = (served.pipeline.recipe.name for served in self.deployment.in_order() if served.version == version)
        return next(names, NO_MODEL)

    def _declare_gauges(self) -> None:
        self.metrics.gauge("exposures_waiting", "Exposures not yet written.", lambda: len(self.exposures))
        self.metrics.gauge("model_age_seconds", "Time since the current model was made.", self._model_age_s)

    def _model_age_s(self) -> float:
        current = self.deployment.current
        return time.time() - current.trained_s if current is not None else float("nan")


def _with(found: Recommendations, degraded: Sequence[str]) -> Recommendations:
    if not degraded:
        return found
    return Recommendations(found.items, found.warnings, (*degraded, *found.degraded))


def _allowed(ids: Sequence[str], attributes: dict[str, dict[str, Any]], query: Query) -> list[str]:
    """Those of `ids` that are on offer and satisfy the request's filter."""
    catalogue = Catalogue.of(Vocabulary(ids), attributes)
    mask = catalogue.listable & catalogue.matching(query.filter)
    return [item_id for item_id, allowed in zip(ids, mask, strict=True) if allowed]
