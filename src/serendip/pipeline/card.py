"""The card of a saved recommender: what it learned from, when, at what cost."""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

from serendip.data import Dataset
from serendip.data.times import rfc3339
from serendip.version import __version__


class Stopwatch:
    """Wall seconds of named steps."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def measuring(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - start, 3)


def peak_mb() -> float:
    """The most memory that this process has held resident so far, in MB; 0 where the system does not say."""
    try:
        import resource
    except ImportError:  # not on Windows
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1024**2 if sys.platform == "darwin" else 1024), 1)


def data_card(dataset: Dataset, recipe: str, watch: Stopwatch) -> dict[str, Any]:
    times = dataset.events.times_ms[dataset.events.times_ms > 0]
    return {
        "recipe": recipe,
        "fitted_at": rfc3339(time.time_ns() // 1_000_000),
        "data": {
            "events": len(dataset.events),
            "preferences": int(dataset.matrix().nnz),
            "items": dataset.n_items,
            "users": dataset.n_users,
            "from": rfc3339(int(times.min())) if len(times) else None,
            "to": rfc3339(int(times.max())) if len(times) else None,
        },
        "fit_seconds": watch.seconds,
        "peak_mb": peak_mb(),
        "versions": {
            "serendip": __version__,
            "python": platform.python_version(),
            **{name: version(name) for name in ("numpy", "scipy", "polars")},
        },
    }
