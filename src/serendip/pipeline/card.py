"""The card of a saved recommender: what it learned from, when, at what cost."""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

import numpy as np

from serendip.data import Dataset
from serendip.data.arrays import FloatArray, IntArray
from serendip.data.times import rfc3339
from serendip.training.options import Curve
from serendip.version import __version__

MIX_EVENTS = 5_000
"""So many of the latest events say what people did when a model was fitted."""
MIX_ITEMS = 50
"""The items of these that are counted one by one, the most frequent."""
SCORED_PEOPLE = 100
SCORE_CELLS = 10


class Stopwatch:
    """Wall seconds of named steps, of all turns together, and how learning went in those that learn by gradient."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.curves: list[dict[str, Any]] = []

    def learned(self, step: str) -> Curve:
        """Keeps what a course of learning tells within that step."""
        return lambda label, losses, grades: self.curves.append(
            {"source": step, "label": label, "losses": list(losses), "grades": list(grades)}
        )

    @contextmanager
    def measuring(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[name] = round(self.seconds.get(name, 0.0) + time.perf_counter() - start, 3)


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
        "mix": mix(dataset),
        "fit_seconds": watch.seconds,
        "curves": watch.curves,
        "peak_mb": peak_mb(),
        "versions": {
            "serendip": __version__,
            "python": platform.python_version(),
            **{name: version(name) for name in ("numpy", "scipy", "polars")},
        },
    }


def mix(dataset: Dataset) -> dict[str, Any]:
    """What people did last: counts by type of event and by item, to tell later whether they do something else.

    Items beyond the `MIX_ITEMS` most frequent are counted together, as `others`.
    """
    latest = dataset.events[np.arange(max(0, len(dataset.events) - MIX_EVENTS), len(dataset.events))]
    counts = np.bincount(latest.item_rows, minlength=dataset.n_items)
    most = np.argsort(-counts, kind="stable")[: min(MIX_ITEMS, np.count_nonzero(counts))]
    types = latest.types.value_counts(sort=True)
    return {
        "events": len(latest),
        "types": dict(zip(types[types.columns[0]].to_list(), types["count"].to_list(), strict=True)),
        "items": dict(zip(dataset.items.vocabulary.ids(most), counts[most].tolist(), strict=True)),
        "others": int(counts.sum() - counts[most].sum()),
    }


def score_card(scores: Sequence[Sequence[float]]) -> dict[str, Any]:
    """How the scores of lists are spread: the bounds between at most `SCORE_CELLS` cells of like size, and counts."""
    flat = np.array([score for of_list in scores for score in of_list], np.float64)
    if not len(flat):
        return {"lists": 0, "bounds": [], "counts": []}
    bounds = np.unique(np.quantile(flat, np.arange(1, SCORE_CELLS) / SCORE_CELLS))
    return {"lists": len(scores), "bounds": bounds.tolist(), "counts": cells_of(flat, bounds).tolist()}


def cells_of(scores: FloatArray, bounds: FloatArray) -> IntArray:
    """How many of `scores` lie in each cell between the `bounds` (K - 1,), (K,)."""
    return np.bincount(np.searchsorted(bounds, scores, side="right"), minlength=len(bounds) + 1)
