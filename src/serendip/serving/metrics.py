"""Metrics: what the service counts and times, in the text format of Prometheus."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import Scope

_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Metrics:
    """One registry per service, so that two in one process do not add up."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self.requests = Histogram(
            "serendip_request_seconds",
            "Time to answer, by route.",
            ("method", "route", "status"),
            buckets=_BUCKETS_S,
            registry=registry,
        )
        self.events = Counter("serendip_events", "Events by what became of them.", ("outcome",), registry=registry)
        self.recommendations = Counter(
            "serendip_recommendations", "Lists answered, by kind.", ("kind",), registry=registry
        )
        self.degraded = Counter("serendip_degraded", "Lists that had to be worked around.", registry=registry)
        self.exposures_dropped = Counter(
            "serendip_exposures_dropped",
            "Exposures lost because the queue was full or the store failed.",
            registry=registry,
        )
        for outcome in ("accepted", "duplicate", "rejected"):
            self.events.labels(outcome)

    def gauge(self, name: str, help_text: str, read: Callable[[], float]) -> None:
        """A number that is read when it is asked for."""
        Gauge(f"serendip_{name}", help_text, registry=self._registry).set_function(read)

    def observe(self, scope: Scope, status: int, seconds: float) -> None:
        """Count one request under its route, never under its address, which may hold ids."""
        route = getattr(scope.get("route"), "path", "none")
        self.requests.labels(scope["method"], route, str(status)).observe(seconds)

    def text(self) -> bytes:
        return generate_latest(self._registry)
