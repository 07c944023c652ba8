"""Sitting: one division of the data, asked of one model or library after another."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from math import isfinite

import numpy as np

from benchmarks.cases import Case, Fold
from benchmarks.results import Figures, averaged
from serendip.data import Progress, silent
from serendip.data.arrays import FloatArray, IntArray
from serendip.data.splits import Split
from serendip.evaluation import Estimate, Protocol, Ranker
from serendip.evaluation.exam import Exam, Lists, check_lists
from serendip.evaluation.significance import bootstrap, estimate
from serendip.evaluation.slices import sliced, slicings
from serendip.metrics import coverage, gini

QUERIES_AT_ONCE = 1_000
SCORES_AT_ONCE = 16_000_000
SLICES = ("history", "popularity")
FEWEST_PEOPLE = 20
"""A slice of fewer people says nothing and is left out."""
NEW_PEOPLE = "new people"
"""Without any history: a slice by history, of people who are not asked."""


class Sitting:
    """Who is asked, what would be right, and how good the lists are that somebody hands in."""

    def __init__(self, case: Case, fold: Fold) -> None:
        self.case, self.fold = case, fold
        protocol = Protocol("given", cutoffs=case.cutoffs, seen=case.seen, candidates=case.candidates)
        self.exam = Exam(protocol, Split(fold.learn, fold.test, case.name, folded_in=fold.known))

    @cached_property
    def people(self) -> IntArray:
        """Rows of those to list for, (P,): the asked first, then those without any history."""
        return np.concatenate([self.exam.asked, self.exam.strangers])

    @property
    def depth(self) -> int:
        """K, how long lists are."""
        return max(self.case.cutoffs)

    def lists(self, ranker: Ranker, user_rows: IntArray, progress: Progress = silent) -> IntArray:
        """What a fitted `ranker` lists for each of `user_rows`, item rows (B, K), -1 where short."""
        size = max(1, min(QUERIES_AT_ONCE, SCORES_AT_ONCE // self.exam.n_items))
        lists = np.full((len(user_rows), self.depth), -1, np.int32)
        for start in range(0, len(user_rows), size):
            progress(f"{self.case.name}: rank", start, len(user_rows))
            some = user_rows[start : start + size]
            queries = self.fold.shown.histories(some).at(self.exam.moments_ms[some])
            rows = ranker.rank(queries, self.depth, self.exam.left_out(some))
            lists[start : start + size, : rows.shape[1]] = rows
        progress(f"{self.case.name}: rank", len(user_rows), len(user_rows))
        return lists

    def figures(self, runs: Sequence[IntArray]) -> Figures:
        """All metrics with their intervals over people; several `runs`, one per seed, are averaged.

        Args:
            runs: Item rows (P, K) in the order of `people`, as `lists` makes them.

        Raises:
            ValueError: a list is of the wrong length, names an item twice or one that does not exist.
        """
        return averaged([self._figures(lists) for lists in runs])

    def _figures(self, lists: IntArray) -> Figures:
        check_lists(lists, len(self.people), self.exam.n_items)
        n_asked = len(self.exam.asked)
        asked, new = Lists(lists[:n_asked], np.full(n_asked, np.nan)), lists[n_asked:]
        values = self.exam.values(self.exam.asked, asked)
        figures = _estimates(values)
        for k in self.case.cutoffs:
            for name, share in (("coverage", coverage), ("gini", gini)):
                figures[f"{name}@{k}"] = Estimate(share(asked.rows[:, :k], self.exam.n_items))
        figures |= self._slices(asked, values) | self._of_new_people(new)
        return {name: figure for name, figure in figures.items() if isfinite(figure.mean)}

    def _slices(self, lists: Lists, values: dict[str, FloatArray]) -> Figures:
        """The main metric for some people or some items only, such as `ndcg@10 [popularity: tail]`."""
        main = self.case.metrics[0]
        figures: Figures = {}
        for slicing in slicings(self.exam, SLICES):
            parts = [part for part in sliced(self.exam, slicing, lists, values, 0)[0] if part.people >= FEWEST_PEOPLE]
            if len(parts) > 1:
                figures |= {slice_name(main, part.by, part.name): part.metrics[main] for part in parts}
        return figures

    def _of_new_people(self, rows: IntArray) -> Figures:
        if not len(rows):
            return {}
        main = self.case.metrics[0]
        values = self.exam.values(self.exam.strangers, Lists(rows, np.full(len(rows), np.nan)))
        return {slice_name(main, "history", NEW_PEOPLE): _estimates({main: values[main]})[main]}


def slice_name(metric: str, by: str, part: str) -> str:
    """`ndcg@10 [popularity: tail]`."""
    return f"{metric} [{by}: {part}]"


def _estimates(values: dict[str, FloatArray]) -> Figures:
    """Means over those who have a value, with bootstrap intervals from the same resamples of people."""
    resampled = bootstrap(np.stack(list(values.values()), axis=1))  # (R, M)
    return {name: estimate(_mean(values[name]), column) for name, column in zip(values, resampled.T, strict=True)}


def _mean(values: FloatArray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")
