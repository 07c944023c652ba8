"""Diversity, calibration and serendipity against their definitions, pair by pair and item by item."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from serendip.metrics import calibration, intra_list_diversity, serendipity, variety

N_ITEMS, N_TRAITS = 6, 4
lists = st.lists(st.permutations(range(-1, N_ITEMS)).map(lambda row: row[:4]), min_size=1, max_size=5)
trait_rows = st.lists(
    st.lists(st.sampled_from([0.0, 0.0, 1.0, 2.0]), min_size=N_TRAITS, max_size=N_TRAITS),
    min_size=N_ITEMS,
    max_size=N_ITEMS,
)


def cosine(one: list[float], other: list[float]) -> float:
    product = sum(a * b for a, b in zip(one, other, strict=True))
    return product / math.hypot(*one) / math.hypot(*other)


@given(lists, trait_rows)
def test_diversity_is_the_mean_distance_of_all_pairs(drawn: list[list[int]], traits: list[list[float]]) -> None:
    found = intra_list_diversity(np.array(drawn), sp.csr_array(np.array(traits)))
    for row, value in zip(drawn, found, strict=True):
        described = [item for item in row if item >= 0 and any(traits[item])]
        distances = [1 - cosine(traits[one], traits[other]) for one, other in permutations(described, 2)]
        assert value == pytest.approx(np.mean(distances) if distances else math.nan, abs=1e-9, nan_ok=True)


def mix(items: list[int], traits: list[list[float]]) -> list[float] | None:
    shares = [[value / sum(traits[item]) for value in traits[item]] for item in items if any(traits[item])]
    return [sum(column) / len(shares) for column in zip(*shares, strict=True)] if shares else None


@given(lists, trait_rows, st.sets(st.integers(0, N_ITEMS - 1)))
def test_calibration_is_the_divergence_of_two_mixes(
    drawn: list[list[int]], traits: list[list[float]], history: set[int]
) -> None:
    known = np.zeros((len(drawn), N_ITEMS), bool)
    known[:, list(history)] = True
    found = calibration(np.array(drawn), sp.csr_array(known), sp.csr_array(np.array(traits)))
    for row, value in zip(drawn, found, strict=True):
        p, q = mix(list(history), traits), mix([item for item in row if item >= 0], traits)
        if p is None or q is None:
            assert math.isnan(value)
            continue
        terms = [a * math.log(a / (0.99 * b + 0.01 * a)) for a, b in zip(p, q, strict=True) if a]
        assert value == pytest.approx(sum(terms), abs=1e-9)


def test_a_mirrored_mix_is_calibrated_and_a_foreign_one_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(variety, "CELLS_AT_ONCE", 2)  # one person at a time
    traits = sp.csr_array(np.array([[1, 0], [0, 1], [1, 0], [0, 1]]))
    history = sp.csr_array(np.array([[True, True, False, False], [True, False, False, False]]))
    found = calibration(np.array([[2, 3], [3, -1]]), history, traits)
    assert found == pytest.approx([0.0, math.log(100)])


def test_without_traits_nothing_is_said() -> None:
    nothing = sp.csr_array((N_ITEMS, 0))
    rows = np.array([[0, 1]])
    assert np.isnan(intra_list_diversity(rows, nothing)).all()
    assert np.isnan(calibration(rows, sp.csr_array(np.ones((1, N_ITEMS), bool)), nothing)).all()


def test_serendipity_counts_what_is_right_and_not_obvious() -> None:
    counts = np.array([9, 5, 5, 0, 0])  # mean popularity ranks 1, 2.5, 2.5, 4.5, 4.5
    rows = np.array([[3, 0, 1], [0, 1, -1]])
    hits = np.array([[True, True, True], [True, False, False]])
    found = serendipity(hits, rows, np.array([3, 1]), counts, 3)
    # item 3 at rank 1: (5 - 1.5) / 5; item 0 at rank 2 and item 1 at rank 3 are listed lower than popularity would
    assert found[0] == pytest.approx((1.0 - 1.5 / 5) / 3)
    assert found[1] == 0.0
    assert serendipity(hits, rows, np.array([3, 1]), counts, 1)[0] == pytest.approx(1.0 - 1.5 / 5)
    assert np.isnan(serendipity(hits, rows, np.array([0, 1]), counts, 3)[0])


@given(lists, st.lists(st.integers(0, 3), min_size=N_ITEMS, max_size=N_ITEMS), st.integers(1, 5))
def test_serendipity_equals_its_definition(drawn: list[list[int]], counts: list[int], k: int) -> None:
    wanted = {0, 2, 3}
    rows = np.array(drawn)
    found = serendipity(np.isin(rows, list(wanted)), rows, np.full(len(drawn), 3), np.array(counts), k)
    for row, value in zip(drawn, found, strict=True):
        total = 0.0
        for rank, item in enumerate(row[:k], 1):
            above = sum(count > counts[item] for count in counts)
            equal = sum(count == counts[item] for count in counts)
            expected = above + (equal + 1) / 2
            total += max((expected - rank) / N_ITEMS, 0.0) if item in wanted else 0.0
        assert value == pytest.approx(total / k)
