"""Inverted lists: the items of largest product with a vector, found in a few lists instead of by a look at all items.

Items lie in lists by the nearest of L centres (k-means). No item of a list can have a larger product with a query q
than q · c + |q| r, where c is its centre and r the distance to its farthest item: Ram and Gray, "Maximum inner-product
search using cone trees", KDD 2012, section 3. Lists are looked into from the largest such bound down, until the next
bound is below the worst of the best found so far; the answer is then exact. A `slack` s below 1 puts s r for r:
farthest items are rare, so that little is missed and much is saved.

Long vectors, those of well-known items, have centres of their own, which an index by direction alone would not give
them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serendip.algebra.compiled import compiled_short
from serendip.data.arrays import BoolArray, FloatArray, IntArray
from serendip.retrieval.exact import put, sorted_down, tie_rank

LISTS_PER_ROOT = 4
"""Lists for each square root of the number of items."""
TAUGHT = 64
"""Items for each list that centres are learned from."""
ROUNDS = 8
"""Of k-means."""
BLOCK = 1 << 14
"""Items placed at once."""


@dataclass(frozen=True)
class InvertedLists:
    """An index over item vectors (N, D) float32 for the largest product."""

    centres: FloatArray  # (L, D) float32
    radii: FloatArray  # (L,) float32: the distance from each centre to the farthest item of its list
    order: IntArray  # (N,) int32: item rows, list by list
    offsets: IntArray  # (L + 1,) int64
    packed: FloatArray  # (N, D) float32: the vectors in that order

    @classmethod
    def build(cls, vectors: FloatArray, seed: int = 0, lists: int | None = None) -> InvertedLists:
        """Place the items; `lists` is about 4 √N unless given."""
        lists = min(lists or round(LISTS_PER_ROOT * np.sqrt(len(vectors))), len(vectors))
        centres = _centres(vectors, lists, np.random.default_rng(seed))
        owners = _nearest(vectors, centres)
        order = np.argsort(owners, kind="stable").astype(np.int32)
        offsets = np.concatenate([[0], np.cumsum(np.bincount(owners, minlength=lists))]).astype(np.int64)
        radii = np.zeros(lists, np.float32)
        for start in range(0, len(vectors), BLOCK):
            some = slice(start, start + BLOCK)
            distances = np.linalg.norm(vectors[some] - centres[owners[some]], axis=1)
            np.maximum.at(radii, owners[some], distances)
        return cls(centres, radii, order, offsets, np.ascontiguousarray(vectors[order]))

    def search(
        self, vector: FloatArray, k: int, allowed: BoolArray, slack: float = 1.0, seed: int = 0
    ) -> tuple[IntArray, FloatArray]:
        """The `k` item rows of largest product above 0 with `vector` (D,) among those `allowed` (N,), best first.

        With a `slack` of 1 they are exactly those of `best_of`, down to the order of equals.
        """
        bounds = self.centres @ vector + np.float32(slack * np.linalg.norm(vector)) * self.radii
        lists = np.argsort(-bounds)
        cells = self.order, self.offsets, self.packed
        k = min(k, len(self.order))
        return _search(vector, bounds, lists, *cells, k, allowed, tie_rank(len(self.order), seed))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What to save; the vectors are the model's."""
        return {"centres": self.centres, "radii": self.radii, "order": self.order, "offsets": self.offsets}

    @classmethod
    def of_arrays(cls, arrays: dict[str, NDArray[Any]], vectors: FloatArray) -> InvertedLists:
        """From what `arrays` gave, and the vectors it was built from."""
        order = arrays["order"]
        packed = np.ascontiguousarray(vectors[order])
        return cls(arrays["centres"], arrays["radii"], order, arrays["offsets"], packed)


def _centres(vectors: FloatArray, lists: int, generator: np.random.Generator) -> FloatArray:
    """k-means over a sample; a centre without items moves to an item drawn at random."""
    if not len(vectors):
        return vectors
    size = min(len(vectors), TAUGHT * lists)
    sample = vectors[generator.choice(len(vectors), size, replace=False)]
    centres = sample[generator.choice(size, lists, replace=False)]
    for _ in range(ROUNDS):
        owners = _nearest(sample, centres)
        counts = np.bincount(owners, minlength=lists)
        centres = np.zeros_like(centres)
        np.add.at(centres, owners, sample)
        centres[counts > 0] /= counts[counts > 0, None]
        empty = counts == 0
        centres[empty] = sample[generator.choice(size, int(empty.sum()))]
    return centres


def _nearest(vectors: FloatArray, centres: FloatArray) -> IntArray:
    """The centre nearest to each vector, (N,)."""
    halves = np.square(centres).sum(axis=1) / 2  # |x - c|² is smallest where x · c - |c|² / 2 is largest
    blocks = range(0, len(vectors), BLOCK)
    found = [(vectors[start : start + BLOCK] @ centres.T - halves).argmax(axis=1) for start in blocks]
    return np.concatenate([np.empty(0, np.int64), *found])


@compiled_short
def _search(
    vector: FloatArray,
    bounds: FloatArray,
    lists: IntArray,
    order: IntArray,
    offsets: IntArray,
    packed: FloatArray,
    k: int,
    allowed: BoolArray,
    rank: IntArray,
) -> tuple[IntArray, FloatArray]:
    """Looks into `lists` (L,), those of the largest bound first."""
    rows, scores, kept = np.empty(k, np.int32), np.empty(k, np.float32), 0
    for one in lists:
        if bounds[one] <= 0 or (kept == k and bounds[one] < scores[0]):
            break
        for place in range(offsets[one], offsets[one + 1]):
            if not allowed[order[place]]:
                continue
            product: Any = np.float32(0)
            for axis in range(packed.shape[1]):
                product += packed[place, axis] * vector[axis]
            if product > 0:
                kept = put(rows, scores, kept, order[place], product, rank)
    sorted_down(rows, scores, kept, rank)
    return rows[:kept], scores[:kept]
