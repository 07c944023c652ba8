"""Slices and gaps: the same figures for parts of the people and of the catalogue."""

from __future__ import annotations

from typing import Self

import numpy as np
import polars as pl
import pytest

from serendip.data import Dataset, InputError, Queries, Tables, event_frame
from serendip.data.arrays import IntArray, Sparse
from serendip.evaluation import Report, Slice, evaluate
from serendip.training import FitOptions

ONE_THREAD = FitOptions(threads=1)
HALF = "global-time?test_share=0.5"


class Serving:
    """A ranker that lists `good` to people with an even row and `bad` to the others."""

    def __init__(self, good: str, bad: str) -> None:
        self.good, self.bad = good, bad

    def fit(self, dataset: Dataset, options: FitOptions = ONE_THREAD) -> Self:
        self.rows = dataset.items.vocabulary.rows([self.good, self.bad])
        self.even = {int(dataset.users.vocabulary.row(f"u{number}")): number % 2 == 0 for number in range(60)}
        self.lengths = np.bincount(dataset.events.user_rows, minlength=dataset.n_users)
        self.people = np.flatnonzero(self.lengths)
        return self

    def rank(self, queries: Queries, k: int, seen: Sparse) -> IntArray:
        # The first event of everybody is on an item of their own, which tells who asks.
        own = queries.item_rows[queries.offsets[:-1]]
        return np.where(own % 2 == 0, self.rows[0], self.rows[1])[:, None].astype(np.int32)


def world(people: int = 40, n_known: int = 1, **attributes: object) -> Dataset:
    """Everybody first takes an item of their own, then wants `hit`; even people are called so by their own item."""
    own = [(f"u{row}", f"own{row}", row + 1) for row in range(people)]
    more = [(f"u{row}", f"more{extra}", people + 1) for row in range(0, people, 4) for extra in range(n_known - 1)]
    wanted = [(f"u{row}", "hit", 10_000 + row) for row in range(people)]
    wanted += [(f"u{row}", "new", 20_000 + row) for row in range(people)]
    rows = [*own, ("u0", "hit", 9_000), ("u1", "hit", 9_001), *more, *wanted]
    columns = dict(zip(("user_id", "item_id", "time_ms"), map(list, zip(*rows, strict=True)), strict=True))
    items = {"item_id": [f"own{row}" for row in range(people)]}
    users = pl.DataFrame({"user_id": [f"u{row}" for row in range(people)], **attributes})
    return Dataset.from_tables(Tables(event_frame(columns), pl.DataFrame(items), users))


def by_name(report: Report, by: str) -> dict[str, Slice]:
    return {one.name: one for one in report.results[0].slices if one.by == by}


def split_at(dataset: Dataset, time_ms: int = 9_500) -> str:
    share = np.count_nonzero(dataset.events.times_ms > time_ms) / len(dataset.events)
    return f"global-time?test_share={share}"


def test_people_are_sliced_by_their_attributes_and_the_gap_is_between_them() -> None:
    dataset = world(gender=["f", "m"] * 20)
    report = evaluate(dataset, [Serving("hit", "own0")], split_at(dataset), ONE_THREAD, cutoffs=(1,), slices=["gender"])
    slices = by_name(report, "gender")
    assert {name: (one.people, one.metrics["recall@1"].mean) for name, one in slices.items()} == {
        "f": (20, pytest.approx(19 / 20 / 2)),  # u0 has had it and wants only the new one
        "m": (20, 0.0),
    }
    (found,) = [one for one in report.results[0].gaps if one.metric == "hit_rate@1"]
    assert (found.best, found.worst) == ("f", "m")
    assert found.difference.mean == pytest.approx(19 / 20)
    assert found.difference.low is not None
    assert found.difference.low > 0.8


def test_a_gap_of_shuffled_groups_is_not_told_from_none() -> None:
    halves = np.random.default_rng(3).permutation(["a", "b"] * 20)
    dataset = world(half=halves)
    report = evaluate(dataset, [Serving("hit", "own0")], split_at(dataset), ONE_THREAD, cutoffs=(1,), slices=["half"])
    (found,) = [one for one in report.results[0].gaps if one.metric == "hit_rate@1"]
    assert found.difference.low is not None
    assert found.difference.low < 0


def test_all_people_or_all_relevant_items_together_are_the_whole() -> None:
    dataset = world(n_known=7, age=np.arange(40))
    report = evaluate(dataset, ["popular"], split_at(dataset), ONE_THREAD, slices=["history", "age", "popularity"])
    result = report.results[0]
    for by in ("history", "age"):
        slices = by_name(report, by).values()
        assert sum(one.people for one in slices) == report.sizes["asked"]
        for metric in ("ndcg@5", "recall@20", "mrr@10"):
            mean = sum(one.people * one.metrics[metric].mean for one in slices) / report.sizes["asked"]
            assert mean == pytest.approx(result.metrics[metric].mean)
    assert set(by_name(report, "history")) == {"1 to 4 items", "5 to 19 items"}
    assert set(by_name(report, "age")) == {"0 to 9.75", "9.75 to 19.5", "19.5 to 29.25", "29.25 to 39"}


def test_items_are_sliced_by_what_is_right() -> None:
    dataset = world()
    report = evaluate(
        dataset, [Serving("hit", "new")], split_at(dataset), ONE_THREAD, cutoffs=(1,), slices=["popularity"]
    )
    slices = by_name(report, "popularity")
    # `hit` has two people in training, more than any other; `new` has none. Nobody wants what is in between.
    assert set(slices) == {"head", "new"}
    assert (slices["head"].people, slices["new"].people) == (38, 40)
    assert slices["head"].metrics["recall@1"].mean == pytest.approx(19 / 38)
    assert slices["new"].metrics["recall@1"].mean == pytest.approx(20 / 40)


def test_items_are_sliced_by_category_lists_included() -> None:
    items = pl.DataFrame({"item_id": ["a", "b", "c"], "category": [["x"], ["x", "y"], None]})
    rows = [("ann", "c"), ("bo", "c"), ("ann", "a"), ("ann", "b"), ("bo", "b")]
    columns = {"user_id": [row[0] for row in rows], "item_id": [row[1] for row in rows], "time_ms": [1, 2, 11, 12, 13]}
    dataset = Dataset.from_tables(Tables(event_frame(columns), items))
    report = evaluate(dataset, ["popular"], "global-time?test_share=0.6", ONE_THREAD, cutoffs=(2,), slices=["category"])
    assert {name: one.people for name, one in by_name(report, "category").items()} == {"x": 2, "y": 2}
    assert report.results[0].gaps == []  # two people are too few to speak of a gap


def test_many_values_are_shown_as_the_largest_and_the_rest() -> None:
    towns = [f"t{row}" if row < 25 else "t0" for row in range(40)]
    dataset = world(town=towns)
    names = by_name(
        evaluate(dataset, ["popular"], split_at(dataset), ONE_THREAD, cutoffs=(1,), slices=["town"]), "town"
    )
    assert len(names) == 20
    assert names["t0"].people == 16
    assert names["(other)"].people == 6


def test_a_slice_table_has_a_row_for_each_slice_and_one_for_the_gap() -> None:
    dataset = world(gender=["f", "m", None, "m"] * 10)
    report = evaluate(
        dataset, ["popular", Serving("hit", "own0")], split_at(dataset), ONE_THREAD, cutoffs=(1,), slices=["gender"]
    )
    header, *rows = report.slice_table("gender")
    assert header[:2] == ["ndcg@1 by gender", "people"]
    assert set(header[2:]) == {"popular", "Serving"}
    assert [row[0] for row in rows] == ["(unknown)", "f", "m", "gap, best to worst"]
    assert report.to_json()["results"][0]["slices"][0].keys() == {"by", "name", "people", "metrics"}
    assert report.to_json()["results"][0]["gaps"][0].keys() == {"by", "metric", "best", "worst", "difference"}


def test_slices_that_do_not_exist_are_said() -> None:
    dataset = world(tags=[["a"]] * 40)
    with pytest.raises(InputError, match=r"no slice 'shoe_size'.*neither people nor items have"):
        evaluate(dataset, ["popular"], split_at(dataset), slices=["shoe_size"])
    with pytest.raises(InputError, match="it holds lists"):
        evaluate(dataset, ["popular"], split_at(dataset), slices=["tags"])
    twice = Dataset.from_tables(
        Tables(
            event_frame({"user_id": ["u0", "u0"], "item_id": ["a", "b"], "time_ms": [1, 2]}),
            pl.DataFrame({"item_id": ["a"], "town": ["t"]}),
            pl.DataFrame({"user_id": ["u0"], "town": ["t"]}),
        )
    )
    with pytest.raises(InputError, match=r"say users\.town or items\.town"):
        evaluate(twice, ["popular"], HALF, slices=["town"])
    report = evaluate(twice, ["popular"], HALF, ONE_THREAD, slices=["users.town", "items.town"])
    assert [one.by for one in report.results[0].slices] == ["users.town"]  # what is right, b, has no town
