"""What a list is made of: how different its items are, how well it mirrors a history, how much of it surprises.

`rows` (B, K) are the listed items, best first, -1 where a list is shorter; such places are left out.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from scipy.stats import rankdata

from serendip.data.arrays import BoolArray, FloatArray, IntArray, Sparse

KEPT = 0.01
"""Share of the history's mix that is added to the list's, so that the divergence stays finite (Steck's α)."""
CELLS_AT_ONCE = 4_000_000


def intra_list_diversity(rows: IntArray, traits: Sparse) -> FloatArray:
    """Mean over the pairs of each list of 1 - cosine of their `traits`, (B,); 0 all alike, 1 nothing shared.

    Items without traits are left out, for nothing is known of them; NaN where fewer than 2 are left.
    Smyth, McClave, "Similarity vs. diversity", ICCBR 2001.

    Args:
        traits: (N, F), one row per item, such as its categories.
    """
    units = _unit_rows(traits, power=2)
    described = np.diff(units.indptr) > 0
    listed = _indicator(rows, described)  # (B, N)
    n = np.diff(listed.indptr).astype(np.float64)
    total = listed @ units  # (B, F)
    shared = np.asarray(total.multiply(total).sum(axis=1)) - n  # each pair twice
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(n > 1, np.clip(1 - shared / (n * (n - 1)), 0, 1), np.nan)


def calibration(rows: IntArray, history: Sparse, traits: Sparse) -> FloatArray:
    """How far the mix of traits of each list is from that of the history, (B,), in nats; 0 is the same mix.

    C = Σ_g p(g) ln(p(g) / q̃(g)), q̃ = 0.99 q + 0.01 p: p is the mean over the items of the history of how each
    divides among its traits, q likewise over the list. At most ln 100, where nothing is shared. Items without traits
    are left out; NaN where the history or the list has no other. Steck, "Calibrated recommendations", RecSys 2018.

    Args:
        history: (B, N); the items stored in a row are that person's history.
        traits: (N, G), zero or more for each item.
    """
    shares = _unit_rows(traits, power=1)
    described = np.diff(shares.indptr) > 0
    listed = _indicator(rows, described)
    step = max(1, CELLS_AT_ONCE // max(1, shares.shape[1]))
    parts = [
        _divergence(_mix(history[start : start + step], shares), _mix(listed[start : start + step], shares))
        for start in range(0, len(rows), step)
    ]
    return np.concatenate([np.empty(0), *parts])


def serendipity(hits: BoolArray, rows: IntArray, n_relevant: IntArray, counts: IntArray, k: int) -> FloatArray:
    """Relevant items among the first `k`, each by how far above its place in popularity it is listed; (B,), 0 to 1.

    (1 / k) Σ_{r ≤ k} h(r) max(P(r) - P(popularity rank of the item), 0) with P(r) = (N + 1 - r) / N, after Murakami,
    Mori, Orihara, "Metrics for evaluating the serendipity of recommendation lists", JSAI 2007. Items that equally
    many people have share their mean rank. NaN where nothing is relevant.

    Args:
        hits: (B, K) bool, see `serendip.metrics.hits_in`.
        counts: (N,), how many people each item has in training.
    """
    n_items = len(counts)
    expected = (n_items + 1 - rankdata(-counts)) / n_items  # (N,)
    first = rows[:, :k]
    surprise = (n_items - np.arange(first.shape[1])) / n_items - expected[first]
    total = np.where(hits[:, :k] & (first >= 0), np.maximum(surprise, 0.0), 0.0).sum(axis=1)
    return np.where(n_relevant > 0, total / k, np.nan)


def _indicator(rows: IntArray, chosen: BoolArray) -> Sparse:
    """(B, N), 1 for each listed item that is `chosen` (N,)."""
    kept = (rows >= 0) & chosen[rows]
    offsets = np.concatenate([[0], np.cumsum(kept.sum(axis=1))])
    return sp.csr_array((np.ones(offsets[-1]), rows[kept], offsets), shape=(len(rows), len(chosen)))


def _unit_rows(traits: Sparse, power: int) -> Sparse:
    """Rows whose values (power 1) or squares (power 2) add up to 1; rows of zeros store nothing."""
    kept = sp.csr_array(traits, dtype=np.float64, copy=True)
    kept.eliminate_zeros()
    sizes = np.asarray(np.abs(kept).power(power).sum(axis=1)) ** (1 / power)
    kept.data /= np.repeat(sizes, np.diff(kept.indptr))
    return kept


def _mix(items: Sparse, shares: Sparse) -> FloatArray:
    """How the items of each row divide among the traits, (B, G); NaN where none has any."""
    mixed = (items.astype(np.float64) @ shares).toarray()
    with np.errstate(invalid="ignore"):
        return np.asarray(mixed / mixed.sum(axis=1, keepdims=True))


def _divergence(wanted: FloatArray, listed: FloatArray) -> FloatArray:
    smoothed = (1 - KEPT) * listed + KEPT * wanted
    with np.errstate(invalid="ignore", divide="ignore"):
        terms = np.where(wanted > 0, wanted * np.log(wanted / smoothed), 0.0)
    defined = (wanted.sum(axis=1) > 0) & (listed.sum(axis=1) > 0)
    return np.where(defined, terms.sum(axis=1), np.nan)
