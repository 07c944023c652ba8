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
from serendip.models import load
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


TOWER = {"contents": "", "embedding_size": 16, "epochs": 20, "patience": 0, "learning_rate": 0.01}


def tutored(retrieval: dict[str, Any] | None = None, **ranking: Any) -> Recipe:
    """A cross-encoder that teaches one of two sources, unless told otherwise."""
    table = {"model": "cross_encoder", "teaches": ["towers"], "config": SETTINGS, **ranking}
    sources = [{"model": "two_tower", "name": "towers", "config": TOWER}, {"model": "popular", "weight": 0.1}]
    return Recipe(name="tutored", sources=sources, ranking=table, retrieval=retrieval or {})


@pytest.fixture(scope="module")
def learned(shop: Dataset) -> Pipeline:
    return Pipeline(tutored()).fit(shop, OPTIONS)


def test_a_source_learns_what_the_ranking_says(shop: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ranking for which every second item is best, whoever asks."""

    def score(model: object, queries: Queries, rows: IntArray | None = None) -> FloatArray:
        candidates = np.tile(np.arange(shop.n_items), (len(queries), 1)) if rows is None else rows
        return np.where(candidates % 2 == 0, 3.0, -3.0).astype(np.float32)

    monkeypatch.setattr(load("cross_encoder"), "score", score)
    shares = []
    for teaches in ([], ["towers"]):
        pipeline = Pipeline(tutored(teaches=teaches)).fit(shop, OPTIONS)
        scores = pipeline.models["towers"].score(shop.histories())
        for taste, other in ((1, COFFEE), (0, TEA)):  # of what they never buy they know only what they are told
            rows = shop.items.vocabulary.rows(other)
            best = np.argsort(-scores[taste::2, rows], axis=1)[:, :4]
            shares.append((rows[best] % 2 == 0).mean())
    assert min(shares[2:]) > 0.9
    assert np.mean(shares[:2]) < 0.75  # half of it by chance


def test_a_source_that_is_taught_learns_after_the_ranking(learned: Pipeline, shop: Dataset) -> None:
    assert [one["source"] for one in learned.card["curves"]] == ["towers", "ranking", "towers"]
    alone = Pipeline(tutored(teaches=[])).fit(shop, OPTIONS)
    asked = shop.histories()
    np.testing.assert_array_equal(alone.models["ranking"].score(asked), learned.models["ranking"].score(asked))
    assert not np.allclose(alone.models["towers"].score(asked), learned.models["towers"].score(asked))


def test_a_taught_source_answers_with_what_it_learned_last(learned: Pipeline, shop: Dataset, tmp_path: Path) -> None:
    course = learned.course(Query(user="p3", n=10))
    assert course.blend is not None
    said = learned.models["towers"].score(course.asked)[0, course.blend.rows]
    np.testing.assert_allclose(course.blend.parts[0].opinion.of(course.blend.rows), np.maximum(said, 0), atol=1e-5)
    learned.save(tmp_path / "tutored")
    again = Pipeline.load(tmp_path / "tutored")
    again.lookup = shop.history
    assert again.recommend(Query(user="p3", n=8)).to_dict() == learned.recommend(Query(user="p3", n=8)).to_dict()
    assert again.recipe == learned.recipe


def test_a_ranking_without_weight_teaches_and_is_not_asked(learned: Pipeline, shop: Dataset) -> None:
    silent = Pipeline(tutored(weight=0)).fit(shop, OPTIONS)
    np.testing.assert_array_equal(
        silent.models["towers"].score(shop.histories()), learned.models["towers"].score(shop.histories())
    )
    course = silent.course(Query(user="p3", n=10))
    assert course.blend is not None
    assert [part.name for part in course.blend.parts] == ["towers", "popular"]


def test_what_is_taught_is_searched_by_an_index_of_its_new_vectors(shop: Dataset) -> None:
    pipeline = Pipeline(tutored({"index_from": 2, "index": "exact"})).fit(shop, OPTIONS)
    model, index = pipeline.models["towers"], pipeline.artifact().indexes["towers"]
    vectors = model.item_vectors()  # type: ignore[attr-defined]
    asked = model.query_vectors(shop.histories())  # type: ignore[attr-defined]
    _, scores = index.search(asked, 3)
    np.testing.assert_allclose(scores[:, 0], (asked @ vectors.T).max(axis=1), rtol=1e-5)


@pytest.mark.parametrize(
    ("ranking", "complaint"),
    [
        ({"teaches": ["popular"]}, "the ranking cannot teach 'popular': it learns from no other model"),
        ({"teaches": ["nobody"]}, "the ranking cannot teach 'nobody': there is no source of that name"),
        ({"teaches": [], "weight": 0}, "a ranking of weight 0 that teaches nobody does nothing"),
    ],
)
def test_teaching_that_cannot_be_is_refused_in_one_sentence(
    shop: Dataset, ranking: dict[str, Any], complaint: str
) -> None:
    with pytest.raises((InputError, ValueError), match=complaint):
        Pipeline(tutored(**ranking)).fit(shop, OPTIONS)
