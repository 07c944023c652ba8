"""Parts: one figure of several rankers for parts of the people and of the catalogue, with intervals over people.

Cold and warm: by how much was known of a person when they were asked for. Head, tail and new: where the items that are
right belong to the fifth that most people wanted before, to the others, or to those that nobody had wanted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from serendip.data.arrays import BoolArray, FloatArray, IntArray, Sparse
from serendip.evaluation.exam import restricted, stored
from serendip.evaluation.significance import Estimate, bootstrap, estimate
from serendip.metrics import hits_in, ndcg, tail_items

BANDS = (0, 1, 5, 20)
"""What is known of a person at least, in items."""
FEWEST_PEOPLE = 10
"""An interval over fewer people says nothing."""


@dataclass(frozen=True)
class Part:
    """The figure of each ranker, in their order."""

    by: str
    """`history` or `popularity`."""
    name: str
    people: int
    figures: tuple[Estimate, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def graded(lists: Sequence[IntArray], right: Sparse, depth: int) -> FloatArray:
    """NDCG of the lists (B, K) of each ranker by what is right (B, N), (B, R)."""
    return np.stack([ndcg(hits_in(rows, right), stored(right), depth) for rows in lists], axis=1)


def parts(
    lists: Sequence[IntArray], right: Sparse, known: IntArray, wanted_by: IntArray, depth: int, seed: int = 0
) -> list[Part]:
    """NDCG of each part in which somebody has something right.

    Args:
        lists: of each ranker, (B, K), -1 where one is shorter.
        right: (B, N), what each person wanted; at least one item each.
        known: (B,), the items known of each.
        wanted_by: (N,), how many people wanted each item before.
    """
    found = []
    for by, name, people, items in _divided(known, wanted_by):
        kept = restricted(right, items)
        asked = np.flatnonzero(people & (stored(kept) > 0))
        if len(asked):
            values = graded([rows[asked] for rows in lists], kept[asked], depth)
            found.append(Part(by, name, len(asked), tuple(_estimates(values, seed))))
    return found


def _estimates(values: FloatArray, seed: int) -> Iterator[Estimate]:
    means = values.mean(axis=0).tolist()
    if len(values) < FEWEST_PEOPLE:
        yield from map(Estimate, means)
    else:
        yield from (estimate(mean, drawn) for mean, drawn in zip(means, bootstrap(values, seed).T, strict=True))


def _divided(known: IntArray, wanted_by: IntArray) -> Iterator[tuple[str, str, BoolArray, BoolArray]]:
    """Each part: the people (B,) and the items (N,) that belong to it."""
    everybody, everything = np.ones(len(known), bool), np.ones(len(wanted_by), bool)
    bands = np.searchsorted(BANDS, known, side="right") - 1
    for place, low in enumerate(BANDS):
        name = f"{low}-{BANDS[place + 1] - 1}" if place + 1 < len(BANDS) else f"{low}+"
        yield "history", "0" if low == 0 else name, bands == place, everything
    new = wanted_by == 0
    tail = tail_items(wanted_by) & ~new if len(wanted_by) else new
    for name, items in (("head", ~tail & ~new), ("tail", tail), ("new", new)):
        yield "popularity", name, everybody, items
