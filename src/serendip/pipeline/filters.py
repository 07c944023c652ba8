"""Filters: what may not be listed in answer to one request, and by which rule."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from serendip.data import Query
from serendip.data.arrays import BoolArray, IntArray
from serendip.data.vocabulary import UNKNOWN
from serendip.pipeline import recipe
from serendip.pipeline.catalogue import Catalogue

RULE = "rule of the recipe"


@dataclass(frozen=True)
class Filter:
    """One rule."""

    name: str
    allowed: BoolArray | None = None
    """Which items it lets through, (N,), not to be written; None: all save `forbidden`."""
    forbidden: IntArray | None = None
    """Rows that it does not let through."""
    parts: Callable[[Catalogue], Sequence[Filter]] | None = None
    """Where it stands for several: each of them, worked out for whoever wants to know which one objects."""

    def keeps(self, rows: IntArray) -> BoolArray:
        """Which of `rows` (C,) it lets through."""
        kept = np.ones(len(rows), bool) if self.allowed is None else self.allowed[rows]
        return kept if self.forbidden is None else kept & ~np.isin(rows, self.forbidden)


def by_rule(catalogue: Catalogue, filters: recipe.Filters) -> Iterator[Filter]:
    """What the recipe asks of every list, whoever asks."""
    if filters.hidden:
        yield Filter("not on offer", catalogue.listable)
    if filters.rules:
        yield Filter(RULE, catalogue.matching(filters.rules))


def by_request(catalogue: Catalogue, filters: recipe.Filters, query: Query, seen: IntArray) -> Iterator[Filter]:
    """What this request asks; `seen` (E,) are the rows of the history.

    Raises:
        InputError: the request's filter makes no sense.
    """
    if query.filter:
        yield Filter("filter of the request", catalogue.matching(query.filter))
    if query.only is not None:
        only = np.zeros(len(catalogue), bool)
        only[_known(catalogue, query.only)] = True
        yield Filter("not among item_ids", only)
    if filters.seen:
        yield Filter("seen before", forbidden=seen)
    if query.without:
        yield Filter("excluded by the request", forbidden=_known(catalogue, query.without))


def passing(filters: Collection[Filter], n_items: int) -> BoolArray:
    """What every filter lets through, (N,)."""
    masks = [one.allowed for one in filters if one.allowed is not None]
    allowed = masks[0].copy() if masks else np.ones(n_items, bool)
    for mask in masks[1:]:
        allowed &= mask
    for one in filters:
        if one.forbidden is not None:
            allowed[one.forbidden] = False
    return allowed


def _known(catalogue: Catalogue, item_ids: Collection[str]) -> IntArray:
    rows = catalogue.vocabulary.rows(item_ids)
    known: IntArray = rows[rows != UNKNOWN]
    return known
