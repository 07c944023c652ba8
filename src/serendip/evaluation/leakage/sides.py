"""Leaks between the sides of a split."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np
import polars as pl

from serendip.data import Dataset, Entities
from serendip.data.arrays import IntArray
from serendip.data.splits import Split
from serendip.evaluation.leakage.finding import Finding

EVENT = ["user_row", "item_row", "type", "time_ms"]
PAIR = EVENT[:2]
WITHHOLD = {"user-split": "user_row", "cold-user": "user_row", "cold-item": "item_row"}


def copies(split: Split, ratings: bool) -> Iterator[Finding]:
    kept = PAIR if ratings else EVENT
    copied = _common(_frame(split.test), _frame(split.train), kept)
    if copied:
        what = "test ratings are of pairs that are rated in training" if ratings else "test events are in training too"
        yield Finding("copies", f"{copied:,} of {len(split.test.events):,} {what}")


def order(split: Split) -> Iterator[Finding]:
    """By what each split promises: nothing learned after the first test event, or after the person's own."""
    learned, tested = _timed(split.train), _timed(split.test)
    if split.name == "global-time" and len(tested):
        late = learned.filter(pl.col("time_ms") >= tested["time_ms"].min()).height
    elif split.name in ("leave-one-out", "cold-user"):
        own = tested.group_by("user_row").agg(pl.col("time_ms").min().alias("asked_ms"))
        late = _timed(split.known).join(own, on="user_row").filter(pl.col("time_ms") > pl.col("asked_ms")).height
    else:
        late = 0
    if late:
        yield Finding("order", f"{late:,} events that are learned from or shown are later than what is foretold")


def history(split: Split) -> Iterator[Finding]:
    if split.folded_in is None:
        return  # histories are the training part, see copies
    shown = _common(_frame(split.test), _frame(split.folded_in), EVENT)
    if shown:
        yield Finding("history", f"{shown:,} of {len(split.test.events):,} test events stand in the histories shown")


def withheld(split: Split) -> Iterator[Finding]:
    column = WITHHOLD.get(split.name)
    if column is None:
        return
    both = _common(_frame(split.test).unique(column), _frame(split.train), [column])
    if both:
        what = "items" if column == "item_row" else "people"
        yield Finding("withheld", f"{both:,} {what} that the {split.name} split withholds occur in training")


def vocabulary(name: str, entries: Collection[str], split: Split) -> Iterator[Finding]:
    known = set(entries)
    for what, entities, column in (
        ("items", split.train.items, "item_row"),
        ("people", split.train.users, "user_row"),
    ):
        before = np.unique(np.concatenate([_frame(part)[column].to_numpy() for part in (split.train, split.known)]))
        after = np.setdiff1d(_frame(split.test)[column].to_numpy(), before)
        strange = known & (_words(entities, after) - _words(entities, before))
        if strange:
            example = min(strange)
            yield Finding(
                "vocabulary",
                f"the vocabulary {name!r} has {len(strange):,} entries that belong to no {what} known before the test, "
                f"such as {example!r}",
            )


def _words(entities: Entities, rows: IntArray) -> set[str]:
    """The ids of `rows` and every text that is a value of their attributes."""
    words: set[str] = set()
    for column in entities.attributes[rows].to_dict().values():
        values = column.explode() if isinstance(column.dtype, pl.List) else column
        if values.dtype == pl.String:
            words.update(values.drop_nulls())
    return words


def tuning(split: Split, tuned_on: Split | None) -> Iterator[Finding]:
    if tuned_on is None:
        return
    tested = _frame(split.test)
    used = pl.concat([_frame(side, like=split.test) for side in tuned_on.sides])
    seen = _common(tested, used, EVENT)
    if seen:
        yield Finding("tuning", f"{seen:,} of {len(tested):,} test events were used to choose settings")


def _frame(dataset: Dataset, like: Dataset | None = None) -> pl.DataFrame:
    """The events in columns, with the rows of `like` where that is another dataset, -1 for ids it does not know."""
    events = dataset.events
    users, items = events.user_rows, events.item_rows
    if like is not None and like.items is not dataset.items:
        users = like.users.vocabulary.rows(dataset.users.vocabulary.ids())[users]
        items = like.items.vocabulary.rows(dataset.items.vocabulary.ids())[items]
    return pl.DataFrame({"user_row": users, "item_row": items, "type": events.types, "time_ms": events.times_ms})


def _timed(dataset: Dataset) -> pl.DataFrame:
    return _frame(dataset).filter(pl.col("time_ms") > 0)


def _common(one: pl.DataFrame, other: pl.DataFrame, columns: list[str]) -> int:
    """How many rows of `one` are in `other` too."""
    return one.join(other, on=columns, how="semi").height
