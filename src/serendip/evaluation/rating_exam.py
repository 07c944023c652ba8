"""RatingExam: which ratings are to be foretold, from what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from serendip.data import Dataset
from serendip.data.arrays import FloatArray, IntArray
from serendip.data.signals import RATING
from serendip.data.splits import Split, k_fold, places_within
from serendip.evaluation.protocol import all_parameters, check_parameters, divide
from serendip.models import Rates

K_FOLD = "k-fold"
PEOPLE_AT_ONCE = 1_000
RATINGS_AT_ONCE = 4_000_000
"""Bounds a batch by its people times the most that one of them is asked."""


@dataclass(frozen=True)
class RatingProtocol:
    """How ratings are divided into those learned from and those foretold."""

    split: str = K_FOLD
    """One of `serendip.data.splits.SPLITS`, or `given`; `k-fold` without a `fold` is all folds together."""
    parameters: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_parameters(self.split, self.parameters)

    def divisions(self, data: Dataset | Split | Sequence[Split]) -> list[Split]:
        """One split, or all folds; what comes divided stays as it is."""
        if isinstance(data, Dataset) and self.split == K_FOLD and "fold" not in self.parameters:
            return list(k_fold(data, **self.parameters))
        if isinstance(data, Dataset | Split):
            return [divide(self.split, self.parameters, data)]
        return [divide(self.split, self.parameters, split) for split in data]

    @property
    def columns(self) -> list[str]:
        return ["rmse", "mae"]

    def heading(self, sizes: Mapping[str, int]) -> str:
        """The protocol and the sizes in one line, to stand above a table."""
        parts = f"{sizes['splits']} parts" if sizes["splits"] > 1 else "one part"
        return f"{self.split}, {sizes['ratings']:,} ratings of {sizes['asked']:,} people foretold in {parts}"

    def to_json(self) -> dict[str, Any]:
        """The protocol in full."""
        parameters = all_parameters(self.split, self.parameters)
        if self.split == K_FOLD and "fold" not in self.parameters:
            parameters["fold"] = "all"
        return {
            "split": self.split,
            "parameters": parameters,
            "ratings": "every rating of the test part, those of people and items without training events included",
            "history": "the person's training events, or those folded in, frozen at the split",
            "interval": "95 % percentile bootstrap over people",
        }


@dataclass(frozen=True, eq=False)
class RatingExam:
    """The ratings of the test parts, one split after the other, the same for every model."""

    splits: list[Split]

    @cached_property
    def asked(self) -> list[IntArray]:
        """Of each split, the positions of its test events that are ratings with a value."""
        tests = (split.test.events for split in self.splits)
        return [np.flatnonzero((test.types == RATING).to_numpy() & np.isfinite(test.values)) for test in tests]

    @cached_property
    def given(self) -> FloatArray:
        """The ratings to be foretold, (E,)."""
        parts = zip(self.splits, self.asked, strict=True)
        return np.concatenate([split.test.events.values[asked] for split, asked in parts])

    @cached_property
    def raters(self) -> IntArray:
        """Whose they are, (E,)."""
        parts = zip(self.splits, self.asked, strict=True)
        return np.concatenate([split.test.events.user_rows[asked] for split, asked in parts])

    @property
    def people(self) -> IntArray:
        """Everybody with such a rating."""
        return np.unique(self.raters)

    def foretold(self, model: Rates, place: int) -> FloatArray:
        """What `model` expects for the test ratings of one split, in their order.

        Raises:
            ValueError: the model answers in another shape, or with a number that is none.
        """
        split, asked = self.splits[place], self.asked[place]
        test = split.test.events[asked]
        foretold = np.empty(len(asked))
        for some in _batches(test.user_rows):
            people, own = np.unique(test.user_rows[some], return_inverse=True)
            within = places_within(own)
            rows = np.zeros((len(people), within.max() + 1), np.int32)  # (B, C); spare places ask for item 0
            rows[own, within] = test.item_rows[some]
            ratings = model.rate(split.known.histories(people), rows)
            if ratings.shape != rows.shape or not np.isfinite(ratings).all():
                raise ValueError(
                    f"a model rated {rows.shape} candidates with {ratings.shape} numbers, or with no number"
                )
            foretold[some] = ratings[own, within]
        return foretold


def _batches(user_rows: IntArray) -> Iterator[IntArray]:
    """Positions of the ratings of a bounded number of people at a time, those with most ratings first."""
    people, own, counts = np.unique(user_rows, return_inverse=True, return_counts=True)
    by_count = np.argsort(-counts, kind="stable")
    rank = np.empty(len(people), np.int64)
    rank[by_count] = np.arange(len(people))
    order = np.argsort(rank[own], kind="stable")
    ends = np.cumsum(counts[by_count])
    start = 0
    while start < len(people):
        size = max(1, min(PEOPLE_AT_ONCE, RATINGS_AT_ONCE // int(counts[by_count[start]])))
        stop = min(start + size, len(people))
        yield order[ends[start] - counts[by_count[start]] : ends[stop - 1]]
        start = stop
