"""evaluate, end to end on small data: what models are shown, who is asked, what counts, what is reported."""

from __future__ import annotations

import json
from typing import Self

import numpy as np
import pytest
import scipy.sparse as sp

from serendip import evaluate
from serendip.data import Dataset, InputError, Queries, Tables, event_frame, silent
from serendip.data.arrays import IntArray, Sparse
from serendip.data.splits import Split, global_time
from serendip.evaluation import ModelRanker, Protocol, Report, exam
from serendip.evaluation.exam import Exam
from serendip.models import make
from serendip.pipeline import Pipeline, Recipe
from serendip.pipeline.recipe import Source
from serendip.training import FitOptions

ONE_THREAD = FitOptions(threads=1)
CUT_MS = 1_000


def dataset_of(rows: list[tuple[str, str, str, int]]) -> Dataset:
    names = ("user_id", "item_id", "type", "time_ms")
    return Dataset.from_tables(Tables(event_frame(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))))


def two_tastes(seed: int = 0, people: int = 60, items: int = 40) -> Dataset:
    """Even people like even items, odd people odd ones; a tenth of the events is chance."""
    generator = np.random.default_rng(seed)
    rows = []
    for time_ms in range(1, people * 12):
        person, item = generator.integers(people), generator.integers(items)
        if generator.random() < 0.9:
            item += (item - person) % 2
        rows.append((f"u{person}", f"i{item % items}", "like", time_ms))
    return dataset_of(rows)


class Listing:
    """A ranker that lists what it is told to, in that order."""

    def __init__(self, *item_ids: str) -> None:
        self.item_ids = item_ids

    def fit(self, dataset: Dataset, options: FitOptions = ONE_THREAD) -> Self:
        self.rows = dataset.items.vocabulary.rows(self.item_ids)
        return self

    def rank(self, queries: Queries, k: int, seen: Sparse) -> IntArray:
        return np.tile(self.rows[:k], (len(queries), 1))


class Spy(Listing):
    """A ranker that keeps what it is shown."""

    def fit(self, dataset: Dataset, options: FitOptions = ONE_THREAD) -> Self:
        self.dataset, self.queries = dataset, []
        return super().fit(dataset, options)

    def rank(self, queries: Queries, k: int, seen: Sparse) -> IntArray:
        self.queries.append(queries)
        return super().rank(queries, k, seen)

    def latest_ms(self) -> int:
        """The time of the latest event that it was shown."""
        return max(times.max() for times in (self.dataset.events.times_ms, *(it.times_ms for it in self.queries)))


class Peeking:
    """A ranker that has read the answers, as far as it was shown them."""

    def fit(self, dataset: Dataset, options: FitOptions = ONE_THREAD) -> Self:
        self.last_of = {int(user): int(item) for user, item in zip(*self._ends(dataset), strict=True)}
        return self

    @staticmethod
    def _ends(dataset: Dataset) -> tuple[IntArray, IntArray]:
        return dataset.events.user_rows, dataset.events.item_rows

    def rank(self, queries: Queries, k: int, seen: Sparse) -> IntArray:
        ends = [int(queries.item_rows[stop - 1]) if stop else -1 for stop in queries.offsets[1:]]
        return np.array(ends, dtype=np.int32)[:, None]


def small() -> Dataset:
    """ann and bo have a history; cy is new; dot only returns to what she knows."""
    before = [("ann", "a"), ("bo", "b"), ("bo", "c"), ("dot", "a"), ("eve", "d")]
    after = [("ann", "b"), ("ann", "e"), ("bo", "d"), ("cy", "a"), ("dot", "a")]
    early = [(person, item, "like", place) for place, (person, item) in enumerate(before, 1)]
    return dataset_of(early + [(person, item, "like", CUT_MS + place) for place, (person, item) in enumerate(after)])


HALF = "global-time?test_share=0.5"


def test_figures_of_a_case_small_enough_to_check_by_hand() -> None:
    report = evaluate(small(), [Listing("d", "b")], HALF, ONE_THREAD, cutoffs=(1, 2))
    metrics = {name: figure.mean for name, figure in report.results[0].metrics.items()}
    # ann wants b and e, bo wants d; both are shown d, then b.
    assert metrics["hit_rate@1"] == 0.5
    assert metrics["recall@2"] == pytest.approx((1 / 2 + 1) / 2)
    assert metrics["mrr@2"] == pytest.approx((1 / 2 + 1) / 2)
    assert metrics["precision@2"] == 0.5
    discount = 1 / np.log2(3)
    assert metrics["ndcg@2"] == pytest.approx((discount / (1 + discount) + 1) / 2)
    assert metrics["coverage@2"] == 2 / 5
    # b and d have one person each in training, of four people with a history
    assert metrics["average_popularity@2"] == 1.0
    assert metrics["novelty@2"] == 2.0


def test_new_people_are_counted_and_reported_apart() -> None:
    report = evaluate(small(), [Listing("a", "b")], HALF, ONE_THREAD, cutoffs=(2,))
    assert {name: report.sizes[name] for name in ("asked", "new", "nothing_relevant")} == {
        "asked": 2,
        "new": 1,
        "nothing_relevant": 1,  # dot, who liked again what she had seen
    }
    assert report.results[0].metrics["hit_rate@2"].mean == 0.5  # ann finds b, bo does not find d
    assert report.results[0].new_people["mrr@2"].mean == 1.0
    assert report.results[0].new_people["mrr@2"].low == 1.0


def test_seen_items_are_left_out_or_allowed_as_the_protocol_says() -> None:
    excluded = evaluate(small(), ["popular"], HALF, ONE_THREAD, cutoffs=(5,))
    allowed = evaluate(small(), ["popular"], f"{HALF}&seen=allowed", ONE_THREAD, cutoffs=(5,))
    assert excluded.protocol.to_json()["seen"] == "excluded"
    assert allowed.protocol.to_json()["seen"] == "allowed"
    assert (excluded.sizes["asked"], allowed.sizes["asked"]) == (2, 3)  # dot's return counts where it is allowed
    ann = small().users.vocabulary.rows(["ann"])
    lists = {}
    for protocol in (excluded.protocol, allowed.protocol):
        dealt = Exam(protocol, protocol.divide(small()))
        ranker = ModelRanker(make("popular")).fit(dealt.split.train)
        lists[protocol.seen] = dealt.lists(ranker, ann, "rank", silent).rows
    ann_saw = small().items.vocabulary.row("a")
    assert ann_saw not in lists["excluded"]
    assert ann_saw in lists["allowed"]


def test_models_are_shown_nothing_from_the_cut_on() -> None:
    dataset = two_tastes()
    split = global_time(dataset)
    cut_ms = split.test.events.times_ms.min()
    spy = Spy("i0")
    evaluate(dataset, [spy], options=ONE_THREAD)
    assert spy.queries
    assert spy.latest_ms() < cut_ms
    # The spy is not blind: an exam whose training part holds the test part is seen through at once.
    leaky = Exam(Protocol(), Split(dataset, split.test, "leaky"))
    leaky.lists(spy.fit(leaky.split.train), np.arange(3), "leak", silent)
    assert spy.latest_ms() >= cut_ms


def test_a_ranker_that_is_shown_the_answers_gives_itself_away() -> None:
    """What the guard is worth: the same ranker on the same questions, with and without the answers in its histories."""
    dataset = two_tastes()
    split = global_time(dataset)
    honest = evaluate(dataset, [Peeking()], "global-time?seen=allowed", ONE_THREAD, cutoffs=(1,))
    protocol = Protocol(seen="allowed", cutoffs=(1,))
    leaky = Exam(protocol, Split(dataset, split.test, "leaky"))
    asked = honest.user_rows
    peeked = leaky.values(asked, leaky.lists(Peeking().fit(dataset), asked, "leak", silent))
    assert peeked["hit_rate@1"].mean() == 1.0
    assert honest.results[0].metrics["hit_rate@1"].mean < 0.3


def test_taste_is_found_and_the_difference_is_significant() -> None:
    report = evaluate(two_tastes(), ["popular", "ease?l2=10"], "random-per-user", ONE_THREAD)
    assert report["ease?l2=10"].metrics["ndcg@10"].mean > 1.3 * report["popular"].metrics["ndcg@10"].mean
    (comparison,) = report.comparisons
    assert (comparison.better, comparison.worse, comparison.metric) == ("ease?l2=10", "popular", "ndcg@10")
    assert comparison.p < 0.05
    assert comparison.difference.low > 0
    assert report["ease?l2=10"].config["l2"] == 10


def test_a_pipeline_is_measured_like_a_model_and_stays_as_it_is() -> None:
    recipe = Recipe(name="plain", sources=(Source(model="ease", config={"l2": 10}),))
    pipeline, model = Pipeline(recipe), make("ease", {"l2": 10})
    report = evaluate(two_tastes(), [pipeline, model], "random-per-user", ONE_THREAD)
    alike = [report[name].metrics["ndcg@10"].mean for name in ("plain", "ease?l2=10.0")]
    assert alike[0] == pytest.approx(alike[1], abs=0.05)  # they order equals differently
    assert report["plain"].config["sources"][0]["model"] == "ease"
    assert not pipeline.models
    with pytest.raises(RuntimeError, match="call fit"):
        model.weights()


def test_the_same_seed_gives_the_same_report_and_batches_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def figures() -> dict[str, object]:
        report = evaluate(two_tastes(), ["item_knn", "popular"], "leave-one-out", FitOptions(seed=5, threads=1))
        return {result.model: result.to_json()["metrics"] for result in report.results}

    first = figures()
    monkeypatch.setattr(exam, "SCORES_AT_ONCE", 7 * 40)  # seven people at a time
    assert figures() == first


def test_an_item_listed_twice_is_refused_because_it_would_count_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    twice = Listing("b", "b", "e", "e")
    with pytest.raises(ValueError, match="listed an item twice"):
        evaluate(small(), [twice], HALF, ONE_THREAD, cutoffs=(4,))
    monkeypatch.setattr(exam, "check_lists", lambda *_: None)
    unguarded = evaluate(small(), [twice], HALF, ONE_THREAD, cutoffs=(4,))
    assert unguarded.results[0].per_person["recall@4"].max() == 2.0


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (np.zeros((1, 2), int), "for 2 queries"),
        (np.full((2, 2), 7), "outside 0 to 4"),
        (np.full((2, 1), -2), "outside"),
    ],
)
def test_lists_that_make_no_sense_are_refused(rows: IntArray, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        exam.check_lists(rows, 2, 5)


def test_lists_may_be_shorter_than_asked_for() -> None:
    report = evaluate(small(), [Listing("d"), Listing()], HALF, ONE_THREAD, cutoffs=(10,))
    short, empty = report.results
    assert short.metrics["precision@10"].mean == pytest.approx(0.1 / 2)
    assert empty.metrics["ndcg@10"].mean == 0.0
    assert empty.to_json()["metrics"]["novelty@10"] == {"mean": None, "low": None, "high": None}


def test_a_result_has_one_shape_and_is_json() -> None:
    report = evaluate(small(), ["popular", Listing("b")], HALF, ONE_THREAD)
    read = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert set(read) == {"protocol", "sizes", "results", "comparisons", "findings"}
    shape = (
        "case model provider seeds config metrics new_people fit_cpu_s fit_wall_s evaluate_wall_s peak_mb threads "
        "device machine versions split_hash data_hash commit date slices gaps"
    )
    for result in read["results"]:
        assert set(result) == set(shape.split())
        assert result["provider"] == "serendip"
        assert result["peak_mb"] > 10
        assert result["threads"] == 1
        assert set(result["metrics"]["ndcg@10"]) == {"mean", "low", "high"}
        assert result["metrics"]["coverage@10"]["low"] is None
        assert result["split_hash"] == global_time(small(), 0.5).hash


def test_the_table_starts_with_its_header_and_the_best() -> None:
    report = evaluate(small(), [Listing("a"), Listing("d", "b")], HALF, ONE_THREAD, cutoffs=(1, 2))
    header, first, second = report.table()
    assert header[:2] == ["model", "ndcg@2"]
    assert [row[0] for row in (first, second)] == ["Listing (2)", "Listing"]
    assert report.table(["mrr@1"])[0][1] == "mrr@1"
    assert "2 people asked; 1 new" in str(report)
    assert len(str(report).splitlines()) == 4


def test_progress_is_told_of_each_model() -> None:
    told: list[tuple[str, int, int]] = []
    evaluate(small(), ["popular"], HALF, ONE_THREAD, lambda *step: told.append(step))
    assert ("fit popular", 1, 1) in told
    assert ("rank popular", 2, 2) in told
    assert ("rank popular for new people", 1, 1) in told


def test_figures_are_per_person_for_whoever_wants_to_look_closer() -> None:
    report: Report = evaluate(small(), [Listing("b")], HALF, ONE_THREAD, cutoffs=(1,))
    people = small().users.vocabulary.ids(report.user_rows)
    assert dict(zip(people, report.results[0].per_person["hit_rate@1"], strict=True)) == {"ann": 1.0, "bo": 0.0}


def test_nobody_to_ask_is_said() -> None:
    nobody_returns = dataset_of([("ann", "a", "like", 1), ("bo", "b", "like", 2)])
    with pytest.raises(InputError, match="nobody has both a history"):
        evaluate(nobody_returns, ["popular"], HALF)


def test_a_veto_as_last_word_is_not_right() -> None:
    rows = [("ann", "a", "like", 1), ("bo", "b", "like", 2), ("ann", "b", "like", 3), ("ann", "b", "hide", 4)]
    dealt = Exam(Protocol(parameters={"test_share": 0.5}), global_time(dataset_of(rows), 0.5))
    assert dealt.relevant.nnz == 0
    assert dealt.n_unanswerable == 1
    assert sp.issparse(dealt.seen)
