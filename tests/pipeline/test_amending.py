"""Another recipe over what was fitted: the same as fitting it, where nothing has to be learned; else a refusal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from serendip.data import DamagedArtifactError, Dataset, InputError, Query
from serendip.pipeline import Pipeline, Recipe
from serendip.pipeline.amending import amend, amended, changes

DEFAULT = Recipe.named("default")
ASKED = (Query(history=("tea-1", "tea-2"), n=6), Query(n=6), Query(text="coffee", n=6), Query(user="p3", n=6))


def changed(recipe: Recipe = DEFAULT, **values: Any) -> Recipe:
    """`reranking={...}` changes values of a part; `weights={...}` those of sources by name; else as given."""
    table = recipe.model_dump()
    for name, weight in values.pop("weights", {}).items():
        next(one for one in table["sources"] if one["name"] == name)["weight"] = weight
    for part, value in values.items():
        table[part] = {**table[part], **value} if isinstance(value, dict) and isinstance(table[part], dict) else value
    return Recipe.model_validate(table)


def without(name: str, recipe: Recipe = DEFAULT) -> Recipe:
    return changed(recipe, sources=[one.model_dump() for one in recipe.sources if one.name != name])


FREE = {
    "a weight": changed(weights={"als": 0.2}),
    "a filter": changed(filters={"seen": False}),
    "a rule": changed(filters={"rules": {"category": "tea"}}),
    "variety": changed(reranking={"diversity": 0.8, "max_per": {"category": 2}}),
    "exploration": changed(exploration={"places": (3,)}),
    "a source less": without("als"),
    "no pictures": changed(picture={"encoder": None}),
    "the well known": changed(reranking={"popularity": 0.5}),
    "a name": changed(name="another", description="says more"),
}


@pytest.mark.parametrize("new", FREE.values(), ids=FREE)
def test_what_needs_no_fit_answers_as_if_it_had_been_fitted(
    pipeline: Pipeline, shop: Dataset, new: Recipe, tmp_path: Path
) -> None:
    assert not [one for one in changes(DEFAULT, new, 18) if one.fit]
    expected = Pipeline(new).fit(shop)
    pipeline.save(tmp_path / "old")
    (tmp_path / "new").mkdir()
    amend(tmp_path / "old", tmp_path / "new", new, {})
    found = Pipeline.load(tmp_path / "new")
    found.lookup = shop.history
    here = Pipeline.of(amended(pipeline.artifact(), new))
    here.lookup = shop.history
    for query in ASKED:
        assert found.recommend(query).to_dict() == expected.recommend(query).to_dict()
        assert here.recommend(query).to_dict() == expected.recommend(query).to_dict()
    assert found.recipe == new
    assert found.card["recipe"] == new.name


NEEDING = {
    "another model": changed(sources=[{"model": "ease"}, {"model": "item_knn"}]),
    "another setting": changed(sources=[{"model": "ease", "config": {"l2": 5.0}}]),
    "a ranking": changed(ranking={"model": "cross_encoder"}),
    "an encoder": changed(text={"encoder": "words"}),
    "an index": changed(retrieval={"index_from": 10}),
}


@pytest.mark.parametrize("new", NEEDING.values(), ids=NEEDING)
def test_what_has_to_be_learned_is_refused(pipeline: Pipeline, new: Recipe, tmp_path: Path) -> None:
    assert [one for one in changes(DEFAULT, new, 18) if one.fit]
    with pytest.raises(InputError, match="needs a fit"):
        amended(pipeline.artifact(), new)
    pipeline.save(tmp_path / "old")
    with pytest.raises(InputError, match="needs a fit"):
        amend(tmp_path / "old", tmp_path / "new", new, {})
    assert not (tmp_path / "new").exists()


def test_a_default_that_is_spelled_out_is_no_change() -> None:
    spelled = changed(sources=[{**one.model_dump(), "config": _full(one)} for one in DEFAULT.sources])
    assert changes(DEFAULT, spelled, 18) == []


def _full(source: Any) -> dict[str, Any]:
    from serendip import models

    return dict(models.make(source.model, source.config).config.model_dump())


def test_changes_name_their_places() -> None:
    found = changes(DEFAULT, changed(weights={"als": 2.0}, name="mine"), 18)
    assert [(one.place, one.before, one.after) for one in found] == [
        (("name",), "default", "mine"),
        (("sources", "als", "weight"), 1.0, 2.0),
    ]


def test_fitted_files_are_shared_and_still_checked(pipeline: Pipeline, tmp_path: Path) -> None:
    pipeline.save(tmp_path / "old")
    (tmp_path / "new").mkdir()
    amend(tmp_path / "old", tmp_path / "new", without("ease"), {"said": 1})
    weights = tmp_path / "new" / "models" / "0-als" / "weights.safetensors"
    assert weights.samefile(tmp_path / "old" / "models" / "1-als" / "weights.safetensors")
    assert json.loads((tmp_path / "new" / "card.json").read_bytes())["said"] == 1
    content = weights.read_bytes()
    weights.write_bytes(content[:-1])
    with pytest.raises(DamagedArtifactError, match="als"):
        Pipeline.load(tmp_path / "new")


def test_slack_is_changed_in_the_index_that_is_there(shop: Dataset, tmp_path: Path) -> None:
    indexed = changed(sources=[{"model": "als"}], retrieval={"index_from": 2, "slack": 0.5})
    Pipeline(indexed).fit(shop).save(tmp_path / "old")
    (tmp_path / "new").mkdir()
    exact = changed(indexed, retrieval={"slack": 1.0})
    amend(tmp_path / "old", tmp_path / "new", exact, {})
    assert Pipeline.load(tmp_path / "new").artifact().indexes["als"].slack == 1.0  # type: ignore[attr-defined]
    assert Pipeline.load(tmp_path / "old").artifact().indexes["als"].slack == 0.5  # type: ignore[attr-defined]
    (tmp_path / "whole").mkdir()
    amend(tmp_path / "old", tmp_path / "whole", changed(indexed, retrieval={"index_from": 100}), {})
    assert not (tmp_path / "whole" / "indexes").exists()


def test_whom_a_ranking_teaches_is_no_question_of_answering() -> None:
    towers = [{"model": "two_tower"}]
    old = changed(sources=towers, ranking={"model": "cross_encoder", "teaches": ["two_tower"]})
    silent, alone = changed(old, ranking={"weight": 0}), changed(old, ranking={"teaches": []})
    assert [one.fit for one in changes(old, silent, 18)] == [""]
    assert [one.fit for one in changes(old, alone, 18)] == ["what a ranking teaches is learned by a fit"]
    assert [one.fit for one in changes(alone, old, 18)] == ["what a ranking teaches is learned by a fit"]
