"""A model that puts the best of the blend in order: what it adds, what it learns on, what happens when it cannot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse as sp

from serendip.data import Dataset, InputError, Queries, Query
from serendip.data.arrays import FloatArray, IntArray
from serendip.pipeline import Pipeline, Recipe
from serendip.training import FitOptions
from tests.pipeline.conftest import COFFEE, TEA

OPTIONS = FitOptions(threads=1)
SETTINGS = {"epochs": 3, "patience": 0, "embedding_size": 16, "blocks": 1, "lists": 4, "depth": 10}


def two_stages(**ranking: Any) -> Recipe:
    table = {"model": "cross_encoder", "depth": 6, "config": SETTINGS, **ranking}
    return Recipe(name="two", sources=[{"model": "item_knn"}, {"model": "popular", "weight": 0.1}], ranking=table)


@pytest.fixture(scope="module")
def ranked(shop: Dataset) -> Pipeline:
    return Pipeline(two_stages(weight=5.0)).fit(shop, OPTIONS)


def test_a_total_is_the_sum_of_what_sources_and_ranking_say(ranked: Pipeline) -> None:
    course = ranked.course(Query(user="p3", n=10))
    assert course.blend is not None
    assert [part.name for part in course.blend.parts] == ["item_knn", "popular", "ranking"]
    added = course.blend.weighted(course.blend.rows)
    np.testing.assert_allclose(added.sum(axis=0), course.blend.total, rtol=1e-5)
    assert np.count_nonzero(added[2]) == 6  # those that it looked at
    assert added[2].max() == pytest.approx(5.0)
    answer = ranked.recommend(Query(user="p3", n=10))
    assert all(sum(reason.contribution for reason in item.reasons) == pytest.approx(item.score) for item in answer)


def test_the_best_of_the_blend_are_ranked_and_lead_the_list(ranked: Pipeline, shop: Dataset) -> None:
    ask = Query(user="p3", n=10, diversity=0)
    course = ranked.course(ask)
    assert course.blend is not None
    total, ranking = course.blend.total, course.blend.weighted(course.blend.rows)[2]
    best, others = course.blend.rows[ranking > 0], (total - ranking)[ranking == 0]
    assert len(best) == 6
    assert (total - ranking)[ranking > 0].min() >= others.max() - 1e-5  # the sources' best are what it looks at
    assert set(course.rows[:6].tolist()) == set(best.tolist())  # and what it does not look at stays behind
    logits = ranked.models["ranking"].score(course.asked, best[None])[0]
    assert course.rows[0] == best[logits.argmax()]


def test_it_learns_on_what_the_sources_list(shop: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[tuple[Queries, IntArray]] = []
    rank = Pipeline.rank

    def listening(pipeline: Pipeline, queries: Queries, k: int, seen: sp.csr_array) -> IntArray:
        rows = rank(pipeline, queries, k, seen)
        heard.append((queries, rows))
        return rows

    monkeypatch.setattr(Pipeline, "rank", listening)
    Pipeline(two_stages()).fit(shop, OPTIONS)
    assert heard
    for queries, rows in heard:
        met = queries.matrix(shop.n_items).toarray() > 0
        listed = np.where(rows >= 0, rows, 0)
        assert not np.take_along_axis(met, listed, axis=1)[rows >= 0].any()  # no rival is known already


def test_saved_and_loaded_it_ranks_alike(ranked: Pipeline, tmp_path: Path) -> None:
    ranked.save(tmp_path / "two")
    again = Pipeline.load(tmp_path / "two")
    ask = Query(history=[{"item_id": TEA[0], "type": "like"}, {"item_id": TEA[1], "type": "like"}], n=8)
    assert again.recommend(ask).to_dict() == ranked.recommend(ask).to_dict()
    assert again.recipe.ranking == ranked.recipe.ranking


def test_a_batch_is_ranked_as_one_by_one(ranked: Pipeline, shop: Dataset) -> None:
    queries = shop.histories()
    rows = ranked.rank(queries, 4, queries.matrix(shop.n_items))
    for person, user_id in enumerate(shop.users.vocabulary.ids()[:10]):
        scores = {item.item_id: item.score for item in ranked.recommend(Query(user=user_id, n=18))}
        batch = [scores[item] for item in shop.items.vocabulary.ids(rows[person][rows[person] >= 0])]
        single = [item.score for item in ranked.recommend(Query(user=user_id, n=4))]
        assert batch == pytest.approx(single, abs=1e-4)


def test_given_items_are_ranked_too(ranked: Pipeline) -> None:
    course = ranked.course(Query(user="p3", n=18))
    given = [TEA[0], COFFEE[0], TEA[5], "cup"]
    rows = ranked.items.rows(given)
    ordered = ranked.order(Query(user="p3", n=4), given)
    logits = dict(zip(given, ranked.models["ranking"].score(course.asked, rows[None])[0].tolist(), strict=True))
    assert ordered.item_ids[0] == max(logits, key=lambda item: logits[item])


def test_a_ranking_that_fails_is_left_out_where_a_guard_says_so(shop: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = Pipeline(two_stages()).fit(shop, OPTIONS)

    def broken(queries: Queries, rows: IntArray | None = None) -> FloatArray:
        raise FloatingPointError("broken")

    monkeypatch.setattr(pipeline.models["ranking"], "score", broken)
    with pytest.raises(FloatingPointError):
        pipeline.recommend(Query(user="p3"))

    def guard(source: str, work: Callable[[], Any], degraded: list[str]) -> Any:
        try:
            return work()
        except FloatingPointError:
            degraded.append(source)
            return None

    pipeline.guard = guard
    answer = pipeline.recommend(Query(user="p3"))
    assert len(answer)
    assert answer.degraded == ("the ranking",)


def test_an_item_that_joins_can_be_ranked(ranked: Pipeline, shop: Dataset) -> None:
    pipeline = Pipeline(ranked.recipe).fit(shop, OPTIONS)
    records = dict(zip(pipeline.items.ids(), pipeline.catalogue.records, strict=True))
    pipeline.refresh_items({**records, "new": {"title": "Tea Number 9", "category": "tea", "tags": ["hot", "green"]}})
    ordered = pipeline.order(Query(user="p3", n=3), ["new", COFFEE[0]])
    scores = {item.item_id: item.score for item in ordered}
    assert scores["new"] > 0
    assert len(pipeline.recommend(Query(user="p3")))


def test_who_has_no_history_gets_what_the_sources_say(ranked: Pipeline) -> None:
    course = ranked.course(Query(n=5))
    assert course.blend is not None
    assert course.blend.factors[2] == 0
    assert len(course.rows) == 5


def test_no_source_may_be_called_ranking() -> None:
    with pytest.raises(InputError, match="no source may be called 'ranking'"):
        Recipe.parse('name = "x"\n[[sources]]\nmodel = "ease"\nname = "ranking"\n', "x.toml")
