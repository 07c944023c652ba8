"""Blending and re-ranking on small numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serendip.pipeline.blending import Blend, Part, blend
from serendip.pipeline.opinions import Dense
from serendip.pipeline.reranking import capped, diversify

EVERYTHING = np.ones(4, bool)


def part(scores: list[float], weight: float = 1.0, candidates: int = 4) -> Part:
    return Part("part", Dense(np.asarray(scores, np.float32)), weight, candidates)


def totals(blended: Blend) -> dict[int, float]:
    return dict(zip(blended.rows.tolist(), blended.total.tolist(), strict=True))


def test_each_source_is_scaled_to_its_largest_allowed_score() -> None:
    blended = blend([part([4, 2, 0, 8]), part([1, 0, 1, 0], weight=0.5)], np.asarray([True, True, True, False]))
    assert totals(blended) == pytest.approx({0: 1 + 0.5, 1: 0.5, 2: 0.5})


def test_a_source_without_a_positive_score_says_nothing() -> None:
    blended = blend([part([-1, -2, 0, 0]), part([0, 0, 3, 1])], EVERYTHING)
    assert totals(blended) == pytest.approx({2: 1, 3: 1 / 3})
    assert blended.factors[0] == 0


def test_candidates_are_the_union_of_what_each_source_proposes_and_all_are_scored_by_all() -> None:
    blended = blend([part([4, 3, 2, 1], candidates=1), part([1, 2, 3, 4], candidates=1)], EVERYTHING)
    assert totals(blended) == pytest.approx({0: 1.25, 3: 1.25})


def test_nothing_said_leaves_nothing() -> None:
    assert not len(blend([part([0, 0, 0, 0])], EVERYTHING).rows)
    assert not len(blend([], EVERYTHING).rows)


def test_without_diversity_the_order_stays() -> None:
    alike = np.zeros((3, 1), np.int32)
    assert diversify(np.asarray([3.0, 2.0, 1.0]), alike, 2, 0.0).tolist() == [0, 1]


def test_the_second_of_a_kind_waits_behind_another_kind() -> None:
    labels = np.asarray([[0], [0], [1]], np.int32)
    assert diversify(np.asarray([3.0, 2.9, 2.5]), labels, 3, 0.5).tolist() == [0, 2, 1]


def test_caps_let_so_many_of_a_kind_through() -> None:
    makers = np.asarray([[0, -1], [0, 1], [2, -1], [1, -1], [2, -1], [-1, -1]], np.int32)
    assert capped([makers], [1], 6).tolist() == [0, 2, 3, 5]
    assert capped([makers], [2], 6).tolist() == [0, 1, 2, 3, 4, 5]
    assert capped([makers], [1], 2).tolist() == [0, 2]
    assert capped([makers, np.zeros((6, 1), np.int32)], [2, 3], 6).tolist() == [0, 1, 2]


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 12), st.integers(0, 14), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_the_greedy_order_is_the_definition(n: int, k: int, diversity: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    scores = np.sort(random.normal(size=n))[::-1]
    sets = [set(random.choice(4, random.integers(0, 4), replace=False).tolist()) for _ in range(n)]
    labels = np.full((n, 4), -1, np.int32)
    for row, found in enumerate(sets):
        labels[row, : len(found)] = list(found)
    likeness = [[len(a & b) / np.sqrt(len(a) * len(b)) if a & b else 0.0 for b in sets] for a in sets]
    order = diversify(scores, labels, k, diversity).tolist()
    assert len(order) == min(k, n) == len(set(order))
    relevance = (scores - scores.min()) / np.ptp(scores) if np.ptp(scores) > 0 else np.ones(n)
    for place, chosen in enumerate(order):
        left = [candidate for candidate in range(n) if candidate not in order[:place]]

        def gain(candidate: int, taken: list[int] = order[:place]) -> float:
            nearest = max((likeness[candidate][one] for one in taken), default=0.0)
            return float((1 - diversity) * relevance[candidate] - diversity * nearest)

        assert gain(chosen) >= max(map(gain, left)) - 1e-9
