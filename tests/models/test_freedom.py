"""What is particular to FREEDOM: neighbours by content, means over them, and which preferences are pruned."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp
import torch

from serendip import models
from serendip.data import Dataset, Queries, Tables, event_frame
from serendip.training import FitOptions
from serendip.training.content_reader import ContentReader
from serendip.training.propagation import Pruned

KINDS = ["tea", "boots", "lamps"]
OPTIONS = FitOptions(1, 1)


@pytest.fixture(scope="module")
def data() -> Dataset:
    """90 people of three tastes, 45 items whose titles say of which kind they are; nobody met the last three."""
    generator = np.random.default_rng(0)
    people = generator.integers(0, 90, 500)
    things = (3 * generator.integers(0, 14, 500) + people % 3).tolist()
    columns = {
        "user_id": [f"u{row:02}" for row in people],
        "item_id": [f"i{row:02}" for row in things],
        "type": ["like"] * 500,
    }
    titles = [f"{KINDS[row % 3]} for {KINDS[row % 3]} {'abcde'[row % 5]}" for row in range(45)]
    # Without a number of its own, things of one title would be exactly as near to a third, and rounding would choose.
    sizes = (10.0 * (np.arange(45) % 3) + generator.random(45)).tolist()
    items = {"item_id": [f"i{row:02}" for row in range(45)], "title": titles, "size": sizes}
    return Dataset.from_tables(Tables(event_frame(columns), pl.DataFrame(items)))


@pytest.mark.parametrize("loss", ["softmax", "bpr"])
def test_what_nobody_met_stands_where_its_neighbours_do(data: Dataset, loss: str) -> None:
    model = models.make("freedom", {"loss": loss, "neighbors": 4}).fit(data, OPTIONS)
    kinds = np.array([int(id_[1:]) % 3 for id_ in data.items.vocabulary.ids()])
    unmet = np.flatnonzero(data.matrix().sum(axis=0) == 0)
    assert len(unmet) == 3
    w = model.weights()
    contents = ContentReader("attributes", 256, unevenness=None).fit_encode(data, OPTIONS)["attributes"]
    alike = contents / np.linalg.norm(contents, axis=1, keepdims=True)
    for item in unmet:
        cosines = np.delete(alike @ alike[item], unmet)  # of those met, in their order
        near = np.delete(np.arange(45), unmet)[np.argsort(-cosines, kind="stable")[:4]]
        assert (kinds[near] == kinds[item]).all()
        for vectors in (w["items"], w["histories"]):
            np.testing.assert_allclose(vectors[item], vectors[near].mean(axis=0), atol=1e-6)
        scores = model.score(Queries.of_histories([([item], [0], [1.0])]))[0]
        assert scores[kinds == kinds[item]].mean() > scores[kinds != kinds[item]].mean() + scores.std()


def test_neighbours_are_the_nearest_of_those_met_and_not_the_thing_itself(data: Dataset) -> None:
    model = models.load("freedom")(models.load("freedom").Config(neighbors=4, epochs=1, patience=0))  # type: ignore[call-arg]
    model.fit(data, OPTIONS)
    told = model._told["attributes"]  # type: ignore[attr-defined]
    near = model._nearest(model._told, len(told), itself=True)  # type: ignore[attr-defined]
    assert near.shape == (42, 4)
    for row, others in enumerate(near):
        alike = told @ told[row]
        alike[row] = -np.inf
        assert row not in others
        np.testing.assert_allclose(np.sort(alike[others]), np.sort(alike)[-4:], atol=1e-6)


def test_contents_that_say_nothing_leave_lightgcn(data: Dataset) -> None:
    settings = {"contents": "", "pruned": 0.0, "epochs": 3}
    model = models.make("freedom", settings).fit(data, OPTIONS)
    plain = models.make("lightgcn", {"epochs": 3}).fit(data, OPTIONS)
    np.testing.assert_allclose(model.score(data.histories()), plain.score(data.histories()), atol=1e-6)


def test_what_is_pruned_is_a_share_and_mostly_among_the_busy() -> None:
    generator = np.random.default_rng(0)
    popularity = 1 / np.arange(1, 41)
    rows = [(u, i) for u in range(60) for i in range(40) if generator.random() < popularity[i] * (0.4 + u / 60)]
    people, items = np.array(rows).T
    matrix = sp.csr_array((np.ones(len(rows), np.float32), (people, items)), shape=(60, 40))
    matrix.sort_indices()
    left = np.zeros(matrix.nnz)
    for _ in range(400):
        pruned = Pruned.of(matrix, 0.6, generator, torch.device("cpu"))
        kept = pruned.place >= 0
        assert kept.sum() == round(0.4 * matrix.nnz)
        np.testing.assert_array_equal(np.sort(pruned.place[kept]), np.arange(kept.sum()))
        left += kept
    product = np.diff(matrix.indptr)[people] * matrix.sum(axis=0)[items]
    order = np.argsort(product, kind="stable")
    few, many = (left[part].mean() / 400 for part in (order[:30], order[-30:]))
    assert few > 0.6
    assert many < 0.4


def test_a_pruned_graph_has_the_degrees_of_what_is_left() -> None:
    matrix = sp.csr_array(np.ones((4, 5), np.float32))
    pruned = Pruned.of(matrix, 0.5, np.random.default_rng(1), torch.device("cpu"))
    kept = (pruned.place >= 0).reshape(4, 5)
    expected = kept / np.sqrt(np.outer(np.maximum(kept.sum(1), 1), np.maximum(kept.sum(0), 1)))
    found = pruned.graph.to_people(torch.eye(5)).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-6)
