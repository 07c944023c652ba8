"""What a piece of work takes: seconds, processor seconds, memory; and on which machine with which software."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from serendip.training.options import usable_cores
from serendip.version import __version__

SAMPLE_EVERY_S = 0.01
LIBRARIES = ("numpy", "scipy", "polars", "implicit", "torch", "faiss")


@dataclass
class Use:
    """Filled when the work is done."""

    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_mb: float = 0.0
    """Largest resident memory of the whole process during the work, in millions of bytes."""


@contextmanager
def measured() -> Iterator[Use]:
    """Measure the work done inside; memory is sampled every 10 ms, so that earlier peaks do not count.

    Where the system does not say its present memory (outside Linux), the peak of the process so far stands in.
    """
    use = Use(peak_mb=resident_mb())
    done = threading.Event()
    sampler = threading.Thread(target=_sample, args=(use, done), daemon=True)
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    sampler.start()
    try:
        yield use
    finally:
        use.wall_s, use.cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
        done.set()
        sampler.join()


def _sample(use: Use, done: threading.Event) -> None:
    while True:
        use.peak_mb = max(use.peak_mb, resident_mb())
        if done.wait(SAMPLE_EVERY_S):
            return


def resident_mb() -> float:
    """Resident memory of this process now, in millions of bytes; 0 where nothing can be known."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
    except OSError:
        return _peak_so_far_mb()


def _peak_so_far_mb() -> float:
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def versions() -> dict[str, str]:
    """Of Serendip, Python and the numerical libraries that are loaded."""
    found = {"serendip": __version__, "python": platform.python_version()}
    for name in LIBRARIES:
        if name in sys.modules:
            try:
                found[name] = version(name)
            except PackageNotFoundError:
                found[name] = str(getattr(sys.modules[name], "__version__", "unknown"))
    return found


def machine() -> str:
    """System, processor and usable cores; no name by which the machine could be found."""
    return f"{platform.system()} {platform.machine()}, {_processor()}, {usable_cores()} cores"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown processor"


def commit(folder: Path = Path(__file__).parent) -> str | None:
    """The commit of the repository that tracks this code, with `-dirty` where it was changed since; else None."""
    try:
        if _git(folder, "ls-files", "--", "."):
            return _git(folder, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*") or None
    except (OSError, subprocess.SubprocessError):
        pass
    return None


def _git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True, timeout=5)
    return done.stdout.strip()
