"""Words: texts to dense vectors from the catalogue alone, TF-IDF truncated to its leading directions.

With X (n, T) the TF-IDF of words and runs of letters (`features.text`) and V (T, D) its right singular vectors, a text
x becomes x V over its length: Deerwester, Dumais, Furnas, Landauer and Harshman, "Indexing by latent semantic
analysis", Journal of the American Society for Information Science 41 (1990). Words that stand in the same texts come
to mean alike; what the catalogue never says it does not know.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from serendip.data.arrays import FloatArray
from serendip.features.directions import leading_directions, unit
from serendip.features.text import TextEncoder, content

WIDTH = 256
MOST_TERMS = 50_000


class WordVectors:
    """Learned from the texts of a catalogue."""

    def __init__(self, width: int = WIDTH) -> None:
        self._most = width
        self._terms = TextEncoder(content, "tfidf", MOST_TERMS)
        self._directions = np.empty((0, 0), np.float32)  # (T, D)

    @property
    def identity(self) -> str:
        learned = sha256()
        for name, array in sorted(self.arrays().items()):
            learned.update(name.encode() + np.ascontiguousarray(array).tobytes())
        return f"words {learned.hexdigest()}"

    def fit(self, values: Sequence[str]) -> Self:
        self._directions = leading_directions(self._terms.fit_encode(values), self._most)
        return self

    def encode(self, values: Sequence[str]) -> FloatArray:
        return unit(np.asarray(self._terms.encode(values) @ self._directions, np.float32))

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {"directions": self._directions, **self._terms.arrays()}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> Self:
        self._directions = arrays["directions"]
        self._terms.restore(arrays)
        return self
