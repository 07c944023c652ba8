"""Slices: the same figures for parts of the people, or for parts of the catalogue, and the gaps between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl
import scipy.sparse as sp

from serendip.data import Entities, InputError
from serendip.data.arrays import FloatArray, IntArray, Sparse
from serendip.evaluation.exam import Exam, Lists, restricted, stored
from serendip.evaluation.report import Gap, Slice
from serendip.evaluation.significance import bootstrap, estimate
from serendip.evaluation.traits import traits
from serendip.metrics import gap, hits_in, ranking_metrics

HISTORY_FROM = (1, 5, 20, 100)
LARGEST = 20
"""An attribute with more values than this shows that many, those of most people or items, and the others as one."""
FEWEST_PEOPLE = 10
"""A group of fewer people takes no part in a gap: its mean says little."""
OTHER = "(other)"
UNKNOWN = "(unknown)"


@dataclass(frozen=True, eq=False)
class Slicing:
    """Named slices; people belong to one of them, items to any number."""

    by: str
    names: tuple[str, ...]
    people: IntArray | None = None  # (U,), the slice of each person, -1 for none
    items: Sparse | None = None  # (N, G) bool


def slicings(exam: Exam, wanted: Sequence[str]) -> list[Slicing]:
    """For `history` (known items of the person), `popularity` (head, tail and new items), or any attribute.

    Raises:
        InputError: neither people nor items have the attribute, or both have it.
    """
    return [_slicing(exam, by) for by in wanted]


def sliced(
    exam: Exam, slicing: Slicing, lists: Lists, values: dict[str, FloatArray], seed: int
) -> tuple[list[Slice], list[Gap]]:
    """Ranking metrics of each slice of the people asked, or of what is right, at all cut-offs, with their gaps.

    In a slice of items only the relevant items of that slice count as right, in the same lists.
    """
    columns = _of_people(exam, slicing, values) if slicing.people is not None else _of_items(exam, slicing, lists)
    kept = [place for place, one in enumerate(columns) if one and np.isfinite(next(iter(one.values()))).any()]
    if not kept:
        return [], []
    metrics = list(exam.protocol.named(columns[kept[0]]))
    stacked = np.stack([values for place in kept for values in columns[place].values()], axis=1)  # (B, G * M)
    shape = (len(kept), len(metrics))
    sizes = np.isfinite(stacked).sum(axis=0).reshape(shape)
    means = np.nansum(stacked, axis=0).reshape(shape) / sizes
    resampled = bootstrap(stacked, seed).reshape(-1, *shape)
    table = [
        Slice(
            slicing.by,
            slicing.names[group],
            int(sizes[place, 0]),
            {
                metric: estimate(float(means[place, column]), resampled[:, place, column])
                for column, metric in enumerate(metrics)
            },
        )
        for place, group in enumerate(kept)
    ]
    return table, _gaps(table, resampled, metrics)


def _gaps(table: list[Slice], resampled: FloatArray, metrics: list[str]) -> list[Gap]:
    """Best served slice against worst, from the same resamples (R, G, M); the pair is fixed by the full sample."""
    large = [place for place, one in enumerate(table) if one.people >= FEWEST_PEOPLE]
    if len(large) < 2:
        return []
    gaps = []
    for column, metric in enumerate(metrics):
        means = np.array([table[place].metrics[metric].mean for place in large])
        best, worst = large[int(means.argmax())], large[int(means.argmin())]
        difference = estimate(gap(means), resampled[:, best, column] - resampled[:, worst, column])
        gaps.append(Gap(table[0].by, metric, table[best].name, table[worst].name, difference))
    return gaps


def _of_people(exam: Exam, slicing: Slicing, values: dict[str, FloatArray]) -> list[dict[str, FloatArray]]:
    """Per slice, the values (B,) of its people and NaN for the others."""
    assert slicing.people is not None
    own = slicing.people[exam.asked]
    ranking = _ranking_names(exam)
    return [
        {name: np.where(own == group, values[name], np.nan) for name in ranking} for group in range(len(slicing.names))
    ]


def _of_items(exam: Exam, slicing: Slicing, lists: Lists) -> list[dict[str, FloatArray]]:
    """Per slice, the values (B,) where only its items are right; NaN for people to whom none of them is."""
    assert slicing.items is not None
    relevant = exam.relevant[exam.asked]
    members = slicing.items.tocsc()
    columns = []
    for group in range(len(slicing.names)):
        chosen = np.zeros(exam.n_items, bool)
        chosen[members.indices[members.indptr[group] : members.indptr[group + 1]]] = True
        right = restricted(relevant, chosen)
        columns.append(ranking_metrics(hits_in(lists.rows, right), stored(right), exam.protocol.cutoffs))
    return columns


def _ranking_names(exam: Exam) -> list[str]:
    return list(ranking_metrics(np.zeros((1, 1), bool), np.ones(1, np.int64), exam.protocol.cutoffs))


def _slicing(exam: Exam, by: str) -> Slicing:
    if by == "history":
        return _by_history(exam)
    if by == "popularity":
        return _by_popularity(exam)
    kind, _, attribute = by.rpartition(".")
    dataset = exam.split.train
    places = {"users": dataset.users, "items": dataset.items}
    found = [name for name, entities in places.items() if attribute in entities.attributes.columns[1:]]
    if kind:
        found = [name for name in found if name == kind]
    if len(found) != 1:
        if found:
            raise InputError(f"the slice {by!r} could be people or items: say users.{by} or items.{by}")
        raise InputError(f"there is no slice {by!r}: neither people nor items have such an attribute")
    if found == ["users"]:
        return _by_people(dataset.users, by, attribute)
    return _by_items(dataset.items, by, attribute)


def _by_history(exam: Exam) -> Slicing:
    lengths = stored(exam.seen)
    upper = [str(above - 1) for above in HISTORY_FROM[1:]]
    names = [f"{low} to {high} items" for low, high in zip(HISTORY_FROM, upper, strict=False)]
    groups = np.searchsorted(HISTORY_FROM, lengths, side="right") - 1
    return Slicing("history", (*names, f"{HISTORY_FROM[-1]} items and more"), people=groups)


def _by_popularity(exam: Exam) -> Slicing:
    new = exam.item_counts == 0
    members = np.stack([~exam.tail, exam.tail & ~new, new], axis=1)
    return Slicing("popularity", ("head", "tail", "new"), items=sp.csr_array(members))


def _by_people(users: Entities, by: str, attribute: str) -> Slicing:
    column = users.attributes[attribute]
    if column.dtype.is_nested():
        raise InputError(f"people cannot be sliced by {by!r}: each belongs to one slice, and it holds lists")
    shown = _shown(column).fill_null(UNKNOWN)
    names = tuple(shown.unique().sort())
    groups = shown.replace_strict(names, range(len(names)), return_dtype=pl.Int64)
    return Slicing(by, names, people=groups.to_numpy())


def _by_items(items: Entities, by: str, attribute: str) -> Slicing:
    column = items.attributes[attribute]
    if not column.dtype.is_nested():
        items = Entities(items.vocabulary, items.attributes.select(pl.first(), _shown(column).alias(attribute)))
    found = traits(items, attribute)
    sizes = np.bincount(found.members.indices, minlength=len(found.names))
    largest = np.sort(np.argsort(-sizes, kind="stable")[:LARGEST])
    return Slicing(by, tuple(found.names[place] for place in largest), items=sp.csr_array(found.members[:, largest]))


def _shown(column: pl.Series) -> pl.Series:
    """Values as text: numbers of many values by quarters, others of many values as the largest and the rest."""
    counts = column.drop_nulls().value_counts(sort=True)
    if counts.height <= LARGEST:
        return column.cast(pl.String)
    if column.dtype.is_numeric():
        return _quarters(column)
    kept = counts[column.name][: LARGEST - 1].cast(pl.String)
    texts = column.cast(pl.String)
    return texts.to_frame().select(
        pl.when(texts.is_in(kept.implode()) | texts.is_null()).then(texts).otherwise(pl.lit(OTHER))
    )[column.name]


def _quarters(column: pl.Series) -> pl.Series:
    values = column.cast(pl.Float64).to_numpy()
    edges = np.nanquantile(values, [0, 0.25, 0.5, 0.75, 1])
    places = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, 3)
    names = [f"{low:g} to {high:g}" for low, high in pairwise(edges)]
    texts = [None if np.isnan(value) else names[place] for value, place in zip(values, places, strict=True)]
    return pl.Series(column.name, texts, dtype=pl.String)
