"""Search on the demo world: what somebody describes is found, in both languages, and for the one who asks."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import copy

import numpy as np
import pytest

from serendip.data import Dataset, Query, Vocabulary
from serendip.features import TextEncoder
from serendip.pipeline import Pipeline, Recipe, catalogue
from serendip.pipeline.catalogue import Catalogue
from serendip.pipeline.wording import Wording
from serendip.world import World, generate
from serendip.world.items import Item
from serendip.world.requests import requests


@pytest.fixture(scope="module")
def world() -> World:
    return generate(n_items=800, n_people=80, n_days=20, target_events=4_000)


@pytest.fixture(scope="module")
def searched(world: World) -> Pipeline:
    return Pipeline(Recipe.named("default")).fit(Dataset.from_tables(world.tables()))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_described_item_is_among_the_first_five(world: World, searched: Pipeline, language: str) -> None:
    """`benchmarks.searching` measures it on the whole world."""
    asked = requests(world.catalogue.items, 120, language, np.random.default_rng(0))
    ids, people = [item.item_id for item in world.catalogue.items], world.people.user_ids

    def found(rows: list[int], **given: object) -> float:
        lists = [searched.recommend(Query(text=text, n=5, **given)).item_ids for text, _ in asked]
        return float(np.mean([ids[row] in listed for row, listed in zip(rows, lists, strict=True)]))

    rows = [row for _, row in asked]
    assert found(rows) >= 0.9
    assert found([*rows[1:], rows[0]]) <= 0.1  # or what is listed has little to do with what was asked
    tastes = [searched.lookup(user) for user in people[:20]]
    strange = [row for row in rows if all(event.item_id != ids[row] for events in tastes for event in events)]
    assert len(strange) > 60
    asked = [(text, row) for text, row in asked if row in strange]
    assert found([row for _, row in asked], user=people[7]) >= 0.9


@pytest.mark.parametrize("words", ["something like this, but for rain", "类似的，但要防泼水"])
def test_something_like_this_but_for_rain(world: World, searched: Pipeline, words: str) -> None:
    """A thing and words: what comes first keeps the rain off and is sold beside the thing."""
    of = {item.item_id: item for item in world.catalogue.items}
    dry = {id_ for id_, item in of.items() if item.material and item.material.name.en == "Recycled Nylon"}
    beside = {of[id_].category.name.en for id_ in dry}
    given = [id_ for id_, item in of.items() if item.category.name.en in beside and id_ not in dry][::8]
    alone = searched.recommend(Query(text=words, n=3)).item_ids
    assert set(alone) <= dry
    found = [searched.recommend(Query(history=(id_,), text=words, n=3)).item_ids for id_ in given]
    assert np.mean([len(set(listed) & dry) for listed in found]) > 2.9
    own = [_sold_beside(of[id_], listed, of) for id_, listed in zip(given, found, strict=True)]
    assert np.mean(own) > 0.9
    plain = searched.recipe.text.model_copy(update={"likeness": 0.0})
    searched_plainly = copy(searched)
    searched_plainly.recipe = searched.recipe.model_copy(update={"text": plain})
    without = [searched_plainly.recommend(Query(history=(id_,), text=words, n=3)).item_ids for id_ in given]
    assert np.mean([_sold_beside(of[id_], listed, of) for id_, listed in zip(given, without, strict=True)]) < np.mean(
        own
    )


def _sold_beside(item: Item, listed: tuple[str, ...], of: dict[str, Item]) -> float:
    return float(any(of[id_].category == item.category for id_ in listed))


def test_who_asks_at_once_has_it_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    class Slow(Wording):
        def __init__(self, texts: Sequence[str], before: Wording | None = None) -> None:
            made.append(len(texts))
            time.sleep(0.05)
            super().__init__(texts, before)

    monkeypatch.setattr(catalogue, "Wording", Slow)
    known = Catalogue.of(Vocabulary(["a", "b"]), {"a": {"title": "green tea"}, "b": {"title": "boots"}})
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: known.wording(("title",)), range(4)))
    assert made == [2]
    assert len(set(map(id, found))) == 1


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that are read to be searched, as they are read."""
    read: list[str] = []
    real = TextEncoder.count
    monkeypatch.setattr(TextEncoder, "count", lambda self, some: real(self, (read.append(one) or one for one in some)))
    return read


def test_a_changed_catalogue_reads_what_changed_and_finds_what_a_fresh_one_does(read: list[str]) -> None:
    generator = np.random.default_rng(0)
    words = [f"{one}{other}" for one in ("tea", "boot", "lamp", "rain") for other in ("", "s", "y", "pot", "let")]
    texts = [" ".join(generator.choice(words, 4)) for _ in range(60)]
    before = Wording(["a word that goes away", *texts])
    later = [*texts[::-1][:40], "a kettle for tea", *texts[:10], "", texts[3]]
    read.clear()
    changed = Wording(later, before)
    assert read == ["a kettle for tea", ""]
    fresh = Wording(later)
    for request in ("tea", "kettle", "rainy boots", "a word that goes away", "nothing"):
        (found, unsaid), (wanted, least) = changed.match(request), fresh.match(request)
        np.testing.assert_allclose(found, wanted, atol=1e-5)
        assert unsaid == pytest.approx(least, abs=1e-5)
    rows, weights = np.array([0, 40]), np.array([1.0, 0.5], np.float32)
    np.testing.assert_allclose(changed.like(rows, weights), fresh.like(rows, weights), atol=1e-5)
    gone = before.match("a word that goes away")[0]
    assert gone[0] == 1.0  # the earlier one finds what it found: somebody may be searching it


def test_what_was_read_stays_read_when_an_item_changes(searched: Pipeline, read: list[str]) -> None:
    mine = copy(searched)
    records = dict(zip(mine.items.ids(), mine.catalogue.records, strict=True))
    mine.refresh_items(records)
    mine.recommend(Query(text="boots"))
    read.clear()
    first = next(iter(records))
    mine.refresh_items(records | {first: {**records[first], "title": "a zeppelin"}})
    mine.refresh_items(records | {first: {**records[first], "title": "a zeppelin of tin"}})  # nobody searched between
    assert first in mine.recommend(Query(text="zeppelin")).item_ids
    assert len(read) == 1
