"""Exam: who is asked, with which history, and what would be right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from serendip.data import Dataset, Progress, Queries
from serendip.data.arrays import BoolArray, FloatArray, IntArray, Sparse
from serendip.data.splits import Split
from serendip.evaluation.protocol import Protocol
from serendip.evaluation.rankers import Ranker
from serendip.metrics import average_popularity, hits_in, novelty, ranking_metrics

QUERIES_AT_ONCE = 1_000
SCORES_AT_ONCE = 16_000_000
"""Bounds a batch by its dense scores too: 64 MB of float32, however large the catalogue."""


@dataclass(frozen=True, eq=False)
class Exam:
    """One split seen through one protocol, the same for every ranker."""

    protocol: Protocol
    split: Split

    @cached_property
    def seen(self) -> Sparse:
        """Every pair of a training event, whatever its signal, sparse (U, N) bool."""
        return _pairs(self.split.train)

    @cached_property
    def relevant(self) -> Sparse:
        """What would be right for each person, sparse (U, N) bool."""
        wanted = self.split.test.matrix() > 0
        fresh = wanted > self.seen if self.protocol.seen == "excluded" else wanted
        return sp.csr_array(fresh)

    @cached_property
    def item_counts(self) -> IntArray:
        """How many people each item has in training, (N,)."""
        return np.bincount(self.seen.indices, minlength=self.split.train.n_items)

    @property
    def asked(self) -> IntArray:
        """Rows of the people with a relevant item and a history."""
        return np.flatnonzero(self._has_answer & self._has_history)

    @property
    def strangers(self) -> IntArray:
        """Rows of the people with a relevant item and no history."""
        return np.flatnonzero(self._has_answer & ~self._has_history)

    @property
    def n_unanswerable(self) -> int:
        """People with test events of which none is relevant."""
        tested = np.bincount(self.split.test.events.user_rows, minlength=self.split.test.n_users) > 0
        return int(np.count_nonzero(tested & ~self._has_answer))

    @property
    def _has_answer(self) -> BoolArray:
        return _stored(self.relevant) > 0

    @property
    def _has_history(self) -> BoolArray:
        return _stored(self.seen) > 0

    def lists(self, ranker: Ranker, user_rows: IntArray, label: str, progress: Progress) -> IntArray:
        """What `ranker` lists for each of `user_rows`, (B, K) rows with K the deepest cut-off, -1 where short."""
        found = [np.empty((0, self.protocol.depth), np.int32)]
        for some in self._batches(user_rows):
            progress(label, sum(map(len, found)), len(user_rows))
            found.append(self._listed(ranker, some))
        progress(label, len(user_rows), len(user_rows))
        return np.concatenate(found)

    def values(self, user_rows: IntArray, listed: IntArray) -> dict[str, FloatArray]:
        """Per-person values (B,) of every metric that is a mean over people."""
        relevant = self.relevant[user_rows]
        values = ranking_metrics(hits_in(listed, relevant), _stored(relevant), self.protocol.cutoffs)
        n_users = int(np.count_nonzero(self._has_history))
        for k in self.protocol.cutoffs:
            values[f"average_popularity@{k}"] = average_popularity(listed[:, :k], self.item_counts)
            values[f"novelty@{k}"] = novelty(listed[:, :k], self.item_counts, n_users)
        return values

    def _batches(self, user_rows: IntArray) -> Iterator[IntArray]:
        size = max(1, min(QUERIES_AT_ONCE, SCORES_AT_ONCE // max(1, self.split.train.n_items)))
        return (user_rows[start : start + size] for start in range(0, len(user_rows), size))

    def _listed(self, ranker: Ranker, user_rows: IntArray) -> IntArray:
        queries: Queries = self.split.train.histories(user_rows)
        seen = self.seen[user_rows]
        left_out = seen if self.protocol.seen == "excluded" else sp.csr_array(seen.shape, dtype=bool)
        rows = np.asarray(ranker.rank(queries, self.protocol.depth, left_out))
        check_lists(rows, len(user_rows), self.split.train.n_items)
        short = self.protocol.depth - rows.shape[1]
        return np.pad(rows, ((0, 0), (0, max(0, short))), constant_values=-1)[:, : self.protocol.depth]


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


def _stored(matrix: Sparse) -> IntArray:
    """How many items each row of a sparse matrix stores."""
    return np.asarray(np.diff(matrix.indptr))


def _pairs(dataset: Dataset) -> Sparse:
    events = dataset.events
    keys = np.unique(events.user_rows.astype(np.int64) * dataset.n_items + events.item_rows)
    user_rows, item_rows = np.divmod(keys, max(1, dataset.n_items))
    shape = (dataset.n_users, dataset.n_items)
    return sp.csr_array((np.ones(len(keys), bool), (user_rows, item_rows)), shape=shape)
