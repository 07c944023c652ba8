"""AUC against its definition over pairs, and against an independent implementation."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from serendip.metrics import auc, scores

values = st.sampled_from([-math.inf, math.nan, -1.0, 0.0, 0.0, 0.5, 2.0, math.inf])
people = st.lists(st.lists(st.tuples(values, st.booleans(), st.booleans()), min_size=7, max_size=7), max_size=4)


def one(score: float, other: float) -> float:
    """Of a pair: 1 where the first is above, 1/2 for equals; NaN is as low as can be."""
    score, other = (-math.inf if math.isnan(it) else it for it in (score, other))
    return 0.5 if score == other else float(score > other)


@given(people)
def test_auc_is_the_share_of_pairs_in_the_right_order(drawn: list[list[tuple[float, bool, bool]]]) -> None:
    cells = np.array(drawn, dtype=np.float64).reshape(len(drawn), 7, 3)
    scored, candidates = cells[:, :, 0].astype(np.float32), cells[:, :, 2].astype(bool)
    relevant = cells[:, :, 1].astype(bool) & candidates
    scored[~candidates] = -np.inf
    found = auc(scored, sp.csr_array(relevant), candidates.sum(axis=1))
    for person in range(len(drawn)):
        right, wrong = scored[person][relevant[person]], scored[person][candidates[person] & ~relevant[person]]
        pairs = [one(*pair) for pair in product(right.tolist(), wrong.tolist())]
        assert found[person] == pytest.approx(np.mean(pairs) if pairs else math.nan, nan_ok=True)


def test_agreement_with_the_statistic_of_mann_and_whitney(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scores, "CELLS_AT_ONCE", 700)  # a few relevant items at a time
    generator = np.random.default_rng(1)
    scored = generator.normal(size=(5, 300)).round(1)
    relevant = generator.random((5, 300)) < 0.1
    found = auc(scored, sp.csr_array(relevant), np.full(5, 300))
    for person in range(5):
        right, wrong = scored[person][relevant[person]], scored[person][~relevant[person]]
        assert found[person] == pytest.approx(mannwhitneyu(right, wrong).statistic / (len(right) * len(wrong)))


def test_a_perfect_order_is_one_and_equals_are_one_half() -> None:
    relevant = sp.csr_array(np.array([[True, True, False, False]] * 3))
    scored = np.array([[4.0, 3, 2, 1], [1, 2, 3, 4], [0, 0, 0, 0]], np.float32)
    assert auc(scored, relevant, np.full(3, 4)).tolist() == [1.0, 0.0, 0.5]
