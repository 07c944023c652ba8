"""How good a ranked list is for one person, from which of its places hold something they wanted.

Every function takes `hits` (B, K) bool, whether the item at rank r + 1 is relevant (False where a list is shorter),
`n_relevant` (B,) int, how many items are relevant to each person whether listed or not, written |T| below, and the
cut-off `k`. It returns one value per person, (B,) float64. A person to whom nothing is relevant has no value: NaN,
so that a mean cannot take them in by accident. A list shorter than `k` is a list whose remaining places are misses.
Relevance is binary. The definitions are stated once more, with their traps, in docs/protocols.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from serendip.data.arrays import BoolArray, FloatArray, IntArray, Sparse

Metric = Callable[[BoolArray, IntArray, int], FloatArray]


def hits_in(rows: IntArray, relevant: Sparse) -> BoolArray:
    """Which of the listed item `rows` (B, K) are stored in `relevant` (B, N), (B, K) bool; row -1 is never a hit."""
    n_queries, n_items = relevant.shape
    owners = np.repeat(np.arange(n_queries, dtype=np.int64), np.diff(relevant.indptr))
    wanted = np.sort(owners * n_items + relevant.indices)
    listed = np.arange(n_queries, dtype=np.int64)[:, None] * n_items + rows  # (B, K), one number per pair
    places = np.searchsorted(wanted, listed)
    return np.asarray(np.append(wanted, -1)[places] == np.where(rows >= 0, listed, -2))


def hit_rate(hits: BoolArray, n_relevant: IntArray, k: int) -> FloatArray:
    """1 where at least one of the first `k` is relevant, else 0 (also called success@k)."""
    return _defined(np.asarray(hits[:, :k].any(axis=1)), n_relevant)


def precision(hits: BoolArray, n_relevant: IntArray, k: int) -> FloatArray:
    """Relevant items among the first `k`, divided by `k` even where the list is shorter.

    Manning, Raghavan, Schütze, Introduction to Information Retrieval (2008), section 8.4.
    """
    return _defined(hits[:, :k].sum(axis=1) / k, n_relevant)


def recall(hits: BoolArray, n_relevant: IntArray, k: int) -> FloatArray:
    """Relevant items among the first `k`, divided by |T| (not by min(k, |T|), which is the "capped" recall).

    Manning, Raghavan, Schütze (2008), section 8.4.
    """
    return _defined(hits[:, :k].sum(axis=1) / np.maximum(n_relevant, 1), n_relevant)


def ndcg(hits: BoolArray, n_relevant: IntArray, k: int) -> FloatArray:
    """Discounted gain, sum of 1 / log2(rank + 1) over the hits, divided by that of the best list possible.

    The best list has min(k, |T|) hits at its top. Järvelin, Kekäläinen, "Cumulated gain-based evaluation of IR
    techniques", ACM TOIS 20(4), 2002, with binary gains.
    """
    gain = hits[:, :k] @ _discounts(hits[:, :k].shape[1])
    best = np.concatenate([[np.inf], np.cumsum(_discounts(k))])  # best[m]: m hits at the top
    return _defined(gain / best[np.minimum(n_relevant, k)], n_relevant)


def average_precision(hits: BoolArray, n_relevant: IntArray, k: int) -> FloatArray:
    """Precision at each hit among the first `k`, summed and divided by min(k, |T|); its mean is MAP@k.

    Manning, Raghavan, Schütze (2008), section 8.4, cut at `k`. trec_eval's `map_cut` divides by |T| instead, which
    keeps a perfect list of `k` below 1 wherever |T| exceeds `k`.
    """
    first = hits[:, :k]
    precision_at = np.cumsum(first, axis=1) / np.arange(1, first.shape[1] + 1)
    return _defined((first * precision_at).sum(axis=1) / np.clip(n_relevant, 1, k), n_relevant)


def reciprocal_rank(hits: BoolArray, n_relevant: IntArray, k: int) -> FloatArray:
    """1 / rank of the first hit, 0 where there is none among the first `k`; its mean is MRR@k.

    Voorhees, "The TREC-8 Question Answering Track Report", 1999.
    """
    first = hits[:, :k]
    return _defined((first / np.arange(1, first.shape[1] + 1)).max(axis=1, initial=0.0), n_relevant)


RANKING: dict[str, Metric] = {
    "hit_rate": hit_rate,
    "precision": precision,
    "recall": recall,
    "ndcg": ndcg,
    "map": average_precision,
    "mrr": reciprocal_rank,
}


def ranking_metrics(hits: BoolArray, n_relevant: IntArray, cutoffs: Iterable[int]) -> dict[str, FloatArray]:
    """All of the above at all `cutoffs` from one ranking, as `{"ndcg@10": (B,), ...}`.

    >>> hits = np.array([[False, True, False]])
    >>> ranking_metrics(hits, np.array([2]), [3])["mrr@3"]
    array([0.5])
    """
    return {f"{name}@{k}": metric(hits, n_relevant, k) for k in cutoffs for name, metric in RANKING.items()}


def _discounts(k: int) -> FloatArray:
    return 1.0 / np.log2(np.arange(2, k + 2))


def _defined(values: FloatArray | BoolArray, n_relevant: IntArray) -> FloatArray:
    return np.where(n_relevant > 0, values, np.nan)
