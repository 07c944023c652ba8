"""Fame: how much an item would be wanted is told from what it is."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from serendip.features.fame import PULLS, Fame


def catalogue(n_items: int = 300, n_words: int = 40) -> tuple[sp.csr_array, np.ndarray, np.ndarray]:
    """Contents of length 1, how much each item is wanted, and what each word is worth."""
    generator = np.random.default_rng(2)
    contents = generator.random((n_items, n_words)) * (generator.random((n_items, n_words)) < 0.15)
    contents /= np.maximum(np.linalg.norm(contents, axis=1, keepdims=True), 1e-9)
    worth = generator.normal(0, 1.5, n_words)
    wanted = contents @ worth + generator.normal(0, 0.5, n_items)
    return sp.csr_array(contents.astype(np.float32)), wanted.astype(np.float32), worth


def test_it_is_a_ridge_regression_under_one_of_the_pulls() -> None:
    contents, wanted, _ = catalogue()
    found = Fame().fit(contents, wanted).worth
    x = np.column_stack([np.ones(len(wanted)), contents.toarray()]).astype(float)
    y = wanted - wanted.mean()
    solutions = [np.linalg.solve(x.T @ x + pull * np.eye(x.shape[1]), x.T @ y) for pull in PULLS]
    for solution in solutions:
        solution[0] += wanted.mean()
    apart = [np.abs(solution - found).max() for solution in solutions]
    assert min(apart) < 1e-3
    assert sorted(apart)[1] > 0.01


def test_new_items_are_told_by_what_they_are() -> None:
    contents, wanted, worth = catalogue()
    told = Fame().fit(contents[:200], wanted[:200]).told(contents[200:])
    assert np.corrcoef(told, contents[200:] @ worth)[0, 1] > 0.9
    mixed = np.random.default_rng(0).permutation(wanted[:200])
    assert Fame().fit(contents[:200], mixed).told(contents[200:]).std() < told.std() / 2  # all are about as usual


def test_the_less_contents_tell_the_less_they_are_followed() -> None:
    contents, wanted, _ = catalogue()
    noise = np.random.default_rng(1).standard_normal(len(wanted)).astype(np.float32)
    sure, unsure = Fame().fit(contents, wanted), Fame().fit(contents, noise)
    assert np.linalg.norm(unsure.worth) / noise.std() < 0.3 * np.linalg.norm(sure.worth) / wanted.std()


def test_of_items_of_which_nothing_is_said_nothing_is_foretold() -> None:
    contents, wanted, _ = catalogue()
    told = Fame().fit(contents, wanted + 3).told(np.vstack([np.zeros((1, 40), np.float32), contents[:1].toarray()]))
    assert told[0] == 0
    assert told[1] > 1


@pytest.mark.parametrize("n_items", [0, 1, 3])
def test_few_items_and_no_contents_are_no_trouble(n_items: int) -> None:
    wanted = np.arange(n_items, dtype=np.float32)
    for contents in (np.zeros((n_items, 0), np.float32), np.ones((n_items, 2), np.float32)):
        told = Fame().fit(contents, wanted).told(contents)
        assert told.shape == (n_items,)
        assert np.isfinite(told).all()
