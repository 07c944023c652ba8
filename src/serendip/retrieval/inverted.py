"""Inverted lists: the items of largest product with a vector, found by looking into the lists nearest to it alone.

Items lie in lists by the centre nearest to their direction (k-means on the sphere); a search looks into the lists whose
centres point most the way of the query, `probes` of them, and into further ones until it has found enough items that
may be listed. Sivic and Zisserman, "Video Google: a text retrieval approach to object matching in videos", ICCV 2003;
Jégou, Douze and Schmid, "Product quantization for nearest neighbor search", IEEE TPAMI 33(1), 2011, section 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serendip.algebra.compiled import compiled
from serendip.data.arrays import BoolArray, FloatArray, IntArray

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

    centres: FloatArray  # (L, D) float32, of length 1
    order: IntArray  # (N,) int32: item rows, list by list
    offsets: IntArray  # (L + 1,) int64
    packed: FloatArray  # (N, D) float32: the vectors in that order

    @classmethod
    def build(cls, vectors: FloatArray, seed: int = 0, lists: int | None = None) -> InvertedLists:
        """Place the items; `lists` is about 4 √N unless given. A vector of length 0 lies in any list."""
        lists = max(1, lists or round(LISTS_PER_ROOT * np.sqrt(len(vectors))))
        lists = min(lists, max(1, len(vectors)))
        directions = _directions(vectors)
        centres = _centres(directions, lists, np.random.default_rng(seed))
        owners = _nearest(directions, centres)
        order = np.argsort(owners, kind="stable").astype(np.int32)
        offsets = np.concatenate([[0], np.cumsum(np.bincount(owners, minlength=lists))]).astype(np.int64)
        return cls(centres, order, offsets, np.ascontiguousarray(vectors[order]))

    def search(self, vector: FloatArray, k: int, probes: int, allowed: BoolArray) -> tuple[IntArray, FloatArray]:
        """At least `k` item rows that are `allowed` (N,) and have a product above 0 with `vector` (D,), and the
        products, in no order; all that there are in the lists looked into. Fewer only where there are no more.
        """
        near = self.centres @ vector  # (L,)
        best_first = np.argsort(-near, kind="stable")
        return _search(vector, best_first, self.order, self.offsets, self.packed, k, probes, allowed)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What to save; the vectors are the model's."""
        return {"centres": self.centres, "order": self.order, "offsets": self.offsets}

    @classmethod
    def of_arrays(cls, arrays: dict[str, NDArray[Any]], vectors: FloatArray) -> InvertedLists:
        """From what `arrays` gave, and the vectors it was built from."""
        order = arrays["order"]
        return cls(arrays["centres"], order, arrays["offsets"], np.ascontiguousarray(vectors[order]))


def _directions(vectors: FloatArray) -> FloatArray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1), np.float32)


def _centres(directions: FloatArray, lists: int, generator: np.random.Generator) -> FloatArray:
    """k-means by the cosine over a sample; a centre without items moves to an item drawn at random."""
    size = min(len(directions), TAUGHT * lists)
    sample = directions[generator.choice(len(directions), size, replace=False)]
    centres = sample[generator.choice(size, lists, replace=False)]
    for _ in range(ROUNDS):
        owners = _nearest(sample, centres)
        sums = np.zeros_like(centres)
        np.add.at(sums, owners, sample)
        empty = np.bincount(owners, minlength=lists) == 0
        sums[empty] = sample[generator.choice(size, int(empty.sum()))]
        centres = _directions(sums)
    return centres


def _nearest(directions: FloatArray, centres: FloatArray) -> IntArray:
    """The centre of largest product with each direction, (N,)."""
    blocks = range(0, len(directions), BLOCK)
    found = [(directions[start : start + BLOCK] @ centres.T).argmax(axis=1) for start in blocks]
    return np.concatenate([np.empty(0, np.int64), *found])


@compiled
def _search(
    vector: FloatArray,
    lists: IntArray,
    order: IntArray,
    offsets: IntArray,
    packed: FloatArray,
    k: int,
    probes: int,
    allowed: BoolArray,
) -> tuple[IntArray, FloatArray]:
    room = 1024
    rows, scores = np.empty(room, np.int32), np.empty(room, np.float32)
    count = 0
    for looked, one in enumerate(lists):
        if looked >= probes and count >= k:
            break
        for place in range(offsets[one], offsets[one + 1]):
            if not allowed[order[place]]:
                continue
            product = np.float32(0)
            for axis in range(packed.shape[1]):
                product += packed[place, axis] * vector[axis]
            if product <= 0:
                continue
            if count == room:
                more_rows, more_scores = np.empty(2 * room, np.int32), np.empty(2 * room, np.float32)
                more_rows[:room], more_scores[:room] = rows, scores
                rows, scores, room = more_rows, more_scores, 2 * room
            rows[count], scores[count] = order[place], product
            count += 1
    return rows[:count].copy(), scores[:count].copy()
