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


@pytest.mark.parametrize("share_of_equals", [0.0, 0.5, 0.99, 1.0])
def test_agrees_with_sorting_everything_in_long_rows(share_of_equals: float) -> None:
    """Long enough that most items are passed over by stripes, with more and fewer equals than places."""
    generator = np.random.default_rng(2)
    scores = generator.normal(size=(40, 997)).astype(np.float32)
    scores[generator.random(scores.shape) < share_of_equals] = 0.5
    scores[generator.random(scores.shape) < 0.1] = generator.choice([-np.inf, np.nan])
    scores[0], scores[1, 5:] = np.nan, -np.inf
    rows, _ = top_k(scores, 10, seed=1)
    in_order = np.random.default_rng(1).permutation(997)
    lowest = np.where(np.isnan(scores), -np.inf, scores)[:, in_order]
    sorted_rows = in_order[np.argsort(-lowest, axis=1, kind="stable")[:, :10]]
    best = np.take_along_axis(np.where(np.isnan(scores), -np.inf, scores), sorted_rows, axis=1)
    np.testing.assert_array_equal(rows, np.where(best > -np.inf, sorted_rows, -1))


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
