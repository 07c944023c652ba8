"""Recommendations: what each door returns, ordered best first, each with its reasons."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import polars as pl

EXPLORATION = "exploration"


@dataclass(frozen=True)
class Reason:
    """One cause of a score. Over an item, `contribution` adds up to the item's score."""

    code: str
    """`history` (because of something they did), `popular`, `text` (matches the words),
    `exploration` (to be tried), `pin`, `boost` and `bury` (rules of the shop), `other` (the rest)."""
    text: str
    """The reason in words, in the language of the query."""
    contribution: float
    evidence: tuple[str, ...] = ()
    """Ids of the items in the history that caused it."""


@dataclass(frozen=True)
class Recommendation:
    item_id: str
    rank: int
    """1 is the first."""
    score: float
    source: str
    """The source that contributed most to the score; `boost` where that was a rule of the shop, `pin` where a rule put
    it in its place, `EXPLORATION` where it was put there to be tried."""
    propensity: float = 1.0
    """The probability with which the item was put at this rank; 1 where nothing is random."""
    reasons: tuple[Reason, ...] = ()
    attributes: dict[str, Any] = field(default_factory=dict)
    exploration: float = 0.0
    """The probability with which this rank was given to an item to be tried, whether or not it was."""


@dataclass(frozen=True)
class Recommendations:
    """An ordered list with what must be said about it."""

    items: tuple[Recommendation, ...]
    warnings: tuple[str, ...] = ()
    """What the caller should know: an unknown person, a filter that left nothing."""
    degraded: tuple[str, ...] = ()
    """What did not work and was worked around."""
    position: int | None = None
    """Where the log of events stood for the person, where their history was looked up."""

    def __iter__(self) -> Iterator[Recommendation]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, place: int) -> Recommendation:
        return self.items[place]

    @property
    def item_ids(self) -> list[str]:
        return [item.item_id for item in self.items]

    def to_dict(self, attributes: bool = True, reasons: bool = True) -> dict[str, Any]:
        """Plain values, as every door renders them: `items`, `warnings`, `degraded`."""
        left_out = {name for name, wanted in (("attributes", attributes), ("reasons", reasons)) if not wanted}
        return {
            "items": [
                {name: _plain(value) for name, value in vars(item).items() if name not in left_out} for item in self
            ],
            "warnings": list(self.warnings),
            "degraded": list(self.degraded),
        }

    def to_polars(self) -> pl.DataFrame:
        """Columns `rank`, `item_id`, `score`, `source`, `reason` (the strongest, in words)."""
        columns = {
            "rank": [item.rank for item in self],
            "item_id": self.item_ids,
            "score": [item.score for item in self],
            "source": [item.source for item in self],
            "reason": [item.reasons[0].text if item.reasons else "" for item in self],
        }
        kinds = {"rank": pl.Int32, "item_id": pl.String, "score": pl.Float64, "source": pl.String, "reason": pl.String}
        return pl.DataFrame(columns, schema=kinds)

    def to_pandas(self) -> Any:
        """The same frame in pandas, where pandas is installed."""
        import pandas

        return pandas.DataFrame(self.to_polars().to_dict(as_series=False))


def _plain(value: Any) -> Any:
    """Reasons as dictionaries, everything else as it is."""
    if isinstance(value, tuple):
        return [{**vars(reason), "evidence": list(reason.evidence)} for reason in value]
    return value
