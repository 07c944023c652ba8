"""Engine: one request from history to list, and what happens when a part of it fails."""

from __future__ import annotations

import logging
import time
import uuid
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from random import SystemRandom

from serendip.data import EXPLORATION, InputError, Query, Recommendation, Recommendations
from serendip.data.signals import standing
from serendip.pipeline import Pipeline
from serendip.pipeline.exploring import Luck
from serendip.pipeline.rules import PIN
from serendip.serving.answering import Answering
from serendip.serving.asked import Asked
from serendip.serving.deployment import Deployment, Served
from serendip.serving.drift import DRIFTS, Drift
from serendip.serving.erasure import Erasures
from serendip.serving.experiments import Experiments, Part, interleaved
from serendip.serving.exploring import Exploring
from serendip.serving.exposures import ExposureLog
from serendip.serving.following import Follower
from serendip.serving.guarding import SourceGuard
from serendip.serving.histories import RecentHistories
from serendip.serving.metrics import Answerer, Metrics
from serendip.serving.replay import Replays
from serendip.serving.shop_rules import ShopRules, on_offer
from serendip.store import Arm, Drawn, Experiment, Exposure, Receipt, StoredEvent, Workspace

NO_MODEL = "none"
"""The model version of answers that no model had a part in."""

POPULAR_POOL = 1000
POPULAR_KEPT_S = 5.0
MOST_AWAITED = 10_000
"""People whose next answer is awaited, to time how soon their events count."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answer:
    """A list with its identity."""

    request_id: str
    model_version: str
    found: Recommendations
    took_ms: float
    part: Part | None = None
    """The part that whoever asked takes in an experiment."""
    arms: Mapping[str, str] = field(default_factory=dict)
    """Of items of an interleaved list, by item id."""


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
        self.guard = SourceGuard(self.metrics.source_failed)
        self.answering = Answering(self.guard)
        self.rules = ShopRules(self.store)
        self.deployment = Deployment(workspace, self._fit_out)
        self.experiments = Experiments(workspace, self.deployment)
        self.exploring = Exploring(self.store, self.deployment, workspace.settings.events)
        self.luck: Luck = SystemRandom().random
        self.drift = Drift(workspace, self.deployment)
        self.replays = Replays(self.deployment, self.store, workspace.models_dir, self.rules)
        self.erasures = Erasures(workspace, self.exposures, self.histories, self.deployment)
        self._popular: tuple[float, list[str]] = (float("-inf"), [])
        self._awaited: OrderedDict[str, float] = OrderedDict()  # since when, by user id
        self._declare_gauges()

    def start(self) -> None:
        """Begin to answer, to write exposures, to follow the log of events and to watch for new models."""
        self.answering.start()
        self.follower.start()
        self.exposures.start()
        self.deployment.start()
        self.rules.start()
        self.experiments.start()
        self.exploring.start()

    def stop(self) -> None:
        """End all of it; nothing that was shown is lost."""
        self.answering.stop()
        self.erasures.stop()
        self.exploring.stop()
        self.experiments.stop()
        self.rules.stop()
        self.deployment.stop()
        self.follower.stop()
        self.exposures.stop()

    def _fit_out(self, version: str, pipeline: Pipeline) -> None:
        pipeline.lookup, pipeline.pictures = self.histories, self.workspace.path
        pipeline.guard = self.guard.of_model(version)
        pipeline.clock, pipeline.foresee = self.metrics.observe_stage, self.rules.foresee

    # Lists

    async def answer(self, asked: Asked) -> Answer:
        """The list, in good time whatever hangs.

        Raises:
            InputError: the query makes no sense.
        """
        asked = self.rules.ruled(asked)
        try:
            answer = await self.answering.run(lambda: self._made(asked))
        except TimeoutError:
            nothing = Recommendations((), ("nothing can be listed now",), ("no answer was found in time",))
            answer = Answer(uuid.uuid4().hex, NO_MODEL, nothing, self.answering.patience_s * 1000)
            self.metrics.answered("empty")
        return self._shown(asked, answer)

    def answer_here(self, asked: Asked) -> Answer:
        """The same by the calling thread, however long it takes."""
        asked = self.rules.ruled(asked)
        return self._shown(asked, self._made(asked))

    def probe(self) -> tuple[str, Recommendations]:
        """The list of one item that a stranger would be shown now, and the version that made it; not logged."""
        return self._found(Asked("recommendations", Query(n=1)))[1:]

    def _made(self, asked: Asked) -> Answer:
        started_s = time.perf_counter()
        part = self.experiments.of(asked)
        both = self._interleaved(asked, part.experiment) if part is not None and part.arm is None else None
        if both is not None:
            version, found, arms = both
            by: Answerer = "current"
        else:
            by, version, found = self._found(asked, part.arm if part is not None else None)
            arms = {}
        self.metrics.answered(by)
        return Answer(uuid.uuid4().hex, version, found, (time.perf_counter() - started_s) * 1000, part, arms)

    def _interleaved(self, asked: Asked, experiment: Experiment) -> tuple[str, Recommendations, dict[str, str]] | None:
        """One list of both arms; None where one of them cannot answer."""
        served = [self.of_arm(arm) for arm in experiment.arms]
        try:
            found = [asked.of(one.pipeline) for one in served if one is not None]
        except InputError:
            raise
        except Exception:
            _log.exception("lists of the experiment %s cannot be interleaved", experiment.id)
            return None
        if len(found) < len(served):
            return None
        version = "+".join(dict.fromkeys(one.version for one in served if one is not None))
        told, arms = interleaved(experiment.arms, found, asked.query.n)
        return version, _with(told, self.deployment.trouble), arms

    def of_arm(self, arm: Arm) -> Served | None:
        """The pipeline of an arm, where it is in service."""
        return self.deployment.current if arm.model_version is None else self.deployment.of_version(arm.model_version)

    def _shown(self, asked: Asked, answer: Answer) -> Answer:
        with self.metrics.stage("exposure"):
            self.metrics.listed(asked.kind)
            if answer.found.degraded:
                self.metrics.degraded.inc()
            self.exposures.put(self._exposure(asked, answer))
            self.drift.shown(answer.model_version, answer.found)
            since_s = self._awaited.pop(asked.query.user, None) if asked.query.user is not None else None
            if since_s is not None:
                self.metrics.observe_effect(time.monotonic() - since_s)
        return answer

    def _found(self, asked: Asked, arm: Arm | None = None) -> tuple[Answerer, str, Recommendations]:
        """Who answered, its version, and its list; the model of an arm is asked first."""
        degraded = list(self.deployment.trouble)
        for served in self._in_order(arm):
            try:
                found = _with(asked.of(served.pipeline, self.luck), degraded)
            except InputError:
                raise
            except Exception:
                _log.exception("the model %s failed", served.version)
                degraded.append(f"the model {served.version} failed")
            else:
                return self._place(served), served.version, found
        if not degraded:
            degraded.append("there is no model yet")
        try:
            found = self._most_popular(asked)
        except InputError:
            raise
        except Exception:
            _log.exception("what is popular cannot be read")
            found = Recommendations((), ("nothing can be listed now",))
        by: Answerer = "popular" if len(found) else "empty"
        return by, NO_MODEL, _with(found, [*degraded, "the list is by popularity alone"])

    def _in_order(self, arm: Arm | None) -> Iterator[Served]:
        first = None if arm is None else self.of_arm(arm)
        if first is not None:
            yield first
        yield from (served for served in self.deployment.in_order() if served is not first)

    def _place(self, served: Served) -> Answerer:
        return "previous" if served is self.deployment.previous else "current"

    # Without a model

    def _most_popular(self, asked: Asked) -> Recommendations:
        """What most people want, under the rules of the request and of the shop."""
        best, query, rules = self._popular_ids(), asked.query, asked.under.rules
        if asked.kind == "rank":
            place = {item_id: rank for rank, item_id in enumerate(best)}
            ids = sorted(dict.fromkeys(asked.item_ids), key=lambda item_id: place.get(item_id, len(best)))
        else:
            left_out = self._left_out(query)
            ids = [item_id for item_id in dict.fromkeys([*best, *rules.pinned]) if item_id not in left_out]
            ids = [item_id for item_id in ids if query.only is None or item_id in query.only]
        attributes = self.store.attributes(ids)
        if asked.kind != "rank":
            ids = on_offer(ids, attributes, query, rules)
        items = tuple(
            Recommendation(
                item_id,
                rank,
                1.0 / rank,
                PIN if item_id in rules.pinned else "popular",
                attributes=attributes.get(item_id, {}),
            )
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
        ids, types = [event.item_id for event in events or ()], [event.type for event in events or ()]
        return {ids[place] for place in standing(ids, types)} | query.without

    # Events and people

    def append(self, events: Sequence[StoredEvent]) -> Receipt:
        """Write events; they count in the next answer of their people once this returns."""
        people = {event.user_id for event in events}
        try:
            receipt = self.store.append(events)
        finally:
            self.histories.forget(people)
        self._await(people)
        return receipt

    def _await(self, people: set[str]) -> None:
        """Time how soon what they just did counts in an answer; of many people, those of the last events."""
        now_s = time.monotonic()
        for user_id in people:
            self._awaited[user_id] = now_s
        while len(self._awaited) > MOST_AWAITED:
            self._awaited.popitem(last=False)

    # Traces

    def _exposure(self, asked: Asked, answer: Answer) -> Exposure:
        items = tuple(
            {
                "item_id": item.item_id,
                "rank": item.rank,
                "score": item.score,
                "source": item.source,
                "propensity": item.propensity,
                **({"arm": answer.arms[item.item_id]} if item.item_id in answer.arms else {}),
            }
            for item in answer.found
        )
        part = answer.part
        now_ms, query = time.time_ns() // 1_000_000, asked.query
        return Exposure(
            answer.request_id,
            query.user,
            now_ms,
            query.surface,
            answer.model_version,
            self._recipe(answer.model_version),
            items,
            asked.to_json(),
            answer.found.position,
            self.deployment.catalogue_version,
            None if part is None else part.experiment.id,
            None if part is None or part.arm is None else part.arm.name,
            tuple(
                Drawn(item.item_id, item.source == EXPLORATION, item.exploration)
                for item in answer.found
                if item.exploration
            ),
        )

    def _recipe(self, versions: str) -> str:
        """The name of the recipe, or of both of an interleaved list."""
        served = [self.deployment.of_version(version) for version in versions.split("+")]
        return "+".join(one.pipeline.recipe.name for one in served if one is not None) or NO_MODEL

    def _declare_gauges(self) -> None:
        self.metrics.gauge("exposures_waiting", "Exposures not yet written.", lambda: len(self.exposures))
        self.metrics.gauge("erasures_waiting", "Erasures on their way into models.", lambda: len(self.erasures))
        self.metrics.gauge("exploring", "1 where the current recipe explores and was not stopped.", self._explores)
        self.metrics.gauge("model_age_seconds", "Time since the current model was made.", self._model_age_s)
        for of in DRIFTS:
            self.metrics.gauge(f"drift_{of}", DRIFTS[of], partial(self.drift.index, of))
        self.metrics.gauge("alerts", "Alerts that `GET /v1/alerts` tells.", lambda: float(len(self.drift.alerts())))

    def _explores(self) -> float:
        pipeline = self.deployment.current.pipeline if self.deployment.current is not None else None
        return float(pipeline is not None and pipeline.exploring and bool(pipeline.recipe.exploration.places))

    def _model_age_s(self) -> float:
        current = self.deployment.current
        return time.time() - current.trained_s if current is not None else float("nan")


def _with(found: Recommendations, degraded: Sequence[str]) -> Recommendations:
    return replace(found, degraded=(*degraded, *found.degraded)) if degraded else found
