"""Standing: how soon the service is ready, what it holds in memory, and whether that grows."""

from __future__ import annotations

import statistics
import time
from typing import Any

from benchmarks.service import asks, figures
from benchmarks.service.load import Client
from benchmarks.service.process import Memory
from benchmarks.service.sitting import PROCESSES, Sitting

MEMORY_RATE = 200.0
SOAK_RATE = 400.0
SETTLED_AFTER = 5
"""Minutes of a soak after which memory should not grow."""


def start(sitting: Sitting) -> dict[str, Any]:
    """From the start of the process to the first 200 of /readyz, several times, files in the system's cache."""
    shop = sitting.world("hundred-thousand")
    seconds, processor = [], []
    for _ in range(sitting.pace.starts):
        with sitting.served(shop) as server:
            seconds.append(server.ready_s)
            processor.append(server.ready_cpu_s)
            memory = server.memory()
    sitting.say(f"ready after {', '.join(f'{one:.2f}' for one in seconds)} s")
    return {
        "world": shop.facts,
        "ready_s": [round(one, 3) for one in seconds],
        "median_s": round(statistics.median(seconds), 3),
        "slowest_s": round(max(seconds), 3),
        "median_cpu_s": round(statistics.median(processor), 3),
        **_megabytes(memory),
    }


def memory(sitting: Sitting) -> dict[str, Any]:
    """Resident memory with the events of 1,000,000 people: when it is ready, and after everybody kept asking."""
    shop = sitting.world("million-people")
    with sitting.served(shop) as server:
        ready, ready_s = server.memory(), server.ready_s
        load = sitting.load(server, shop, "uniform", MEMORY_RATE, sitting.pace.long_s)
        loaded = server.memory()
    sitting.say(f"resident {ready.resident_mb:,.0f} MB when ready, {loaded.resident_mb:,.0f} MB after a load")
    return {
        "world": shop.facts,
        "ready_s": round(ready_s, 3),
        "ready": _megabytes(ready),
        "after_load": _megabytes(loaded),
        "load": load.to_json(),
    }


def soak(sitting: Sitting, seconds: float) -> dict[str, Any]:
    """Half the target rate for long, a tenth of it events: memory, errors and latencies by the minute.

    Between two minutes the load rests for about as long as it takes to make the requests of the next one.
    """
    shop, mix, rate = sitting.world("hundred-thousand"), asks.MIXES["lived"], sitting.rate(SOAK_RATE)
    minute_s = min(60.0, seconds)
    minutes: list[dict[str, Any]] = []
    with sitting.served(shop, PROCESSES) as server:
        client = Client(server.port)
        for minute in range(max(1, round(seconds / minute_s))):
            plan = asks.plan(mix, shop.size, rate, minute_s, 5_000 + minute, f"k{time.time_ns()}")
            before_s = server.cpu_s()
            outcome = client.run(plan, hopeless=None)
            load = figures.of_load(outcome, rate, server.cpu_s() - before_s)
            minutes.append({"minute": minute + 1, **_megabytes(server.memory()), **load.to_json()})
            sitting.say(f"minute {minute + 1}: {load}, resident {minutes[-1]['resident_mb']:,.0f} MB")
    return {
        "world": shop.facts,
        "processes": PROCESSES,
        "mix": mix.says,
        "rate": rate,
        **_growth(minutes, minute_s),
        "minutes": minutes,
    }


def _growth(minutes: list[dict[str, Any]], minute_s: float) -> dict[str, Any]:
    """Of resident memory between the fifth minute and the largest after it, and what went wrong in all."""
    settled = minutes[min(SETTLED_AFTER, len(minutes)) - 1 :]
    resident = [minute["resident_mb"] for minute in settled]
    return {
        "seconds": round(len(minutes) * minute_s, 1),
        "growth": round(max(resident) / resident[0] - 1, 4),
        "growth_to_end": round(resident[-1] / resident[0] - 1, 4),
        "errors": sum(minute["requests"] - minute["right"] for minute in minutes),
        "wrong": sum(minute["wrong"] for minute in minutes),
        "worst_p99_ms": max(minute["p99_ms"] for minute in minutes),
    }


def _megabytes(memory: Memory) -> dict[str, float]:
    return {"resident_mb": round(memory.resident_mb, 1), "anonymous_mb": round(memory.anonymous_mb, 1)}
