"""Leaks that show in attributes and in what was fitted: numbers that follow the test events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from scipy.stats import spearmanr

from serendip.data import Entities, Events
from serendip.data.arrays import FloatArray
from serendip.data.splits import Split
from serendip.evaluation.leakage.finding import Finding

FOLLOWS = 0.99
"""Rank correlation from which numbers are taken for a statistic of the events."""
NEARER = 10
"""How much nearer they must be to it than to the same statistic of the events known before the test."""
FEWEST_VALUES = 10
"""Fewer prove nothing."""


def attributes(split: Split) -> Iterator[Finding]:
    """Numeric attributes of items and people that were computed with test events."""
    for what, entities in (("items", split.train.items), ("people", split.train.users)):
        columns = [column for column in entities.attributes.iter_columns() if column.dtype.is_numeric()]
        counted = Counted(split, what, entities)
        for column in columns:
            followed = counted.followed(column.cast(pl.Float64).fill_null(np.nan).to_numpy())
            if followed:
                yield Finding("features", f"the attribute {column.name!r} of {what} follows {followed}")


def arrays(split: Split, fitted: Mapping[str, Any]) -> Iterator[Finding]:
    """Fitted arrays with one number per item or person that follow test events."""
    for what, entities in (("items", split.train.items), ("people", split.train.users)):
        counted = Counted(split, what, entities)
        for name, array in fitted.items():
            values = np.squeeze(np.asarray(array))
            if values.shape != (len(entities),) or not np.issubdtype(values.dtype, np.number):
                continue
            followed = counted.followed(values.astype(np.float64))
            if followed:
                yield Finding("popularity", f"the fitted array {name!r} follows {followed}")


@dataclass(frozen=True, eq=False)
class Counted:
    """What can be counted for each item or person, before the test and with it."""

    split: Split
    what: str
    entities: Entities

    @cached_property
    def known(self) -> dict[str, FloatArray]:
        return self._statistics(self._known_events)

    @cached_property
    def everything(self) -> dict[str, FloatArray]:
        return self._statistics([*self._known_events, self.split.test.events])

    def followed(self, values: FloatArray) -> str | None:
        """The statistic of all events that `values` (one each) follow where the known events do not explain it."""
        for name, of_all in self.everything.items():
            of_known = self.known[name]
            comparable = np.isfinite(values) & np.isfinite(of_all) & np.isfinite(of_known)
            correlation = _rank_correlation(values[comparable], of_all[comparable])
            honest = _rank_correlation(values[comparable], of_known[comparable])
            if correlation >= FOLLOWS and 1 - honest > NEARER * (1 - correlation):
                return (
                    f"the {name} of all events, test events included "
                    f"(rank correlation {correlation:.4f}; {honest:.4f} without them)"
                )
        return None

    @property
    def _known_events(self) -> list[Events]:
        folded = [] if self.split.folded_in is None else [self.split.folded_in.events]
        return [self.split.train.events, *folded]

    def _statistics(self, parts: Sequence[Events]) -> dict[str, FloatArray]:
        """(rows,) each; NaN where there is nothing to count from."""
        columns = ("item_rows", "user_rows") if self.what == "items" else ("user_rows", "item_rows")
        names = (*columns, "signals", "values", "times_ms")
        rows, others, signals, values, times_ms = (
            np.concatenate([getattr(part, name) for part in parts]) for name in names
        )
        size = len(self.entities)
        rated = np.isfinite(values)
        n_rated = np.bincount(rows[rated], minlength=size)
        totals = np.bincount(rows[rated], values[rated], minlength=size)
        latest = np.full(size, np.nan)
        np.fmax.at(latest, rows, np.where(times_ms > 0, times_ms, np.nan))
        width = int(others.max(initial=0)) + 1
        distinct = np.unique(rows.astype(np.int64) * width + others) // width
        return {
            "number": np.bincount(rows, minlength=size).astype(np.float64),
            "number of pairs": np.bincount(distinct, minlength=size).astype(np.float64),
            "number of wishes": np.bincount(rows[signals > 0], minlength=size).astype(np.float64),
            "mean value": np.where(n_rated > 0, totals / np.maximum(n_rated, 1), np.nan),
            "latest time": latest,
        }


def _rank_correlation(one: FloatArray, other: FloatArray) -> float:
    """Spearman's, without its sign; 0 where it says nothing."""
    if len(one) < FEWEST_VALUES or np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return abs(float(spearmanr(one, other).statistic))
