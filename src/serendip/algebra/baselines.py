"""Baselines: what a rating would be if people and items did not interact: some people are kind, some items are good.

b_ui = mean + b_u + b_i. Each bias is the damped mean of what the other leaves over, found by turns; that of a person
comes from the history that is handed in. Koren, "Factor in the neighbors: scalable and accurate collaborative
filtering", ACM TKDD 4(1), 2010, section 2.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from serendip.data import Dataset, Queries
from serendip.data.arrays import FloatArray, IntArray, Sparse

DAMPING_PEOPLE, DAMPING_ITEMS = 15.0, 10.0
"""Ratings of the mean kind that each person and each item is thought to have beside its own."""
EPOCHS = 10


@dataclass(frozen=True, eq=False)
class Baselines:
    """What was learned from ratings alone, item by item."""

    mean: float
    items: FloatArray  # b_i, (N,) float64
    lowest: float
    highest: float
    liked: float
    """What a preference without a rating counts as."""

    @classmethod
    def of(cls, dataset: Dataset) -> Self | None:
        """None where nobody has rated anything."""
        ratings = dataset.ratings()
        if not ratings.nnz:
            return None
        values = ratings.data.astype(np.float64)
        events = dataset.events
        liked = events.ratings[(events.signals > 0) & np.isfinite(events.ratings)]
        learned = cls(
            float(values.mean()),
            np.zeros(dataset.n_items),
            float(values.min()),
            float(values.max()),
            float(liked.mean(dtype=np.float64)) if len(liked) else float(values.max()),
        )
        for _ in range(EPOCHS):
            left = values - learned.mean - np.repeat(learned.people(ratings), np.diff(ratings.indptr))
            learned.items[:] = _damped_means(ratings.indices, left, dataset.n_items, DAMPING_ITEMS)
        return learned

    def history(self, queries: Queries) -> Sparse:
        """The ratings in each history, sparse (B, N) float32."""
        values = queries.ratings(self.liked)
        known = np.flatnonzero(np.isfinite(values))
        cells = (values[known], (queries.query_rows[known], queries.item_rows[known]))
        ratings = sp.csr_array(cells, shape=(len(queries), len(self.items)), dtype=np.float32)
        ratings.sort_indices()
        return ratings

    def people(self, ratings: Sparse) -> FloatArray:
        """b_u of the rows of ratings (B, N), (B,) float64."""
        left = ratings.data - self.mean - self.items[ratings.indices]
        return _damped_means(_owners(ratings), left, ratings.shape[0], DAMPING_PEOPLE)

    def left_over(self, ratings: Sparse) -> Sparse:
        """Ratings (B, N) less what is expected of them."""
        expected = self.mean + self.people(ratings)[_owners(ratings)] + self.items[ratings.indices]
        return _with_data(ratings, ratings.data - expected)

    def rating(self, ratings: Sparse, rows: IntArray, more: FloatArray) -> FloatArray:
        """What is expected for items `rows` (B, C) of people with such ratings, and `more`; (B, C) float32 in range."""
        expected = self.mean + self.people(ratings)[:, None] + self.items[rows]
        return np.clip(expected + more, self.lowest, self.highest).astype(np.float32)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All there is to save."""
        return {
            "item_biases": self.items,
            "rating_scale": np.array([self.mean, self.lowest, self.highest, self.liked]),
        }

    @classmethod
    def of_arrays(cls, arrays: dict[str, NDArray[Any]]) -> Self | None:
        """None where `arrays` holds none."""
        if "rating_scale" not in arrays:
            return None
        mean, lowest, highest, liked = arrays["rating_scale"].tolist()
        return cls(mean, arrays["item_biases"], lowest, highest, liked)


def without_row_means(ratings: Sparse) -> Sparse:
    """Ratings less the mean of their row."""
    owners = _owners(ratings)
    return _with_data(ratings, ratings.data - _damped_means(owners, ratings.data, ratings.shape[0], 0)[owners])


def column_means(ratings: Sparse) -> FloatArray:
    """The mean of each column, 0 where it is empty, (N,)."""
    return _damped_means(ratings.indices, ratings.data, ratings.shape[1], 0)


def without_column_means(ratings: Sparse, means: FloatArray) -> Sparse:
    """Ratings less a given mean of their column."""
    return _with_data(ratings, ratings.data - means[ratings.indices])


def _damped_means(rows: IntArray, values: FloatArray, size: int, damping: float) -> FloatArray:
    sums, counts = np.bincount(rows, values, minlength=size), np.bincount(rows, minlength=size)
    return np.asarray(sums / np.maximum(counts + damping, 1))


def _owners(matrix: Sparse) -> IntArray:
    """The row of each cell."""
    return np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))


def _with_data(matrix: Sparse, data: FloatArray) -> Sparse:
    return sp.csr_array((data.astype(np.float32), matrix.indices, matrix.indptr), shape=matrix.shape)
