"""Inverted lists: the items of largest product with a vector, found in a few lists instead of by a look at all items.

Items lie in lists by the nearest of L centres (k-means). No item of a list can have a larger product with a query q
than q · c + |q| r, where c is its centre and r the distance to its farthest item: Ram and Gray, "Maximum inner-product
search using cone trees", KDD 2012, section 3. Lists are looked into from the largest such bound down, until the next
bound is below the worst of the best found so far; the answer is then exact. A `slack` s below 1 puts s r for r:
farthest items are rare, so that little is missed and much is saved.

Long vectors, those of well-known items, have centres of their own, which an index by direction alone would not give
them. Items that were added are looked at one by one, whatever the query.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serendip.algebra.compiled import compiled_short
from serendip.data.arrays import BoolArray, FloatArray, IntArray, Sparse
from serendip.data.vocabulary import UNKNOWN
from serendip.errors import InputError
from serendip.retrieval.centres import BLOCK, centres_of, nearest
from serendip.retrieval.codes import Bytes, Coder, Product, Whole
from serendip.retrieval.exact import put, sorted_down, tie_rank
from serendip.retrieval.index import admitted, checked, checked_rows

LISTS_PER_ROOT = 4
"""Lists for each square root of the number of items."""
TAUGHT = 40
"""Items for each list that centres are learned from."""
ROUNDS = 8
"""Of k-means."""


@dataclass(frozen=True)
class Later:
    """Items that were added."""

    order: IntArray  # (n,) int32: their rows; -1 of those removed
    owners: IntArray  # (n,) int32: the lists whose centres they are coded from; 0 where vectors are whole
    codes: NDArray[Any]  # (n, W)


@dataclass(frozen=True)
class InvertedLists:
    """An index over item vectors (N, D) for the largest product; exact with `Whole` codes and a slack of 1."""

    centres: FloatArray  # (L, D) float32
    radii: FloatArray  # (L,) float32: the distance from each centre to the farthest item of its list
    order: IntArray  # (N,) int32: item rows, list by list; -1 of those removed
    offsets: IntArray  # (L + 1,) int64
    codes: NDArray[Any]  # (N, W): what is kept of the vectors, in that order
    coder: Coder
    later: Later
    slack: float = 1.0

    @classmethod
    def build(
        cls,
        vectors: FloatArray,
        coder: type[Bytes] | type[Product] | None = None,
        seed: int = 0,
        slack: float = 1.0,
    ) -> InvertedLists:
        """Place the items in about 4 √N lists; vectors stay whole unless there is a `coder`.

        Raises:
            InputError: they are no table, or a number is not finite.
        """
        vectors = checked(vectors)
        generator = np.random.default_rng(seed)
        lists = min(round(LISTS_PER_ROOT * np.sqrt(len(vectors))), len(vectors))
        centres = centres_of(vectors, lists, generator, TAUGHT, ROUNDS)
        owners = nearest(vectors, centres)
        order = np.argsort(owners, kind="stable").astype(np.int32)
        offsets = np.concatenate([[0], np.cumsum(np.bincount(owners, minlength=lists))]).astype(np.int64)
        distances = np.zeros(len(vectors), np.float32)
        for start in range(0, len(vectors), BLOCK):
            some = slice(start, start + BLOCK)
            distances[some] = np.linalg.norm(vectors[some] - centres[owners[some]], axis=1)
        radii = np.zeros(lists, np.float32)
        np.maximum.at(radii, owners, distances)
        nothing, codes = np.empty(0, np.int32), np.ascontiguousarray(vectors[order])
        whole = cls(centres, radii, order, offsets, codes, Whole(), Later(nothing, nothing, codes[:0]), slack)
        return whole if coder is None else whole.shortened(coder, seed)

    def shortened(self, coder: type[Bytes] | type[Product], seed: int = 0) -> InvertedLists:
        """The same lists of `Whole` vectors, none of them later ones, in shorter codes."""
        lengths = np.linalg.norm(self.codes, axis=1).astype(np.float64)
        off_centre = self.codes - np.repeat(self.centres, np.diff(self.offsets), axis=0)
        learned = coder.learn(off_centre, lengths, np.random.default_rng(seed))
        codes = learned.encode(off_centre)
        return replace(self, codes=codes, coder=learned, later=replace(self.later, codes=codes[:0]))

    def __len__(self) -> int:
        return len(self.order) + len(self.later.order)

    def search(
        self,
        vectors: FloatArray,
        k: int,
        only: BoolArray | None = None,
        without: Sparse | None = None,
        above: float = -np.inf,
    ) -> tuple[IntArray, FloatArray]:
        """See `Index`. Scores are products with what the codes say."""
        vectors = checked(vectors, self.centres.shape[1])
        k = min(k, len(self))
        rows, scores = np.full((len(vectors), k), UNKNOWN, np.int32), np.full((len(vectors), k), -np.inf, np.float32)
        for place, allowed in enumerate(admitted(only, without, len(vectors), len(self))):
            found, best = self._best(vectors[place], k, allowed, above)
            rows[place, : len(found)], scores[place, : len(found)] = found, best
        return rows, scores

    def _best(self, vector: FloatArray, k: int, allowed: BoolArray, above: float) -> tuple[IntArray, FloatArray]:
        products = self.centres @ vector
        bounds = products + np.float32(self.slack * np.linalg.norm(vector)) * self.radii
        bases = products if self.coder.relative else np.zeros_like(products)
        asked = self.coder.table(vector), bases, bounds, np.argsort(-bounds)
        later = self.later.order, self.later.owners, self.later.codes
        rank = tie_rank(len(self), 0)
        return _search(*asked, self.order, self.offsets, self.codes, *later, k, allowed, float(above), rank)

    def add(self, vectors: FloatArray) -> InvertedLists:
        """See `Index`. Short codes keep the words that they learned in `build`."""
        vectors = checked(vectors, self.centres.shape[1])
        if not len(self):
            coder = None if isinstance(self.coder, Whole) else type(self.coder)
            return InvertedLists.build(vectors, coder, slack=self.slack)
        owners = np.zeros(len(vectors), np.int32)
        if self.coder.relative:
            owners = nearest(vectors, self.centres).astype(np.int32)
            vectors = vectors - self.centres[owners]
        codes = self.coder.encode(vectors)
        rows = np.arange(len(self), len(self) + len(vectors), dtype=np.int32)
        known = self.later
        parts = (known.order, rows), (known.owners, owners), (known.codes, codes)
        return replace(self, later=Later(*map(np.concatenate, parts)))

    def remove(self, rows: IntArray) -> InvertedLists:
        """See `Index`."""
        rows = checked_rows(rows, len(self))
        order, later = (np.where(np.isin(one, rows), np.int32(UNKNOWN), one) for one in (self.order, self.later.order))
        return replace(self, order=order, later=replace(self.later, order=later))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """See `Index`: whole vectors are the model's, shortened ones are kept."""
        lists = {"centres": self.centres, "radii": self.radii, "order": self.order, "offsets": self.offsets}
        later = {"later.order": self.later.order, "later.owners": self.later.owners}
        codes = {"codes": self.codes, "later.codes": self.later.codes} if self.coder.relative else {}
        return {**lists, **later, **codes, **self.coder.arrays(), "slack": np.array([self.slack])}

    @classmethod
    def restore(cls, arrays: dict[str, NDArray[Any]], vectors: FloatArray) -> InvertedLists:
        """See `retrieval.restore`."""
        order, later = arrays["order"], arrays["later.order"]
        if (len(order) + len(later), arrays["centres"].shape[1]) != vectors.shape:
            raise InputError(
                f"the index is of {len(order) + len(later)} items, and of the vectors there are {len(vectors)}"
            )
        coder: Coder = Whole()
        if "scale" in arrays:
            coder = Bytes(arrays["scale"])
        elif "words" in arrays:
            coder = Product(arrays["rotation"], arrays["words"])
        codes, added = (arrays[name] if coder.relative else coder.encode(vectors[rows])
                        for name, rows in (("codes", order), ("later.codes", later)))  # fmt: skip
        lists = arrays["centres"], arrays["radii"], order, arrays["offsets"], codes
        return cls(*lists, coder, Later(later, arrays["later.owners"], added), float(arrays["slack"][0]))


@compiled_short
def _search(
    table: FloatArray, bases: FloatArray, bounds: FloatArray, lists: IntArray, order: IntArray, offsets: IntArray,
    codes: NDArray[Any], later_order: IntArray, later_owners: IntArray, later_codes: NDArray[Any], k: int,
    allowed: BoolArray, above: float, rank: IntArray,
) -> tuple[IntArray, FloatArray]:  # fmt: skip
    """Looks at what came later, then into `lists` (L,), those of the largest bound first."""
    rows, scores, kept = np.empty(k, np.int32), np.empty(k, np.float32), 0
    if k == 0:
        return rows, scores
    for place in range(len(later_order)):
        row = later_order[place]
        if row >= 0 and allowed[row]:
            product = bases[later_owners[place]] + _worth(later_codes, place, table)
            if product > above:
                kept = put(rows, scores, kept, row, product, rank)
    for one in lists:
        if bounds[one] <= above or (kept == k and bounds[one] < scores[0]):
            break
        for place in range(offsets[one], offsets[one + 1]):
            row = order[place]
            if row < 0 or not allowed[row]:
                continue
            product = bases[one] + _worth(codes, place, table)
            if product > above:
                kept = put(rows, scores, kept, row, product, rank)
    sorted_down(rows, scores, kept, rank)
    return rows[:kept], scores[:kept]


@compiled_short
def _worth(codes: NDArray[Any], place: int, table: FloatArray) -> Any:
    """The product of a query with what the code in that place says."""
    product: Any = np.float32(0)
    if table.ndim == 1:
        for axis in range(codes.shape[1]):
            product += np.float32(codes[place, axis]) * table[axis]
    else:
        for part in range(codes.shape[1]):
            product += table[part, codes[place, part]]
    return product
