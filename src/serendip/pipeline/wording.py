"""Wording: items found by the words of a request, and items told in the words of others.

An item matches by the share of the request that it says, each word as much as it is rare, and a little by the cosine of
both, which prefers items that say nothing else:

    match = (COVERED * said / most said + (1 - COVERED) * cosine / largest cosine) ^ SHARPNESS

Sharpened, items that say all of it stand clear of those that say most of it, whatever the taste of the one who asks;
between items that say as much, taste decides.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp

from serendip.data.arrays import FloatArray, IntArray, Sparse
from serendip.features import TextEncoder
from serendip.features.text import asked

COVERED = 0.8
SHARPNESS = 4
FROM = 0.35
"""Items below this share of the best match, before it is sharpened, do not count as matching."""


class Wording:
    """What items say, one text each. With `before`, only texts that were not there are read."""

    def __init__(self, texts: Sequence[str], before: Wording | None = None) -> None:
        self._marks = np.fromiter(map(hash, texts), np.int64, len(texts))  # (N,): 64 bits tell texts apart
        self._encoder: TextEncoder = TextEncoder() if before is None else before._encoder.apart()
        self._counts = self._encoder.weigh(self._counted(texts, before))  # (N, D)
        weights = self._counts.data * self._encoder.rarity[self._counts.indices]
        lengths = np.sqrt(_with(self._counts, weights**2).sum(axis=1))
        self._scale = np.divide(1.0, lengths, out=np.zeros_like(lengths), where=lengths > 0)  # (N,)
        self._says = _with(self._counts, np.ones(self._counts.nnz, np.float32))

    def _counted(self, texts: Sequence[str], before: Wording | None) -> Sparse:
        if before is None:
            return self._encoder.count(texts)
        rows = before.rows_of(self._marks)
        new = np.flatnonzero(rows < 0)
        rows[new] = np.arange(len(new)) + len(before._marks)
        counts = self._encoder.count(texts[row] for row in new.tolist())
        old = before._counts
        old = sp.csr_array((old.data, old.indices, old.indptr), shape=(old.shape[0], counts.shape[1]))
        return sp.csr_array(sp.vstack([old, counts], format="csr")[rows])

    def rows_of(self, marks: IntArray) -> IntArray:
        """Where texts with these marks (n,) stand, -1 for those that are not there, (n,)."""
        if not len(self._marks):
            return np.full(len(marks), -1)
        order = np.argsort(self._marks)
        places = np.searchsorted(self._marks[order], marks)
        rows = order[np.minimum(places, len(order) - 1)]
        return np.where(self._marks[rows] == marks, rows, -1)

    def match(self, text: str) -> tuple[FloatArray, float]:
        """How well each item matches, (N,) float32 from 0 to 1, and which share of the request no item says."""
        request = self._encoder.encode([text], asked).toarray()[0]  # (D,)
        said = np.asarray(self._says @ request)
        if not said.any():
            return np.zeros(len(said), np.float32), 1.0
        cosine = self._cosines(request)
        match = COVERED * said / said.max() + (1 - COVERED) * cosine / cosine.max()
        match[match < FROM * match.max()] = 0.0
        most = said.max() / request.sum() * self._encoder.known(text, asked)
        return np.asarray((match / match.max()) ** SHARPNESS, np.float32), float(1 - most)

    def like(self, rows: IntArray, weights: FloatArray) -> FloatArray:
        """How much each item says what the items `rows` (E,) say, as they weigh (E,); (N,) float32."""
        told = self._counts[rows].T @ (weights * self._scale[rows]) * self._encoder.rarity  # (D,)
        return self._cosines(told)

    def _cosines(self, told: FloatArray) -> FloatArray:
        """Of each item with `told` (D,), times its length; (N,) float32."""
        return np.asarray((self._counts @ (told * self._encoder.rarity)) * self._scale, np.float32)


def _with(counts: Sparse, values: FloatArray) -> Sparse:
    """Other values in the same places."""
    return sp.csr_array((values, counts.indices, counts.indptr), shape=counts.shape)
