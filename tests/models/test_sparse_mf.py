"""What is particular to sparse MF: numbers that are exactly 0, chosen by L1 and then free of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from serendip import models
from serendip.algebra.coordinates import Bounds, Cells, descend
from serendip.data import Dataset, Tables, event_frame
from serendip.models import Model
from serendip.training import FitOptions

N_ITEMS = 40
CONFIG = {"embedding_size": 12, "alpha": 4.0, "l1": 0.6, "l2": 1.0, "epochs": 20}
ONE = FitOptions(threads=1)


@pytest.fixture(scope="module")
def data() -> Dataset:
    generator = np.random.default_rng(1)
    people = generator.integers(0, 60, 900)
    things = (generator.zipf(1.4, 900) % 15 + 12 * (people % 3)) % N_ITEMS
    columns = {
        "user_id": [f"u{row:02}" for row in people],
        "item_id": [f"i{row:02}" for row in things],
        "type": ["like"] * 900,
    }
    return Dataset.from_tables(Tables(event_frame(columns)))


@pytest.fixture(scope="module")
def model(data: Dataset) -> Model:
    return models.make("sparse_mf", CONFIG).fit(data, ONE)


def factors(model: Model) -> np.ndarray:
    found = model.weights()
    whole = np.zeros(found["shape"])
    for column in range(whole.shape[1]):
        part = slice(*found["indptr"][column : column + 2])
        whole[found["indices"][part], column] = found["data"][part]
    return whole


def chosen(y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """argmin of the loss with both pulls, by proximal gradient steps in plain numpy."""
    confidence = 1 + 4.0 * weights
    system = y.T @ (confidence[:, None] * y) + 1.0 * np.eye(y.shape[1])
    evidence, size = y.T @ (confidence * (weights > 0)), 1 / np.linalg.eigvalsh(system)[-1]
    x = np.zeros(y.shape[1])
    for _ in range(5_000):
        x = x - size * (system @ x - evidence)
        x = np.sign(x) * np.maximum(np.abs(x) - size * 0.6, 0)
    return x


def test_scores_are_the_ridge_solution_over_the_numbers_that_l1_chose(data: Dataset, model: Model) -> None:
    y, weights = factors(model), data.matrix().toarray().astype(np.float64)
    for person in (0, 7, 30):
        some = chosen(y, weights[person]) != 0
        assert 0 < some.sum() < len(some)
        z, confidence = y[:, some], 1 + 4.0 * weights[person]
        system = z.T @ (confidence[:, None] * z) + np.eye(some.sum())
        x = np.linalg.solve(system, z.T @ (confidence * (weights[person] > 0)))
        found = model.score(data.histories(np.array([person])))[0]
        np.testing.assert_allclose(found, z @ x, atol=1e-5)


def test_more_l1_is_fewer_numbers(data: Dataset) -> None:
    densities = [models.make("sparse_mf", CONFIG | {"l1": l1}).fit(data, ONE).density for l1 in (0.0, 0.3, 1.0)]
    assert densities == sorted(densities, reverse=True)
    assert densities[0] > 0.9
    assert densities[2] < 0.5


def test_the_density_is_said_and_saved(data: Dataset, model: Model, tmp_path: Path) -> None:
    told: list[str] = []
    fitted = models.make("sparse_mf", CONFIG)
    fitted.fit(data, FitOptions(threads=1, progress=lambda label, *_: told.append(label)))
    assert told[-1] == f"sparse MF: {fitted.density:.0%} of the numbers are not 0"
    assert fitted.density == pytest.approx(np.mean(factors(model)[factors(model).any(axis=1)] != 0))
    models.save(fitted, tmp_path)
    assert models.open_saved(tmp_path).density == fitted.density


@pytest.mark.parametrize("dear", [0, 10**9])
def test_sparse_scores_are_dense_scores(
    data: Dataset, model: Model, dear: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serendip.models.sparse_mf.DEAR", dear)
    rows = np.tile(np.arange(data.n_items), (data.n_users, 1))
    np.testing.assert_allclose(model.score(data.histories()), model.score(data.histories(), rows), atol=1e-5)


def test_a_strong_pull_does_not_put_out_what_starts_small(data: Dataset) -> None:
    """At full strength from the first sweep the same pull leaves nothing."""
    strong = CONFIG | {"l1": 3.0}
    assert models.make("sparse_mf", strong).fit(data, ONE).density > 0
    wants = data.matrix()
    cells, transposed = Cells.of(wants, 4.0), Cells.of(wants.T.tocsr(), 4.0)
    generator = np.random.default_rng(0)
    people, items = (0.2 * generator.random((size, 12), np.float32) - 0.1 for size in wants.shape)
    people, items = people.astype(np.float32), items.astype(np.float32)
    for _ in range(20):
        descend(people, cells, items, Bounds(1.0, 3.0, -np.inf), 1)
        descend(items, transposed, people, Bounds(1.0, 3.0, -np.inf), 1)
    assert not items.any()


def test_another_seed_is_another_model(data: Dataset, model: Model) -> None:
    other = models.make("sparse_mf", CONFIG).fit(data, FitOptions(seed=1, threads=1))
    assert not np.array_equal(factors(other), factors(model))


def test_a_memory_fades_the_history_asked_with(data: Dataset, model: Model) -> None:
    fading = models.make("sparse_mf", CONFIG | {"memory": 2.0}).fit(data, ONE)
    for name, array in model.weights().items():
        np.testing.assert_array_equal(fading.weights()[name], array)  # learned without fading
    one = data.histories(np.array([3]))
    scores, faded = model.score(one)[0], fading.score(one)[0]
    last = int(one.item_rows[np.flatnonzero(one.weights > 0)[-1]])
    share = [row[last] / row[np.unique(one.item_rows)].sum() for row in (scores, faded)]
    assert share[1] > share[0]
