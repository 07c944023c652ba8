"""What each protocol asks, shows and lets be listed, seen from inside a ranker."""

from __future__ import annotations

import json
from typing import Self

import numpy as np
import pytest

from serendip.data import Dataset, InputError, Queries, Tables, event_frame, silent
from serendip.data.arrays import IntArray, Sparse
from serendip.data.splits import Split, cold_item, global_time, k_fold, one_fold
from serendip.evaluation import ModelRanker, Protocol, evaluate
from serendip.evaluation.exam import Exam, stored
from serendip.models import make
from serendip.training import FitOptions

ONE_THREAD = FitOptions(threads=1)


def dataset(seed: int = 0, n_events: int = 1_200) -> Dataset:
    generator = np.random.default_rng(seed)
    popularity = generator.dirichlet(np.full(50, 0.5))
    columns = {
        "user_id": [f"u{row}" for row in generator.integers(40, size=n_events)],
        "item_id": [f"i{row}" for row in generator.choice(50, n_events, p=popularity)],
        "type": ["like"] * n_events,
        "time_ms": np.arange(1, n_events + 1),
    }
    return Dataset.from_tables(Tables(event_frame(columns)))


class Watching(ModelRanker):
    """Popularity that keeps what it was shown."""

    def __init__(self) -> None:
        super().__init__(make("popular"))
        self.histories: list[Queries] = []
        self.left_out: list[Sparse] = []

    def fit(self, dataset: Dataset, options: FitOptions = ONE_THREAD) -> Self:
        self.learned = dataset
        return super().fit(dataset, options)

    def scores(self, queries: Queries, seen: Sparse) -> np.ndarray:
        self.histories.append(queries)
        self.left_out.append(seen)
        return np.asarray(super().scores(queries, seen))


@pytest.mark.parametrize("protocol", ["user-split", "user-split?by=time", "cold-user?history=2"])
def test_people_held_out_are_asked_with_what_is_folded_in_and_nothing_else(protocol: str) -> None:
    watching = Watching()
    report = evaluate(dataset(), [watching], protocol, ONE_THREAD)
    assert 5 <= report.sizes["asked"] <= 8  # not everybody has something new left
    assert report.sizes["new"] == 0
    assert not set(report.user_rows) & set(watching.learned.events.user_rows)
    (queries,) = watching.histories
    split = Protocol.of(protocol).divide(dataset())
    assert split.folded_in is not None
    shown = split.folded_in.histories(report.user_rows)
    np.testing.assert_array_equal(queries.item_rows, shown.item_rows)
    # Popularity and novelty count what was learned, not what was shown.
    exam = Exam(Protocol.of(protocol), split)
    assert exam.item_counts.sum() == exam.learned.nnz < exam.learned.nnz + exam.seen.nnz
    assert report.findings == []


def test_new_items_alone_may_be_the_candidates() -> None:
    report = evaluate(dataset(), ["popular"], "cold-item?candidates=new", ONE_THREAD)
    split = cold_item(dataset())
    withheld = np.unique(split.test.events.item_rows)
    assert report.sizes["candidates"] == len(withheld) == 9
    exam = Exam(Protocol.of("cold-item?candidates=new"), split)
    lists = exam.lists(ModelRanker(make("popular")).fit(split.train), exam.asked, "rank", silent)
    assert set(np.unique(lists.rows)) - {-1} <= set(withheld)
    assert report.protocol.to_json()["candidates"] == "the items without any event in training"
    full = evaluate(dataset(), ["popular"], "cold-item", ONE_THREAD)
    assert full.results[0].metrics["ndcg@10"].mean < report.results[0].metrics["ndcg@10"].mean


def test_sampled_candidates_are_few_the_same_for_every_model_and_hold_what_is_right() -> None:
    watching, again = Watching(), Watching()
    report = evaluate(dataset(), [watching, again], "global-time?sampled=5", ONE_THREAD)
    exam = Exam(Protocol.of("global-time?sampled=5"), global_time(dataset()))
    for one, other in zip(watching.left_out, again.left_out, strict=True):
        np.testing.assert_array_equal(one.toarray(), other.toarray())
    allowed = ~watching.left_out[0].toarray()
    relevant = exam.relevant[exam.asked].toarray()
    assert (allowed & relevant).sum() == relevant.sum()
    assert ((allowed & ~relevant).sum(axis=1) == 5).all()
    assert not (allowed & exam.seen[exam.asked].toarray()).any()
    assert report.sizes["asked"] == len(exam.asked)


def test_sampled_figures_are_marked_wherever_they_are_shown() -> None:
    report = evaluate(dataset(), ["popular", "item_knn"], "global-time?sampled=5", ONE_THREAD, slices=["history"])
    full = evaluate(dataset(), ["popular"], "global-time", ONE_THREAD)
    result = report.results[0]
    assert result.case == "global-time?sampled=5"
    names = [*result.metrics, *result.new_people, *result.per_person, *report.table()[0][1:6]]
    names += [name for one in result.slices for name in one.metrics] + [gap.metric for gap in result.gaps]
    names += [comparison.metric for comparison in report.comparisons]
    assert all(name.startswith("sampled_") for name in names)
    assert "NOT COMPARABLE" in report.heading()
    assert "NOT COMPARABLE" in str(report)
    assert report.slice_table("history")[0][0].startswith("sampled_ndcg@10")
    read = json.loads(json.dumps(report.to_json()))["protocol"]
    assert read["comparable"] is False
    assert "not comparable" in read["candidates"]
    assert full.protocol.to_json()["comparable"] is True
    # Why: the same lists of the same model look far better.
    assert result.metrics["sampled_ndcg@10"].mean > 1.3 * full.results[0].metrics["ndcg@10"].mean


def test_a_split_may_come_divided() -> None:
    split = global_time(dataset())
    given = evaluate(split, ["popular"], options=ONE_THREAD)
    whole = evaluate(dataset(), ["popular"], options=ONE_THREAD)
    assert given.protocol.to_json()["split"] == "given"
    assert given.results[0].to_json()["metrics"] == whole.results[0].to_json()["metrics"]
    assert given.results[0].split_hash == whole.results[0].split_hash
    assert given.results[0].data_hash == whole.results[0].data_hash
    allowed = evaluate(split, ["popular"], "given?seen=allowed", ONE_THREAD)
    assert allowed.sizes["asked"] >= given.sizes["asked"]
    with pytest.raises(InputError, match="protocol global-time cannot be used on data that come divided"):
        evaluate(split, ["popular"], "global-time")
    with pytest.raises(InputError, match="protocol given cannot be used on data that are not divided yet"):
        evaluate(dataset(), ["popular"], "given")


def test_lists_are_ranked_under_one_named_fold() -> None:
    report = evaluate(dataset(), ["popular"], "k-fold?fold=2", ONE_THREAD)
    assert report.results[0].split_hash == list(k_fold(dataset()))[2].hash == one_fold(dataset(), fold=2).hash
    assert report.protocol.to_json()["parameters"] == {"folds": 5, "fold": 2, "seed": 0}


def test_auc_judges_the_order_of_all_candidates() -> None:
    report = evaluate(dataset(), ["popular"], options=ONE_THREAD)
    split: Split = global_time(dataset())
    exam = Exam(Protocol(), split)
    shares = make("popular").fit(split.train).score(split.train.histories(np.array([0])))[0]
    values = []
    for row in exam.asked:
        right = exam.relevant[[row]].toarray()[0]
        wrong = ~right & ~exam.seen[[row]].toarray()[0]
        pairs = shares[right][:, None] - shares[wrong][None, :]
        values.append(((pairs > 0) + 0.5 * (pairs == 0)).mean())
    assert report.results[0].metrics["auc"].mean == pytest.approx(np.mean(values))
    assert (stored(exam.relevant)[exam.asked] > 0).all()


class Listing:
    """A ranker that lists and does not score."""

    def fit(self, dataset: Dataset, options: FitOptions = ONE_THREAD) -> Self:
        return self

    def rank(self, queries: Queries, k: int, seen: Sparse) -> IntArray:
        return np.zeros((len(queries), 1), np.int32)


def test_a_ranker_without_scores_has_no_auc_and_items_without_categories_no_variety() -> None:
    metrics = evaluate(dataset(), [Listing()], options=ONE_THREAD).results[0].to_json()["metrics"]
    nothing = {"mean": None, "low": None, "high": None}
    assert metrics["auc"] == metrics["intra_list_diversity@10"] == metrics["calibration@10"] == nothing


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("global-time?sampled=0", "sampled is 0"),
        ("global-time?sampled=many", "sampled is 'many'"),
        ("global-time?candidates=some", "candidates is 'some'; it can be all or new"),
        ("given?fold=2", "no parameter 'fold'; there are none"),
    ],
)
def test_settings_that_make_no_sense_are_said(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Protocol.of(text)
