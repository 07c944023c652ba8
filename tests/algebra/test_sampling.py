"""Draws against the distributions that they are from, on problems small enough to write down."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from serendip.algebra import sampling

ALPHA = 2.0
WIDTH = 3


@pytest.fixture
def generator() -> np.random.Generator:
    return np.random.default_rng(5)


def precision(generator: np.random.Generator) -> np.ndarray:
    root = generator.standard_normal((WIDTH, WIDTH))
    return root @ root.T + np.eye(WIDTH)


class Problem:
    """Four rows, the last without a cell, against five columns."""

    def __init__(self, generator: np.random.Generator) -> None:
        dense = generator.standard_normal((4, 5)) * (generator.random((4, 5)) < 0.7)
        dense[3] = 0
        self.cells = sp.csr_array(dense.astype(np.float32))
        self.others = generator.standard_normal((5, WIDTH)).astype(np.float32)
        self.means = generator.standard_normal((4, WIDTH)).astype(np.float32)
        self.precision = precision(generator)
        self.gram = np.empty((4, WIDTH, WIDTH), np.float32)
        self.moment = np.empty((4, WIDTH), np.float32)
        sampling.add_up(*self.columns, self.others, self.gram, self.moment, 0, 4)

    @property
    def columns(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.cells.indptr, self.cells.indices, self.cells.data

    def regression(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        """X and t of one row."""
        own = slice(*self.cells.indptr[row : row + 2])
        x = self.others[self.cells.indices[own]].astype(np.float64)
        t = self.cells.data[own] - x[:, 0]
        x[:, 0] = 1
        return x, t


def test_sums_are_those_of_the_regressions(generator: np.random.Generator) -> None:
    problem = Problem(generator)
    for row in range(4):
        x, t = problem.regression(row)
        np.testing.assert_allclose(problem.gram[row], x.T @ x, atol=1e-5)
        np.testing.assert_allclose(problem.moment[row], t @ x, atol=1e-5)


def test_vectors_are_drawn_from_their_conditional(generator: np.random.Generator) -> None:
    """The draw is mean + R noise with R Rᵀ the covariance, read off by noise of one unit at a time."""
    problem = Problem(generator)
    draws = []
    for noise in [np.zeros(WIDTH), *np.eye(WIDTH)]:
        found = np.empty((4, WIDTH), np.float32)
        law = (problem.means, problem.precision, ALPHA, np.tile(noise, (4, 1)), found)
        sampling.draw(problem.gram, problem.moment, *law, 0, 4)
        draws.append(found)
    for row in range(4):
        x, t = problem.regression(row)
        system = problem.precision + ALPHA * x.T @ x
        mean = np.linalg.solve(system, ALPHA * x.T @ t + problem.precision @ problem.means[row])
        np.testing.assert_allclose(draws[0][row], mean, atol=1e-5)
        root = np.stack([draw[row] - draws[0][row] for draw in draws[1:]], axis=1)
        np.testing.assert_allclose(root @ root.T, np.linalg.inv(system), atol=1e-5)


def test_collapsed_sums_are_those_with_the_vectors_integrated_out(generator: np.random.Generator) -> None:
    problem = Problem(generator)
    gram, moment = problem.gram.copy(), problem.moment.copy()
    sampling.collapse(gram, moment, problem.means, problem.precision, ALPHA, 0, 4)
    for row in range(4):
        x, t = problem.regression(row)
        covariance = np.eye(len(t)) / ALPHA + x @ np.linalg.inv(problem.precision) @ x.T  # of t given m
        told = x.T @ np.linalg.solve(covariance, x)
        np.testing.assert_allclose(gram[row], told, atol=1e-5)
        lacking = x.T @ np.linalg.solve(covariance, t - x @ problem.means[row])
        np.testing.assert_allclose(moment[row], lacking, atol=1e-5)


def test_effects_have_the_moments_of_their_posterior(generator: np.random.Generator) -> None:
    """With 3 features all 9 effects are jointly Gaussian; 20,000 sweeps find their mean and covariance."""
    problem = Problem(generator)
    start = np.zeros_like(problem.means)  # m is what the features say, and nothing else
    told, lacking = problem.gram.copy(), problem.moment.copy()
    sampling.collapse(told, lacking, start, problem.precision, ALPHA, 0, 4)
    features = sp.csc_array(generator.random((4, 3)) * (generator.random((4, 3)) < 0.8), dtype=np.float32)
    pull, centre = np.full((WIDTH, 3), 2.0), generator.standard_normal((WIDTH, 3))
    dense = features.toarray().astype(np.float64)
    system = np.einsum("uf,ukl,ug->kflg", dense, told, dense).reshape(9, 9) + np.diag(pull.ravel())
    right = np.einsum("uf,uk->kf", dense, lacking).ravel() + (pull * centre).ravel()
    effects, found, left = np.zeros((WIDTH, 3)), [], lacking.copy()
    for sweep in range(20_000):
        if sweep % 50 == 0:  # what is left is then what rounding has not touched
            left = (lacking - np.einsum("ukl,uf,lf->uk", told, dense, effects)).astype(np.float32)
        noise = generator.standard_normal((WIDTH, 3))
        sampling.regress(features.indptr, features.indices, features.data, told, left, pull, centre, noise, effects)
        found.append(effects.ravel().copy())
    np.testing.assert_allclose(np.mean(found, axis=0), np.linalg.solve(system, right), atol=0.03)
    np.testing.assert_allclose(np.cov(np.transpose(found)), np.linalg.inv(system), atol=0.03)


def test_what_effects_leave_over_is_kept_up(generator: np.random.Generator) -> None:
    problem = Problem(generator)
    told, lacking = problem.gram.copy(), problem.moment.copy()
    sampling.collapse(told, lacking, problem.means, problem.precision, ALPHA, 0, 4)
    features = sp.csc_array(generator.random((4, 3)), dtype=np.float32)
    effects, left = np.zeros((WIDTH, 3)), lacking.copy()
    zeros = np.zeros((WIDTH, 3))
    columns = (features.indptr, features.indices, features.data)
    sampling.regress(*columns, told, left, zeros + 2, zeros, zeros, effects)
    assert np.abs(effects).min() > 0
    expected = lacking - np.einsum("ukl,lf,uf->uk", told, effects, features.toarray())
    np.testing.assert_allclose(left, expected, atol=1e-5)


def test_squared_errors_are_added_up(generator: np.random.Generator) -> None:
    problem = Problem(generator)
    own = problem.means
    expected = 0.0
    for row in range(4):
        x, t = problem.regression(row)
        expected += float(np.square(t - x @ own[row]).sum())
    assert sampling.squares(*problem.columns, own, problem.others) == pytest.approx(expected, rel=1e-5)


def test_precisions_have_the_mean_and_spread_of_the_wishart_distribution(generator: np.random.Generator) -> None:
    scale, freedom = np.linalg.inv(precision(generator)), 7.0
    draws = np.stack([sampling.wishart(generator, freedom, scale) for _ in range(20_000)])
    np.testing.assert_allclose(draws.mean(axis=0), freedom * scale, atol=0.05)
    variance = freedom * (np.square(scale) + np.outer(np.diag(scale), np.diag(scale)))
    np.testing.assert_allclose(draws.var(axis=0), variance, rtol=0.08, atol=0.02)


def test_mean_and_precision_are_drawn_around_those_of_many_vectors(generator: np.random.Generator) -> None:
    truth = precision(generator)
    vectors = np.array([1.0, -2.0, 0.5]) + generator.multivariate_normal(np.zeros(WIDTH), np.linalg.inv(truth), 4_000)
    draws = [sampling.normal_wishart(generator, vectors) for _ in range(200)]
    means, precisions = (np.stack(part) for part in zip(*draws, strict=True))
    np.testing.assert_allclose(means.mean(axis=0), vectors.mean(axis=0), atol=0.01)
    np.testing.assert_allclose(np.cov(means.T) * 4_000, np.cov(vectors.T), atol=0.15)
    np.testing.assert_allclose(precisions.mean(axis=0), np.linalg.inv(np.cov(vectors.T)), rtol=0.02, atol=0.02)


def test_strength_and_centre_are_drawn_around_those_of_many_effects(generator: np.random.Generator) -> None:
    effects = 0.5 + 0.1 * generator.standard_normal((WIDTH, 3_000))
    centre: np.ndarray = np.zeros(WIDTH)
    found = []
    for _ in range(300):
        strength, centre = sampling.strength(generator, effects, centre)
        found.append([*strength, *centre])
    mean = np.mean(found[10:], axis=0)
    np.testing.assert_allclose(mean[:WIDTH], 100, rtol=0.1)
    np.testing.assert_allclose(mean[WIDTH:], 0.5, atol=0.01)
