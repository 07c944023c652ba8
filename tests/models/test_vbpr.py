"""What is particular to VBPR: a product of histories and items, one of what these are, and what everybody likes."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from serendip import models
from serendip.data import Dataset, Tables, event_frame
from serendip.training import FitOptions
from serendip.training.content_reader import ContentReader, side_by_side

WIDTH = 4
KINDS = ["tea", "boots", "lamps"]


@pytest.fixture(scope="module")
def data() -> Dataset:
    """60 people of three tastes, 30 items that titles tell apart, the last three of which nobody met."""
    generator = np.random.default_rng(0)
    people = generator.integers(0, 60, 500)
    things = (3 * generator.integers(0, 9, 500) + people % 3).tolist()
    columns = {
        "user_id": [f"u{row:02}" for row in people],
        "item_id": [f"i{row:02}" for row in things],
        "type": generator.choice(["view", "like"], 500).tolist(),
    }
    items = {"item_id": [f"i{row:02}" for row in range(30)], "title": [f"{KINDS[row % 3]} {row}" for row in range(30)]}
    return Dataset.from_tables(Tables(event_frame(columns), pl.DataFrame(items)))


@pytest.fixture(scope="module")
def fitted(data: Dataset) -> models.Model:
    return models.make("vbpr", {"embedding_size": WIDTH, "epochs": 10}).fit(data, FitOptions(1, 1))


def test_a_score_is_what_the_formula_says_pair_by_pair(data: Dataset, fitted: models.Model) -> None:
    contents = side_by_side(ContentReader("attributes", 256).fit_encode(data, FitOptions(1, 1)), data.n_items)
    w = fitted.weights()
    of_histories, of_items, liked = np.split(w["maps"], [WIDTH, 2 * WIDTH], axis=1)  # G, E, β
    own = w["items"][:, -1] - contents @ liked[:, 0]  # b
    history = data.matrix().toarray()
    root = np.sqrt(history.sum(axis=1))
    for person in (0, 7):
        p = history[person] @ w["histories"][:, :WIDTH] / root[person]
        theta = sum(history[person, item] * contents[item] @ of_histories for item in range(30)) / root[person]
        products = [p @ w["items"][item, :WIDTH] + theta @ (contents[item] @ of_items) for item in range(30)]
        expected = np.array(products) + own + contents @ liked[:, 0]
        np.testing.assert_allclose(fitted.score(data.histories())[person], expected, atol=1e-5)
    unmet = history.sum(axis=0) == 0
    assert unmet.sum() == 3
    np.testing.assert_allclose(own[unmet], 0, atol=1e-6)
    assert not w["items"][unmet, :WIDTH].any()
    assert np.abs(own[~unmet]).min() > 0


def test_without_contents_it_is_a_factorisation(data: Dataset) -> None:
    model = models.make("vbpr", {"contents": "", "embedding_size": WIDTH}).fit(data, FitOptions(1, 1))
    unmet = np.flatnonzero(data.matrix().sum(axis=0) == 0)
    scores = model.score(data.histories())
    np.testing.assert_array_equal(scores[:, unmet], 0)
    kinds = np.array([int(id_[1:]) % 3 for id_ in data.items.vocabulary.ids()])
    tastes = np.array([int(id_[1:]) % 3 for id_ in data.users.vocabulary.ids()])
    assert (kinds[scores.argmax(axis=1)] == tastes).mean() > 0.9
