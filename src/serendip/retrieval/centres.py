"""Centres: k-means, by which an index parts its items and shortens their vectors."""

from __future__ import annotations

import numpy as np

from serendip.data.arrays import FloatArray, IntArray

BLOCK = 1 << 14
"""Vectors placed at once."""


def centres_of(vectors: FloatArray, count: int, generator: np.random.Generator, taught: int, rounds: int) -> FloatArray:
    """`count` centres (L, D) of a sample of `taught` vectors for each; one that has none moves to one at random."""
    if not len(vectors):
        return vectors
    size = min(len(vectors), taught * count)
    sample = vectors[generator.choice(len(vectors), size, replace=False)]
    centres = sample[generator.choice(size, count, replace=False)]
    for _ in range(rounds):
        owners = nearest(sample, centres)
        counts = np.bincount(owners, minlength=count)
        centres = np.zeros_like(centres)
        np.add.at(centres, owners, sample)
        centres[counts > 0] /= counts[counts > 0, None]
        empty = counts == 0
        centres[empty] = sample[generator.choice(size, int(empty.sum()))]
    return centres


def nearest(vectors: FloatArray, centres: FloatArray) -> IntArray:
    """The centre nearest to each vector, (n,)."""
    halves = np.square(centres).sum(axis=1) / 2  # |x - c|² is smallest where x · c - |c|² / 2 is largest
    blocks = range(0, len(vectors), BLOCK)
    found = [(vectors[start : start + BLOCK] @ centres.T - halves).argmax(axis=1) for start in blocks]
    return np.concatenate([np.empty(0, np.int64), *found])
