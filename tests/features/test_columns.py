"""Tables to blocks of features: what becomes a label, what a number, and what nothing."""

from __future__ import annotations

import numpy as np
import polars as pl

from serendip.features.columns import blocks


def table(**columns: object) -> pl.DataFrame:
    length = max(len(values) for values in columns.values())  # type: ignore[arg-type]
    return pl.DataFrame({"item_id": [str(row) for row in range(length)], **columns})


def test_a_block_for_each_column_with_rows_of_length_1() -> None:
    found = blocks(table(kinds=[["war", "love"], ["war"], ["love"], None], maker=["x", "y", "x", "y"]))
    assert [block.shape for block in found] == [(4, 2), (4, 2)]
    np.testing.assert_allclose(found[0].power(2).sum(axis=1), [1, 1, 1, 0], rtol=1e-6)
    np.testing.assert_array_equal(found[1].toarray(), [[1, 0], [0, 1], [1, 0], [0, 1]])
    assert found[0].dtype == np.float32


def test_a_number_is_the_tenth_that_it_lies_in() -> None:
    (block,) = blocks(table(year=[*range(100), None]))
    assert block.shape == (101, 10)
    np.testing.assert_array_equal(np.flatnonzero(block.toarray()[:, 3]), np.arange(30, 40))
    assert block[[100]].nnz == 0


def test_columns_that_tell_nothing_are_no_features() -> None:
    names = [f"the film {row}" for row in range(8)]
    assert blocks(table(title=names)) == []  # each on its own
    assert blocks(table(shop=["here"] * 8, price=[3.0] * 8)) == []  # all the same
    assert blocks(table(price=[None, None], note=[None, None])) == []
    assert blocks(pl.DataFrame({"item_id": ["a"]})) == []


def test_a_label_of_one_thing_alone_is_left_out() -> None:
    (block,) = blocks(table(kind=["a", "a", "b", "b", "rare"]))
    assert block.shape == (5, 2)
    assert block[[4]].nnz == 0
