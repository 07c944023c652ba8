"""Blending and re-ranking on small numbers."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from serendip.pipeline.blending import Part, blend
from serendip.pipeline.reranking import diversify

EVERYTHING = np.ones((1, 4), bool)


def part(scores: list[float], weight: float = 1.0, candidates: int = 4) -> Part:
    return Part("part", np.asarray([scores], np.float32), weight, candidates)


def test_each_source_is_scaled_to_its_largest_allowed_score() -> None:
    blended = blend([part([4, 2, 0, 8]), part([1, 0, 1, 0], weight=0.5)], np.asarray([[True, True, True, False]]))
    np.testing.assert_allclose(blended.total, [[1 + 0.5, 0.5, 0.5, -np.inf]])


def test_a_source_without_a_positive_score_says_nothing() -> None:
    blended = blend([part([-1, -2, 0, 0]), part([0, 0, 3, 1])], EVERYTHING)
    np.testing.assert_allclose(blended.total, [[-np.inf, -np.inf, 1, 1 / 3]])
    assert blended.factors[0, 0] == 0


def test_candidates_are_the_union_of_what_each_source_proposes_and_all_are_scored_by_all() -> None:
    blended = blend([part([4, 3, 2, 1], candidates=1), part([1, 2, 3, 4], candidates=1)], EVERYTHING)
    np.testing.assert_allclose(blended.total, [[1.25, -np.inf, -np.inf, 1.25]])


def test_without_diversity_the_order_stays() -> None:
    likeness = np.ones((3, 3))
    assert diversify(np.asarray([3.0, 2.0, 1.0]), likeness, 2, 0.0).tolist() == [0, 1]


def test_the_second_of_a_kind_waits_behind_another_kind() -> None:
    likeness = np.asarray([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    assert diversify(np.asarray([3.0, 2.9, 2.5]), likeness, 3, 0.5).tolist() == [0, 2, 1]


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 12), st.integers(0, 14), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_the_greedy_order_is_the_definition(n: int, k: int, diversity: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    scores = np.sort(random.normal(size=n))[::-1]
    labels = random.integers(0, 3, n)
    likeness = (labels[:, None] == labels[None, :]).astype(float)
    order = diversify(scores, likeness, k, diversity).tolist()
    assert len(order) == min(k, n) == len(set(order))
    relevance = (scores - scores.min()) / np.ptp(scores) if np.ptp(scores) > 0 else np.ones(n)
    for place, chosen in enumerate(order):
        left = [candidate for candidate in range(n) if candidate not in order[:place]]

        def gain(candidate: int, taken: list[int] = order[:place]) -> float:
            nearest = max((likeness[candidate, one] for one in taken), default=0.0)
            return float((1 - diversity) * relevance[candidate] - diversity * nearest)

        assert gain(chosen) >= max(map(gain, left)) - 1e-9
