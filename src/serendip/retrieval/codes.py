"""Codes: how an index holds vectors; the shorter, the less they say.

`Whole` is float32. `Bytes` is one byte for each number, 4 times shorter. `Product` is one byte for every `PART`
numbers, 16 times shorter: product quantisation, Jégou, Douze and Schmid, "Product quantization for nearest neighbor
search", PAMI 2011, after the rotation of Ge, He, Ke and Sun, "Optimized product quantization", PAMI 2014, section 3.2.
The query itself is never shortened (their asymmetric distance). The short ones code where an item lies from the centre
of its list; what they miss is made good where candidates are scored by the vectors themselves, as a pipeline does.

Each writes vectors (n, D) as codes (n, W), and knows what a code is worth to a query: its `table` is (W,), by which
codes are multiplied, or (W, 256), in which they are looked up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from serendip.data.arrays import FloatArray
from serendip.retrieval.centres import BLOCK, centres_of, nearest

PART = 4
"""Numbers that share a byte."""
WORDS = 256
"""Values of a byte."""
TURNS = 8
"""Of the rotation."""
TAUGHT = 64
"""Vectors for each value that are learned from."""
ROUNDS, LAST_ROUNDS = 4, 12
"""Of k-means, at each turn and at the end."""


@dataclass(frozen=True)
class Whole:
    """Every number as it is."""

    relative: ClassVar[bool] = False
    """What is coded is how far an item lies from its centre."""

    def encode(self, vectors: FloatArray) -> NDArray[Any]:
        return np.ascontiguousarray(vectors, np.float32)

    def table(self, query: FloatArray) -> FloatArray:
        return query

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {}


@dataclass(frozen=True)
class Bytes:
    """Every number as a whole one from -127 to 127, times the scale of its axis."""

    scale: FloatArray  # (D,) float32

    relative: ClassVar[bool] = True

    @classmethod
    def learn(cls, vectors: FloatArray, weights: FloatArray, generator: np.random.Generator) -> Self:
        """From `vectors` (N, D), whatever their `weights` (N,): the largest number of each axis is 127."""
        largest = np.abs(vectors).max(axis=0, initial=0)
        return cls(np.where(largest > 0, largest / 127, 1).astype(np.float32))

    def encode(self, vectors: FloatArray) -> NDArray[Any]:
        return np.clip(np.rint(vectors / self.scale), -127, 127).astype(np.int8)

    def table(self, query: FloatArray) -> FloatArray:
        return query * self.scale

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {"scale": self.scale}


@dataclass(frozen=True)
class Product:
    """Every `PART` numbers, after a rotation, as the nearest of 256 that were learned for their place."""

    rotation: FloatArray  # (D, W PART) float32
    words: FloatArray  # (W, 256, PART) float32

    relative: ClassVar[bool] = True

    @classmethod
    def learn(cls, vectors: FloatArray, weights: FloatArray, generator: np.random.Generator) -> Self:
        """Turn the axes and choose the words in turns, each best for the other.

        Long vectors lead rankings and are few, so that vectors are drawn by their weights.
        """
        n, width = vectors.shape
        parts = -(-width // PART)
        if not n:
            return cls(np.eye(width, parts * PART, dtype=np.float32), np.zeros((parts, WORDS, PART), np.float32))
        size = min(n, TAUGHT * WORDS)
        chances = weights / weights.sum() if weights.sum() > 0 else None
        sample = vectors[generator.choice(n, size, p=chances)]
        rotation = _shared_out(sample, parts)
        for _ in range(TURNS):
            turned = sample @ rotation
            coder = cls(rotation, _words(turned, parts, generator, ROUNDS))
            left, _, right = np.linalg.svd(sample.T @ coder._decode(coder.encode(sample)), full_matrices=False)
            rotation = np.ascontiguousarray(left @ right, np.float32)
        return cls(rotation, _words(sample @ rotation, parts, generator, LAST_ROUNDS))

    def encode(self, vectors: FloatArray) -> NDArray[Any]:
        codes = np.empty((len(vectors), len(self.words)), np.uint8)
        for start in range(0, len(vectors), BLOCK):
            turned = vectors[start : start + BLOCK] @ self.rotation
            for part, words in enumerate(self.words):
                own = turned[:, part * PART : (part + 1) * PART]
                codes[start : start + BLOCK, part] = nearest(np.ascontiguousarray(own), words)
        return codes

    def _decode(self, codes: NDArray[Any]) -> FloatArray:
        """As turned, (n, W PART)."""
        said: FloatArray = self.words[np.arange(len(self.words)), codes]  # (n, W, PART)
        return said.reshape(len(codes), -1)

    def table(self, query: FloatArray) -> FloatArray:
        turned = (query @ self.rotation).reshape(-1, PART, 1)
        return np.ascontiguousarray((self.words @ turned)[:, :, 0])

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {"rotation": self.rotation, "words": self.words}


Coder: TypeAlias = Whole | Bytes | Product


def _words(turned: FloatArray, parts: int, generator: np.random.Generator, rounds: int) -> FloatArray:
    """(W, 256, PART); where there are fewer vectors than words, the last ones repeat the first."""
    count = min(WORDS, len(turned))
    columns = (np.ascontiguousarray(turned[:, part * PART : (part + 1) * PART]) for part in range(parts))
    found = [centres_of(own, count, generator, TAUGHT, rounds) for own in columns]
    return np.ascontiguousarray(np.stack(found)[:, np.arange(WORDS) % count])


def _shared_out(sample: FloatArray, parts: int) -> FloatArray:
    """A first rotation (D, W PART): principal axes dealt to the parts so that their variances multiply to alike."""
    width = sample.shape[1]
    variances, axes = np.linalg.eigh(sample.T @ sample / len(sample))
    logs = np.log(np.maximum(variances, 1e-12 * max(float(variances[-1]), 1e-30)))
    rotation = np.zeros((width, parts * PART), np.float32)
    held, total = np.zeros(parts, np.int64), np.zeros(parts)
    for axis in np.argsort(-variances):
        part = int(np.argmin(np.where(held < PART, total, np.inf)))
        rotation[:, part * PART + held[part]] = axes[:, axis]
        held[part] += 1
        total[part] += logs[axis] - logs.min() + 1.0
    return rotation
