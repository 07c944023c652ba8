"""Runs one adapter on one task and says what it took: `python worker.py ADAPTER FOLDER`.

This is the process of the peer: its interpreter, its libraries, nothing of Serendip.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import platform
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from task import Task

SAMPLE_EVERY_S = 0.01
LIBRARIES = ("numpy", "scipy", "torch")


@contextmanager
def measured() -> Iterator[dict[str, float]]:
    """Seconds, processor seconds and the largest resident memory of this process, sampled every 10 ms."""
    use = {"peak_mb": resident_mb()}
    done = threading.Event()
    sampler = threading.Thread(target=_sample, args=(use, done), daemon=True)
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    sampler.start()
    try:
        yield use
    finally:
        use["wall_s"], use["cpu_s"] = time.perf_counter() - wall_s, time.process_time() - cpu_s
        done.set()
        sampler.join()


def _sample(use: dict[str, float], done: threading.Event) -> None:
    while True:
        use["peak_mb"] = max(use["peak_mb"], resident_mb())
        if done.wait(SAMPLE_EVERY_S):
            return


def resident_mb() -> float:
    """Resident memory now, in millions of bytes; 0 where the system does not say (outside Linux)."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def load(adapter: Path) -> Any:
    """The adapter by its file: it is called like the library it speaks to, so it must not be found by that name."""
    found = importlib.util.spec_from_file_location(f"adapter_{adapter.stem}", adapter)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def versions(distribution: str) -> dict[str, str]:
    loaded = [name for name in LIBRARIES if name in sys.modules]
    return {"python": platform.python_version()} | {
        name: importlib.metadata.version(name) for name in (distribution, *loaded)
    }


def main(adapter: Path, folder: Path) -> None:
    task = Task.read(folder)
    module = load(adapter)
    run = module.prepare(task)
    with measured() as fit:
        run.fit()
    with measured() as answering:
        answer = run.answer()
    np.save(folder / "answer.npy", answer)
    said = {
        "config": run.config,
        "versions": versions(module.DISTRIBUTION),
        "fit_cpu_s": fit["cpu_s"],
        "fit_wall_s": fit["wall_s"],
        "evaluate_wall_s": answering["wall_s"],
        "peak_mb": max(fit["peak_mb"], answering["peak_mb"]),
    }
    (folder / "said.json").write_text(json.dumps(said), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
