"""Re-ranking for variety: maximal marginal relevance.

Carbonell and Goldstein, The use of MMR, diversity-based reranking (SIGIR 1998), section 2.
"""

from __future__ import annotations

import numpy as np

from serendip.data.arrays import FloatArray, IntArray


def diversify(scores: FloatArray, likeness: FloatArray, k: int, diversity: float) -> IntArray:
    """The order in which to list `k` of C candidates, positions (min(k, C),).

    Greedily takes the candidate with the largest (1 - d) * relevance - d * likeness to the most similar one
    already taken; relevance is the score scaled to 0..1 over the candidates. With d = 0 it is the plain order.

    Args:
        scores: (C,), best first.
        likeness: (C, C) in 0..1.
        diversity: d, 0..1.
    """
    k = min(k, len(scores))
    if diversity == 0 or k == 0:
        return np.arange(k)
    span = np.ptp(scores)
    relevance = (scores - scores.min()) / span if span > 0 else np.ones_like(scores)
    gain = (1 - diversity) * relevance
    nearest = np.zeros(len(scores))
    taken = np.empty(k, np.int64)
    for place in range(k):
        best = int(np.argmax(gain - diversity * nearest))
        taken[place] = best
        gain[best] = -np.inf
        nearest = np.maximum(nearest, likeness[best])
    return taken
