"""Protocols and models as they are named, and what becomes a ranker."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from serendip.data import Dataset, InputError, Queries, Tables, event_frame
from serendip.data.arrays import FloatArray
from serendip.evaluation import ModelRanker, Protocol, evaluate
from serendip.evaluation.rankers import entrants
from serendip.evaluation.specification import parse
from serendip.models import make
from serendip.pipeline import Pipeline
from serendip.training import FitOptions


def test_values_are_read_as_what_they_are() -> None:
    assert parse("als") == ("als", {})
    name, settings = parse("any?a=3&b=0.5&c=true&d=null&e=plain&f=[1, 2]&g=x=y")
    assert name == "any"
    assert settings == {"a": 3, "b": 0.5, "c": True, "d": None, "e": "plain", "f": [1, 2], "g": "x=y"}


@pytest.mark.parametrize(("text", "words"), [("ease?l2", "'l2' is not of the form"), ("ease?l2=1&l2=2", "given twice")])
def test_settings_that_cannot_be_read_are_said(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        parse(text)


def test_protocols_are_named_with_their_settings() -> None:
    protocol = Protocol.of("random-per-user?seed=3&seen=allowed", (20, 5, 5))
    assert (protocol.split, protocol.parameters, protocol.seen) == ("random-per-user", {"seed": 3}, "allowed")
    assert (protocol.cutoffs, protocol.depth) == ((5, 20), 20)
    assert protocol.to_json()["parameters"] == {"test_share": 0.2, "seed": 3}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("by-moon", "there is no protocol 'by-moon'; there are global-time"),
        ("global-time?share=0.2", "no parameter 'share'; there are test_share"),
        ("global-time?seen=maybe", "excluded or allowed"),
    ],
)
def test_protocols_that_do_not_exist_are_said(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Protocol.of(text)
    with pytest.raises(InputError, match="at least 1"):
        Protocol(cutoffs=(0, 10))


def test_names_models_and_twins_get_names_of_their_own() -> None:
    model = make("popular", {"half_life_days": 30})
    names = [it.name for it in entrants(["popular", model, make("popular"), "popular?half_life_days=7", "popular"])]
    assert names == [
        "popular",
        "popular?half_life_days=30.0",
        "popular (2)",
        "popular?half_life_days=7",
        "popular (3)",
    ]
    assert entrants([model])[0].config == {"half_life_days": 30.0}


def test_what_is_no_ranker_is_refused() -> None:
    with pytest.raises(InputError, match="there is no model 'best'"):
        entrants(["best"])
    with pytest.raises(InputError, match="half_life"):
        entrants(["popular?half_life=3"])
    with pytest.raises(TypeError, match="neither `rank`, `score` nor `rate`"):
        entrants([3])


class Keeper:
    """A model that hands out the very scores it keeps."""

    def __init__(self) -> None:
        self.kept = np.array([[3.0, 2.0, 1.0]], dtype=np.float32)

    def score(self, queries: Queries, rows: None = None) -> FloatArray:
        return np.broadcast_to(self.kept, (len(queries), 3))


def test_a_model_with_vectors_lists_what_its_scores_say() -> None:
    generator = np.random.default_rng(5)
    people, things = generator.integers(0, 40, 600), generator.integers(0, 30, 600)
    columns = {"user_id": [f"u{u}" for u in people], "item_id": [f"i{i}" for i in things], "type": ["like"] * 600}
    data = Dataset.from_tables(Tables(event_frame(columns)))
    ranker = entrants(["als?embedding_size=8"])[0].ranker.fit(data)
    queries, seen = data.histories(), data.matrix()
    expected = ranker.best(ranker.scores(queries, seen), 10)
    assert np.mean(ranker.rank(queries, 10, seen) == expected) > 0.99  # of sums that differ in the last bit, either


def test_a_recipe_competes_by_its_name() -> None:
    (entrant,) = entrants(["default"])
    assert isinstance(entrant.ranker, Pipeline)
    assert entrant.config["name"] == "default"


def test_a_model_lists_its_best_unseen_items_and_keeps_its_scores() -> None:
    keeper = Keeper()
    queries = Queries(np.zeros(3, np.int64), np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0, np.float32))
    seen = sp.csr_array(np.array([[True, False, False], [False, True, True]]))
    rows = ModelRanker(keeper).rank(queries, 2, seen)  # type: ignore[arg-type]
    assert rows.tolist() == [[1, 2], [0, -1]]
    assert keeper.kept.tolist() == [[3.0, 2.0, 1.0]]


class Listener:
    """Lists nothing and remembers when it was asked."""

    name = "listener"

    def __init__(self) -> None:
        self.asked_ms: list[int] = []

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Listener:
        return self

    def rank(self, queries: Queries, k: int, seen: sp.csr_array) -> np.ndarray:
        assert queries.asked_ms is not None
        self.asked_ms += queries.asked_ms.tolist()
        return np.full((len(queries), k), -1)


def test_people_ask_at_the_first_event_that_is_right() -> None:
    events = [("a", "x", 1), ("b", "y", 2), ("a", "y", 3), ("b", "x", 4), ("b", "z", 5), ("a", "z", 6)]
    users, items, times_ms = zip(*events, strict=True)
    columns = {"user_id": users, "item_id": items, "type": ["like"] * 6, "time_ms": times_ms}
    dataset, listener = Dataset.from_tables(Tables(event_frame(columns))), Listener()
    evaluate(dataset, [listener], Protocol("global-time", {"test_share": 0.5}))
    assert listener.asked_ms == [6, 4]
    listener.asked_ms.clear()
    evaluate(dataset, [listener], Protocol("leave-one-out"))
    assert listener.asked_ms == [6, 5]
