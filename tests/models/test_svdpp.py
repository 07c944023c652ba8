"""SVD++: cached implicit terms, both directions, and who is folded in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from serendip import models
from serendip.data import Dataset, Queries, Tables, event_frame
from serendip.data.arrays import Sparse
from serendip.models import svdpp
from serendip.models.svdpp import Svdpp, SvdppConfig
from serendip.training import FitOptions

NUMBERS = np.array([3.0, 0.05, 0.1, 0.02, 0.03], np.float32)  # mean, step, λ, λ_y, λ_b
SETTINGS: dict[str, Any] = {"embedding_size": 4, "epochs": 3, "learning_rate": 0.02, "decay": 0.5}


def events(seed: int = 0, likes: int = 30) -> Dataset:
    """12 people rate some of 10 things from 1 to 5, and like others without a rating."""
    generator = np.random.default_rng(seed)
    who, what = np.nonzero(generator.random((12, 10)) < 0.5)
    values = generator.integers(1, 6, len(who)).astype(float).tolist()
    liking, liked = generator.integers(0, 12, likes), generator.integers(0, 10, likes)
    columns: dict[str, object] = {
        "user_id": [f"u{u:02}" for u in [*who, *liking]],
        "item_id": [f"i{i:02}" for i in [*what, *liked]],
        "type": ["rating"] * len(who) + ["like"] * likes,
        "value": [*values, *[None] * likes],
    }
    tables = event_frame(columns), event_frame({"item_id": [f"i{i:02}" for i in range(10)]}).select("item_id")
    return Dataset.from_tables(Tables(*tables))


def asked(items: list[int], ratings: list[float]) -> Queries:
    """One history."""
    history = (np.array(items), np.arange(len(items)), np.ones(len(items)))
    return Queries.of_histories([history], [np.array(ratings)])


def fit(data: Dataset, threads: int = 1, **settings: Any) -> Svdpp:
    return Svdpp(SvdppConfig(**settings)).fit(data, FitOptions(3, threads))


def sides(data: Dataset) -> tuple[svdpp._Side, svdpp._Side]:
    """People and things with something in every array."""
    generator = np.random.default_rng(5)
    both = svdpp._sides(data.ratings(), data.matrix(), SvdppConfig(embedding_size=4), generator)
    for side in both:
        for array in (side.own, side.bias, side.implicit):
            array += 0.3 * generator.standard_normal(array.shape, np.float32)
    return both


def uncached(side: svdpp._Side, other: svdpp._Side, order: np.ndarray) -> list[np.ndarray]:
    """The same pass as the paper has it: every rating moves every y, in float64."""
    mean, step, l2, implicit_l2, bias_l2 = NUMBERS.astype(np.float64)
    p, b, y, whole, c = (
        one.astype(np.float64) for one in (side.own, side.bias, side.implicit, other.whole(), other.bias)
    )
    fixed = other.taste().astype(np.float64)
    for row in order:
        known = side.shares[[row]].indices
        cells = side.ratings[[row]]
        for column, given in zip(cells.indices, cells.data, strict=True):
            taste = y[known].sum(axis=0) / np.sqrt(len(known))
            q = whole[column].copy()
            off = given - (mean + b[row] + c[column] + q @ (p[row] + taste))
            b[row] += step * (off - bias_l2 * b[row])
            c[column] += step * (off - bias_l2 * c[column])
            whole[column] += step * (off * (p[row] + taste) - l2 * (q - fixed[column]))
            p[row] += step * (off * q - l2 * p[row])
            y[known] += step * (off * q / np.sqrt(len(known)) - implicit_l2 * y[known])
    return [p, b, y, whole - fixed, c]


@pytest.mark.parametrize("flipped", [False, True])
def test_cached_implicit_terms_equal_those_of_every_single_rating(flipped: bool) -> None:
    side, other = sides(events())[:: -1 if flipped else 1]
    order = np.random.default_rng(1).permutation(len(side.own))
    expected = uncached(side, other, order)
    side.descend(other, order, NUMBERS)
    for found, wanted in zip((side.own, side.bias, side.implicit, other.own, other.bias), expected, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_every_other_epoch_learns_from_who_rated_an_item() -> None:
    data = events()
    config = SvdppConfig(**SETTINGS)
    for flipped in (True, False):
        people, things = svdpp._sides(data.ratings(), data.matrix(), config, np.random.default_rng(0))
        svdpp._descended(people, things, 3.0, config.model_copy(update={"flipped": flipped}), FitOptions(0, 1))
        assert people.implicit.any()
        assert things.implicit.any() == flipped


def test_threads_change_nothing_at_all() -> None:
    one, four = (fit(events(), threads).weights() for threads in (1, 4))
    for name, array in one.items():
        np.testing.assert_array_equal(array, four[name])


def test_liked_without_a_rating_is_turned_to_as_well() -> None:
    data = events()
    turned_to = svdpp._turned_to(data.ratings(), data.matrix()).toarray() > 0
    rated = _cells(data.ratings())
    np.testing.assert_array_equal(turned_to, rated | (data.matrix().toarray() > 0))
    assert (turned_to & ~rated).any()
    without = fit(events(likes=0)).weights()
    assert not np.allclose(fit(data).weights()["implicit"], without["implicit"], atol=1e-4)


def _cells(matrix: Sparse) -> np.ndarray:
    found = np.zeros(matrix.shape, np.bool_)
    found[matrix.nonzero()] = True
    return found


def test_a_rating_of_0_is_turned_to() -> None:
    columns = {"user_id": ["ann", "ann"], "item_id": ["tea", "cake"], "type": ["rating"] * 2, "value": [0.0, 5.0]}
    data = Dataset.from_tables(Tables(event_frame(columns)))
    np.testing.assert_array_equal(svdpp._turned_to(data.ratings(), data.matrix()).toarray() > 0, [[True, True]])


@pytest.mark.parametrize("like", [False, True])
def test_people_are_the_ridge_solution_around_their_taste(like: bool) -> None:
    data = events()
    model = fit(data, l2=0.1, bias_l2=0.05, **SETTINGS)
    kept = model.weights()
    mean, liked = kept["scale"][[0, 3]]
    history = [2, 5, 9]
    given = np.array([4.0, 1.0, liked if like else 5.0])
    features = kept["factors"][history].astype(np.float64)
    prior = np.concatenate([[0], kept["implicit"][history].sum(axis=0) / np.sqrt(3)])
    pull = 3 * np.diag([0.05, 0.1, 0.1, 0.1, 0.1]) + np.eye(5) / (0.02 + 0.01 + 0.005)
    left = given - mean - kept["bias"][history] - features @ prior
    person = prior + np.linalg.solve(features.T @ features + pull, features.T @ left)
    scores = model.score(asked(history, [4.0, 1.0, np.nan if like else 5.0]))
    np.testing.assert_allclose(scores[0], kept["factors"] @ person + kept["bias"], atol=1e-4)


def test_what_nobody_has_rated_is_not_part_of_a_taste() -> None:
    data = events()
    model = fit(data.with_events((data.events.item_rows != 7) | (data.events.signals > 0) & ~_is_rating(data)))
    np.testing.assert_array_equal(model.score(asked([1, 7], [5.0, 1.0])), model.score(asked([1], [5.0])))


def _is_rating(data: Dataset) -> np.ndarray:
    return np.isfinite(data.events.ratings)


def test_each_pull_does_what_it_says() -> None:
    data = events()
    long = SETTINGS | {"epochs": 60, "decay": 1.0, "learning_rate": 0.05}
    for name, array in (("l2", "factors"), ("implicit_l2", "implicit"), ("bias_l2", "bias")):
        weak, strong = (fit(data, **(long | {name: value})).weights()[array] for value in (0.001, 0.5))
        centred = [one[:, 1:] if array == "factors" else one for one in (weak, strong)]
        assert np.abs(centred[1]).mean() < np.abs(centred[0]).mean()


def test_progress_is_told() -> None:
    told: list[tuple[int, int]] = []
    options = FitOptions(0, 1, progress=lambda _, done, total: told.append((done, total)))
    models.make("svdpp", {"epochs": 3}).fit(events(), options)
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]
