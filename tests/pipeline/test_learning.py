"""A pipeline that learns what people did since: like one fitted anew where its models can, and said where not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from serendip.data import Dataset, Query, Tables, event_frame
from serendip.pipeline import Pipeline, Recipe
from tests.pipeline.conftest import shop_tables

RECIPE = Recipe.parse(
    'name="learns"\n[[sources]]\nmodel="ease"\n[[sources]]\nmodel="als"\nconfig={embedding_size=8}\n'
    '[[sources]]\nmodel="item_knn"\n[[sources]]\nmodel="popular"\n',
    "here",
)
TEA_PEOPLE_TURN = [(f"p{person}", "coffee-1") for person in range(1, 40, 2)]


def more(events: list[tuple[str, str]]) -> Dataset:
    """The shop some time later."""
    users, items = zip(*events, strict=True)
    new = event_frame({"user_id": users, "item_id": items, "type": "purchase", "time_ms": [9_000_000] * len(users)})
    tables = shop_tables()
    return Dataset.from_tables(Tables(pl.concat([tables.events, new.select(tables.events.columns)]), tables.items))


ASKED = Dataset.from_tables(shop_tables()).histories()


def scores(pipeline: Pipeline, source: str) -> np.ndarray:
    return pipeline.models[source].score(ASKED)


def test_sources_that_can_learn_do_and_the_others_are_named(shop: Dataset) -> None:
    after = more([*TEA_PEOPLE_TURN, ("stranger", "tea-1")])
    pipeline, fresh = Pipeline(RECIPE).fit(shop), Pipeline(RECIPE).fit(after)
    stale = Pipeline(RECIPE).fit(shop)
    learned = pipeline.learn(shop, after)
    assert learned.sources == ("ease", "als", "popular")
    assert learned.stale == {"item_knn": "it learns by being fitted"}
    assert learned.events_left_out == 0
    for source in ("ease", "popular"):
        np.testing.assert_allclose(scores(pipeline, source), scores(fresh, source), atol=1e-6)
        assert not np.allclose(scores(stale, source), scores(fresh, source), atol=1e-3)
    assert pipeline.card["learned"]["stale"] == learned.stale
    assert pipeline.recommend(Query(user="stranger")).warnings == ()  # known by what they did since


def test_events_on_items_that_came_later_are_counted_and_left_out(shop: Dataset) -> None:
    after = more([("p1", "brand-new"), ("p3", "coffee-1")])
    pipeline = Pipeline(RECIPE).fit(shop)
    assert pipeline.learn(shop, after).events_left_out == 1
    expected = Pipeline(RECIPE).fit(more([("p3", "coffee-1")]))
    np.testing.assert_allclose(scores(pipeline, "ease"), scores(expected, "ease"), atol=1e-6)


def test_a_model_that_did_not_keep_what_it_takes_stays_stale(shop: Dataset) -> None:
    recipe = Recipe.parse('name="lean"\n[[sources]]\nmodel="ease"\nconfig={updatable=false}', "here")
    pipeline = Pipeline(recipe).fit(shop)
    before = scores(pipeline, "ease")
    learned = pipeline.learn(shop, more(TEA_PEOPLE_TURN))
    assert learned.sources == ()
    assert "updatable" in learned.stale["ease"]
    np.testing.assert_array_equal(scores(pipeline, "ease"), before)


def test_what_was_learned_is_saved_and_learned_from(shop: Dataset, tmp_path: Path) -> None:
    pipeline, after = Pipeline(RECIPE).fit(shop), more(TEA_PEOPLE_TURN)
    pipeline.learn(shop, after)
    pipeline.save(tmp_path / "saved")
    opened = Pipeline.load(tmp_path / "saved")
    later = more([*TEA_PEOPLE_TURN, ("p0", "tea-7")])
    assert opened.learn(after, later).sources == ("ease", "als", "popular")
    np.testing.assert_allclose(scores(opened, "ease"), scores(Pipeline(RECIPE).fit(later), "ease"), atol=1e-6)


@pytest.mark.parametrize("index_from", [1, 50_000])
def test_an_index_knows_what_was_learned(shop: Dataset, index_from: int) -> None:
    """What is listed is what the model scores best, also where it is found by an index."""
    recipe = Recipe.parse(
        f'name="one"\n[retrieval]\nindex_from={index_from}\nslack=1.0\n[[sources]]\nmodel="als"\n'
        "config={embedding_size=8}",
        "here",
    )
    pipeline = Pipeline(recipe).fit(shop)
    pipeline.learn(shop, more(TEA_PEOPLE_TURN))
    listed = pipeline.recommend(Query(user="p1", n=3, diversity=0)).item_ids
    history = pipeline.lookup("p1")
    own = pipeline.models["als"].score(more(TEA_PEOPLE_TURN).histories(np.array([1])))[0]
    seen = {event.item_id for event in history}
    best = [pipeline.items.ids()[row] for row in np.argsort(-own) if pipeline.items.ids()[row] not in seen | {"secret"}]
    assert listed[0] == best[0]
