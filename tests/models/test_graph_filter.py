"""The graph filter against a dense reference."""

from __future__ import annotations

import numpy as np
import pytest

from serendip.data import Dataset, Queries, Tables, event_frame
from serendip.models import graph_filter
from serendip.models.graph_filter import GraphFilter, GraphFilterConfig

SIZE = (80, 30)


def data(seed: int = 2) -> Dataset:
    generator = np.random.default_rng(seed)
    pairs = np.argwhere(generator.random(SIZE) < np.linspace(0.05, 0.4, SIZE[1]))
    columns = {"user_id": [f"u{u}" for u, _ in pairs], "item_id": [f"i{i}" for _, i in pairs]}
    kinds = generator.choice(["like", "view"], len(pairs)).tolist()
    return Dataset.from_tables(Tables(event_frame(columns | {"type": kinds})))


def dense(config: GraphFilterConfig, known: Dataset) -> np.ndarray:
    """f(L) D^p by the eigenvectors of the whole L, in float64."""
    x = known.matrix().toarray().astype(np.float64)
    degrees = x.sum(axis=0)
    r = x / np.sqrt(x.sum(axis=1))[:, None] / np.sqrt(degrees)
    values, vectors = np.linalg.eigh(r.T @ r)
    values, vectors = values[::-1], vectors[:, ::-1]
    s, k = config.sharpening, min(config.embedding_size, len(values))
    first = np.arange(len(values)) < k
    response = np.where(first, (values + config.ideal) * np.exp(-s * values), values * np.exp(-s * values[k - 1]))
    return (vectors * response) @ vectors.T * degrees**config.popularity


@pytest.mark.parametrize(
    "config",
    [
        GraphFilterConfig(),
        GraphFilterConfig(embedding_size=7),
        GraphFilterConfig(embedding_size=1, ideal=0, sharpening=2.5, popularity=-0.1),
        GraphFilterConfig(embedding_size=12, ideal=0.4, sharpening=0, popularity=0),
    ],
)
@pytest.mark.parametrize("whole", [0, 30])
def test_scores_are_those_of_the_dense_filter(
    config: GraphFilterConfig, whole: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph_filter, "WHOLE", whole)
    known = data()
    scores = GraphFilter(config).fit(known).score(known.histories())
    np.testing.assert_allclose(scores, known.matrix().toarray() @ dense(config, known), rtol=1e-4, atol=1e-5)


def test_plain_it_is_two_steps_of_the_walk_over_the_graph() -> None:
    """Without sharpening, ideal part and popularity: x D^-½ Xᵀ D_U⁻¹ X D^-½, whatever the number of vectors."""
    known = data()
    x = known.matrix().toarray()
    root = np.sqrt(x.sum(axis=0))
    expected = x / root @ x.T / x.sum(axis=1) @ x / root
    for size in (1, 10, 30):
        plain = GraphFilterConfig(embedding_size=size, ideal=0, sharpening=0, popularity=0)
        np.testing.assert_allclose(GraphFilter(plain).fit(known).score(known.histories()), expected, rtol=1e-4)


def test_with_all_vectors_sharpening_is_the_heat_equation_run_backwards() -> None:
    """dr/dt = -r L from r(0) = x L, in many small steps of Euler."""
    known = data()
    x = known.matrix().toarray().astype(np.float64)
    r = x / np.sqrt(x.sum(axis=1))[:, None] / np.sqrt(x.sum(axis=0))
    laplace, state = r.T @ r, x @ (r.T @ r)
    for _ in range(20_000):
        state -= state @ laplace * (1.5 / 20_000)
    config = GraphFilterConfig(embedding_size=30, ideal=0, sharpening=1.5, popularity=0)
    scores = GraphFilter(config).fit(known).score(known.histories())
    np.testing.assert_allclose(scores, state, atol=2e-4)


def test_popularity_lifts_what_many_want() -> None:
    known = data()
    people = np.asarray(known.matrix().sum(axis=0))
    models = [GraphFilter(GraphFilterConfig(popularity=p)).fit(known) for p in (-0.3, 0.0, 0.5)]
    scores = [np.maximum(model.score(known.histories()), 0).mean(axis=0) for model in models]
    means = [np.average(people, weights=mean) for mean in scores]
    assert means[0] < means[1] < means[2]


def test_with_a_memory_an_older_event_counts_less_in_scores_and_contributions() -> None:
    known = data()
    history = Queries.of_histories([(np.array([1, 2, 3]), np.arange(3), np.ones(3))])
    plain, fading = (GraphFilter(GraphFilterConfig(memory=memory)).fit(known) for memory in (None, 2.0))
    rows = np.arange(30)[None]
    fade = np.exp(-np.array([2, 1, 0]) / 2)[:, None]
    parts = fading.contributions(history, rows)
    np.testing.assert_allclose(parts, fade * plain.contributions(history, rows), rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(parts.sum(axis=0), fading.score(history)[0], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("whole", [0, 30])
def test_contributions_of_more_queries_than_are_explained_at_once_add_up(
    whole: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph_filter, "EXPLAINED_AT_ONCE", 7)
    monkeypatch.setattr(graph_filter, "WHOLE", whole)
    known = data()
    model = GraphFilter().fit(known)
    queries = known.histories()
    rows = np.random.default_rng(0).integers(0, 30, (len(queries), 4))
    totals = np.zeros(rows.shape)
    np.add.at(totals, queries.query_rows, model.contributions(queries, rows))
    np.testing.assert_allclose(totals, model.score(queries, rows), rtol=1e-4, atol=1e-5)


def test_it_keeps_no_empty_rows_of_people() -> None:
    known = data()
    some = known.with_events(known.events.user_rows < 5)
    model = GraphFilter().fit(some)
    assert len(model.weights()["indptr"]) == 6
    assert np.isfinite(model.score(known.histories())).all()
