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

from serendip.data.arrays import FloatArray, IntArray
from serendip.features import TextEncoder
from serendip.features.text import asked

COVERED = 0.8
SHARPNESS = 4
FROM = 0.35
"""Items below this share of the best match, before it is sharpened, do not count as matching."""


class Wording:
    """What items say, one text each."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._encoder = TextEncoder()
        self._vectors = self._encoder.fit_encode(texts)  # (N, D)
        ones = np.ones(len(self._vectors.data), np.float32)
        self._says = sp.csr_array((ones, self._vectors.indices, self._vectors.indptr), shape=self._vectors.shape)

    def match(self, text: str) -> tuple[FloatArray, float]:
        """How well each item matches, (N,) float32 from 0 to 1, and which share of the request no item says."""
        request = self._encoder.encode([text], asked)
        said = np.asarray((self._says @ request.T).toarray())[:, 0]
        if not said.any():
            return np.zeros(len(said), np.float32), 1.0
        cosine = np.asarray((self._vectors @ request.T).toarray())[:, 0]
        match = COVERED * said / said.max() + (1 - COVERED) * cosine / cosine.max()
        match[match < FROM * match.max()] = 0.0
        most = said.max() / request.data.sum() * self._encoder.known(text, asked)
        return np.asarray((match / match.max()) ** SHARPNESS, np.float32), float(1 - most)

    def like(self, rows: IntArray, weights: FloatArray) -> FloatArray:
        """How much each item says what the items `rows` (E,) say, as they weigh (E,); (N,) float32."""
        told = self._vectors[rows].T @ weights  # (D,)
        return np.asarray(self._vectors @ told, np.float32)
