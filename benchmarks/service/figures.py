"""Figures: what is said of a load once it is over."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import ceil
from typing import Any

import numpy as np

from benchmarks.service import asks
from benchmarks.service.load import Outcome
from serendip.data.arrays import FloatArray

SUSTAINED_MS = 250.0
"""A rate is sustained where everything is answered as it should be and p99 stays below this."""


@dataclass(frozen=True)
class Load:
    """One stretch of requests. Latencies are exact, from when each request was due."""

    rate: float
    """Requests per second that were due."""
    requests: int
    answered: int
    right: int
    """Status 200, not degraded, and a body as it should be."""
    p50_ms: float
    p90_ms: float
    p99_ms: float
    p999_ms: float
    max_ms: float
    tail_p99_ms: float
    """Of the last quarter of the requests: more than of all where a backlog grows."""
    late_p99_ms: float
    """How late the client itself sent."""
    client_cpu_us: float
    """Processor time of the client per request."""
    client_share: float
    """Of one processor, during the load."""
    server_cpu_us: float
    server_share: float
    """Of one processor: 2 is two processors at work all the time."""
    connections: int
    reconnected: int
    looked_at: int
    """Lists that were read closely."""
    wrong: int
    """Of these: ranks are not 1, 2, ... or reasons do not add up to the score."""
    faults: list[str]

    @property
    def sustained(self) -> bool:
        """Everything answered as it should be, in time, to the end."""
        in_time = max(self.p99_ms, self.tail_p99_ms) < SUSTAINED_MS
        return self.answered == self.right == self.requests and in_time and not self.wrong

    def __str__(self) -> str:
        missing = self.requests - self.right
        return (
            f"{self.rate:g}/s: p50 {self.p50_ms:.1f} ms, p99 {self.p99_ms:.1f} ms, server {self.server_cpu_us:,.0f} µs "
            f"per request" + (f", {missing:,} of {self.requests:,} not as they should be" if missing else "")
        )

    def to_json(self) -> dict[str, Any]:
        rounded = {name: round(value, 3) if isinstance(value, float) else value for name, value in asdict(self).items()}
        return rounded | {"sustained": self.sustained}


def of_load(outcome: Outcome, rate: float, server_cpu_s: float) -> Load:
    """The figures of an outcome; the server has used `server_cpu_s` meanwhile."""
    latency, n = np.sort(outcome.latency_ms), len(outcome.plan)
    asked = max(1, int(np.isfinite(outcome.sent_s).sum()))
    seen = asks.check(outcome.bodies)
    return Load(
        rate=rate,
        requests=n,
        answered=int(outcome.answered.sum()),
        right=int(outcome.right.sum()),
        **{name: percentile(latency, share) for name, share in PERCENTILES.items()},
        tail_p99_ms=percentile(np.sort(outcome.latency_ms[-max(1, len(latency) // 4) :]), 0.99),
        late_p99_ms=percentile(np.sort(outcome.lateness_ms), 0.99),
        client_cpu_us=outcome.client_cpu_s / asked * 1e6,
        client_share=outcome.client_cpu_s / outcome.wall_s,
        server_cpu_us=server_cpu_s / asked * 1e6,
        server_share=server_cpu_s / outcome.wall_s,
        connections=outcome.connections,
        reconnected=outcome.reconnected,
        looked_at=seen["looked_at"],
        wrong=seen["wrong"],
        faults=outcome.faults,
    )


PERCENTILES = {"p50_ms": 0.5, "p90_ms": 0.9, "p99_ms": 0.99, "p999_ms": 0.999, "max_ms": 1.0}


def percentile(ascending: FloatArray, share: float) -> float:
    """The smallest value that `share` of all values do not exceed; NaN of nothing."""
    if not len(ascending):
        return float("nan")
    return float(ascending[max(0, ceil(share * len(ascending)) - 1)])
