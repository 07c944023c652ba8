"""What is particular to factorisation machines: all pairs of columns at the price of each, and the way they learn."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp

from serendip.data import Dataset, Queries, Tables, event_frame
from serendip.models import fm
from serendip.models.fm import Fm, FmConfig

WIDTH = 1 + 3


def rated(rows: list[tuple[str, str, float]], items: pl.DataFrame | None = None) -> Dataset:
    users, things, values = zip(*rows, strict=True)
    events: dict[str, object] = {
        "user_id": list(users),
        "item_id": list(things),
        "type": ["rating"] * len(rows),
        "value": list(values),
    }
    return Dataset.from_tables(Tables(event_frame(events)) if items is None else Tables(event_frame(events), items))


def some(seed: int = 0, n_users: int = 30, n_items: int = 20) -> Dataset:
    generator = np.random.default_rng(seed)
    pairs = [(u, i) for u in range(n_users) for i in range(n_items) if generator.random() < 0.5]
    rows = [(f"u{u}", f"i{i:02}", float(generator.integers(1, 6))) for u, i in pairs]
    kinds = pl.DataFrame(
        {"item_id": [f"i{i:02}" for i in range(n_items)], "kind": [["a", "b"][i % 2] for i in range(n_items)]}
    )
    return rated(rows, kinds)


def fit(data: Dataset, **config: Any) -> Fm:
    return Fm(FmConfig(embedding_size=3, **config)).fit(data)


def machine(x: np.ndarray, table: np.ndarray) -> float:
    """Σ x b + Σ_{c < c'} (v_c · v_c') x_c x_c', pair by pair."""
    pairs = sum(x[c] * x[d] * table[c, 1:] @ table[d, 1:] for c, d in combinations(range(len(x)), 2))
    return float(x @ table[:, 0] + pairs)


def test_pairs_cost_as_much_as_columns_and_come_to_the_same() -> None:
    generator = np.random.default_rng(1)
    table = generator.standard_normal((6, WIDTH))
    x = generator.random((4, 6)) * (generator.random((4, 6)) < 0.7)
    found = fm._with_pairs(x @ table, np.square(x) @ np.square(table[:, 1:]))
    np.testing.assert_allclose(found[:, 0], [machine(row, table) for row in x])
    np.testing.assert_allclose(found[:, 1:], x @ table[:, 1:])


class Example:
    """One person with one rating: columns of the person, the context, the history (that item), two of the item."""

    X = np.array([1.0, 1.0, 1.0, 0.8, 0.6])
    VALUE = 1.5

    def __init__(self) -> None:
        self.tables = [np.random.default_rng(2).standard_normal((n, WIDTH)).astype(np.float32) for n in (1, 2, 1, 2)]

    @property
    def table(self) -> np.ndarray:
        """All columns, one below the other."""
        people, items, history, context = self.tables
        return np.concatenate([people, context[1:2], history, items]).astype(np.float64)

    def learn(self, rate: float, l2: float, bias_l2: float) -> None:
        columns = sp.csr_array(np.array([[0.8, 0.6]], np.float32))
        pull = np.array([bias_l2, *[l2] * (WIDTH - 1)], np.float32)
        rating = (np.array([0, 1], np.int32), np.array([0], np.int32), np.array([self.VALUE], np.float32))
        people, items, history, context = self.tables
        cells = (columns.indptr, columns.indices, columns.data)
        fm.learn(np.array([0]), *rating, *cells, people, items, history, context, pull, rate)


@pytest.mark.parametrize(("l2", "bias_l2"), [(0.0, 0.0), (0.3, 0.1)])
def test_a_step_goes_down_the_slope(l2: float, bias_l2: float) -> None:
    """Against finite differences of the loss, which reckons pair by pair."""
    pull = np.array([bias_l2, *[l2] * (WIDTH - 1)])

    def loss(table: np.ndarray) -> float:
        return (Example.VALUE - machine(Example.X, table)) ** 2 / 2 + float((pull * np.square(table)).sum()) / 2

    example = Example()
    before, slope = example.table, np.empty((5, WIDTH))
    for place in np.ndindex(*before.shape):
        there = np.zeros_like(before)
        there[place] = 1e-5
        slope[place] = (loss(before + there) - loss(before - there)) / 2e-5
    example.learn(1e-3, l2, bias_l2)
    np.testing.assert_allclose((before - example.table) / 1e-3, slope, atol=2e-3)


def test_a_rating_is_that_of_all_columns_with_the_person_found_by_ridge() -> None:
    data = some()
    model = fit(data, epochs=5)
    learned, scale = model.weights(), data.ratings().data
    history = data.histories(np.array([3]))
    items, stars = history.item_rows, history.values
    assert stars is not None
    bag = np.zeros(data.n_items)
    bag[items] = 1 / np.sqrt(len(items))
    length = np.zeros(fm.LENGTHS)
    length[1 + round(np.log2(len(items)))] = 1
    table = np.concatenate([learned["history"], learned["lengths"]]).astype(np.float64)
    known = machine(np.concatenate([bag, length]), table)
    meets = bag @ learned["history"] + length @ learned["lengths"]
    sums = learned["items"].astype(np.float64)
    features = np.column_stack([np.ones(len(items)), sums[items, 1:]])
    left = stars - scale.mean() - known - sums[items, 0] - sums[items, 1:] @ meets[1:]
    pull = len(items) * np.diag([model.config.bias_l2, *[model.config.l2] * 3])
    own = np.linalg.solve(features.T @ features + pull, features.T @ left)
    expected = scale.mean() + known + own[0] + sums[:, 0] + sums[:, 1:] @ (meets[1:] + own[1:])
    found = model.rate(history, np.arange(data.n_items)[None])[0]
    np.testing.assert_allclose(found, np.clip(expected, 1, 5), atol=1e-3)


def test_items_are_the_sums_of_their_columns() -> None:
    """An item that nobody has rated is what its attributes say."""
    kinds = pl.DataFrame({"item_id": ["a", "b", "c", "d", "new"], "kind": ["x", "x", "y", "y", "x"]})
    stars = {"a": 5.0, "b": 5.0, "c": 1.0, "d": 1.0}
    data = rated([(f"u{u}", item, value) for u in range(10) for item, value in stars.items()], kinds)
    sums = fit(data, epochs=40).weights()["items"]
    assert sums[4, 0] > 0.2
    assert sums[4, 0] - sums[2, 0] > 0.5


def test_what_nobody_has_taught_is_0() -> None:
    learned = fit(some(n_users=3, n_items=4), epochs=1).weights()
    assert not learned["lengths"][0].any()
    assert not learned["lengths"][10:].any()
    assert learned["lengths"][:10].any()


def test_no_history_is_answered_with_what_is_known_of_items() -> None:
    data = some()
    model = fit(data, epochs=5)
    nobody = data.histories()[0:0]
    nobody = Queries(np.zeros(2, np.int64), nobody.item_rows, nobody.times_ms, nobody.signals)
    expected = data.ratings().data.mean() + model.weights()["items"][:, 0]
    found = model.rate(nobody, np.arange(data.n_items)[None])[0]
    np.testing.assert_allclose(found, np.clip(expected, 1, 5), atol=1e-5)


def test_the_history_says_something_beside_the_ratings() -> None:
    """Everybody gives 3 stars, except that the target gets 5 from those who met the one half and 1 from the others."""
    halves = [[f"a{i}" for i in range(6)], [f"b{i}" for i in range(6)]]
    rows = [(f"u{u}", item, 3.0) for u in range(40) for item in halves[u % 2][u % 3 : u % 3 + 4]]
    rows += [(f"u{u}", "target", 1.0 if u % 2 else 5.0) for u in range(36)]
    data = rated(rows)
    target = data.items.vocabulary.row("target")
    last = data.histories(np.arange(36, 40))
    found = fit(data, epochs=60, l2=0.02).rate(last, np.full((4, 1), target))[:, 0]
    assert found[[0, 2]].min() - found[[1, 3]].max() > 1
