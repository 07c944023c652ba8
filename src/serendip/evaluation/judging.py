"""Judging: whether a new pipeline may take the place of the one in service, by what people did most recently."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from serendip.data import Dataset, Queries
from serendip.data.arrays import IntArray, Sparse
from serendip.data.vocabulary import UNKNOWN
from serendip.evaluation.exam import stored
from serendip.evaluation.parts import Part, graded, parts
from serendip.evaluation.significance import Estimate, bootstrap, estimate
from serendip.pipeline import Pipeline

DEPTH = 10
FEWEST_PEOPLE = 20
"""With fewer, an interval over people says nothing."""


@dataclass(frozen=True)
class Verdict:
    """NDCG@10 of both over the people who wanted something new, and of the difference, with 95 % intervals."""

    champion: Estimate
    challenger: Estimate
    difference: Estimate
    """Challenger less champion, paired by person."""
    people: int
    parts: tuple[Part, ...] = ()
    """Champion and challenger for parts of people and items."""

    def against(self, tolerance: float) -> str:
        """Why the challenger may not take the place; empty where it may.

        It may not where it is surely worse (the whole interval of the difference lies below 0), where it lost more than
        the share `tolerance` of the champion's figure, sure or not, or where there are too few people to say.
        """
        if self.people < FEWEST_PEOPLE:
            return f"only {self.people} people wanted something new since, too few to compare by"
        if self.difference.high is not None and self.difference.high < 0:
            return f"it is worse: NDCG@10 {_signed(self.difference)}"
        if self.difference.mean < -tolerance * self.champion.mean:
            return f"it lost more than {tolerance:.0%}: NDCG@10 {_signed(self.difference)}"
        return ""

    def __str__(self) -> str:
        return (
            f"NDCG@10 {self.challenger.mean:.4f} against {self.champion.mean:.4f}, {_signed(self.difference)}, "
            f"{self.people:,} people"
        )

    def to_json(self) -> dict[str, Any]:
        told = {name: vars(getattr(self, name)) for name in ("champion", "challenger", "difference")}
        parts = [{**one.to_json(), "figures": [vars(figure) for figure in one.figures]} for one in self.parts]
        return {"metric": "ndcg@10", "people": self.people, **told, "parts": parts}


def judge(champion: Pipeline, challenger: Pipeline, known: Dataset, whole: Dataset, seed: int = 0) -> Verdict:
    """Compare two fitted pipelines on the events that `whole` holds beyond `known`, over the same people and items.

    Both are asked for each person with the history that `known` holds of them, whether or not they were fitted on it;
    right is what the person wanted since and had not met. Full ranking; what was met is not listed.
    """
    seen = _pairs(known)
    right = sp.csr_array((whole.matrix() > 0) > seen)  # what was wanted before was met before
    asked = np.flatnonzero(np.diff(right.indptr))
    if not len(asked):
        nothing = Estimate(float("nan"))
        return Verdict(nothing, nothing, nothing, 0)
    histories, seen, right = known.histories(asked), seen[asked], right[asked]
    item_ids = whole.items.vocabulary.ids()
    lists = [_lists(each, item_ids, histories, seen) for each in (champion, challenger)]
    values = graded(lists, right, DEPTH)
    old, new = bootstrap(values, seed).T
    means = values.mean(axis=0)
    difference = estimate(float(means[1] - means[0]), new - old)
    champions, challengers = estimate(float(means[0]), old), estimate(float(means[1]), new)
    wanted_by = np.bincount(known.matrix().indices, minlength=whole.n_items)
    divided = parts(lists, right, stored(seen), wanted_by, DEPTH, seed)
    return Verdict(champions, challengers, difference, len(asked), tuple(divided))


def _pairs(dataset: Dataset) -> Sparse:
    """What each person met, (U, N) bool."""
    keys = np.unique(dataset.events.user_rows.astype(np.int64) * dataset.n_items + dataset.events.item_rows)
    cells = np.divmod(keys, max(1, dataset.n_items))
    return sp.csr_array((np.ones(len(keys), np.bool_), cells), shape=(dataset.n_users, dataset.n_items))


def _lists(pipeline: Pipeline, item_ids: Sequence[str], histories: Queries, seen: Sparse) -> IntArray:
    """What `pipeline`, which may know other items, lists, (B, K), by the rows of `item_ids`; -1 for what has none."""
    here = pipeline.items.rows(item_ids)  # (N,)
    back = np.full(len(pipeline.items), UNKNOWN)
    back[here[here != UNKNOWN]] = np.flatnonzero(here != UNKNOWN)
    cells = seen.tocoo()
    kept = here[cells.col] != UNKNOWN
    met = (np.ones(np.count_nonzero(kept), np.bool_), (cells.row[kept], here[cells.col[kept]]))
    rows = pipeline.rank(
        histories.renumbered(here), DEPTH, sp.csr_array(met, shape=(len(histories), len(pipeline.items)))
    )
    return np.where(rows == UNKNOWN, UNKNOWN, back[rows])


def _signed(figure: Estimate) -> str:
    if figure.low is None or figure.high is None:
        return f"{figure.mean:+.4f}"
    return f"{figure.mean:+.4f} [{figure.low:+.4f}, {figure.high:+.4f}]"
