"""What is particular to AutoRec: what is read of ratings, and people who are folded in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from serendip.algebra.rated import Scale
from serendip.data import Dataset, Queries, Tables, event_frame
from serendip.models import autorec
from serendip.models.autorec import AutoRec, AutoRecConfig
from serendip.training import FitOptions
from serendip.training.profiles import Profiles

ONE = FitOptions(seed=3, threads=1)
SMALL: dict[str, Any] = {"embedding_size": 4, "epochs": 5}


def ratings(seed: int = 0, n_people: int = 30, n_items: int = 20) -> np.ndarray:
    """A rating from 1 to 5 of each pair: two tastes, and things of different worth."""
    generator = np.random.default_rng(seed)
    tastes = np.where(np.arange(n_people)[:, None] % 2 == np.arange(n_items) % 2, 1.0, -1.0)
    worth = generator.normal(0, 0.5, n_items)
    return np.clip(np.rint(3 + tastes + worth + generator.normal(0, 0.3, tastes.shape)), 1, 5)


def events(given: np.ndarray, kept: np.ndarray) -> Dataset:
    who, what = np.nonzero(kept)
    columns: dict[str, object] = {
        "user_id": [f"u{u:02}" for u in who],
        "item_id": [f"i{i:02}" for i in what],
        "type": ["rating"] * len(who),
        "value": given[who, what].tolist(),
    }
    things = event_frame({"item_id": [f"i{i:02}" for i in range(given.shape[1])]}).select("item_id")
    people = event_frame({"user_id": [f"u{u:02}" for u in range(given.shape[0])]}).select("user_id")
    return Dataset.from_tables(Tables(event_frame(columns), things, people))


def some(seed: int = 0) -> Dataset:
    return events(ratings(), np.random.default_rng(seed).random((30, 20)) < 0.5)


def asked(items: list[int], given: list[float]) -> Queries:
    """One history."""
    history = (np.array(items), np.arange(len(items)), np.ones(len(items)))
    return Queries.of_histories([history], [np.array(given)])


def fit(data: Dataset, **settings: Any) -> AutoRec:
    return AutoRec(AutoRecConfig(**settings)).fit(data, ONE)


def test_the_network_is_the_formula_and_a_rating_like_the_mean_is_one_too() -> None:
    torch.manual_seed(0)
    pulls = {"l2": 0.5, "column_l2": 0.75, "rating_l2": 0.125, "bias_l2": 0.25}
    net = autorec._Net(AutoRecConfig(embedding_size=4, dropout=0.0, **pulls), np.array([1, 1, 1]))
    rows = sp.csr_array((np.array([1.0, 0.0, -2.0], np.float32), ([0, 0, 1], [0, 2, 1])), shape=(2, 3))
    w = {name: value.numpy().astype(np.float64) for name, value in net.state_dict().items()}
    e = 1 / (1 + np.exp(-(rows.toarray() @ w["first.items.weight"] + w["first.bias"])))
    found = e @ w["out.weight"].T + w["out.bias"] + e @ w["shared.weight"].T + w["shared.bias"]
    people = Profiles.of(rows)
    np.testing.assert_allclose(net(people).detach().numpy(), found, atol=1e-6)
    off = (found[0, 0] - 1) ** 2 + found[0, 2] ** 2 + (found[1, 1] + 2) ** 2
    pull = 0.5 * np.square(w["first.items.weight"]).sum() + (0.75 + 0.125) * np.square(w["out.weight"]).sum()
    pull += 0.25 * np.square(w["out.bias"]).sum()
    loss = net.loss(people, "all", np.random.default_rng(0)).item()
    assert loss == pytest.approx((off + pull) / 3, rel=1e-5)


def test_people_are_a_ridge_regression_on_the_hidden_layers_of_their_items() -> None:
    model = fit(some(), column_l2=0.3, rating_l2=0.2, bias_l2=0.7, **SMALL)
    kept = model.weights()
    mean = kept["scale"][0]
    history, given = [2, 5, 9], np.array([4.0, 1.0, 5.0])
    features = kept["factors"][history].astype(np.float64)
    left = given - mean - kept["bias"][history]
    person = np.linalg.solve(features.T @ features + np.diag([0.7, 0.9, 0.9, 0.9, 0.9]), features.T @ left)
    expected = kept["factors"] @ person + kept["bias"]
    np.testing.assert_allclose(model.score(asked(history, given.tolist()))[0], expected, atol=1e-4)
    rated = model.rate(asked(history, given.tolist()), np.arange(20)[None])
    np.testing.assert_allclose(rated[0], np.clip(mean + expected, 1, 5), atol=1e-4)


def test_who_is_folded_in_is_who_was_learned() -> None:
    data = some()
    config = AutoRecConfig(
        embedding_size=4, epochs=80, learning_rate=0.05, l2=0.5, column_l2=0.5, rating_l2=0.05, dropout=0.0
    )
    matrix = data.ratings()
    scale = Scale.of(data, matrix)
    rows = autorec._centred(sp.csr_array(matrix.T), scale)
    net = autorec._taught(rows, config, ONE)
    learned = net(Profiles.of(rows)).detach().numpy().T + scale.mean  # (U, N)
    model = AutoRec(config).fit(data, ONE)
    folded = model.score(data.histories()) + scale.mean
    assert np.abs(folded - learned).mean() < 0.02
    assert learned.std() > 0.5


@pytest.mark.parametrize("reads", ["items", "people"])
def test_ratings_that_were_withheld_are_foretold_better_than_by_the_mean_of_an_item(reads: str) -> None:
    given = ratings()
    known = np.random.default_rng(1).random(given.shape) < 0.6
    model = fit(events(given, known), reads=reads, embedding_size=8, l2=1.0, column_l2=1.0, rating_l2=0.02)
    found = model.rate(events(given, known).histories(), np.tile(np.arange(20), (30, 1)))
    means = np.where(known, given, 0).sum(axis=0) / known.sum(axis=0)

    def rmse(off: np.ndarray) -> float:
        return float(np.sqrt(np.square(off[~known]).mean()))

    assert rmse(found - given) < 0.7 * rmse(means - given)


def test_rows_of_people_answer_as_the_network_reads_them() -> None:
    model = fit(some(), reads="people", **SMALL)
    w, history, given = model.weights(), [2, 5, 9], np.array([4.0, 1.0, 5.0])
    row = np.zeros(20)
    row[history] = given - w["scale"][0]
    e = 1 / (1 + np.exp(-(row @ w["first.items.weight"] + w["first.bias"])))
    expected = w["out.weight"] @ e + w["out.bias"] + w["shared.weight"] @ e + w["shared.bias"]
    np.testing.assert_allclose(model.score(asked(history, given.tolist()))[0], expected, atol=1e-4)


def test_rows_of_people_are_saved_and_keep_the_contract_of_ratings() -> None:
    data = some()
    model = fit(data, reads="people", **SMALL)
    again = AutoRec(model.config).restore(model.weights())
    np.testing.assert_array_equal(again.score(data.histories()), model.score(data.histories()))
    nothing = asked([], [])
    np.testing.assert_array_equal(model.score(nothing), np.zeros((1, 20)))
    np.testing.assert_allclose(model.rate(nothing, np.arange(20)[None]), model.weights()["scale"][0], atol=1e-6)
    liked = Dataset.from_tables(Tables(event_frame({"user_id": ["a"], "item_id": ["b"], "type": ["like"]})))
    np.testing.assert_array_equal(fit(liked, reads="people", **SMALL).score(asked([0], [np.nan])), [[0.0]])


def test_who_has_rated_nothing_is_told_what_most_say() -> None:
    given = ratings()
    model = fit(some(), embedding_size=8, l2=1.0, column_l2=1.0, rating_l2=0.02)
    found = model.rate(asked([], []), np.arange(20)[None])[0]
    assert np.corrcoef(found, given.mean(axis=0))[0, 1] > 0.8


def test_a_stronger_pull_leaves_less_of_a_person() -> None:
    weak, strong = (fit(some(), column_l2=l2, bias_l2=l2, embedding_size=4) for l2 in (0.2, 200.0))
    spread = [float(model.score(some().histories()).std(axis=0).mean()) for model in (weak, strong)]
    assert spread[1] < 0.5 * spread[0]
