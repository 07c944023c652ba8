"""Measures: the similarities that neighbour models know by name, of preferences and of ratings.

| name | similarity of things x and y with shrinkage λ |
|---|---|
| `cosine` | x · y / (│x│ │y│ + λ) of their preferences |
| `jaccard` | n / (n_x + n_y - n + λ), where n want both |
| `bm25` | the cosine of preferences weighted by BM25: who wants everything says little, and so does a common thing |
| `pearson` | e_x · e_y / (│e_x│ │e_y│) · n / (n + λ) of ratings less their baselines, over the n that rate both |
| `adjusted_cosine` | the same of ratings less the mean of whoever rates |

Sarwar, Karypis, Konstan and Riedl, "Item-based collaborative filtering recommendation algorithms", WWW 2001; Pearson
over baselines and the shrinkage after Koren, ACM TKDD 4(1), 2010, section 2.2; BM25 after Robertson and Zaragoza,
"The probabilistic relevance framework: BM25 and beyond", 2009, equation 3.15.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
import scipy.sparse as sp

from serendip.algebra.similarity import CORRELATION, PRODUCT, UNION, Things
from serendip.data.arrays import FloatArray, Sparse

Similarity = Literal["cosine", "jaccard", "bm25", "pearson", "adjusted_cosine"]
OF_RATINGS = ("pearson", "adjusted_cosine")
SATURATION, LENGTH_SHARE = 100.0, 0.8
"""k1 and b of BM25: preferences hardly saturate, and four fifths of a length count."""


def kind(similarity: Similarity) -> int:
    """How the product of two rows is made a similarity, see `algebra.similarity`."""
    if similarity in OF_RATINGS:
        return CORRELATION
    return UNION if similarity == "jaccard" else PRODUCT


@dataclass(frozen=True, eq=False)
class Terms:
    """How much each cell says that things are compared by, and how long things are."""

    worth: FloatArray  # (M,)
    length: float
    """Of a thing, on average."""

    @classmethod
    def of(cls, cells: Sparse) -> Self:
        """From all things (R, M)."""
        counts = np.bincount(cells.indices, minlength=cells.shape[1])
        worth = np.maximum(np.log(max(1, cells.shape[0]) / (1 + counts)), 0)
        return cls(
            worth.astype(np.float32), max(1e-9, float(cells.data.sum(dtype=np.float64)) / max(1, cells.shape[0]))
        )


def things(similarity: Similarity, cells: Sparse, terms: Terms) -> Things:
    """Rows (R, M) of preferences, or of centred ratings, ready to be compared."""
    if similarity == "jaccard":
        ones = sp.csr_array((np.ones(cells.nnz, np.float32), cells.indices, cells.indptr), shape=cells.shape)
        return Things(ones, np.diff(cells.indptr).astype(np.float32))
    if similarity == "bm25":
        cells = _bm25(cells, terms)
    squares = np.bincount(_owners(cells), cells.data.astype(np.float64) ** 2, minlength=cells.shape[0])
    return Things(cells, np.sqrt(squares).astype(np.float32))


def _bm25(cells: Sparse, terms: Terms) -> Sparse:
    lengths = np.bincount(_owners(cells), cells.data, minlength=cells.shape[0]) / terms.length
    norms = SATURATION * (1 - LENGTH_SHARE + LENGTH_SHARE * lengths)
    weights = cells.data * (SATURATION + 1) / (norms[_owners(cells)] + cells.data) * terms.worth[cells.indices]
    return sp.csr_array((weights.astype(np.float32), cells.indices, cells.indptr), shape=cells.shape)


def _owners(matrix: Sparse) -> FloatArray:
    """The row of each cell."""
    return np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
