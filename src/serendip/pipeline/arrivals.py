"""Arrivals: since when things have been there, as far as they say it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import numpy as np

from serendip.data.arrays import FloatArray, IntArray
from serendip.data.times import epoch_ms

TIMES = ("added_ms", "added_at", "added", "created_at", "created", "timestamp", "released", "release_date", "year")
"""Attributes that may say it; the first that any item of a catalogue has is the one that counts there."""


def newest_first(records: Sequence[Mapping[str, Any]]) -> IntArray:
    """Rows of records, (N,), the newest first; those that say no time come last, of equals the later row first."""
    times = arrivals(records)
    rows = np.arange(len(times))
    return np.lexsort((-rows, -np.nan_to_num(times, nan=-np.inf)))


def arrivals(records: Sequence[Mapping[str, Any]]) -> FloatArray:
    """When each item arrived, (N,), in milliseconds since 1970; NaN where it does not say.

    >>> arrivals([{"year": 1971}, {"title": "tea"}, {"year": "1970"}]).tolist()
    [31536000000.0, nan, 0.0]
    """
    name = _which(records)
    if name is None:
        return np.full(len(records), np.nan)
    read = lru_cache(10_000)(READ.get(name, epoch_ms))  # many share a day or a year
    return np.fromiter((_read(read, record.get(name)) for record in records), np.float64, len(records))


def _year_ms(value: Any) -> float | None:
    """The beginning of a year, which may lie before 1970."""
    return None if value is None else datetime(int(value), 1, 1, tzinfo=UTC).timestamp() * 1000


READ: dict[str, Callable[[Any], float | None]] = {"year": _year_ms, "added_ms": float}
"""How to read what is not written in one of the ways of `epoch_ms`."""


def _which(records: Sequence[Mapping[str, Any]]) -> str | None:
    return next((name for name in TIMES if any(name in record for record in records)), None)


def _read(read: Callable[[Any], float | None], value: object) -> float:
    try:
        moment = read(value)
    except (ValueError, TypeError, OverflowError):
        return np.nan
    return np.nan if moment is None else float(moment)
