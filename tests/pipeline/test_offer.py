"""Items that are added after the fit: found by words at once, recommended by what they are, and harmful to nobody."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import scipy.sparse as sp

from serendip.data import Dataset, HistoryEvent, Query
from serendip.pipeline import Pipeline, Recipe
from serendip.pipeline.offer import FirstAttributed
from serendip.pipeline.recipe import Retrieval
from serendip.pipeline.tracing import trace
from serendip.retrieval import Kind

NEW_TEA, NEW_COFFEE = "tea-new", "coffee-new"
TEA_PERSON = ("tea-0", "tea-1", "tea-2")


def recipe(*sources: str) -> Recipe:
    return Recipe(name="some", sources=[{"model": name, "candidates": 50} for name in sources])


def catalogue(pipeline: Pipeline) -> dict[str, dict[str, Any]]:
    known = zip(pipeline.items.ids(), pipeline.catalogue.records, strict=True)
    return {id_: dict(record) for id_, record in known if record}


def with_newcomers(shop: Dataset, *sources: str) -> Pipeline:
    pipeline = Pipeline(recipe(*sources)).fit(shop)
    new = {
        NEW_TEA: {"title": "Tea Number New", "category": "tea", "tags": ["hot", "green"], "price": 3.0},
        NEW_COFFEE: {"title": "Coffee Number New", "category": "coffee", "tags": ["hot"], "price": 9.0},
        "secret-new": {"title": "Tea Secret", "category": "tea", "hidden": True},
    }
    pipeline.refresh_items(catalogue(pipeline) | new)
    return pipeline


@pytest.mark.parametrize("sources", [("ease",), ("item_knn", "popular"), ("als",), ("ease", "content_knn")])
def test_words_find_what_is_new_whatever_the_sources(shop: Dataset, sources: tuple[str, ...]) -> None:
    pipeline = with_newcomers(shop, *sources)
    assert NEW_TEA in pipeline.items
    assert "secret-new" not in pipeline.items
    for history in (None, TEA_PERSON, (NEW_COFFEE, "tea-0")):
        found = pipeline.recommend(Query(history=history, text="tea new", n=30))
        assert NEW_TEA in found.item_ids
        assert not found.degraded


def test_a_source_that_reads_contents_recommends_what_is_new(shop: Dataset) -> None:
    found = with_newcomers(shop, "ease", "content_knn").recommend(Query(history=TEA_PERSON, n=20))
    assert NEW_TEA in found.item_ids
    assert NEW_COFFEE not in found.item_ids[: found.item_ids.index(NEW_TEA)]
    for item in found:
        assert sum(reason.contribution for reason in item.reasons) == pytest.approx(item.score, abs=1e-5)


def test_what_is_new_counts_in_a_history_and_is_seen(shop: Dataset) -> None:
    pipeline = with_newcomers(shop, "ease", "content_knn")
    found = pipeline.recommend(Query(history=(NEW_TEA,), n=5, diversity=0))
    assert NEW_TEA not in found.item_ids
    assert not found.warnings
    assert all(item.startswith("tea") for item in found.item_ids[:3])
    assert {reason.evidence for item in found for reason in item.reasons if reason.code == "history"} == {(NEW_TEA,)}


def test_others_are_told_what_they_were_told_before(shop: Dataset) -> None:
    before, after = (
        Pipeline(recipe("ease", "item_knn", "popular")).fit(shop),
        with_newcomers(shop, "ease", "item_knn", "popular"),
    )
    for history in (TEA_PERSON, (), ("coffee-3", "cup")):
        query = Query(history=history, n=10)
        was, now = ([item.score for item in pipeline.recommend(query)] for pipeline in (before, after))
        assert now == pytest.approx(was)  # equals come in an order of their own
    seen = sp.csr_array((20, len(after.items)), dtype=bool)
    assert after.rank(shop.histories()[:20], 50, seen).max() < len(before.items)


@pytest.mark.parametrize("kind", get_args(Kind))
def test_an_index_finds_what_came_after_it(kind: Kind, shop: Dataset) -> None:
    settings = Retrieval(index_from=1, index=kind, slack=1.0)
    indexed = recipe("content_map").model_copy(update={"retrieval": settings})
    pipeline = Pipeline(indexed).fit(shop)
    pipeline.refresh_items(
        catalogue(pipeline) | {NEW_TEA: {"title": "Tea Number 3", "category": "tea", "tags": ["hot", "green"]}}
    )
    plain = Pipeline(recipe("content_map")).fit(shop)
    plain.refresh_items(
        catalogue(plain) | {NEW_TEA: {"title": "Tea Number 3", "category": "tea", "tags": ["hot", "green"]}}
    )
    query = Query(history=("tea-4",), n=15)
    assert len(pipeline._sources.indexes["content_map"]) == len(pipeline.learned)  # saved is what was fitted
    assert NEW_TEA in pipeline.recommend(query).item_ids
    assert pipeline.recommend(query).item_ids == plain.recommend(query).item_ids


def test_what_is_gone_again_is_gone_and_what_is_saved_is_what_was_fitted(shop: Dataset, tmp_path: Path) -> None:
    pipeline = with_newcomers(shop, "ease", "content_knn")
    pipeline.save(tmp_path / "saved")
    opened = Pipeline.load(tmp_path / "saved")
    assert NEW_TEA not in opened.items
    pipeline.refresh_items(catalogue(pipeline) | {NEW_TEA: {"hidden": True}})
    assert NEW_TEA not in pipeline.items
    assert NEW_COFFEE in pipeline.items
    query = Query(history=TEA_PERSON, n=10)
    assert NEW_TEA not in pipeline.recommend(query).item_ids
    opened.refresh_items(catalogue(pipeline))
    assert opened.recommend(query).to_dict() == pipeline.recommend(query).to_dict()


def test_the_way_to_a_list_with_new_items_can_be_traced(shop: Dataset) -> None:
    pipeline = with_newcomers(shop, "ease", "content_knn")
    found = trace(pipeline, Query(history=TEA_PERSON, n=20))
    assert NEW_TEA in found.item_ids


def test_a_history_stays_read_while_the_items_are_the_same(shop: Dataset) -> None:
    pipeline = with_newcomers(shop, "ease")
    reader = pipeline._offer.reader
    pipeline.refresh_items(catalogue(pipeline))
    assert pipeline._offer.reader is reader
    pipeline.refresh_items(catalogue(pipeline) | {"another": {"title": "Another"}})
    assert pipeline._offer.reader is not reader


def test_what_came_later_adds_nothing_where_the_model_does_not_know_it(shop: Dataset) -> None:
    pipeline = with_newcomers(shop, "ease")
    history = pipeline._offer.reader([HistoryEvent(item_id=id_) for id_ in ("tea-0", NEW_TEA, "tea-1")])
    model = pipeline._offer.models["ease"]
    assert isinstance(model, FirstAttributed)
    rows = pipeline.items.rows(["tea-3", NEW_TEA, "cup"])[None]
    found = model.contributions(history.queries, rows)
    assert not found[1].any()
    assert not found[:, 1].any()
    alone = pipeline.models["ease"].contributions(history.queries.of_items(len(pipeline.learned)), rows[:, [0, 2]])  # type: ignore[attr-defined]
    np.testing.assert_allclose(found[np.ix_([0, 2], [0, 2])], alone)
