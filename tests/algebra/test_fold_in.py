"""Folding in: each row is a ridge regression of its own."""

from __future__ import annotations

import numpy as np
import pytest

from serendip.algebra.fold_in import folded

LENGTHS = (3, 0, 1, 40)
EACH, ONCE = np.array([0.5, 0.1, 0.2, 0.3, 0.4]), np.array([1.0, 0.0, 2.0, 0.5, 0.1])


def regression(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Offsets, columns, targets, features and priors of four rows, one of them empty."""
    generator = np.random.default_rng(seed)
    offsets = np.concatenate([[0], np.cumsum(LENGTHS)])
    columns = generator.integers(0, 12, offsets[-1])
    features = generator.standard_normal((12, 5)).astype(np.float32)
    return offsets, columns, generator.standard_normal(offsets[-1]), features, generator.standard_normal((4, 5))


def test_each_row_is_the_ridge_solution() -> None:
    offsets, columns, targets, features, prior = regression()
    found = folded(offsets, columns, targets, features, (EACH, ONCE), prior)
    for row, size in enumerate(LENGTHS):
        if size == 0:
            continue
        own = slice(offsets[row], offsets[row + 1])
        seen = features[columns[own]].astype(np.float64)
        pull = np.diag(size * EACH + ONCE)
        left = np.linalg.solve(seen.T @ seen + pull, seen.T @ (targets[own] - seen @ prior[row]))
        np.testing.assert_allclose(found[row], prior[row] + left, atol=1e-5)


@pytest.mark.parametrize("prior", [True, False])
def test_an_empty_row_stays_at_its_prior(prior: bool) -> None:
    offsets, columns, targets, features, priors = regression()
    found = folded(offsets, columns, targets, features, (EACH, ONCE), priors if prior else None)
    np.testing.assert_allclose(found[1], priors[1] if prior else np.zeros(5), atol=1e-6)


def test_nothing_to_fold_in() -> None:
    nothing, none = np.empty(0, np.int64), np.empty(0, np.float32)
    features = np.ones((3, 5), np.float32)
    assert folded(np.zeros(1, np.int64), nothing, none, features, (EACH, ONCE)).shape == (0, 5)
    np.testing.assert_array_equal(folded(np.zeros(3, np.int64), nothing, none, features, (EACH, ONCE)), 0)


def test_threads_and_other_rows_change_nothing() -> None:
    offsets, columns, targets, features, prior = regression()
    whole = folded(offsets, columns, targets, features, (EACH, ONCE), prior)
    np.testing.assert_array_equal(whole, folded(offsets, columns, targets, features, (EACH, ONCE), prior, 2))
    alone = slice(offsets[3], offsets[4])
    one = folded(np.array([0, 40]), columns[alone], targets[alone], features, (EACH, ONCE), prior[3:])
    np.testing.assert_array_equal(whole[3:], one)


def test_the_prior_is_left_as_it_was() -> None:
    offsets, columns, targets, features, prior = regression()
    prior = prior.astype(np.float32)
    before = prior.copy()
    folded(offsets, columns, targets, features, (EACH, ONCE), prior)
    np.testing.assert_array_equal(prior, before)
