"""`python -m benchmarks service`: measures the live service and records every figure of docs/service_speed.md."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.service import events, latency, record, report, servers, sitting, standing, training
from benchmarks.service.sitting import FULL, QUICK, Sitting
from serendip.errors import InputError

SERVERS_RATE = 100.0
Measure = Callable[[Sitting], dict[str, Any]]


def _servers(at: Sitting) -> dict[str, Any]:
    shop = at.world("hundred-thousand")
    return servers.measure(shop, at.root / "run", at.rate(SERVERS_RATE), at.pace.short_s * 0.3, at.pace.rounds, at.say)


MEASURES: dict[str, Measure] = {
    "latency": latency.latency,
    "rate": latency.rate,
    "million": latency.million,
    "events": events.events,
    "effect": events.effect,
    "start": standing.start,
    "memory": standing.memory,
    "training": training.training,
    "servers": _servers,
}
SOAK = "soak"


def service(
    folder: Annotated[Path, typer.Option(help="Worlds are made here once and kept: about 6 GB.")] = Path("worlds"),
    only: Annotated[str, typer.Option(help=f"Some of {', '.join((*MEASURES, SOAK))}; by default all but soak.")] = "",
    recipe: Annotated[str, typer.Option(help="The recipe to serve: a name, or a TOML file.")] = sitting.RECIPE,
    refit: Annotated[bool, typer.Option("--refit", help="Fit worlds again that are fitted already.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Measure what this commit was measured by already.")] = False,
    soak: Annotated[float, typer.Option(min=0, help="Seconds of the soak; 3600 is what the page asks for.")] = 0,
    quick: Annotated[bool, typer.Option("--quick", help="A tiny world for seconds: does everything work?")] = False,
    json: Annotated[Path | None, typer.Option(help="The folder to record in.")] = None,
) -> None:
    """Measure the live service under load and record it; what this commit was measured by already is kept.

    Run it on a machine that does nothing else. Without the soak it takes about 15 minutes, and once about as long
    to make the worlds. It may be stopped at any time and goes on with what is missing.
    """
    names = _chosen(only, soak)
    if quick and json is None:
        raise InputError("--quick measures nothing worth keeping; say where to put it with --json")
    results = json or record.FOLDER
    at = Sitting(folder.resolve(), recipe, QUICK if quick else FULL, _say, refit)
    for name in names:
        if not again and record.is_done(results, name):
            _say(f"{name}: recorded of this commit already (measure anew with --again)")
            continue
        _say(f"--- {name}; load of the machine {record.load_before()}")
        around = record.circumstances(quick)
        found = standing.soak(at, soak) if name == SOAK else MEASURES[name](at)
        _say(f"wrote {record.write(results, name, around | found)}")
    if json is None:
        _say(f"wrote {report.write()}")


def _chosen(only: str, soak: float) -> list[str]:
    names = [name.strip() for name in only.split(",") if name.strip()]
    for name in names:
        if name not in (*MEASURES, SOAK):
            raise InputError(f"there is no measurement {name!r}; there are {', '.join((*MEASURES, SOAK))}")
    if SOAK in names and not soak:
        raise InputError("say how many seconds to soak: --soak 3600")
    return names or [*MEASURES, *([SOAK] if soak else [])]


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
