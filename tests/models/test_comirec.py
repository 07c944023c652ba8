"""ComiRec: what is special about it; the promises of every model are in test_contract.py."""

from __future__ import annotations

import numpy as np
import pytest

from serendip import models
from serendip.data import Dataset, Queries, Tables, event_frame
from serendip.models.comirec import ComiRec, ComiRecConfig
from serendip.training import FitOptions

OPTIONS = FitOptions(seed=3, threads=1)
TASTES, SIZE = 6, 10
SETTINGS = {"embedding_size": 32, "epochs": 40, "patience": 0, "learning_rate": 5e-3, "dropout": 0.0}


def tastes(n_people: int = 300) -> Dataset:
    """Everybody has two of six tastes, and takes from either as it comes."""
    generator = np.random.default_rng(5)
    rows = []
    for person in range(n_people):
        pair = generator.choice(TASTES, 2, replace=False)
        items = np.concatenate([taste * SIZE + generator.choice(SIZE, 5, replace=False) for taste in pair])
        rows += [(f"u{person:03}", f"i{item:02}", time) for time, item in enumerate(generator.permutation(items), 1)]
    users, items, times = zip(*rows, strict=True)
    frame = {"user_id": users, "item_id": items, "type": ["like"] * len(rows), "time_ms": times}
    return Dataset.from_tables(Tables(event_frame(frame)))


def asked(data: Dataset, *histories: list[int]) -> Queries:
    rows = data.items.vocabulary.rows([f"i{item:02}" for item in range(TASTES * SIZE)])
    return Queries.of_histories([(rows[h], np.arange(len(h)), np.ones(len(h))) for h in histories])


@pytest.fixture(scope="module")
def data() -> Dataset:
    return tastes()


@pytest.fixture(scope="module")
def model(data: Dataset) -> ComiRec:
    return ComiRec(ComiRecConfig(**SETTINGS)).fit(data, OPTIONS)


def of_taste(data: Dataset, rows: np.ndarray) -> np.ndarray:
    return np.array([int(name[1:]) // SIZE for name in data.items.vocabulary.ids(rows)])


def test_the_score_is_the_largest_product_over_the_interests(data: Dataset, model: ComiRec) -> None:
    queries = data.histories()
    products = np.einsum("bkd,nd->bkn", model.interests(queries), model.item_vectors())
    np.testing.assert_allclose(model.score(queries), products.max(1), atol=1e-5)
    assert (products.argmax(1).max(1) > 0).any()  # more than one of them is somebody's best


def test_people_of_two_tastes_are_shown_both(data: Dataset, model: ComiRec) -> None:
    history = [0, 1, 2, 30, 31, 32]
    scores = model.score(asked(data, history))[0]
    scores[data.items.vocabulary.rows([f"i{item:02}" for item in history])] = -np.inf
    first = of_taste(data, np.argsort(-scores)[:14])
    assert sorted(set(first)) == [0, 3]


def test_interests_of_people_of_two_tastes_lie_with_different_ones(data: Dataset, model: ComiRec) -> None:
    interests = model.interests(asked(data, [0, 1, 2, 30, 31, 32]))[0]
    nearest = (interests @ model.item_vectors().T).argmax(1)
    assert set(of_taste(data, nearest)) == {0, 3}


def test_it_is_no_product_of_two_vectors(model: ComiRec) -> None:
    assert not isinstance(model, models.Embeds)
