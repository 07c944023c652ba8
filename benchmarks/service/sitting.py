"""Sitting: what all measurements of one run share: worlds, how long they take, who is told of what."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.service import asks, figures, process, world
from benchmarks.service.figures import Load
from benchmarks.service.load import Client
from benchmarks.service.process import Server
from benchmarks.service.world import World

RECIPE = "large"
PROCESSES = 2
"""That answer side by side where it is about rates: as many as there are cores."""


@dataclass(frozen=True)
class Pace:
    """How long and how hard."""

    long_s: float = 60.0
    middle_s: float = 20.0
    short_s: float = 10.0
    warm_s: float = 3.0
    closed_s: float = 10.0
    """The most that a closed loop takes."""
    closed_share: float = 1.0
    """Of the requests of closed loops."""
    speed: float = 1.0
    """Rates are multiplied by it."""
    starts: int = 5
    probes: int = 300
    rounds: int = 3
    tiny: bool = False
    """Every world is the tiny one."""


FULL = Pace()
QUICK = Pace(0.5, 0.4, 0.3, 0.2, 60.0, 0.01, speed=0.1, starts=1, probes=5, rounds=1, tiny=True)
"""To see that everything works; the figures mean nothing."""


@dataclass(frozen=True)
class Sitting:
    """One run of measurements."""

    root: Path
    """Worlds are kept here."""
    recipe: str
    pace: Pace
    say: Callable[[str], None]
    refit: bool = False

    def world(self, name: str) -> World:
        return world.prepared("tiny" if self.pace.tiny else name, self.root, self.recipe, self.say, self.refit)

    @contextmanager
    def served(self, shop: World, processes: int = 1) -> Iterator[Server]:
        """A copy of the world under `serendip serve`, warm; what is written goes with it."""
        folder = shop.copy(self.root / "run")
        with process.serving(folder, processes=processes) as server:
            yield server

    def load(self, server: Server, shop: World, mix: str, rate: float, seconds: float, seed: int = 0) -> Load:
        """The figures of one stretch of load, after a short one to warm up."""
        kind, client = asks.MIXES[mix], Client(server.port)
        rate *= self.pace.speed
        client.run(asks.plan(kind, shop.size, rate, self.pace.warm_s, 1_000_003 + seed, f"w{time.time_ns()}"))
        before_s = server.cpu_s()
        outcome = client.run(asks.plan(kind, shop.size, rate, seconds, seed, f"e{time.time_ns()}"))
        load = figures.of_load(outcome, rate, server.cpu_s() - before_s)
        client.close()
        self.say(f"{mix}, {load}")
        return load

    def rate(self, rate: float) -> float:
        return rate * self.pace.speed
