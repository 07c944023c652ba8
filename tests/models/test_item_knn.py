"""What is particular to item neighbours: the formula, the neighbours kept, bounded blocks."""

from __future__ import annotations

import numpy as np
import pytest

from serendip import models
from serendip.data import Dataset, Queries, Tables, event_frame

N_ITEMS = 40


@pytest.fixture(scope="module")
def data() -> Dataset:
    generator = np.random.default_rng(0)
    columns = {
        "user_id": [f"u{row}" for row in generator.integers(0, 50, 600)],
        "item_id": [f"i{row}" for row in generator.zipf(1.3, 600) % N_ITEMS],
        "type": generator.choice(["view", "like", "cart"], 600).tolist(),
    }
    items = event_frame({"item_id": [f"i{row}" for row in range(N_ITEMS)]}).select("item_id")
    return Dataset.from_tables(Tables(event_frame(columns), items))


def similarities(data: Dataset, **config: float) -> np.ndarray:
    """What each item of a history of one adds to each candidate, (N, N)."""
    every_item = [(np.array([row]), np.zeros(1), np.ones(1)) for row in range(N_ITEMS)]
    return models.make("item_knn", config).fit(data).score(Queries.of_histories(every_item))


def reference(data: Dataset, neighbors: int, shrinkage: float) -> np.ndarray:
    """The same by the formula, one pair at a time."""
    columns = data.matrix().toarray().T.astype(np.float64)
    similar = np.zeros((N_ITEMS, N_ITEMS))
    for target in range(N_ITEMS):
        for source in range(N_ITEMS):
            norms = np.linalg.norm(columns[source]) * np.linalg.norm(columns[target])
            if source != target and norms + shrinkage > 0:
                similar[source, target] = columns[source] @ columns[target] / (norms + shrinkage)
        weakest_kept = np.sort(similar[:, target])[-neighbors]
        similar[similar[:, target] < weakest_kept, target] = 0.0
    return similar


@pytest.mark.parametrize("neighbors", [1, 3, N_ITEMS])
@pytest.mark.parametrize("shrinkage", [0.0, 5.0])
def test_the_nearest_by_cosine(data: Dataset, neighbors: int, shrinkage: float) -> None:
    found = similarities(data, neighbors=neighbors, shrinkage=shrinkage)
    expected = reference(data, neighbors, shrinkage)
    # Of equals at the last place any may be kept, so columns are compared as sorted values.
    np.testing.assert_allclose(np.sort(found, axis=0)[-neighbors:], np.sort(expected, axis=0)[-neighbors:], atol=1e-6)
    kept = found > 0
    np.testing.assert_allclose(found[kept], expected[kept], atol=1e-6)
    assert kept.sum(axis=0).max() <= neighbors
    assert not np.diagonal(found).any()


def test_shrinkage_damps_thin_evidence(data: Dataset) -> None:
    """One shared person of one makes a perfect cosine; shrinkage puts a broad agreement above it."""
    pairs = [(f"u{row}", item) for row in range(30) for item in ("tea", "cake")]
    pairs += [(f"v{row}", item) for row in range(5) for item in ("tea",)] + [("u0", "oddity")]
    users, items = zip(*pairs, strict=True)
    small = Dataset.from_tables(
        Tables(event_frame({"user_id": users, "item_id": items, "type": ["like"] * len(users)}))
    )
    tea, cake, oddity = small.items.vocabulary.rows(["tea", "cake", "oddity"])
    of_oddity = Queries.of_histories([(np.array([row]), np.zeros(1), np.ones(1)) for row in (cake, oddity)])
    damped = models.make("item_knn").fit(small).score(of_oddity)
    assert damped[0, tea] > 5 * damped[1, tea]
    raw = models.make("item_knn", {"shrinkage": 0}).fit(small).score(of_oddity)
    assert raw[0, tea] < 6 * raw[1, tea]


def test_blocks_change_nothing(data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = similarities(data, neighbors=5)
    monkeypatch.setattr("serendip.algebra.similarity.PART_CELLS", 1)
    np.testing.assert_array_equal(similarities(data, neighbors=5), whole)
