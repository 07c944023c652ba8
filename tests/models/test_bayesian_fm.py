"""What is particular to the Bayesian factorisation machine: who asks is placed exactly, and what each term is for."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from serendip.data import Dataset, Tables, event_frame
from serendip.models.bayesian_fm import BayesianFm, BayesianFmConfig


def rated(rows: list[tuple[str, str, float]], items: pl.DataFrame | None = None) -> Dataset:
    users, things, values = zip(*rows, strict=True)
    events: dict[str, object] = {"user_id": list(users), "item_id": list(things), "value": list(values)}
    frame = event_frame(events | {"type": ["rating"] * len(rows)})
    return Dataset.from_tables(Tables(frame) if items is None else Tables(frame, items))


def some(seed: int = 0, n_users: int = 30, n_items: int = 20) -> Dataset:
    generator = np.random.default_rng(seed)
    pairs = [(u, i) for u in range(n_users) for i in range(n_items) if generator.random() < 0.5]
    return rated([(f"u{u}", f"i{i:02}", float(generator.integers(1, 6))) for u, i in pairs])


def fit(data: Dataset, **config: Any) -> BayesianFm:
    return BayesianFm(BayesianFmConfig(**{"embedding_size": 3, **config})).fit(data)


def asked(data: Dataset, user: str, *items: str) -> tuple[Any, np.ndarray]:
    person = np.array([data.users.vocabulary.row(user)])
    return data.histories(person), np.array([[data.items.vocabulary.row(item) for item in items]])


@pytest.mark.parametrize("implicit", [True, False])
def test_who_asks_is_placed_at_the_mean_given_their_ratings(implicit: bool) -> None:
    """E[a | ratings] = (Λ + α XᵀX)⁻¹ (α Xᵀ t + Λ m) in each sample, written out for one person."""
    data = some()
    model = fit(data, epochs=12, burn_in=4, samples=5, implicit=implicit)
    learned, mean = model.weights(), data.ratings().data.mean()
    history = data.histories(np.array([3]))
    items, stars = history.item_rows, history.values
    assert stars is not None
    expected = np.zeros(data.n_items)
    for place in range(5):
        vectors, effects = (learned[name][place].astype(np.float64) for name in ("vectors", "effects"))
        precision, alpha = learned["precision"][place], learned["alpha"][place]
        prior = learned["mean"][place] + (effects[items].sum(axis=0) / np.sqrt(len(items)) if implicit else 0)
        x = vectors[items].copy()
        x[:, 0] = 1
        right = alpha * x.T @ (stars - mean - vectors[items, 0]) + precision @ prior
        person = np.linalg.solve(precision + alpha * x.T @ x, right)
        expected += (person[0] + vectors[:, 0] + vectors[:, 1:] @ person[1:]) / 5
    found = model.rate(history, np.arange(data.n_items)[None])[0]
    np.testing.assert_allclose(found, np.clip(mean + expected, 1, 5), atol=1e-4)
    np.testing.assert_allclose(model.score(history)[0], expected, atol=1e-4)


def test_noise_and_tastes_are_found_again() -> None:
    """Ratings of rank 2 with noise of 0.5: the noise is found, and the error on ratings withheld is hardly more."""
    generator = np.random.default_rng(4)
    people, items = generator.standard_normal((150, 2)), generator.standard_normal((80, 2))
    stars = 3 + people @ items.T + 0.5 * generator.standard_normal((150, 80))
    learned = generator.random((150, 80)) < 0.6
    data = rated([(f"u{u:03}", f"i{i:03}", float(stars[u, i])) for u, i in zip(*np.nonzero(learned), strict=True)])
    model = fit(data, epochs=120, burn_in=60, samples=30)
    rows = [data.items.vocabulary.row(f"i{i:03}") for i in range(80)]
    people_rows = np.array([data.users.vocabulary.row(f"u{u:03}") for u in range(150)])
    found = model.rate(data.histories(people_rows), np.tile(rows, (150, 1)))
    assert np.sqrt(np.square(found - stars)[~learned].mean()) < 0.56
    assert np.sqrt(1 / model.weights()["alpha"]).mean() == pytest.approx(0.5, abs=0.03)
    # One sample alone is further off than the mean over all.
    single = fit(data, epochs=120, burn_in=119, samples=1).rate(data.histories(people_rows), np.tile(rows, (150, 1)))
    assert np.square(single - stars)[~learned].mean() > np.square(found - stars)[~learned].mean()


def of_who_met_what(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Ratings (150, 40) by tastes that are the sum of what somebody has met, and which are given, 7 a person."""
    met = np.argsort(generator.random((150, 40)), axis=1)[:, :7]
    given = np.zeros((150, 40), np.bool_)
    np.put_along_axis(given, met, True, axis=1)
    tastes = given @ generator.standard_normal((40, 2)) / np.sqrt(7)
    stars = 3 + tastes @ generator.standard_normal((2, 40)) + 0.3 * generator.standard_normal((150, 40))
    return stars, given


@pytest.mark.parametrize("side", ["implicit", "mirrored"])
def test_who_met_what_says_something_beside_the_ratings(side: str) -> None:
    """Of people for `implicit`; with people and items exchanged, of items for `mirrored`."""
    stars, given = of_who_met_what(np.random.default_rng(6))
    stars, given = (stars, given) if side == "implicit" else (stars.T, given.T)
    pairs = zip(*np.nonzero(given), strict=True)
    data = rated([(f"u{u:03}", f"i{i:03}", float(stars[u, i])) for u, i in pairs])
    people = np.array([data.users.vocabulary.row(f"u{u:03}") for u in range(len(stars))])
    items = [data.items.vocabulary.row(f"i{i:03}") for i in range(stars.shape[1])]

    def error(used: bool) -> float:
        model = fit(data, epochs=80, burn_in=40, samples=20, **{"implicit": False, "mirrored": False, side: used})
        found = model.rate(data.histories(people), np.tile(items, (len(people), 1)))
        return float(np.sqrt(np.square(found - stars)[~given].mean()))

    assert error(True) < 0.95 * error(False)


def test_attributes_say_something_of_items_that_nobody_has_rated() -> None:
    kinds = pl.DataFrame({"item_id": [f"i{i:02}" for i in range(24)], "kind": [["x"], ["y"]] * 12})
    rows = [(f"u{u}", f"i{i:02}", 5.0 if (u + i) % 2 else 1.0) for u in range(30) for i in range(20)]
    data = rated(rows, kinds)
    for attributes in (True, False):
        history, items = asked(data, "u1", "i20", "i21")
        found = fit(data, attributes=attributes).rate(history, items)[0]
        assert (found[0] - found[1] > 1) == attributes


def test_of_an_item_that_nobody_has_rated_the_mean_is_kept() -> None:
    """A draw of its vector would differ between two items of which the same is known."""
    table = pl.DataFrame({"item_id": [f"i{i:02}" for i in range(22)]})
    data = rated([(f"u{u}", f"i{i:02}", float(1 + (u + i) % 5)) for u in range(20) for i in range(20)], table)
    scores = fit(data, epochs=20).score(data.histories())
    np.testing.assert_array_equal(scores[:, 20], scores[:, 21])


def test_sweeps_are_kept_evenly_after_the_first() -> None:
    assert BayesianFmConfig(epochs=100, burn_in=20, samples=5).kept.tolist() == [20, 39, 59, 79, 99]
    assert BayesianFmConfig(epochs=10, burn_in=8, samples=5).kept.tolist() == [8, 9]
    assert BayesianFmConfig(epochs=10, burn_in=50, samples=5).kept.tolist() == [9]
    assert len(fit(some(), epochs=10, burn_in=5, samples=3).weights()["alpha"]) == 3
