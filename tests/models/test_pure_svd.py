"""PureSVD against a dense reference."""

from __future__ import annotations

import numpy as np
import pytest

from serendip.data import Dataset, Queries, Tables, event_frame
from serendip.models.pure_svd import PureSvd, PureSvdConfig

SIZE = (80, 40)


def data(seed: int = 2) -> Dataset:
    pairs = np.argwhere(np.random.default_rng(seed).random(SIZE) < np.linspace(0.05, 0.4, SIZE[1]))
    columns = {"user_id": [f"u{u}" for u, _ in pairs], "item_id": [f"i{i}" for _, i in pairs]}
    return Dataset.from_tables(Tables(event_frame(columns | {"type": ["like"] * len(pairs)})))


@pytest.mark.parametrize("scaling", [0.0, 0.5, 1.0])
def test_scores_are_the_projection_on_the_leading_singular_vectors(scaling: float) -> None:
    known = data()
    x = known.matrix().toarray().astype(np.float64)
    q = np.linalg.svd(x * x.sum(axis=0) ** ((scaling - 1) / 2))[2][:6].T
    model = PureSvd(PureSvdConfig(embedding_size=6, scaling=scaling)).fit(known)
    np.testing.assert_allclose(model.score(known.histories()), x @ q @ q.T, atol=1e-5)


def test_never_so_many_vectors_that_it_is_the_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    known = data()
    model = PureSvd(PureSvdConfig(embedding_size=500)).fit(known)
    assert model.weights()["vectors"].shape == (40, 10)
    few = known.with_events(known.events.user_rows < 9)
    assert PureSvd().fit(few).weights()["vectors"].shape == (40, 3)
    # With all of them nothing unseen scores at all.
    monkeypatch.setattr("serendip.models.pure_svd.SHARE", 1)
    everything = PureSvd(PureSvdConfig(embedding_size=500)).fit(known)
    np.testing.assert_allclose(everything.score(known.histories()), known.matrix().toarray(), atol=1e-4)


def test_a_smaller_scaling_lists_less_wanted_items() -> None:
    known = data()
    people = np.asarray(known.matrix().sum(axis=0))
    models = [PureSvd(PureSvdConfig(embedding_size=6, scaling=d)).fit(known) for d in (0.0, 0.5, 1.0)]
    norms = [np.average(people, weights=(model.weights()["vectors"] ** 2).sum(axis=1)) for model in models]
    assert norms[0] < norms[1] < norms[2]


def test_with_a_memory_an_older_event_counts_less_in_scores_and_contributions() -> None:
    known = data()
    history = Queries.of_histories([(np.array([1, 2, 3]), np.arange(3), np.ones(3))])
    plain, fading = (PureSvd(PureSvdConfig(memory=memory)).fit(known) for memory in (None, 2.0))
    rows = np.arange(40)[None]
    parts = fading.contributions(history, rows)
    fade = np.exp(-np.array([2, 1, 0]) / 2)[:, None]
    np.testing.assert_allclose(parts, fade * plain.contributions(history, rows), rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(parts.sum(axis=0), fading.score(history)[0], rtol=1e-4, atol=1e-6)
