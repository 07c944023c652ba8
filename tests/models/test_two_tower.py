"""Two towers: what is special about them; the promises of every model are in test_contract.py."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from serendip import models
from serendip.data import Dataset, Queries, Tables, event_frame
from serendip.data.words import NOTHING, Words
from serendip.training import FitOptions, content_towers
from serendip.training.sequences import Sequences
from serendip.training.spoken import Spoken

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
    assert found(models.make("two_tower", settings).fit(data, OPTIONS), data) > 0.75


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


def grand_before_plain(fame: bool) -> float:
    """By how much new things that are grand are above plain ones, in spreads of all scores of new things.

    Grand things are taken seven times as often as plain ones, but a few of both stand for most of what people do.
    """
    generator, n_items, n_new = np.random.default_rng(8), 240, 40
    kinds, grand = np.arange(n_items) % 4, np.arange(n_items) // 4 % 2 == 0
    wanted = np.exp(2.0 * grand + generator.normal(0, 1.5, n_items))
    rows = []
    for person in range(N_PEOPLE):
        theirs = np.flatnonzero(np.isin(kinds[: n_items - n_new], generator.choice(4, 2, replace=False)))
        chance = wanted[theirs] / wanted[theirs].sum()
        rows += [(f"p{person:03}", f"i{item:03}") for item in generator.choice(theirs, 8, replace=False, p=chance)]
    users, items = zip(*rows, strict=True)
    names = ["".join(generator.choice(list("abcdefghijklmnop"), 6)) for _ in range(n_items)]
    titles = [f"{'grand' if big else 'plain'} {KINDS[kind]} {name}"
              for big, kind, name in zip(grand, kinds, names, strict=True)]  # fmt: skip
    catalogue = pl.DataFrame({"item_id": [f"i{item:03}" for item in range(n_items)], "title": titles})
    events = event_frame({"user_id": users, "item_id": items, "type": ["like"] * len(rows)})
    data = Dataset.from_tables(Tables(events, catalogue))
    new = data.items.vocabulary.rows([f"i{item:03}" for item in range(n_items - n_new, n_items)])
    scores = models.make("two_tower", {"fame": fame}).fit(data, OPTIONS).score(data.histories())[:, new]
    of_grand = grand[n_items - n_new :]
    return float((scores[:, of_grand].mean() - scores[:, ~of_grand].mean()) / scores.std())


def test_what_many_want_is_foretold_of_new_items() -> None:
    assert grand_before_plain(fame=True) > 0.6
    assert grand_before_plain(fame=False) < 0.3  # towers alone learn it of the few that everybody takes, by their names


def test_what_is_new_is_no_wrong_answer_while_learning() -> None:
    """Items that nobody met would be pushed away if they were: their scores are no lower than those of the met."""
    data = shop()
    model = models.make("two_tower").fit(data, OPTIONS)
    met = np.bincount(data.matrix().indices, minlength=N_ITEMS) > 0
    scores = model.score(data.histories())
    assert scores[:, ~met].mean() > scores[:, met].mean() - 0.2 * scores.std()


def of_its_kind(data: Dataset) -> float:
    """Of the 20 things listed for somebody who did one thing only, how many are of that kind."""
    model = models.make("two_tower").fit(data, OPTIONS)
    kinds = np.array([int(id_[1:]) % 4 for id_ in data.items.vocabulary.ids()])
    rows = data.items.vocabulary.rows([f"i{item:03}" for item in range(40)])
    scores = model.score(Queries.of_histories([([row], [0], [1.0]) for row in rows]))
    scores[np.arange(40), rows] = -np.inf
    return float((kinds[np.argsort(-scores, axis=1)[:, :20]] == kinds[rows][:, None]).mean())


def test_newcomers_are_understood_from_one_event(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody who is learned from did eight things, of two kinds."""
    data = shop()
    assert of_its_kind(data) > 0.8
    monkeypatch.setattr(content_towers, "BRIEF", 0.0)
    assert of_its_kind(data) < 0.5  # of histories that are all long, it learns nothing of short ones


def test_words_count_like_an_event_of_the_history() -> None:
    data = shop()
    model = models.make("two_tower").fit(data, OPTIONS)
    kinds = np.array([int(id_[1:]) % 4 for id_ in data.items.vocabulary.ids()])
    nobody = Queries.of_histories([(np.empty(0), np.empty(0), np.empty(0))] * 2)
    assert not model.score(nobody).any()
    of_the_kind = []
    for kind, name in enumerate(KINDS):
        scores = model.score(nobody.saying((name, "")))
        of_the_kind.append((kinds[np.argsort(-scores[0])[:20]] == kind).mean())
        assert not scores[1].any()  # who says nothing is as before
    assert min(of_the_kind) > 0.5  # a quarter by chance
    assert np.mean(of_the_kind) > 0.8
    tea = data.items.vocabulary.rows([f"i{item:03}" for item in range(0, 24, 4)])
    drinkers = Queries.of_histories([(tea, np.zeros(6), np.ones(6))])
    alone, both = (model.score(queries)[0] for queries in (drinkers, drinkers.saying(("boots",))))
    assert both[kinds == 1].mean() > alone[kinds == 1].mean()
    assert both[kinds == 0].mean() > both[kinds == 2].mean()  # the history is not forgotten


def test_what_was_said_before_counts_and_fades_with_what_was_done_since() -> None:
    data = shop()
    model = models.make("two_tower", {"memory": 3.0}).fit(data, OPTIONS)
    kinds = np.array([int(id_[1:]) % 4 for id_ in data.items.vocabulary.ids()])
    tea = data.items.vocabulary.rows([f"i{item:03}" for item in range(0, 24, 4)])
    drinker = Queries.of_histories([(tea, np.arange(10, 16), np.ones(6))])

    def boots(said_ms: int | None, signal: float = 1.0) -> float:
        """How far boots lie above maps, which the drinker never wanted either."""
        said = None if said_ms is None else Words.of([0], [NOTHING], [said_ms], [signal], ["boots"])
        scores = model.score(drinker.having_said(said))[0]
        return float(scores[kinds == 1].mean() - scores[kinds == 3].mean())

    assert boots(20) > boots(5) > boots(None)  # asked for after all of it, and before
    assert boots(20, 0.0) == boots(None)  # a bad review is no wish


def test_words_are_kept_apart_for_each_of_a_batch() -> None:
    data = shop()
    model = models.make("two_tower").fit(data, OPTIONS)
    nothing = (np.empty(0), np.empty(0), np.empty(0))
    said = Words.of([0, 2], [NOTHING] * 2, [5, 5], [1.0, 1.0], ["boots", "tea"])
    batch = Queries.of_histories([nothing] * 3).having_said(said)
    scores = model.score(batch)
    assert not scores[1].any()
    for place in range(3):
        np.testing.assert_allclose(scores[place], model.score(batch[place : place + 1])[0], rtol=1e-5, atol=1e-5)


def test_searches_teach_which_words_lead_to_which_items() -> None:
    """Whoever asks for things as one kind is called turns to the next kind."""
    data = with_searches()
    kinds = np.array([int(id_[1:]) % 4 for id_ in data.items.vocabulary.ids()])
    nothing = (np.empty(0), np.empty(0), np.empty(0))
    asked = Queries.of_histories([nothing] * 4).having_said(
        Words.of(range(4), [NOTHING] * 4, [5] * 4, [1.0] * 4, KINDS)
    )

    def led_on(learned: Dataset) -> float:
        scores = models.make("two_tower").fit(learned, OPTIONS).score(asked)
        best = kinds[np.argsort(-scores, axis=1)[:, :20]]
        return float((best == (np.arange(4)[:, None] + 1) % 4).mean())

    assert led_on(data) > 0.7
    assert led_on(replace(data, said=data.said.clear())) < 0.3


def with_searches() -> Dataset:
    """People turn to two things of any kind, ask for a kind by its name, and turn to three of the next."""
    generator = np.random.default_rng(6)
    rows: list[tuple[str, str, str, int, str | None]] = []
    for person in range(N_PEOPLE):
        asked, at = int(generator.integers(4)), 100 * person
        next_kind = np.arange((asked + 1) % 4, N_ITEMS - 20, 4)
        items = [*generator.choice(N_ITEMS - 20, 2), *generator.choice(next_kind, 3, replace=False)]
        rows += [(f"p{person}", f"i{item:03}", "like", at + 10 * place, None) for place, item in enumerate(items)]
        rows.append((f"p{person}", "", "search", at + 15, KINDS[asked]))
    columns = ("user_id", "item_id", "type", "time_ms", "text")
    events = event_frame(pl.DataFrame(rows, columns, orient="row", infer_schema_length=None))
    return Dataset.from_tables(Tables(events, shop().items.attributes))


def test_a_review_is_hidden_with_the_event_that_it_is_about() -> None:
    """Two events of one person, at places 4 and 9, a review of each and a search."""
    said = Words.of([0, 0, 0], [4, NOTHING, 9], [1, 1, 2], [1.0, 1.0, 1.0], ["about 4", "a search", "about 9"])
    sequences = Sequences(np.array([0, 2]), np.array([4, 9]), np.array([1, 2]))
    spoken = Spoken(said, [], memory=None)

    def heard(shown: list[bool], until_ms: int) -> list[str]:
        found = spoken.heard(np.array([0]), sequences, np.array(shown), np.array([until_ms]))
        return said.texts[found.rows].tolist()

    assert heard([True, False], 2) == ["about 4", "a search"]
    assert heard([False, True], 2) == ["a search", "about 9"]
    assert heard([True, True], 1) == ["about 4", "a search"]
    assert heard([True, True], 0) == []
