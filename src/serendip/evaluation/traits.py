"""Traits: what an attribute says of items or people, as a matrix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
import scipy.sparse as sp

from serendip.data import Dataset, Entities
from serendip.data.arrays import Sparse

CATEGORY = "category"
"""The attribute of items by which lists are varied and mirror a history."""


@dataclass(frozen=True, eq=False)
class Traits:
    """The values of one attribute."""

    names: tuple[str, ...]  # in order of their text
    members: Sparse  # (rows, G) bool: which row has which value; lists have several, missing values none


def categories(dataset: Dataset) -> Traits:
    """Of the items; no values where items have no category."""
    if CATEGORY not in dataset.items.attributes.columns:
        return Traits((), sp.csr_array((dataset.n_items, 0), dtype=bool))
    return traits(dataset.items, CATEGORY)


def traits(entities: Entities, attribute: str) -> Traits:
    """One trait for each value of `attribute`; a value that is a list counts as each of its elements."""
    values = entities.attributes.select(value=attribute).with_row_index("row")
    if isinstance(values.schema["value"], pl.List):
        values = values.explode("value")
    values = values.drop_nulls("value").with_columns(pl.col("value").cast(pl.String)).unique(maintain_order=True)
    names = tuple(values["value"].unique().sort())
    columns = values["value"].replace_strict(names, range(len(names)), return_dtype=pl.Int64).to_numpy()
    cells = (np.ones(values.height, bool), (values["row"].to_numpy().astype(np.int64), columns))
    return Traits(names, sp.csr_array(cells, shape=(len(entities), len(names))))
