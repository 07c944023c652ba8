"""evaluate_ratings, with a small model of the ratings that stands in for larger ones."""

from __future__ import annotations

from typing import Self

import numpy as np
import polars as pl
import pytest

from serendip.data import Dataset, InputError, Queries, Tables, event_frame
from serendip.data.arrays import FloatArray, IntArray
from serendip.data.splits import Split, global_time, k_fold
from serendip.evaluation import RatingProtocol, evaluate_ratings, rating_exam
from serendip.models import ModelConfig, Rates
from serendip.training import FitOptions

ONE_THREAD = FitOptions(threads=1)


class OffsetsConfig(ModelConfig):
    personal: bool = True


class Offsets:
    """The mean rating, how the item departs from it, and how the history departs from its items."""

    Config = OffsetsConfig
    name = "offsets"

    def __init__(self, config: OffsetsConfig = OffsetsConfig()) -> None:
        self.config = config
        self.seen: list[Dataset] = []

    def fit(self, dataset: Dataset, options: FitOptions = ONE_THREAD) -> Self:
        self.seen.append(dataset)
        rows, values = dataset.events.item_rows, dataset.events.values
        self.mean = values.mean()
        counts = np.bincount(rows, minlength=dataset.n_items)
        self.items = np.bincount(rows, values - self.mean, minlength=dataset.n_items) / (counts + 2)
        return self

    def rate(self, queries: Queries, rows: IntArray) -> FloatArray:
        expected = self.mean + self.items[rows]
        if not self.config.personal:
            return expected.astype(np.float32)
        assert queries.values is not None
        departures = np.nan_to_num(queries.values - self.mean - self.items[queries.item_rows])  # NaN: no rating
        sums = np.bincount(queries.query_rows, departures, minlength=len(queries))
        return (expected + (sums / (np.diff(queries.offsets) + 2))[:, None]).astype(np.float32)


def rated(seed: int = 0, n: int = 1_500) -> Dataset:
    """Ratings that are the sum of a mean, an item, a person and chance; each pair once."""
    generator = np.random.default_rng(seed)
    people, items = np.divmod(generator.permutation(50 * 40)[:n], 40)
    values = (
        3 + generator.normal(0, 0.7, 40)[items] + generator.normal(0, 0.7, 50)[people] + generator.normal(0, 0.3, n)
    )
    columns = {
        "user_id": [f"u{row}" for row in people],
        "item_id": [f"i{row}" for row in items],
        "type": ["rating"] * n,
        "value": values,
        "time_ms": np.arange(1, n + 1),
    }
    return Dataset.from_tables(Tables(event_frame(columns)))


def test_errors_are_those_of_all_folds_together() -> None:
    dataset, model = rated(), Offsets()
    assert isinstance(model, Rates)
    report = evaluate_ratings(dataset, [model], options=ONE_THREAD)
    errors = []
    for split in k_fold(dataset):
        fitted = Offsets().fit(split.train)
        for user_row, item_row, value in zip(
            split.test.events.user_rows, split.test.events.item_rows, split.test.events.values, strict=True
        ):
            foretold = fitted.rate(split.train.histories(np.array([user_row])), np.array([[item_row]]))
            errors.append(float(foretold[0, 0] - value))
    metrics = report.results[0].metrics
    assert metrics["rmse"].mean == pytest.approx(np.sqrt(np.mean(np.square(errors))), rel=1e-6)
    assert metrics["mae"].mean == pytest.approx(np.mean(np.abs(errors)), rel=1e-6)
    assert report.sizes["ratings"] == len(errors) == 1_500
    assert report.sizes["splits"] == 5
    assert metrics["rmse"].low is not None
    assert metrics["rmse"].high is not None
    assert metrics["rmse"].low < metrics["rmse"].mean < metrics["rmse"].high
    assert not model.seen  # made afresh
    assert report.findings == []


def test_knowing_the_person_helps_and_the_table_has_the_smaller_error_first() -> None:
    report = evaluate_ratings(rated(), [Offsets(OffsetsConfig(personal=False)), Offsets()], options=ONE_THREAD)
    (comparison,) = report.comparisons
    assert (comparison.metric, comparison.better, comparison.worse) == ("rmse", "Offsets", "Offsets?personal=False")
    assert comparison.difference.high is not None
    assert comparison.difference.high < -0.2
    assert comparison.p < 0.01
    assert [row[0] for row in report.table()] == ["model", "Offsets", "Offsets?personal=False"]
    assert report.heading() == "k-fold, 1,500 ratings of 50 people foretold in 5 parts"
    assert report.to_json()["protocol"]["parameters"] == {"folds": 5, "fold": "all", "seed": 0}


def test_batches_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = evaluate_ratings(rated(), [Offsets()], options=ONE_THREAD).results[0].metrics
    monkeypatch.setattr(rating_exam, "RATINGS_AT_ONCE", 25)
    assert evaluate_ratings(rated(), [Offsets()], options=ONE_THREAD).results[0].metrics == whole


def test_other_protocols_and_published_folds() -> None:
    dataset = rated()
    by_time = evaluate_ratings(dataset, [Offsets()], "global-time?test_share=0.1", ONE_THREAD)
    assert by_time.results[0].split_hash == global_time(dataset, 0.1).hash
    assert by_time.sizes["ratings"] == 150
    one = evaluate_ratings(dataset, [Offsets()], "k-fold?fold=1", ONE_THREAD)
    assert one.sizes["splits"] == 1
    folds = list(k_fold(dataset))
    given = evaluate_ratings(folds, [Offsets()], options=ONE_THREAD)
    all_folds = evaluate_ratings(dataset, [Offsets()], options=ONE_THREAD)
    assert given.results[0].metrics == all_folds.results[0].metrics
    assert given.results[0].split_hash == all_folds.results[0].split_hash
    assert given.results[0].data_hash == all_folds.results[0].data_hash
    assert evaluate_ratings(folds[1], [Offsets()], options=ONE_THREAD).results[0].metrics == one.results[0].metrics


def test_only_ratings_are_foretold() -> None:
    dataset = rated()
    kinds = ["view" if place % 2 else "rating" for place in range(len(dataset.events))]
    mixed = Dataset(
        type(dataset.events)(**{**vars(dataset.events), "types": pl.Series(kinds)}), dataset.items, dataset.users
    )
    assert evaluate_ratings(mixed, [Offsets()], options=ONE_THREAD).sizes["ratings"] == 750


def test_a_pair_rated_on_both_sides_is_a_leak() -> None:
    dataset = rated()
    split = global_time(dataset)
    rows = np.arange(len(split.train.events))
    repeated = dataset.with_events(rows[-30:])  # ratings that are learned from, asked again
    later = repeated.events
    leaky = Split(split.train, repeated, "given")
    assert len(later) == 30
    report = evaluate_ratings(leaky, [Offsets()], options=ONE_THREAD)
    assert [finding.leak for finding in report.findings] == ["copies"]


def test_what_cannot_be_rated_is_said() -> None:
    with pytest.raises(InputError, match="popular lists items and does not say"):
        evaluate_ratings(rated(), ["popular"])
    with pytest.raises(InputError, match="no parameter 'test_share'"):
        RatingProtocol(parameters={"test_share": 0.2})
    likes = Dataset.from_tables(Tables(event_frame({"user_id": ["a"] * 9, "item_id": list("abcdefghi")})))
    with pytest.raises(InputError, match="the test part holds no ratings"):
        evaluate_ratings(likes, [Offsets()])


def test_ratings_that_make_no_sense_are_refused() -> None:
    class Silent(Offsets):
        def rate(self, queries: Queries, rows: IntArray) -> FloatArray:
            return np.full(rows.shape, np.nan, np.float32)

    class Short(Offsets):
        def rate(self, queries: Queries, rows: IntArray) -> FloatArray:
            return super().rate(queries, rows)[:, :1]

    for wrong in (Silent(), Short()):
        with pytest.raises(ValueError, match="a model rated"):
            evaluate_ratings(rated(), [wrong], options=ONE_THREAD)
