"""Together: one service, whose people take part in an experiment between the ways to serve them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serendip.data import InputError, Progress, silent, track
from serendip.evaluation.experiments import Results
from serendip.serving.experiments import read
from serendip.serving.simulation.loop import Loop
from serendip.serving.simulation.plan import Plan, Way
from serendip.serving.simulation.service import Service
from serendip.store import Arm, Experiment
from serendip.world import World
from serendip.world.living import Life

WORTH = 0.05
"""The smallest difference worth knowing, a share of lists."""


@dataclass(frozen=True)
class Look:
    """What the experiment said in the evening of a day."""

    day: int
    lists: int
    """Shown so far, by all arms."""
    results: Results

    def to_json(self) -> dict[str, Any]:
        return {"day": self.day, "lists": self.lists, **self.results.to_json()}


def live_together(
    plan: Plan,
    world: World,
    ways: Sequence[Way],
    folder: Path,
    progress: Progress = silent,
    kind: type[Service] = Service,
) -> list[Look]:
    """A split of the people over the ways, the first being the control, read every evening.

    Raises:
        InputError: what a way remembers cannot differ between people of one service.
    """
    if any(way.memory == "seen" for way in ways):
        raise InputError(
            "an experiment compares live and stale ways; one that remembers what was seen can only live apart"
        )
    service = kind(folder, Life(world, plan.past_days).past(), plan.seed)
    try:
        versions = [service.fit(way.recipe, aside=place > 0) for place, way in enumerate(ways)]
        arms = tuple(Arm(way.name, version) for way, version in zip(ways, versions, strict=True))
        # The id decides who is in which arm, so it is not left to chance.
        asked = Experiment(f"{plan.seed:012x}", "simulation", "split", arms, 1.0, WORTH, time.time_ns() // 1_000_000)
        experiment = service.workspace.store.start_experiment(asked)
        service.look()
        for way, version in zip(ways, versions, strict=True):
            if way.memory == "stale":
                service.forget_updates(version)
        loop, looks = Loop(plan, world, service), []
        for day in track(range(plan.days), "an experiment between them", plan.days, progress):
            loop.live(day)
            found = read(service.workspace, experiment)
            looks.append(Look(day, sum(arm.lists for arm in found.arms), found))
    finally:
        service.close()
    return looks


def decided(looks: Sequence[Look], arm: str) -> tuple[str, int] | None:
    """The first verdict on an arm other than `hold`, and after how many lists it came."""
    for look in looks:
        for one in look.results.arms:
            if one.name == arm and one.advice is not None and one.advice.verdict != "hold":
                return one.advice.verdict, look.lists
    return None
