"""How well scores put what is relevant above what is not, over all candidates instead of the first few."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from serendip.data.arrays import FloatArray, IntArray, Sparse

CELLS_AT_ONCE = 1_000_000
"""Bounds the comparisons held at one time: 1 MB."""


def auc(scores: FloatArray, relevant: Sparse, n_candidates: IntArray) -> FloatArray:
    """The chance that a relevant candidate is scored above one that is not, equals counting one half; (B,).

    NaN where nothing is relevant, or everything is. Nothing is sorted: with R relevant of C candidates, Σ> the pairs
    of a candidate scored above a relevant one and Σ≥ those of one scored at least as high, itself included,
    it is (R·C - (Σ> + Σ≥) / 2 - R² / 2) / (R (C - R)), the statistic of Mann and Whitney (1947).

    Args:
        scores: (B, N); an item that is no candidate scores -inf. NaN counts as -inf.
        relevant: (B, N), stored items are relevant; all of them are candidates.
        n_candidates: (B,).
    """
    wanted = scores[np.repeat(np.arange(len(scores)), np.diff(relevant.indptr)), relevant.indices]
    spans = pairwise(relevant.indptr.tolist())
    outranked = [
        _outranked(own, wanted[start:stop], n)
        for own, (start, stop), n in zip(scores, spans, n_candidates.tolist(), strict=True)
    ]
    n_relevant = np.diff(relevant.indptr).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        ordered = n_relevant * n_candidates - np.array(outranked) / 2 - n_relevant**2 / 2
        return np.asarray(ordered / (n_relevant * (n_candidates - n_relevant)))


def _outranked(scores: FloatArray, wanted: FloatArray, n_candidates: int) -> int:
    """Σ> + Σ≥ of one person, whose relevant items score `wanted`, (R,)."""
    answered = wanted[wanted > -np.inf][:, None]
    step = max(1, CELLS_AT_ONCE // max(1, len(scores)))
    total = 0
    for start in range(0, len(answered), step):
        some = answered[start : start + step]
        total += int(np.count_nonzero(scores > some) + np.count_nonzero(scores >= some))
    lost = len(wanted) - len(answered)  # below all that is scored, level with all that is not
    return total + lost * (int(np.count_nonzero(scores > -np.inf)) + n_candidates) if lost else total
