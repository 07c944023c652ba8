"""The popularity dial: how much fame counts in re-ranking."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from serendip.data import Dataset, Query
from serendip.pipeline import Pipeline, Recipe
from serendip.pipeline.recipe import Reranking
from serendip.pipeline.reranking import fame_of, lean

ASK = Query(history=("tea-0", "tea-1"), n=5)


def dialled(shop: Dataset, popularity: float) -> Pipeline:
    recipe = Recipe.named("default")
    return Pipeline(recipe.model_copy(update={"reranking": Reranking(popularity=popularity)})).fit(shop)


def listed(pipeline: Pipeline) -> list[str]:
    return [item.item_id for item in pipeline.recommend(ASK)]


def test_the_dial_moves_what_everybody_has_up_or_down(shop: Dataset) -> None:
    """All 40 people like the cup, no other item has more than 13."""
    plain, up, down = (listed(dialled(shop, dial)) for dial in (0.0, 1.0, -1.0))
    assert up[0] == "cup"
    assert up != plain
    assert "cup" not in down


def test_it_is_kept_in_the_saved_recommender(shop: Dataset, tmp_path: Path) -> None:
    fitted = dialled(shop, -0.7)
    fitted.save(tmp_path)
    assert (tmp_path / "fame.safetensors").is_file()
    loaded = Pipeline.load(tmp_path)
    assert listed(loaded) == listed(fitted) != listed(dialled(shop, 0.7))


def test_items_that_came_later_are_little_known(shop: Dataset) -> None:
    fitted = dialled(shop, -1.0)
    records = {id_: {"title": id_} for id_ in fitted.items.ids()}
    fitted.refresh_items({**records, "later": {"title": "a later thing"}})
    asked = fitted.recommend(ASK.model_copy(update={"text": "thing"}))
    assert [item.item_id for item in asked] == ["later"]


def test_scores_lean_as_the_formula_says() -> None:
    scores, fame = np.array([3.0, 2.0, 1.0]), np.array([0.0, 1.0, 0.5])
    np.testing.assert_allclose(lean(scores, fame, 0.5), [0.5, 0.75, 0.25])
    np.testing.assert_allclose(lean(scores, fame, -0.5), [1.0, 0.25, 0.25])
    np.testing.assert_allclose(lean(np.ones(2), np.array([0.2, 0.4]), 1.0), [0.2, 0.4])
    np.testing.assert_allclose(fame_of(np.array([0, 9, 99])), [0.0, 0.5, 1.0])
    assert not fame_of(np.zeros(3, int)).any()


def test_a_request_turns_the_dial_itself(shop: Dataset) -> None:
    plain = dialled(shop, 0.0)
    for dial in (1.0, -1.0, 0.0):
        found = plain.recommend(ASK.model_copy(update={"popularity": dial}))
        assert [item.item_id for item in found] == listed(dialled(shop, dial))
    fame = dict(zip(plain.items.ids(), plain._fame, strict=True))
    known = [
        np.mean([fame[item.item_id] for item in plain.recommend(ASK.model_copy(update={"popularity": dial}))])
        for dial in (-1.0, 0.0, 1.0)
    ]
    assert known[0] < known[1] < known[2]
    assert listed(dialled(shop, 1.0)) != [
        item.item_id for item in dialled(shop, 1.0).recommend(ASK.model_copy(update={"popularity": 0.0}))
    ]


def test_a_model_that_noted_no_fame_says_so(shop: Dataset) -> None:
    old = dialled(shop, 0.0)
    old._fame = np.empty(0, np.float32)
    found = old.recommend(ASK.model_copy(update={"popularity": -1.0}))
    assert "without noting what is well known" in found.warnings[0]
    assert len(found) == 5


def test_a_dial_beyond_its_ends_is_refused() -> None:
    with pytest.raises(ValidationError, match="popularity"):
        Reranking(popularity=1.5)
    with pytest.raises(ValidationError, match="popularity"):
        Query(popularity=-1.5)
