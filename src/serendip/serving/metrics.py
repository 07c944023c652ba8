"""Metrics: what the service counts and times, in the text format of Prometheus.

Finding a child by its labels costs more than counting, so every child is found once and kept.
"""

from __future__ import annotations

import platform
from collections.abc import Callable
from time import perf_counter
from types import TracebackType
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector, generate_latest
from starlette.types import Scope

from serendip.version import __version__

STAGES = (
    *("history", "filters", "sources", "blending", "ranking", "reranking"),
    *("exploration", "reasons", "exposure"),
)
"""The parts of a list's way that are timed one by one, in order."""

ANSWERERS = ("current", "previous", "popular", "empty")
"""Who made a list: the current model, the one before, what is popular, or nobody."""

LIMITS = ("reads", "writes", "anonymous", "failures", "requests", "connections")
"""What was more than allowed when a request was turned away, see `limits`."""

OUTCOMES = ("promoted", "held", "skipped", "failed")
"""What came of a round of training, see `store.rounds`."""

LISTS = ("recommendations", "similar", "rank")
"""The kinds of lists."""

Answerer = Literal["current", "previous", "popular", "empty"]
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

_REQUEST_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_STAGE_S = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
_EFFECT_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 30.0)


class Stage:
    """Times what happens inside `with`, failures included."""

    __slots__ = ("_observe", "_started_s")

    def __init__(self, observe: Callable[[float], None]) -> None:
        self._observe = observe

    def __enter__(self) -> None:
        self._started_s = perf_counter()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._observe(perf_counter() - self._started_s)


class Metrics:
    """One registry per service, so that two in one process do not add up."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)  # resident memory, processor time, open files
        build = {"version": __version__, "python": platform.python_version()}
        Info("serendip_build", "What is running.", registry=self._registry).info(build)
        self.requests = self._times("request", "Time to answer, by route.", _REQUEST_S, "method", "route", "status")
        self.events = self._counter("events", "Events by what became of them.", "outcome")
        self.recommendations = self._counter("recommendations", "Lists answered, by kind.", "kind")
        self.degraded = self._counter("degraded", "Lists that had to be worked around.")
        self.exposures_dropped = self._counter(
            "exposures_dropped", "Exposures lost because the queue was full or the store failed."
        )
        self.store_errors = self._counter("store_errors", "Requests that failed because the store did.")
        for outcome in ("accepted", "duplicate", "rejected"):
            self.events.labels(outcome)
        answers = self._counter("answers", "Lists by who made them; all but current are fallbacks.", "by")
        self._answers = {by: answers.labels(by).inc for by in ANSWERERS}
        limited = self._counter("limited", "Requests turned away, by what was more than allowed.", "limit")
        self._limited = {limit: limited.labels(limit).inc for limit in LIMITS}
        stages = self._times("stage", "Time of one part of a list.", _STAGE_S, "stage")
        self._stages = {name: stages.labels(name).observe for name in STAGES}
        self._effect = self._times(
            "event_effect", "From an event's receipt to the first list it counted in.", _EFFECT_S
        )
        kinds = {kind: self.recommendations.labels(kind).inc for kind in LISTS}
        self._listed: dict[str, Callable[[], None]] = dict(kinds)
        self._source_faults = self._counter("source_faults", "Sources that failed or hung while a list was made.")
        rounds = self._counter("training_rounds", "Rounds of background training, by what came of them.", "outcome")
        self._trained = {outcome: rounds.labels(outcome).inc for outcome in OUTCOMES}
        self._routes: dict[tuple[str, str, int], Callable[[float], None]] = {}

    def gauge(self, name: str, help_text: str, read: Callable[[], float]) -> None:
        """A number that is read when it is asked for."""
        Gauge(f"serendip_{name}", help_text, registry=self._registry).set_function(read)

    def stage(self, name: str) -> Stage:
        """A context that times one of `STAGES`."""
        return Stage(self._stages[name])

    def observe_stage(self, name: str, seconds: float) -> None:
        """The same for who has timed it already."""
        self._stages[name](seconds)

    def observe_effect(self, seconds: float) -> None:
        """An event that was acknowledged so long ago has counted in a list for the first time."""
        self._effect.observe(seconds)

    def answered(self, by: Answerer) -> None:
        """Count one list under who made it."""
        self._answers[by]()

    def listed(self, kind: str) -> None:
        """Count one list under its kind, one of `LISTS`."""
        self._listed[kind]()

    def source_failed(self, source: str) -> None:
        """Count a source that failed or hung; which it was is in the log."""
        self._source_faults.inc()

    def trained(self, outcome: str) -> None:
        """Count one round of training under what came of it, one of `OUTCOMES`."""
        self._trained[outcome]()

    def limited(self, limit: str) -> None:
        """Count one request that was turned away by one of `LIMITS`."""
        self._limited[limit]()

    def observe(self, scope: Scope, status: int, seconds: float) -> None:
        """Count one request under its route, never under its address, which may hold ids."""
        key = scope["method"], route_of(scope), status
        observe = self._routes.get(key) or self._child(*key)
        observe(seconds)

    def text(self) -> bytes:
        return generate_latest(self._registry)

    def _child(self, method: str, route: str, status: int) -> Callable[[float], None]:
        """Methods are whatever clients send: those that nobody answers share one name, or they would pile up here."""
        known = method in METHODS
        observe = self.requests.labels(method if known else "other", route, str(status)).observe
        if known:
            self._routes[method, route, status] = observe
        return observe

    def _counter(self, name: str, help_text: str, *labels: str) -> Counter:
        return Counter(f"serendip_{name}", help_text, labels, registry=self._registry)

    def _times(self, name: str, help_text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"serendip_{name}_seconds", help_text, labels, registry=self._registry, buckets=buckets)


def route_of(scope: Scope) -> str:
    """The template of the route that a request took, `none` where there is none: never the address itself."""
    route = getattr(scope.get("route"), "path", None)
    return route if isinstance(route, str) else "none"
