"""Leaks that show in what is listed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy.sparse as sp

from serendip.data.arrays import BoolArray, IntArray, Sparse
from serendip.data.splits import Split
from serendip.evaluation.leakage.finding import Finding

FEWEST_HITS = 10
"""Fewer prove nothing."""
PERMUTATIONS = 9_999
PERMUTED_AT_ONCE = 20


def future_items(split: Split, relevant: Sparse, listed: IntArray, name: str) -> Iterator[Finding]:
    """Whether lists know more than chance about items of which nothing is known before the test.

    Items without a known event, an attribute or a fact can be told apart by the test events alone. A ranker that does
    not know those lists such items to people who want them no more often than if it confused them with each other:
    the finding is that none of `PERMUTATIONS` confusions has as many hits.

    Args:
        relevant: (B, N); what is right for each person.
        listed: (B, K); what is listed to them, -1 where a list is shorter.
    """
    unknowable = np.flatnonzero(_unknowable(split))
    shown = _listed_matrix(listed, split.train.n_items)[:, unknowable]
    meetings = sp.coo_array(shown.T.astype(np.int64) @ relevant[:, unknowable].astype(np.int64))  # (X, X)
    hits = int(meetings.diagonal().sum())
    if hits < FEWEST_HITS:
        return
    generator = np.random.default_rng(0)
    for _ in range(0, PERMUTATIONS, PERMUTED_AT_ONCE):
        confused = np.argsort(generator.random((PERMUTED_AT_ONCE, len(unknowable))), axis=1)
        met = (confused[:, meetings.row] == meetings.col) @ meetings.data
        if met.max() >= hits:
            return
    yield Finding("future-items", f"{name} finds {hits:,} times, by more than chance, items of which nothing is known")


def _unknowable(split: Split) -> BoolArray:
    """Items without a known event, an attribute or a fact, (N,)."""
    items = split.train.items
    nothing = np.ones(len(items), bool)
    for part in (split.train, split.known):
        nothing[part.events.item_rows] = False
    facts = split.train.relations
    for column in items.attributes.iter_columns():
        if column.name != "item_id":
            nothing[column.is_not_null().to_numpy()] = False
    linked = items.vocabulary.rows([*facts["head"], *facts["tail"]])
    nothing[linked[linked >= 0]] = False
    return nothing


def _listed_matrix(listed: IntArray, n_items: int) -> Sparse:
    kept = listed >= 0
    offsets = np.concatenate([[0], np.cumsum(kept.sum(axis=1))])
    return sp.csr_array((np.ones(offsets[-1], bool), listed[kept], offsets), shape=(len(listed), n_items))
