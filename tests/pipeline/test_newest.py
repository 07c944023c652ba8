"""The newest of what may be listed: in what order, and under which rules."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from serendip.data import Dataset, Query
from serendip.pipeline import Pipeline, Recipe
from serendip.pipeline.arrivals import arrivals, newest_first
from serendip.pipeline.recipe import Exploration
from serendip.serving.asked import Asked
from tests.pipeline.conftest import COFFEE, TEA, shop_tables

DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def dated() -> Pipeline:
    """The shop, in which tea came after coffee, each on a day of its own, and the cup says nothing."""
    pipeline = Pipeline(Recipe.named("default")).fit(Dataset.from_tables(shop_tables()))
    days = {item: {"added_ms": DAY_MS * day, "category": item[:3]} for day, item in enumerate([*COFFEE, *TEA], 1)}
    pipeline.refresh_items({**days, "cup": {"title": "Cup"}, "secret": {"added_ms": DAY_MS * 99, "hidden": True}})
    return pipeline


def listed(pipeline: Pipeline, **asked: Any) -> list[str]:
    return [item.item_id for item in pipeline.recommend(Query(order="newest", **asked))]


def test_what_arrived_last_comes_first_and_what_says_nothing_comes_last(dated: Pipeline) -> None:
    assert listed(dated, n=3) == TEA[:-4:-1]
    assert listed(dated, n=99) == [*TEA[::-1], *COFFEE[::-1], "cup"]


def test_an_item_that_joins_a_running_service_is_the_newest(dated: Pipeline) -> None:
    before = dict(zip(dated.items.ids(), dated.catalogue.records, strict=True))
    dated.refresh_items({**before, "later": {"title": "Later", "added_ms": DAY_MS * 50}})
    assert listed(dated, n=2) == ["later", TEA[-1]]
    dated.refresh_items(before)


def test_the_rules_of_a_request_hold(dated: Pipeline) -> None:
    assert listed(dated, n=2, history=(TEA[-1],), without=frozenset({TEA[-2]})) == [TEA[-3], TEA[-4]]
    assert listed(dated, n=2, filter={"category": "cof"}) == COFFEE[:-3:-1]
    assert listed(dated, n=3, max_per={"category": 1}) == [TEA[-1], COFFEE[-1], "cup"]
    assert listed(dated, n=5, text="cup") == ["cup"]


def test_scores_and_reasons_are_those_of_taste(dated: Pipeline) -> None:
    found = dated.recommend(Query(order="newest", history=(TEA[0], TEA[1]), n=6))
    assert any(reason.evidence for item in found for reason in item.reasons)
    for item in found:
        assert item.source == "newest"
        assert sum(reason.contribution for reason in item.reasons) == pytest.approx(item.score, abs=1e-6)


def test_what_is_similar_stays_similar(dated: Pipeline) -> None:
    asked = Query(order="newest", n=4)
    assert dated.similar(COFFEE[0], asked).item_ids == dated.similar(COFFEE[0], Query(n=4)).item_ids


def test_the_newest_are_not_explored(dated: Pipeline) -> None:
    explored = Pipeline(Recipe.named("default").model_copy(update={"exploration": Exploration(places=(1,), share=1.0)}))
    explored.fit(Dataset.from_tables(shop_tables()))
    asked = Query(user="p1", n=5)
    told = [explored.recommend(one, lambda: 0.5) for one in (asked, asked.model_copy(update={"order": "newest"}))]
    assert [any(item.exploration for item in found) for found in told] == [True, False]


def test_it_is_asked_again_from_the_log() -> None:
    asked = Asked("recommendations", Query(user="ann", order="newest", popularity=-0.5))
    assert Asked.of_json(asked.to_json(), "ann", "default") == asked


def test_the_first_attribute_that_says_a_time_counts() -> None:
    told = arrivals([{"added": "1970-01-02", "year": 2020}, {"added": 86_400 * 2}, {"added": "soon"}, {"year": 1999}])
    np.testing.assert_array_equal(told, [DAY_MS, DAY_MS * 2, np.nan, np.nan])
    assert np.isnan(arrivals([{"year": "MMXX"}, {"year": 10**9}, {}])).all()


def test_where_nothing_says_a_time_the_order_of_arrival_counts() -> None:
    assert newest_first([{"title": "a"}, {"title": "b"}, {}]).tolist() == [2, 1, 0]
    assert newest_first([{"year": 2001}, {"year": 2002}, {"year": 2002}, {}]).tolist() == [2, 1, 0, 3]
