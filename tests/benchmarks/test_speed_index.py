"""The page on indexes says what was recorded."""

from __future__ import annotations

import numpy as np

from benchmarks import speed_index


def test_the_page_says_what_is_recorded() -> None:
    assert speed_index.PAGE.read_text(encoding="utf-8") == speed_index.page()


def test_what_is_lost_has_an_interval() -> None:
    exact = np.random.default_rng(1).random(500)
    assert speed_index.loss(exact, exact) == [0, 0, 0]
    mean, low, high = speed_index.loss(exact, 0.9 * exact)
    assert low < mean < high
    assert abs(mean - 10) < 1e-6


def test_candidates_are_put_in_order_by_the_vectors() -> None:
    vectors = np.eye(3, dtype=np.float32)
    rows = np.array([[0, 2, 1, -1]])
    assert speed_index.by_vectors(rows, vectors, np.array([[1, 2, 3]], np.float32)).tolist() == [[2, 1, 0, -1]]


def test_vectors_are_as_many_as_asked_for_and_finite() -> None:
    for make in (speed_index.factors, speed_index.clusters, speed_index.gaussian):
        items, people = make(2_000, np.random.default_rng(0))
        assert items.shape == (2_000, speed_index.WIDTH)
        assert np.isfinite(items).all()
        assert np.isfinite(people).all()
