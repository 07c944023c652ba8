"""Two towers: what is special about them; the promises of every model are in test_contract.py."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from serendip import models
from serendip.data import Dataset, Queries, Tables, event_frame
from serendip.training import FitOptions

OPTIONS = FitOptions(seed=3, threads=1)
KINDS = ["tea", "boots", "lamps", "maps"]
N_ITEMS, N_PEOPLE = 120, 400
MODELS = ["two_tower", "content_map", "dropout_net", "freedom", "vbpr"]


def shop(told: bool = True, shuffled: bool = False) -> Dataset:
    """Everybody likes two kinds; the last 20 things, five of each, were never met. Titles say what a thing is."""
    generator = np.random.default_rng(5)
    kinds = np.arange(N_ITEMS) % 4
    rows = []
    for person in range(N_PEOPLE):
        liked = generator.choice(4, 2, replace=False)
        theirs = np.flatnonzero(np.isin(kinds[: N_ITEMS - 20], liked))
        rows += [(f"p{person:03}", f"i{item:03}") for item in generator.choice(theirs, 8, replace=False)]
    users, items = zip(*rows, strict=True)
    said = generator.permutation(kinds) if shuffled else kinds
    titles = [f"{KINDS[kind]} of kind {KINDS[kind]} {generator.integers(9)}" for kind in said]
    catalogue = pl.DataFrame({"item_id": [f"i{item:03}" for item in range(N_ITEMS)], "title": titles})
    events = event_frame({"user_id": users, "item_id": items, "type": ["like"] * len(rows)})
    return Dataset.from_tables(Tables(events, catalogue if told else catalogue.drop("title")))


def found(model: models.Model, data: Dataset) -> float:
    """Of the five never met that are listed first, how many are of a kind that the person likes."""
    kinds = np.array([int(id_[1:]) % 4 for id_ in data.items.vocabulary.ids()])
    new = data.items.vocabulary.rows([f"i{item:03}" for item in range(N_ITEMS - 20, N_ITEMS)])
    histories = data.histories(np.arange(100))
    scores = model.score(histories)[:, new]
    best = kinds[new[np.argsort(-scores, axis=1)[:, :5]]]  # (100, 5)
    liked = [
        set(kinds[histories.item_rows[s:e]]) for s, e in zip(histories.offsets, histories.offsets[1:], strict=False)
    ]
    return float(np.mean([kind in own for own, row in zip(liked, best, strict=True) for kind in row]))


@pytest.mark.parametrize("name", MODELS)
def test_what_nobody_met_is_found_by_what_it_is(name: str) -> None:
    data = shop()
    assert found(models.make(name).fit(data, OPTIONS), data) > 0.85  # half of it by chance


@pytest.mark.parametrize("name", MODELS)
def test_contents_that_are_mixed_up_are_no_help(name: str) -> None:
    """The figure comes from the contents and from nowhere else: half of all kinds are liked."""
    data = shop(shuffled=True)
    assert 0.3 < found(models.make(name).fit(data, OPTIONS), data) < 0.7


@pytest.mark.parametrize(
    "settings", [{"fusion": "concatenation"}, {"negatives": 30}, {"contents": "attributes+text:words"}, {"own": False}]
)
def test_settings_that_do_not_change_what_is_found(settings: dict[str, object]) -> None:
    data = shop()
    assert found(models.make("two_tower", settings).fit(data, OPTIONS), data) > 0.8


def test_without_contents_it_knows_what_is_liked_together() -> None:
    data = shop(told=False)
    model = models.make("two_tower", {"epochs": 20, "patience": 0}).fit(data, OPTIONS)
    kinds = np.array([int(id_[1:]) % 4 for id_ in data.items.vocabulary.ids()])
    met = np.flatnonzero(np.bincount(data.matrix().indices, minlength=N_ITEMS))
    asked = Queries.of_histories([([row], [0], [1.0]) for row in met[:40]])
    scores = model.score(asked)
    unmet = np.setdiff1d(np.arange(N_ITEMS), met)
    np.testing.assert_array_equal(scores[:, unmet], 0)
    scores[np.arange(40), met[:40]] = -np.inf
    assert (kinds[met[scores[:, met].argmax(1)]] == kinds[met[:40]]).mean() > 0.85


def test_what_is_new_is_no_wrong_answer_while_learning() -> None:
    """Items that nobody met would be pushed away if they were: their scores are no lower than those of the met."""
    data = shop()
    model = models.make("two_tower").fit(data, OPTIONS)
    met = np.bincount(data.matrix().indices, minlength=N_ITEMS) > 0
    scores = model.score(data.histories())
    assert scores[:, ~met].mean() > scores[:, met].mean() - 0.2 * scores.std()


def test_words_count_like_an_event_of_the_history() -> None:
    data = shop()
    model = models.make("two_tower").fit(data, OPTIONS)
    kinds = np.array([int(id_[1:]) % 4 for id_ in data.items.vocabulary.ids()])
    nobody = Queries.of_histories([(np.empty(0), np.empty(0), np.empty(0))] * 2)
    assert not model.score(nobody).any()
    for kind, name in enumerate(KINDS):
        scores = model.score(nobody.saying((name, "")))
        assert (kinds[np.argsort(-scores[0])[:20]] == kind).mean() >= 0.9
        assert not scores[1].any()  # who says nothing is as before
    tea = data.items.vocabulary.rows([f"i{item:03}" for item in range(0, 24, 4)])
    drinkers = Queries.of_histories([(tea, np.zeros(6), np.ones(6))])
    alone, both = (model.score(queries)[0] for queries in (drinkers, drinkers.saying(("boots",))))
    assert both[kinds == 1].mean() > alone[kinds == 1].mean()
    assert both[kinds == 0].mean() > both[kinds == 2].mean()  # the history is not forgotten
