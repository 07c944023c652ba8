"""Latency: how long answers take at a steady rate, and which rate is the highest that is sustained."""

from __future__ import annotations

from typing import Any

from benchmarks.service.figures import Load
from benchmarks.service.process import Server
from benchmarks.service.sitting import PROCESSES, Sitting
from benchmarks.service.world import World

STEADY, STEADY_MILLION = 300.0, 200.0
STEPS = (200.0, 400.0, 600.0, 800.0, 1_000.0, 1_200.0, 1_500.0, 2_000.0, 2_500.0, 3_000.0)
FINENESS = 50.0
"""The highest rate is found to within so many requests per second."""


def latency(sitting: Sitting) -> dict[str, Any]:
    """At 300 requests per second over 100,000 items and people: four kinds of traffic, the same service."""
    shop, pace = sitting.world("hundred-thousand"), sitting.pace
    with sitting.served(shop, PROCESSES) as server:
        plain = sitting.load(server, shop, "plain", STEADY, pace.long_s)
        empty = sitting.load(server, shop, "empty", STEADY, pace.long_s, 1)
        others = {mix: sitting.load(server, shop, mix, STEADY, pace.middle_s, 2) for mix in ("uniform", "varied")}
    ratios = {"p50": plain.p50_ms / empty.p50_ms, "p99": plain.p99_ms / empty.p99_ms}
    ratios["processor"] = plain.server_cpu_us / max(1e-9, empty.server_cpu_us)
    loads = {"plain": plain, "empty": empty} | others
    return {
        "world": shop.facts,
        "processes": PROCESSES,
        "loads": {name: load.to_json() for name, load in loads.items()},
        "plain_to_empty": {name: round(ratio, 3) for name, ratio in ratios.items()},
    }


def million(sitting: Sitting) -> dict[str, Any]:
    """At 200 requests per second over 1,000,000 items."""
    shop, pace = sitting.world("million-items"), sitting.pace
    with sitting.served(shop, PROCESSES) as server:
        loads = {"plain": sitting.load(server, shop, "plain", STEADY_MILLION, pace.long_s)}
        loads["varied"] = sitting.load(server, shop, "varied", STEADY_MILLION, pace.short_s, 2)
        resident, ready_s = server.memory().resident_mb, server.ready_s
    found = {name: load.to_json() for name, load in loads.items()}
    return {
        "world": shop.facts,
        "processes": PROCESSES,
        "loads": found,
        "ready_s": round(ready_s, 3),
        "resident_mb": round(resident, 1),
    }


def rate(sitting: Sitting) -> dict[str, Any]:
    """The highest sustained rate, of personal lists and of empty ones, by the same service in one run."""
    shop, pace = sitting.world("hundred-thousand"), sitting.pace
    with sitting.served(shop, PROCESSES) as server:
        plain = _highest(sitting, server, shop, "plain", pace.middle_s)
        empty = _highest(sitting, server, shop, "empty", pace.short_s)
    highest = {"plain": _best(plain), "empty": _best(empty)}
    ratio = highest["plain"] / highest["empty"] if highest["empty"] else None
    return {
        "world": shop.facts,
        "processes": PROCESSES,
        "sustained": highest,
        "plain_to_empty": ratio and round(ratio, 3),
        "steps": {"plain": [load.to_json() for load in plain], "empty": [load.to_json() for load in empty]},
    }


def _highest(sitting: Sitting, server: Server, shop: World, mix: str, seconds: float) -> list[Load]:
    """Upward until a step is not sustained, then by halves between it and the last that was."""
    tried: list[Load] = []
    low, high = 0.0, float("inf")
    for step in STEPS:
        tried.append(_step(sitting, server, shop, mix, step, seconds, len(tried)))
        if not tried[-1].sustained:
            high = step
            break
        low = step
    while high - low > FINENESS and high < float("inf"):
        middle = round((low + high) / 2 / FINENESS) * FINENESS
        if middle in (low, high):
            break
        tried.append(_step(sitting, server, shop, mix, middle, seconds, len(tried)))
        low, high = (middle, high) if tried[-1].sustained else (low, middle)
    return tried


def _step(sitting: Sitting, server: Server, shop: World, mix: str, rate: float, seconds: float, seed: int) -> Load:
    load = sitting.load(server, shop, mix, rate, seconds, 10 + seed)
    server.settle()
    return load


def _best(tried: list[Load]) -> float:
    return max((load.rate for load in tried if load.sustained), default=0.0)
