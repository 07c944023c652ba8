"""Folding in: who somebody is, from what they rated, where the things are known.

Each row of ratings is a regression of its own. With features f_c of its columns, targets t_c and a pull λ per rating
and λ' per row, w = prior + argmin Σ_c (t_c - prior · f_c - w · f_c)² + (n λ + λ') · w², n ratings in the row, λ and λ'
one number for each feature. By turns over people and items the same is ALS: Zhou, Wilkinson, Schreiber and Pan,
"Large-scale parallel collaborative filtering for the Netflix Prize", AAIM 2008, section 3.1.
"""

from __future__ import annotations

import numpy as np

from serendip.algebra.compiled import compiled, even_parts, in_threads
from serendip.data.arrays import FloatArray, IntArray

PARTS = 64  # pieces of work for the threads to take


def folded(
    offsets: IntArray,
    columns: IntArray,
    targets: FloatArray,
    features: FloatArray,
    pull: tuple[FloatArray, FloatArray],
    prior: FloatArray | None = None,
    n_threads: int = 1,
) -> FloatArray:
    """The regression of each row, (B, D) float32; the prior, by default 0, where a row is empty.

    BLAS should be on one thread: see `FitOptions.limited`.

    Args:
        offsets: Where each row starts, (B + 1,).
        columns: (E,) rows of `features`.
        targets: (E,)
        features: (N, D) float32.
        pull: λ for each rating and λ' for each row, (D,) each, their sum above 0.
        prior: (B, D)
    """
    width = features.shape[1]
    found = np.zeros((len(offsets) - 1, width), np.float32) if prior is None else prior.astype(np.float32)
    each, once = (np.asarray(one, np.float32) for one in pull)
    arrays = (offsets.astype(np.int64), columns.astype(np.int32), targets.astype(np.float32), features)

    def work(part: slice) -> None:
        _fold(part.start, part.stop, *arrays, each, once, found)

    if len(columns):
        in_threads(work, even_parts(offsets, PARTS if n_threads > 1 else 1), n_threads)
    return found


@compiled
def _fold(
    start: int,
    stop: int,
    offsets: IntArray,
    columns: IntArray,
    targets: FloatArray,
    features: FloatArray,
    each: FloatArray,
    once: FloatArray,
    found: FloatArray,
) -> None:
    width = features.shape[1]
    gram = np.empty((width, width), np.float32)
    for row in range(start, stop):
        first, size = offsets[row], offsets[row + 1] - offsets[row]
        if size == 0:
            continue
        own = np.empty((size, width), np.float32)
        left = np.zeros(width, np.float32)
        for place in range(size):
            own[place] = features[columns[first + place]]
            off = targets[first + place]
            for d in range(width):
                off -= found[row, d] * own[place, d]
            for d in range(width):
                left[d] += off * own[place, d]
        np.dot(own.T, own, gram)
        for d in range(width):
            gram[d, d] += size * each[d] + once[d]
        found[row] += np.linalg.solve(gram, left)
