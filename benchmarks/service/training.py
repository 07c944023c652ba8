"""Training: how much longer answers take while a new model is trained beside the service."""

from __future__ import annotations

import resource
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np

from benchmarks.service import shop as generated
from benchmarks.service.process import SERENDIP, surroundings
from benchmarks.service.shop import Size
from benchmarks.service.sitting import Sitting
from serendip.store import StoredEvent, Workspace, rounds

RATE = 100.0
NEWS = 4_000  # events before each round
WHOLE = 5.0  # times the long load, so that several rounds begin and end in it


def training(sitting: Sitting) -> dict[str, Any]:
    """The same load by one process of the service, alone and while one round of training follows another."""
    shop, pace = sitting.world("hundred-thousand"), sitting.pace
    with sitting.served(shop) as server:
        folder = sitting.root / "run"
        alone = sitting.load(server, shop, "plain", RATE, pace.middle_s)
        server.settle()
        before_s = _of_children_s()
        with _training(folder, shop.size) as begun:
            begun.wait()
            beside = sitting.load(server, shop, "plain", RATE, pace.long_s * WHOLE, 1)
        trained_s = _of_children_s() - before_s
    found = rounds.read(folder)
    return {
        "world": shop.facts,
        "alone": alone.to_json(),
        "beside": beside.to_json(),
        "p99_ratio": round(beside.p99_ms / alone.p99_ms, 3),
        "trained_cpu_s": round(trained_s, 1),
        "rounds": [{"outcome": one.outcome, "seconds": one.seconds, "peak_mb": one.peak_mb} for one in found],
    }


@contextmanager
def _training(folder: Path, size: Size) -> Iterator[Event]:
    """Rounds one after the other until the context ends; the event says that the first has begun."""
    begun, ended = Event(), Event()

    def run() -> None:
        generator = np.random.default_rng(1)
        while not ended.is_set():
            _live_on(folder, size, generator)
            process = subprocess.Popen([*SERENDIP, "train", str(folder)], env=_environment(), stderr=subprocess.DEVNULL)
            begun.set()
            while process.poll() is None and not ended.wait(0.1):
                pass
            process.kill()
            process.wait()

    thread = Thread(target=run)
    thread.start()
    try:
        yield begun
    finally:
        ended.set()
        thread.join()


def _of_children_s() -> float:
    """Processor seconds of the children that have ended: while the service runs, those of training alone."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def _environment() -> dict[str, str]:
    """One thread, as the settings of a workspace say where nothing else is set."""
    return surroundings({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"})


def _live_on(folder: Path, size: Size, generator: np.random.Generator) -> None:
    people, items = generator.integers(0, size.people, NEWS), generator.integers(0, size.items, NEWS)
    name = time.time_ns()
    rows = enumerate(zip(people.tolist(), items.tolist(), strict=True))
    with Workspace.open(folder) as workspace:
        workspace.store.append(
            [
                StoredEvent(generated.user_id(user), generated.item_id(item), "like", event_id=f"n{name}-{place}")
                for place, (user, item) in rows
            ]
        )
