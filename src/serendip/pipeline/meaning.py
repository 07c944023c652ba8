"""Meaning: items found by what words mean, not by the words themselves, through an encoder of texts.

The nearness of a request to an item is the cosine of their vectors above `FAR`. What was encoded is kept by the hash of
its text, in memory and in the artifact: a new item costs one text, and a change of a price none.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Self

import numpy as np

from serendip.data.arrays import FloatArray
from serendip.features.encoders import Encoder, text_encoder
from serendip.features.vector_cache import VectorCache
from serendip.pipeline.remembering import Remembering

FAR = 0.2
"""Texts that are no nearer have nothing to do with each other."""
SHARE_OF_BEST = 0.6
"""Items nearer to `FAR` than so much of the best are not found: everything is a little like everything."""


class Meaning(Remembering[Encoder]):
    """An encoder, and what it said of texts."""

    def __init__(self, name: str) -> None:
        """
        Raises:
            InputError: there is no such encoder on this machine.
        """
        super().__init__(name, text_encoder(name))

    def fit(self, texts: Sequence[str], cache: Path | None = None) -> Self:
        """Learn from the texts of a catalogue, where the encoder learns at all, and read all of them."""
        self._encoder.fit(texts)
        vectors = VectorCache(cache).encode(self._encoder, texts)
        self._known = dict(zip(map(_digest, texts), vectors, strict=True))
        return self

    def of(self, texts: Sequence[str]) -> FloatArray:
        """(n, D) float32; those that are not known yet are read. These are known from then on, and no others."""
        digests = [_digest(text) for text in texts]
        missing = {digest: text for digest, text in zip(digests, texts, strict=True) if digest not in self._known}
        read = self._encoder.encode(list(missing.values())) if missing else ()
        known = self._known | dict(zip(missing, read, strict=True))
        self._known = {digest: known[digest] for digest in digests}
        return np.stack([known[digest] for digest in digests]) if digests else self._encoder.encode([])

    def match(self, request: str, vectors: FloatArray) -> FloatArray:
        """How near each of `vectors` (N, D) is to the words of a request, (N,) float32 from 0 to 1."""
        near = (vectors @ self._encoder.encode([request])[0] - FAR) / (1 - FAR)
        near[near < SHARE_OF_BEST * max(0.0, near.max(initial=0.0))] = 0.0
        return np.asarray(np.clip(near, 0, 1), np.float32)


def _digest(text: str) -> bytes:
    return sha256(text.encode()).digest()
