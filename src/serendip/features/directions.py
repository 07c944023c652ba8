"""Directions: vectors of many numbers as few that keep most of what tells them apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import linalg
from threadpoolctl import threadpool_limits

from serendip.algebra.spectrum import leading
from serendip.data.arrays import BoolArray, FloatArray, Sparse

NOTHING = 1e-6
"""Directions of less than so much of the first one are rounding."""
EVEN = 0.01
"""The unevenness of directions that are about equally strong; see `Whitening.fit`."""


def leading_directions(x: Sparse, width: int) -> FloatArray:
    """At most `width` right singular vectors of `x` (n, T), the strongest first, (T, D) float32; D is 1 at least."""
    with _alike_everywhere():
        found = leading(x, width, np.random.default_rng(0))[1]
    return found if found.shape[1] else np.zeros((x.shape[1], 1), np.float32)


def _alike_everywhere() -> Any:
    """Where directions are equally strong, rounding alone decides between them, and it depends on threads."""
    return threadpool_limits(1, user_api="blas")


def unit(vectors: FloatArray) -> FloatArray:
    """Rows (n, D) over their lengths, float32; rows of zeros stay."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(np.divide(vectors, lengths, out=np.zeros_like(vectors, np.float32), where=lengths > 0))


@dataclass(frozen=True, eq=False)
class Whitening:
    """(x - mean) turned to its leading directions, each of about the same strength, so that none drowns the others.

    Rows are about 1 long. What pretrained encoders say lies within a narrow cone, where all products are alike: Su,
    Cao, Liu and Ou, "Whitening sentence representations for better semantics and faster retrieval", 2021.
    """

    mean: FloatArray  # (D,)
    turn: FloatArray  # (D, K)

    @classmethod
    def fit(cls, vectors: FloatArray, width: int, unevenness: float | None = EVEN) -> Self:
        """From vectors (n, D) of contents that say something, to `width` numbers at most.

        `unevenness`: the share of the mean strength of all directions that is added to each before it is divided by.
        The less, the more alike they are, weak ones too, which may be noise. None: they are as strong as they were, so
        that products still say how alike two contents are.
        """
        wide = vectors.astype(np.float64)
        count = max(1, len(wide))
        mean = wide.sum(axis=0) / count
        with _alike_everywhere():
            strengths, directions = linalg.eigh((wide - mean).T @ (wide - mean) / count)
        order = np.argsort(-strengths, kind="stable")[: min(width, max(1, len(wide) - 1))]
        kept = order[strengths[order] > NOTHING * max(strengths.max(initial=0), NOTHING)]
        turn = directions[:, kept]
        if unevenness is not None:
            strong = strengths[kept] + unevenness * (strengths[kept].mean() if len(kept) else 1)
            turn = turn / np.sqrt(strong * max(1, len(kept)))
        return cls(mean.astype(np.float32), turn.astype(np.float32))

    def __call__(self, vectors: FloatArray, known: BoolArray) -> FloatArray:
        """(n, K) float32; rows that are not `known` (n,) are zeros."""
        found = (vectors - self.mean) @ self.turn
        return np.asarray(found * known[:, None], np.float32)

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {"mean": self.mean, "turn": self.turn}
