"""Targets: the figures to reach, and what was measured of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

MIB = 2**20 / 1e6
Table = dict[str, Any]


@dataclass(frozen=True)
class Target:
    """A line of the table of figures to reach."""

    what: str
    least: str
    measure: str
    found: Callable[[Table], tuple[str, bool]]


def _steady(table: Table) -> tuple[str, bool]:
    load = table["loads"]["plain"]
    return f"p50 {load['p50_ms']:.1f} ms, p99 {load['p99_ms']:.1f} ms", _whole(load) and load["p50_ms"] <= 8 and load[
        "p99_ms"
    ] <= 30


def _million(table: Table) -> tuple[str, bool]:
    load = table["loads"]["plain"]
    return f"p99 {load['p99_ms']:.1f} ms", _whole(load) and load["p99_ms"] <= 50


def _whole(load: Table) -> bool:
    return bool(load["right"] == load["requests"] and not load["wrong"])


def _sustained(table: Table) -> tuple[str, bool]:
    return f"{table['sustained']['plain']:g} requests/s", table["sustained"]["plain"] >= 800


def _batched(table: Table) -> tuple[str, bool]:
    return f"{table['batched']['events_per_s']:,.0f}/s", table["nothing_lost"] and table["batched"][
        "events_per_s"
    ] >= 10_000


def _single(table: Table) -> tuple[str, bool]:
    return f"{table['single']['events_per_s']:,.0f}/s", table["nothing_lost"] and table["single"]["events_per_s"] >= 500


def _effect(table: Table) -> tuple[str, bool]:
    alone, beside = table["alone"], table["beside"]
    said = f"p99 {alone['p99_ms']:.1f} ms; beside {beside['rate']:g} requests/s {beside['p99_ms']:.1f} ms"
    return said, alone["p99_ms"] <= 100 and not alone["without_effect"]


def _ready(table: Table) -> tuple[str, bool]:
    said = (
        f"{table['median_s']:.2f} s, at worst {table['slowest_s']:.2f} s ({table['median_cpu_s']:.2f} s of processor)"
    )
    return said, table["slowest_s"] <= 2


def _resident(table: Table) -> tuple[str, bool]:
    resident = [table[when]["resident_mb"] / MIB for when in ("ready", "after_load")]
    return f"{resident[0]:,.0f} MiB, after a load {resident[1]:,.0f} MiB", max(resident) <= 1024


def _soaked(table: Table) -> tuple[str, bool]:
    good = table["growth"] <= 0.05 and not table["errors"] and not table["wrong"]
    said = f"{table['growth']:+.1%} after minute 5, {table['errors']} errors in {table['seconds'] / 60:.0f} minutes"
    return said, good and table["seconds"] >= 3_600


def _beside_training(table: Table) -> tuple[str, bool]:
    said = f"p99 {table['beside']['p99_ms']:.1f} ms, alone {table['alone']['p99_ms']:.1f} ms"
    trained = any(one["outcome"] in ("promoted", "held") for one in table["rounds"])
    return said, trained and _whole(table["beside"]) and table["p99_ratio"] <= 2


TARGETS = (
    Target(
        "personal lists with reasons, 300/s, 100,000 items and people", "p50 ≤ 8 ms, p99 ≤ 30 ms", "latency", _steady
    ),
    Target("the same, the highest rate sustained", "800 requests/s", "rate", _sustained),
    Target("1,000,000 items, 200/s", "p99 ≤ 50 ms", "million", _million),
    Target("events acknowledged, in batches of 1,000", "10,000/s", "events", _batched),
    Target("events acknowledged, single, 32 clients", "500/s", "events", _single),
    Target("from an event to its effect", "p99 ≤ 100 ms", "effect", _effect),
    Target("ready after the start, 100,000 items", "2 s", "start", _ready),
    Target("resident memory, events of 1,000,000 people", "1,024 MiB", "memory", _resident),
    Target(
        "100/s while a new model is trained beside it, one process", "p99 ≤ 2 × alone", "training", _beside_training
    ),
    Target("an hour at 400/s, a tenth of it events", "no growth beyond 5 %, no error", "soak", _soaked),
)
