"""Index: the nearest few among many, by one contract whatever the kind.

An index never changes: `add` and `remove` give another one that shares what stayed the same, so that a search that is
under way sees all of a change or nothing of it. Rows are numbered in the order in which vectors came, for good: a
removed row is not found and not given to anybody else.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from serendip.data.arrays import BoolArray, FloatArray, IntArray, Sparse
from serendip.errors import InputError


class Index(Protocol):
    """Finds the vectors (N, D) of largest product with a query."""

    def __len__(self) -> int:
        """N, the rows that were ever given, those removed included."""
        ...

    def search(
        self,
        vectors: FloatArray,
        k: int,
        only: BoolArray | None = None,
        without: Sparse | None = None,
        above: float = -np.inf,
    ) -> tuple[IntArray, FloatArray]:
        """Rows and scores of the best for each query, best first, both (B, K) with K = min(k, N).

        Where fewer are found the rest is -1 with score -inf. Equals come in the order of `top_k`.

        Args:
            vectors: Of the queries, (B, D).
            only: The rows that may be found, (N,).
            without: Rows stored in a line (B, N) are not found by that query.
            above: Only products larger than this are found.

        Raises:
            InputError: a shape does not fit, or a vector holds a number that is not finite.
        """
        ...

    def add(self, vectors: FloatArray) -> Self:
        """With `vectors` (n, D) as the next rows, found at once.

        Raises:
            InputError: the shape does not fit, or a number is not finite.
        """
        ...

    def remove(self, rows: IntArray) -> Self:
        """Without `rows`; to remove what is removed changes nothing.

        Raises:
            InputError: there is no such row.
        """
        ...

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What to save beside the vectors, which belong to the model; see `retrieval.restore`."""
        ...


def checked(vectors: FloatArray, width: int | None = None) -> FloatArray:
    """`vectors` (n, D) as float32 one after another.

    Raises:
        InputError: there are not two axes, D is not `width`, or a number is not finite.
    """
    vectors = np.ascontiguousarray(vectors, np.float32)
    if vectors.ndim != 2:
        raise InputError(f"vectors for an index must be a table (n, D); these have the shape {vectors.shape}")
    if width is not None and vectors.shape[1] != width:
        raise InputError(f"vectors of {vectors.shape[1]} numbers do not fit an index of vectors of {width} numbers")
    finite = np.isfinite(vectors).all(axis=1)
    if not finite.all():
        raise InputError(f"row {int(np.argmin(finite))} of the vectors holds a number that is not finite")
    return vectors


def checked_rows(rows: IntArray, n_items: int) -> IntArray:
    """`rows` of an index of `n_items`.

    Raises:
        InputError: there is no such row.
    """
    rows = np.asarray(rows, np.int64).ravel()
    strange = rows[(rows < 0) | (rows >= n_items)]
    if len(strange):
        raise InputError(f"row {int(strange[0])} is not in an index of {n_items} rows")
    return rows


def admitted(only: BoolArray | None, without: Sparse | None, n_queries: int, n_items: int) -> Iterator[BoolArray]:
    """What each query may find, (N,), not to be written.

    Raises:
        InputError: `only` or `without` does not fit.
    """
    if only is None:
        only = np.ones(n_items, bool)
    if only.shape != (n_items,):
        raise InputError(f"`only` has the shape {only.shape} and the index {n_items} rows")
    if without is not None and without.shape != (n_queries, n_items):
        raise InputError(f"`without` has the shape {without.shape}, not {(n_queries, n_items)}")
    return _masks(only, without, n_queries)


def _masks(only: BoolArray, without: Sparse | None, n_queries: int) -> Iterator[BoolArray]:
    for query in range(n_queries):
        if without is None:
            yield only
            continue
        own = only.copy()
        own[without.indices[without.indptr[query] : without.indptr[query + 1]]] = False
        yield own
