"""Places in the plane: who is near stays near, whatever the luck; and how a map is judged."""

from __future__ import annotations

import numpy as np
import pytest

from serendip.algebra.flattening import PERPLEXITY, _shares, flat, nearest
from serendip.data.arrays import FloatArray
from serendip.metrics.layouts import neighbours_kept


def clusters(n: int, groups: int, noise: float = 0.5, seed: int = 0) -> tuple[FloatArray, FloatArray]:
    generator = np.random.default_rng(seed)
    of = np.arange(n) % groups
    return generator.normal(size=(groups, 24))[of] + noise * generator.normal(size=(n, 24)), of


def test_groups_stay_together_and_apart() -> None:
    vectors, of = clusters(300, 6)
    places = flat(vectors.astype(np.float32))
    assert places.shape == (300, 2)
    assert np.isfinite(places).all()
    distances = np.linalg.norm(places[:, None] - places, axis=2)
    np.fill_diagonal(distances, np.inf)
    assert (of[np.argsort(distances, axis=1)[:, :10]] == of[:, None]).mean() > 0.99
    kept, trustworthiness = neighbours_kept(vectors, places)
    assert trustworthiness > 0.95
    lucky = np.random.default_rng(1).normal(size=(300, 2))
    assert kept > 5 * neighbours_kept(vectors, lucky)[0]


def test_it_is_better_than_the_two_principal_components_and_no_matter_of_luck() -> None:
    vectors, _ = clusters(400, 20, noise=0.7)
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    left, sizes, _ = np.linalg.svd(units - units.mean(axis=0), full_matrices=False)
    places = flat(vectors)
    assert neighbours_kept(vectors, places)[0] > 1.5 * neighbours_kept(vectors, left[:, :2] * sizes[:2])[0]
    assert np.array_equal(places, flat(vectors))


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 7])
def test_few_points_and_equals_have_places(n: int) -> None:
    assert flat(np.ones((n, 3), np.float32)).shape == (n, 2)
    found = flat(np.random.default_rng(0).normal(size=(n, 3)).astype(np.float32))
    assert np.isfinite(found).all()


def test_the_nearest_are_found() -> None:
    units = np.eye(4, dtype=np.float32)[[0, 0, 1, 2, 3, 3]]
    rows, squares = nearest(units, 1)
    assert [rows[place, 0] for place in (0, 1, 4, 5)] == [1, 0, 5, 4]
    assert squares[0, 0] == pytest.approx(0.0)


def test_everybody_holds_on_to_as_many() -> None:
    squares = np.abs(np.random.default_rng(0).normal(size=(50, 90))) * np.linspace(0.01, 5, 50)[:, None]
    shares = _shares(squares, PERPLEXITY)
    entropies = -(shares * np.log(np.maximum(shares, 1e-300))).sum(axis=1)
    assert np.exp(entropies) == pytest.approx(np.full(50, PERPLEXITY), rel=1e-3)


def test_a_map_that_is_the_truth_keeps_everything() -> None:
    angles = np.linspace(0, 1, 60)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    assert neighbours_kept(circle, circle) == (1.0, 1.0)
    shuffled = circle[np.random.default_rng(0).permutation(60)]
    kept, trustworthiness = neighbours_kept(circle, shuffled)
    assert kept < 0.4
    assert trustworthiness < 0.7


def test_trustworthiness_is_that_of_others() -> None:
    manifold = pytest.importorskip("sklearn.manifold")
    vectors, _ = clusters(120, 4)
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    places = np.random.default_rng(0).normal(size=(120, 2)) + units[:, :2] * 3
    theirs = manifold.trustworthiness(units, places, n_neighbors=10)
    assert neighbours_kept(vectors, places)[1] == pytest.approx(theirs, abs=1e-9)
