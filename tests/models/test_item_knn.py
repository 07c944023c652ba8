"""What is particular to item neighbours: the formula, the neighbours kept, bounded blocks."""

from __future__ import annotations

import numpy as np
import pytest

from serendip import models
from serendip.data import Dataset, Queries, Tables, event_frame
from serendip.data.arrays import Sparse
from serendip.models.item_knn import ItemKnn

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


def similarities(data: Dataset, **config: object) -> np.ndarray:
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


def rated() -> Dataset:
    """40 people rate two thirds of 15 items, who is even likes even items better."""
    generator = np.random.default_rng(5)
    people, things = np.nonzero(generator.random((40, 15)) < 0.67)
    values = np.clip(3 + (people % 2 == things % 2) + generator.integers(-2, 3, len(people)), 1, 5)
    columns = {
        "user_id": [f"u{row:02}" for row in people],
        "item_id": [f"i{row:02}" for row in things],
        "type": ["rating"] * len(people),
        "value": values.astype(float),
    }
    return Dataset.from_tables(Tables(event_frame(columns)))


def by_ratings(data: Dataset, centred: np.ndarray, shrinkage: float) -> np.ndarray:
    """Correlations over who rates both, one pair at a time; NaN where nobody has rated."""
    similar = np.zeros((data.n_items, data.n_items))
    for one in range(data.n_items):
        for two in range(data.n_items):
            both = np.isfinite(centred[:, one]) & np.isfinite(centred[:, two])
            if one != two and both.any():
                e, f = centred[both, one], centred[both, two]
                damped = both.sum() / (both.sum() + shrinkage)
                similar[one, two] = max(0, e @ f / np.sqrt((e @ e) * (f @ f)) * damped)
    return similar


def dense(ratings: Sparse) -> np.ndarray:
    whole = np.full(ratings.shape, np.nan)
    rows = np.repeat(np.arange(ratings.shape[0]), np.diff(ratings.indptr))
    whole[rows, ratings.indices] = ratings.data
    return whole


@pytest.mark.parametrize("similarity", ["pearson", "adjusted_cosine"])
@pytest.mark.parametrize("neighbors", [2, 100])
def test_ratings_by_the_nearest_rated_items(similarity: str, neighbors: int) -> None:
    data = rated()
    config = {"similarity": similarity, "neighbors": neighbors, "shrinkage": 3.0}
    model = models.make("item_knn", config).fit(data)
    assert isinstance(model, ItemKnn)
    base, ratings = model._baselines, data.ratings()
    assert base is not None
    values, left = dense(ratings), dense(base.left_over(ratings))
    centred = left if similarity == "pearson" else values - np.nanmean(values, axis=1, keepdims=True)
    similar = by_ratings(data, centred, 3.0)
    found = model.rate(data.histories(), np.tile(np.arange(15), (40, 1)))
    for person in range(40):
        for thing in range(15):
            voters = np.flatnonzero((similar[thing] > 0) & np.isfinite(left[person]))
            voters = voters[np.argsort(-similar[thing, voters])][:neighbors]
            weights = similar[thing, voters]
            vote = weights @ left[person, voters] / weights.sum() if len(voters) else 0
            expected = base.mean + base.people(ratings)[person] + base.items[thing] + vote
            assert found[person, thing] == pytest.approx(np.clip(expected, 1, 5), abs=2e-3)


def test_a_score_takes_the_nearest_of_all_and_a_rating_keeps_more() -> None:
    model = models.make("item_knn", {"similarity": "pearson", "neighbors": 2}).fit(rated())
    assert isinstance(model, ItemKnn)
    assert np.diff(model.weights()["indptr"]).max() > 2
    assert np.bincount(model._similar.indices).max() == 2
    few = models.make("item_knn", {"similarity": "pearson", "neighbors": 2, "kept": 3}).fit(rated())
    assert np.diff(few.weights()["indptr"]).max() == 3


@pytest.mark.parametrize("similarity", ["cosine", "jaccard", "bm25", "pearson", "adjusted_cosine"])
@pytest.mark.parametrize("memory", [None, 3.0])
def test_every_similarity_is_explained_saved_and_rates_in_range(similarity: str, memory: float | None) -> None:
    data = rated()
    model = models.make("item_knn", {"similarity": similarity, "memory": memory, "neighbors": 5}).fit(data)
    assert isinstance(model, ItemKnn)
    queries, rows = data.histories(), np.tile(np.arange(15), (40, 1))
    totals = np.zeros((40, 15))
    np.add.at(totals, queries.query_rows, model.contributions(queries, rows))
    np.testing.assert_allclose(totals, model.score(queries), atol=1e-5)
    assert totals.any()
    found = model.rate(queries, rows)
    assert 1 <= found.min() <= found.max() <= 5
    again = ItemKnn(model.config).restore(model.weights())
    np.testing.assert_array_equal(again.rate(queries, rows), found)
    np.testing.assert_array_equal(again.score(queries), model.score(queries))


def test_jaccard_and_bm25_by_their_formulas(data: Dataset) -> None:
    wants = data.matrix().toarray().T.astype(np.float64)
    ones = (wants > 0).astype(float)
    both, counts = ones @ ones.T, ones.sum(axis=1)
    expected = both / np.maximum(counts[:, None] + counts - both + 2, 1e-9)
    found = similarities(data, similarity="jaccard", neighbors=N_ITEMS, shrinkage=2)
    off = ~np.eye(N_ITEMS, dtype=bool)
    np.testing.assert_allclose(found[off], expected[off], rtol=1e-5)

    lengths = wants.sum(axis=1) / (wants.sum() / N_ITEMS)
    worth = np.maximum(np.log(N_ITEMS / (1 + ones.sum(axis=0))), 0)
    weighted = wants * 101 / (100 * (0.2 + 0.8 * lengths)[:, None] + wants) * worth
    norms = np.linalg.norm(weighted, axis=1)
    expected = weighted @ weighted.T / (np.outer(norms, norms) + 2)
    found = similarities(data, similarity="bm25", neighbors=N_ITEMS, shrinkage=2)
    np.testing.assert_allclose(found[off], expected[off], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("similarity", ["pearson", "adjusted_cosine"])
def test_similarities_of_ratings_learn_nothing_where_nobody_rates(data: Dataset, similarity: str) -> None:
    assert not similarities(data, similarity=similarity).any()


def test_an_event_that_fades_counts_less(data: Dataset) -> None:
    both = Queries.of_histories([(np.array([3, 1]), np.zeros(2), np.ones(2))])
    every = similarities(data)
    (found,) = models.make("item_knn", {"memory": 2.0}).fit(data).score(both)
    np.testing.assert_allclose(found, np.exp(-0.5) * every[3] + every[1], rtol=1e-5, atol=1e-7)
