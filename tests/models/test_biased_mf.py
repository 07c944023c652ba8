"""Biased MF: the descent, its blocks, the solutions by turns, and who is folded in."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from serendip import models
from serendip.algebra.rated import Scale
from serendip.data import Dataset, Queries, Tables, event_frame
from serendip.models import biased_mf
from serendip.models.biased_mf import GROUPS, BiasedMf, BiasedMfConfig
from serendip.training import FitOptions


def rated(users: int = 40, items: int = 30, seed: int = 0, rank: int = 2) -> Dataset:
    """Ratings around 3 that a few tastes and two biases explain."""
    generator = np.random.default_rng(seed)
    who, what = np.nonzero(generator.random((users, items)) < 0.5)
    tastes, kinds = generator.standard_normal((users, rank)), generator.standard_normal((items, rank))
    values = 3 + 0.5 * np.sum(tastes[who] * kinds[what], axis=1) + 0.5 * generator.standard_normal(users)[who]
    columns = {
        "user_id": [f"u{u:02}" for u in who],
        "item_id": [f"i{i:02}" for i in what],
        "type": ["rating"] * len(who),
        "value": np.clip(values, 1, 5).tolist(),
    }
    return Dataset.from_tables(Tables(event_frame(columns)))


def asked(items: list[int], ratings: list[float], signals: list[float] | None = None) -> Queries:
    """One history."""
    history = (np.array(items), np.arange(len(items)), np.array(signals or [1.0] * len(items)))
    return Queries.of_histories([history], [np.array(ratings)])


def fit(data: Dataset, threads: int = 1, **settings: Any) -> BiasedMf:
    return BiasedMf(BiasedMfConfig(**settings)).fit(data, FitOptions(3, threads))


def errors(model: BiasedMf, data: Dataset) -> float:
    """RMSE on the ratings learned from."""
    found = model.rate(data.histories(), np.tile(np.arange(data.n_items), (data.n_users, 1)))
    given = data.ratings().tocoo()
    return float(np.sqrt(np.mean((found[given.row, given.col] - given.data) ** 2)))


def test_a_step_is_the_gradient_of_one_rating_after_the_other() -> None:
    generator = np.random.default_rng(1)
    users, items = np.array([0, 1, 0, 2], np.int32), np.array([1, 1, 0, 2], np.int32)
    ratings = np.array([5, 1, 4, 3], np.float32)
    p, q = (generator.standard_normal((3, 4)).astype(np.float32) for _ in range(2))
    bu, bi = (generator.standard_normal(3).astype(np.float32) for _ in range(2))
    expected = [one.astype(np.float64) for one in (p, q, bu, bi)]
    mean, step, l2, bias_l2 = 3.0, 0.1, 0.2, 0.3
    for u, i, r in zip(users, items, ratings, strict=True):
        P, Q, BU, BI = expected
        off = r - (mean + BU[u] + BI[i] + P[u] @ Q[i])
        BU[u] += step * (off - bias_l2 * BU[u])
        BI[i] += step * (off - bias_l2 * BI[i])
        P[u], Q[i] = P[u] + step * (off * Q[i] - l2 * P[u]), Q[i] + step * (off * P[u] - l2 * Q[i])
    biased_mf._descend(0, 4, users, items, ratings, p, q, bu, bi, np.array([mean, step, l2, bias_l2], np.float32))
    for found, wanted in zip((p, q, bu, bi), expected, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_blocks_side_by_side_share_neither_people_nor_items() -> None:
    given = rated().ratings()
    blocks = biased_mf._Blocks.of(given, np.random.default_rng(0))
    cells = sp.coo_array((blocks.ratings, (blocks.users, blocks.items)), shape=given.shape)
    np.testing.assert_array_equal(cells.toarray(), given.toarray())  # each rating is in one block
    for ends in blocks.offsets:
        for side in (blocks.users, blocks.items):
            members = [set(side[start:stop].tolist()) for start, stop in pairwise(ends)]
            assert sum(map(len, members)) == len(set().union(*members))
    assert blocks.offsets.shape == (GROUPS, GROUPS + 1)


def test_groups_have_about_as_many_ratings() -> None:
    rows = np.random.default_rng(0).integers(0, 500, 20_000)
    sizes = np.bincount(biased_mf._groups(rows, 500, np.random.default_rng(1))[rows], minlength=GROUPS)
    assert sizes.min() > 0.9 * 20_000 / GROUPS


@pytest.mark.parametrize("solver", ["sgd", "als"])
def test_threads_change_nothing_at_all(solver: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(biased_mf, "WORTH_THREADS", 0)
    one, four = (fit(rated(), threads, solver=solver).weights() for threads in (1, 4))
    for name, array in one.items():
        np.testing.assert_array_equal(array, four[name])


@pytest.mark.parametrize("solver", ["sgd", "als"])
def test_it_learns_what_there_is_to_learn(solver: str) -> None:
    data = rated()
    settings: dict[str, Any] = {"solver": solver, "embedding_size": 8, "learning_rate": 0.02, "decay": 1.0, "l2": 0.01}
    assert errors(fit(data, epochs=150, **settings), data) < 0.25
    assert errors(fit(data, epochs=1, **(settings | {"l2": 1.0})), data) > 0.5


def test_each_epoch_of_als_lowers_what_it_minimises() -> None:
    data = rated()
    given = data.ratings()
    losses = []
    for epochs in range(1, 6):
        config = BiasedMfConfig(solver="als", embedding_size=4, epochs=epochs, l2=0.05, bias_l2=0.02)
        start = biased_mf._Factors.drawn(given, 4, np.random.default_rng(0))
        found = biased_mf._alternated(start, given, 3.0, config, FitOptions(0, 1))
        cells = given.tocoo()
        u, i = cells.row, cells.col
        fits = np.sum(found.people[u] * found.items[i], axis=1)
        off = cells.data - (3.0 + found.person_bias[u] + found.item_bias[i] + fits)
        squares = 0.05 * (np.sum(found.people[u] ** 2, axis=1) + np.sum(found.items[i] ** 2, axis=1))
        losses.append(np.sum(off**2 + squares + 0.02 * (found.person_bias[u] ** 2 + found.item_bias[i] ** 2)))
    assert (np.diff(losses) < 0).all()


@pytest.mark.parametrize(("solver", "once"), [("sgd", 1 / (0.01 + 0.005 + 0.0025)), ("als", 0.0)])
def test_people_are_the_ridge_solution_of_their_ratings(solver: str, once: float) -> None:
    settings: dict[str, Any] = {
        "learning_rate": 0.01,
        "decay": 0.5,
        "epochs": 3,
        "embedding_size": 4,
        "l2": 0.1,
        "bias_l2": 0.05,
    }
    model = fit(rated(), solver=solver, **settings)
    items = model.weights()
    mean = items["scale"][0]
    history, given = [2, 5, 9], np.array([4.0, 1.0, 5.0])
    features = items["factors"][history].astype(np.float64)
    pull = 3 * np.diag([0.05, 0.1, 0.1, 0.1, 0.1]) + once * np.eye(5)
    person = np.linalg.solve(features.T @ features + pull, features.T @ (given - mean - items["bias"][history]))
    scores = model.score(asked(history, given.tolist()))
    np.testing.assert_allclose(scores[0], items["factors"] @ person + items["bias"], atol=1e-4)


def test_a_score_is_the_rating_above_the_mean_where_the_range_allows() -> None:
    model = fit(rated())
    queries, rows = asked([1, 2], [4.0, 5.0]), np.arange(30)[None]
    scale = Scale(*model.weights()["scale"])
    expected = np.clip(scale.mean + model.score(queries, rows), scale.low, scale.high)
    np.testing.assert_allclose(model.rate(queries, rows), expected, atol=1e-6)


def test_a_like_counts_as_a_rating_that_says_as_much() -> None:
    data = rated()
    model = fit(data)
    events = data.events
    liked = float(events.values[events.values >= 4].mean())
    by_rating = model.score(asked([1, 2, 3], [2.0, liked, 3.0]))
    by_like = model.score(asked([1, 2, 3], [2.0, np.nan, 3.0]))
    np.testing.assert_allclose(by_rating, by_like, atol=1e-6)
    assert not np.allclose(by_like, model.score(asked([1, 3], [2.0, 3.0])), atol=1e-3)


def test_without_a_rating_that_says_liked_a_like_counts_as_the_highest() -> None:
    columns = {"user_id": ["ann", "bo"], "item_id": ["tea", "cake"], "type": ["rating"] * 2, "value": [1.0, 2.0]}
    data = Dataset.from_tables(Tables(event_frame(columns)))
    scale = Scale.of(data, data.ratings())
    assert scale == Scale(1.5, 1.0, 2.0, 2.0)


def test_the_latest_rating_of_a_pair_counts() -> None:
    model = fit(rated())
    twice = model.score(asked([1, 2, 1], [1.0, 3.0, 5.0], [0.0, 0.0, 1.0]))
    np.testing.assert_allclose(twice, model.score(asked([2, 1], [3.0, 5.0], [0.0, 1.0])), atol=1e-6)


def test_what_nobody_has_rated_tells_nothing_and_is_expected_to_be_average() -> None:
    data = rated()
    kept = data.with_events(data.events.item_rows != 7)
    model = fit(kept)
    with_it, without = asked([1, 7], [5.0, 1.0]), asked([1], [5.0])
    np.testing.assert_array_equal(model.score(with_it), model.score(without))
    weights = model.weights()
    assert weights["bias"][7] == 0
    assert not weights["factors"][7].any()


def test_a_stronger_pull_leaves_less() -> None:
    data = rated()
    sizes = [np.abs(fit(data, solver="als", l2=l2).weights()["factors"][:, 1:]).mean() for l2 in (0.01, 0.1, 1.0)]
    assert sizes[0] > sizes[1] > sizes[2]
    biases = [np.abs(fit(data, solver="als", bias_l2=l2).weights()["bias"]).mean() for l2 in (0.01, 10.0)]
    assert biases[0] > biases[1]


def test_progress_is_told() -> None:
    for solver in ("sgd", "als"):
        told: list[tuple[int, int]] = []
        options = FitOptions(0, 1, progress=lambda _, done, total, told=told: told.append((done, total)))
        models.make("biased_mf", {"solver": solver, "epochs": 3}).fit(rated(), options)
        assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]
