"""Columns: what a table says of each thing, as blocks of sparse features, one block for each of its columns.

A list, or a text that recurs, is labels; a number is which tenth of its column it lies in. Columns that tell things
apart and not together (ids, titles) are no features. A row of a block has length 1, or is empty where nothing is known.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import scipy.sparse as sp

from serendip.data.arrays import IntArray, Sparse

FEWEST = 2
"""Things that must share a label for it to say anything."""
TENTHS = 10


def blocks(table: pl.DataFrame) -> list[Sparse]:
    """The blocks of a table whose first column is the id, each (rows, labels) float32.

    >>> films = pl.DataFrame({"item_id": ["a", "b", "c"], "kinds": [["war"], ["war", "love"], ["love"]]})
    >>> blocks(films)[0].toarray().round(1)
    array([[0. , 1. ],
           [0.7, 0.7],
           [1. , 0. ]], dtype=float32)
    """
    found = (_block(column) for column in table.get_columns()[1:])
    return [block for block in found if block is not None]


def _block(column: pl.Series) -> Sparse | None:
    if column.dtype.is_numeric():
        return _hot(np.arange(len(column)), _tenths(column), len(column))
    if isinstance(column.dtype, pl.List) and column.dtype.inner == pl.String:
        rows = pl.DataFrame({"row": np.arange(len(column)), "label": column}).explode("label")
    elif column.dtype in (pl.String, pl.Categorical, pl.Boolean):
        rows = pl.DataFrame({"row": np.arange(len(column)), "label": column.cast(pl.String)})
    else:
        return None
    rows = rows.drop_nulls().unique().with_columns(pl.len().over("label").alias("count"))
    shared = rows.filter(pl.col("count") >= FEWEST).sort("row", "label")
    if len(shared) < len(rows) / 2:  # a name, and not a label
        return None
    return _hot(shared["row"].to_numpy(), shared["label"].rank("dense").to_numpy().astype(np.int64) - 1, len(column))


def _tenths(column: pl.Series) -> IntArray:
    """Which tenth each number lies in, -1 where there is none, (n,)."""
    numbers = column.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    known = np.isfinite(numbers)
    if not known.any():
        return np.full(len(numbers), -1)
    borders = np.unique(np.quantile(numbers[known], np.linspace(0, 1, TENTHS + 1)[1:-1]))
    return np.where(known, np.searchsorted(borders, numbers, side="right"), -1)


def _hot(rows: IntArray, labels: IntArray, n_rows: int) -> Sparse | None:
    """None where fewer than two labels tell things apart."""
    rows, labels = rows[labels >= 0], labels[labels >= 0]
    names, labels = np.unique(labels, return_inverse=True)
    if len(names) < 2:
        return None
    lengths = np.bincount(rows, minlength=n_rows)
    values = (1 / np.sqrt(lengths[rows])).astype(np.float32)
    return sp.csr_array((values, (rows, labels)), shape=(n_rows, len(names)))
