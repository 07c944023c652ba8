"""Exam: who is asked, with which history, and what would be right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from serendip.data import Dataset, Progress
from serendip.data.arrays import BoolArray, FloatArray, IntArray, Sparse
from serendip.data.splits import Split
from serendip.evaluation.protocol import Protocol
from serendip.evaluation.rankers import Ranker, Scorer
from serendip.evaluation.traits import Traits, categories
from serendip.metrics import (
    auc,
    average_popularity,
    calibration,
    hits_in,
    intra_list_diversity,
    novelty,
    ranking_metrics,
    serendipity,
    tail_items,
    tail_share,
)

QUERIES_AT_ONCE = 1_000
SCORES_AT_ONCE = 16_000_000
"""Bounds a batch by its dense scores too: 64 MB of float32, however large the catalogue."""


@dataclass(frozen=True, eq=False)
class Lists:
    """What a ranker lists for some people."""

    rows: IntArray  # (B, K), K the deepest cut-off, -1 where a list is shorter
    auc: FloatArray  # (B,), NaN for a ranker that does not score all items


@dataclass(frozen=True, eq=False)
class Exam:
    """One split seen through one protocol, the same for every ranker."""

    protocol: Protocol
    split: Split

    @cached_property
    def learned(self) -> Sparse:
        """Every pair of a training event, whatever its signal, sparse (U, N) bool."""
        return _pairs(self.split.train)

    @cached_property
    def seen(self) -> Sparse:
        """Every pair of an event that is known when people are asked, sparse (U, N) bool."""
        return _pairs(self.split.known)

    @cached_property
    def relevant(self) -> Sparse:
        """What would be right for each person, sparse (U, N) bool."""
        wanted = self.split.test.matrix() > 0
        if self.protocol.seen == "excluded":
            wanted = sp.csr_array(wanted > self.seen)
        return wanted if self.candidates.all() else restricted(wanted, self.candidates)

    @cached_property
    def candidates(self) -> BoolArray:
        """What may be listed for anybody, (N,)."""
        return self.item_counts == 0 if self.protocol.candidates == "new" else np.ones(self.n_items, bool)

    @cached_property
    def item_counts(self) -> IntArray:
        """How many people each item has in training, (N,)."""
        return np.bincount(self.learned.indices, minlength=self.n_items)

    @cached_property
    def tail(self) -> BoolArray:
        """The items of the long tail, (N,)."""
        return tail_items(self.item_counts)

    @cached_property
    def categories(self) -> Traits:
        return categories(self.split.train)

    @property
    def n_items(self) -> int:
        return self.split.train.n_items

    @property
    def asked(self) -> IntArray:
        """Rows of the people with a relevant item and a history."""
        return np.flatnonzero((stored(self.relevant) > 0) & (stored(self.seen) > 0))

    @property
    def strangers(self) -> IntArray:
        """Rows of the people with a relevant item and no history."""
        return np.flatnonzero((stored(self.relevant) > 0) & (stored(self.seen) == 0))

    @property
    def n_unanswerable(self) -> int:
        """People with test events of which none is relevant."""
        tested = np.bincount(self.split.test.events.user_rows, minlength=self.split.test.n_users) > 0
        return int(np.count_nonzero(tested & (stored(self.relevant) == 0)))

    @cached_property
    def moments_ms(self) -> IntArray:
        """When each person asks, (U,) int64: at their first test event; 0 for people without one."""
        events = self.split.test.events
        moments = np.zeros(self.split.test.n_users, np.int64)
        moments[events.user_rows[::-1]] = events.times_ms[::-1]  # in the order of time, so that the first stays
        return moments

    def lists(self, ranker: Ranker, user_rows: IntArray, label: str, progress: Progress) -> Lists:
        """What `ranker` lists for each of `user_rows`, batch by batch."""
        found = [Lists(np.empty((0, self.protocol.depth), np.int32), np.empty(0))]
        for some in self._batches(user_rows):
            progress(label, sum(len(lists.rows) for lists in found), len(user_rows))
            found.append(self._listed(ranker, some))
        progress(label, len(user_rows), len(user_rows))
        return Lists(np.concatenate([it.rows for it in found]), np.concatenate([it.auc for it in found]))

    def values(self, user_rows: IntArray, lists: Lists) -> dict[str, FloatArray]:
        """Per-person values (B,) of every metric that is a mean over people."""
        relevant, known = self.relevant[user_rows], self.seen[user_rows]
        n_relevant = stored(relevant)
        hits = hits_in(lists.rows, relevant)
        values = ranking_metrics(hits, n_relevant, self.protocol.cutoffs)
        values["auc"] = lists.auc
        n_users = int(np.count_nonzero(stored(self.learned)))
        for k in self.protocol.cutoffs:
            first = lists.rows[:, :k]
            values[f"average_popularity@{k}"] = average_popularity(first, self.item_counts)
            values[f"tail_share@{k}"] = tail_share(first, self.tail)
            values[f"novelty@{k}"] = novelty(first, self.item_counts, n_users)
            values[f"serendipity@{k}"] = serendipity(hits, first, n_relevant, self.item_counts, k)
            values[f"intra_list_diversity@{k}"] = intra_list_diversity(first, self.categories.members)
            values[f"calibration@{k}"] = calibration(first, known, self.categories.members)
        return values

    def _batches(self, user_rows: IntArray) -> Iterator[IntArray]:
        size = max(1, min(QUERIES_AT_ONCE, SCORES_AT_ONCE // max(1, self.n_items)))
        return (user_rows[start : start + size] for start in range(0, len(user_rows), size))

    def _listed(self, ranker: Ranker, user_rows: IntArray) -> Lists:
        queries = self.split.known.histories(user_rows).at(self.moments_ms[user_rows])
        left_out = self.left_out(user_rows)
        area = np.full(len(user_rows), np.nan)
        if isinstance(ranker, Scorer):
            scores = ranker.scores(queries, left_out)
            rows = ranker.best(scores, self.protocol.depth)
            area = auc(scores, self.relevant[user_rows], self.n_items - stored(left_out))
        else:
            rows = np.asarray(ranker.rank(queries, self.protocol.depth, left_out))
        check_lists(rows, len(user_rows), self.n_items)
        short = self.protocol.depth - rows.shape[1]
        padded = np.pad(rows, ((0, 0), (0, max(0, short))), constant_values=-1)[:, : self.protocol.depth]
        return Lists(padded, area)

    def left_out(self, user_rows: IntArray) -> Sparse:
        """What may not be listed, (B, N)."""
        seen = self.seen[user_rows]
        kept = seen if self.protocol.seen == "excluded" else sp.csr_array(seen.shape, dtype=bool)
        if self.candidates.all() and not self.protocol.sampled:
            return kept
        allowed = ~kept.toarray() & self.candidates
        if self.protocol.sampled:
            right = self.relevant[user_rows].toarray()
            for place, row in enumerate(user_rows.tolist()):
                allowed[place] = right[place] | _drawn(allowed[place] & ~right[place], self.protocol.sampled, row)
        return sp.csr_array(~allowed)


def _drawn(candidates: BoolArray, n: int, user_row: int) -> BoolArray:
    """At most `n` of the candidates (N,), the same whoever else is asked and whichever model answers."""
    pool = np.flatnonzero(candidates)
    chosen = np.zeros_like(candidates)
    chosen[np.random.default_rng(user_row).permutation(pool)[:n]] = True
    return chosen


def check_lists(rows: IntArray, n_queries: int, n_items: int) -> None:
    """A list that names an item twice would count one hit as two.

    Raises:
        ValueError: the ranker returned lists for other queries, of items that do not exist, or with repeats.
    """
    if rows.ndim != 2 or len(rows) != n_queries:
        raise ValueError(f"a ranker returned lists of shape {rows.shape} for {n_queries} queries")
    if rows.size and not -1 <= rows.min() <= rows.max() < n_items:
        raise ValueError(f"a ranker listed an item row outside 0 to {n_items - 1}")
    ordered = np.sort(rows, axis=1)
    if ((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)).any():
        raise ValueError("a ranker listed an item twice for one query")


def stored(matrix: Sparse) -> IntArray:
    """How many items each row of a sparse matrix stores."""
    return np.asarray(np.diff(matrix.indptr))


def restricted(matrix: Sparse, items: BoolArray) -> Sparse:
    """The cells of a sparse (B, N) matrix at some `items` (N,), of the same shape."""
    kept = items[matrix.indices]
    offsets = np.concatenate([[0], np.cumsum(kept)])[matrix.indptr]
    return sp.csr_array((matrix.data[kept], matrix.indices[kept], offsets), shape=matrix.shape)


def _pairs(dataset: Dataset) -> Sparse:
    events = dataset.events
    keys = np.unique(events.user_rows.astype(np.int64) * dataset.n_items + events.item_rows)
    user_rows, item_rows = np.divmod(keys, max(1, dataset.n_items))
    shape = (dataset.n_users, dataset.n_items)
    return sp.csr_array((np.ones(len(keys), bool), (user_rows, item_rows)), shape=shape)
