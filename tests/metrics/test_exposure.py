"""Coverage, Gini, popularity and novelty against their definitions, element by element."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serendip.metrics import average_popularity, coverage, gini, novelty, tail_items, tail_share

rows_of_four = st.lists(st.permutations(range(-1, 6)).map(lambda row: row[:4]), min_size=1, max_size=6)


@given(rows_of_four)
def test_coverage_and_gini_equal_their_definitions(drawn: list[list[int]]) -> None:
    rows = np.array(drawn, dtype=np.int32)
    n_items = 9  # items 6 to 8 are never listed and count all the same
    counts = [sum(row.count(item) for row in drawn) for item in range(n_items)]
    assert coverage(rows, n_items) == sum(count > 0 for count in counts) / n_items
    # Another form of the Gini coefficient: the mean absolute difference over all pairs, halved, over the mean.
    pairs = sum(abs(one - other) for one, other in product(counts, counts))
    assert gini(rows, n_items) == pytest.approx(pairs / (2 * n_items * sum(counts)))


def test_gini_runs_from_even_to_one_item_alone() -> None:
    assert gini(np.arange(8).reshape(2, 4), 8) == pytest.approx(0.0)
    assert gini(np.zeros((5, 1), int), 8) == pytest.approx(1 - 1 / 8)
    assert math.isnan(gini(np.full((2, 3), -1), 8))


def test_popularity_and_novelty_are_means_over_each_list() -> None:
    counts = np.array([8, 4, 1, 0])
    rows = np.array([[0, 1], [2, -1], [3, -1], [-1, -1]])
    assert average_popularity(rows, counts).tolist()[:3] == [6.0, 1.0, 0.0]
    # -log2(8/8) and -log2(4/8); 1 of 8; nobody knows item 3: as if one person did, not infinitely novel
    assert novelty(rows, counts, 8).tolist()[:3] == [0.5, 3.0, 3.0]
    assert np.isnan(average_popularity(rows, counts)[3])
    assert np.isnan(novelty(rows, counts, 8)[3])


def test_the_tail_is_all_but_the_most_known_fifth() -> None:
    counts = np.array([50, 3, 40, 2, 0, 1, 1, 1, 0, 9])
    assert np.flatnonzero(~tail_items(counts)).tolist() == [0, 2]
    assert np.flatnonzero(~tail_items(counts, head_share=0.3)).tolist() == [0, 2, 9]
    counts[9] = 40  # an equal of the last of the head
    assert np.flatnonzero(~tail_items(counts)).tolist() == [0, 2, 9]
    assert tail_items(np.zeros(4, int)).all()


def test_tail_share_is_a_mean_over_each_list() -> None:
    tail = np.array([False, True, True])
    found = tail_share(np.array([[0, 1], [1, 2], [0, -1], [-1, -1]]), tail)
    assert found.tolist()[:3] == [0.5, 1.0, 0.0]
    assert np.isnan(found[3])
