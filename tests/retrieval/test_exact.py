"""The best few, exactly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from serendip.retrieval import top_k

# Few distinct values, so that ties are everywhere; -inf and NaN among them.
SCORES = arrays(
    np.float32,
    st.tuples(st.integers(1, 4), st.integers(0, 30)),
    elements=st.sampled_from([-np.inf, np.nan, -1.0, 0.0, 0.0, 0.5, 2.0]),
)


def test_best_first_with_their_scores() -> None:
    rows, best = top_k(np.array([[0.1, 0.9, 0.5], [3.0, 1.0, 2.0]], np.float32), 2)
    np.testing.assert_array_equal(rows, [[1, 2], [0, 2]])
    np.testing.assert_array_equal(best, np.array([[0.9, 0.5], [3.0, 2.0]], np.float32))


@given(SCORES, st.integers(0, 40), st.integers(0, 3))
def test_agrees_with_sorting_everything(scores: np.ndarray, k: int, seed: int) -> None:
    rows, best = top_k(scores, k, seed)
    n_items = scores.shape[1]
    in_order = np.random.default_rng(seed).permutation(n_items).tolist()
    assert rows.shape == best.shape == (len(scores), min(k, n_items))
    for query, row in enumerate(scores):
        wanted = sorted((item for item in in_order if row[item] > -np.inf), key=lambda item: -row[item])[:k]
        padding = rows.shape[1] - len(wanted)
        assert rows[query].tolist() == wanted + [-1] * padding
        assert best[query].tolist() == [row[item] for item in wanted] + [-np.inf] * padding


@given(SCORES, st.integers(1, 30))
def test_a_shorter_list_begins_a_longer_one_and_the_batch_does_not_matter(scores: np.ndarray, k: int) -> None:
    longer, shorter = top_k(scores, k + 1)[0], top_k(scores, k)[0]
    np.testing.assert_array_equal(longer[:, : shorter.shape[1]], shorter)
    np.testing.assert_array_equal(np.concatenate([top_k(row[None], k)[0] for row in scores]), shorter)


def test_equals_come_in_no_order_of_rows() -> None:
    equal = np.zeros((1, 1000), np.float32)
    places = np.concatenate([top_k(equal, 10, seed)[0][0] for seed in range(50)])
    assert 400 < places.mean() < 600  # by row it would be 4.5
    assert len(np.unique(places)) > 300


@pytest.mark.parametrize("shape", [(0, 5), (2, 0), (0, 0)])
def test_nothing_in_nothing_out(shape: tuple[int, int]) -> None:
    rows, best = top_k(np.zeros(shape, np.float32), 3)
    assert rows.shape == best.shape == (shape[0], min(3, shape[1]))


def test_the_scores_stay_as_they_were() -> None:
    scores = np.random.default_rng(0).normal(size=(3, 20)).astype(np.float32)
    before = scores.copy()
    top_k(scores, 5)
    np.testing.assert_array_equal(scores, before)
