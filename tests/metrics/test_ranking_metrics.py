"""Ranking metrics against brute force in plain Python and against ir-measures."""

from __future__ import annotations

import math

import ir_measures
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from ir_measures import AP, RR, P, R, Success, nDCG

from serendip.metrics import hits_in, ranking_metrics

CUTOFFS = (1, 3, 10)


@st.composite
def lists(draw: st.DrawFn) -> tuple[list[list[int]], list[set[int]], int]:
    """Lists of distinct items, what is relevant to each person, and the size of the catalogue."""
    n_items = draw(st.integers(1, 15))
    depth = draw(st.integers(0, min(n_items, 12)))
    people = draw(st.integers(1, 5))
    ranked = [draw(st.permutations(range(n_items)))[:depth] for _ in range(people)]
    relevant = [draw(st.sets(st.integers(0, n_items - 1), min_size=1)) for _ in range(people)]
    return ranked, relevant, n_items


def measured(
    ranked: list[list[int]], relevant: list[set[int]], n_items: int, cutoffs: tuple[int, ...] = CUTOFFS
) -> dict[str, np.ndarray]:
    truth = np.zeros((len(relevant), n_items), bool)
    for row, items in enumerate(relevant):
        truth[row, list(items)] = True
    rows = np.array(ranked, dtype=np.int32).reshape(len(ranked), -1)
    return ranking_metrics(hits_in(rows, sp.csr_array(truth)), truth.sum(axis=1), cutoffs)


def by_hand(ranked: list[int], relevant: set[int], k: int) -> dict[str, float]:
    first = ranked[:k]
    hit_ranks = [rank for rank, item in enumerate(first, 1) if item in relevant]
    ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(k, len(relevant)) + 1))
    precisions = [sum(item in relevant for item in ranked[:rank]) / rank for rank in hit_ranks]
    return {
        "hit_rate": float(bool(hit_ranks)),
        "precision": len(hit_ranks) / k,
        "recall": len(hit_ranks) / len(relevant),
        "ndcg": sum(1 / math.log2(rank + 1) for rank in hit_ranks) / ideal,
        "map": sum(precisions) / min(k, len(relevant)),
        "mrr": 1 / hit_ranks[0] if hit_ranks else 0.0,
    }


@given(lists())
def test_every_metric_equals_its_definition(drawn: tuple[list[list[int]], list[set[int]], int]) -> None:
    ranked, relevant, n_items = drawn
    values = measured(ranked, relevant, n_items)
    assert len(values) == 6 * len(CUTOFFS)
    for person in range(len(ranked)):
        for k in CUTOFFS:
            for name, expected in by_hand(ranked[person], relevant[person], k).items():
                assert values[f"{name}@{k}"][person] == pytest.approx(expected, abs=1e-12), name


def test_agreement_with_ir_measures() -> None:
    generator = np.random.default_rng(7)
    n_items, people, k = 60, 40, 10
    ranked = [generator.permutation(n_items)[:20].tolist() for _ in range(people)]
    relevant = [set(generator.choice(n_items, generator.integers(1, 25), replace=False).tolist()) for _ in ranked]
    qrels = {str(person): {str(item): 1 for item in items} for person, items in enumerate(relevant)}
    run = {str(person): {str(item): -float(rank) for rank, item in enumerate(row)} for person, row in enumerate(ranked)}
    theirs = {
        (str(value.measure), int(value.query_id)): value.value
        for value in ir_measures.iter_calc([nDCG @ k, P @ k, R @ k, AP @ k, RR @ k, Success @ k], qrels, run)
    }
    ours = measured(ranked, relevant, n_items)
    names = {"ndcg": "nDCG", "precision": "P", "recall": "R", "map": "AP", "mrr": "RR", "hit_rate": "Success"}
    for name, their_name in names.items():
        for person, items in enumerate(relevant):
            # trec_eval divides average precision by all that is relevant, we by what fits into k places.
            factor = len(items) / min(k, len(items)) if name == "map" else 1.0
            expected = theirs[f"{their_name}@{k}", person] * factor
            assert ours[f"{name}@{k}"][person] == pytest.approx(expected, abs=1e-9), (name, person)


def test_a_perfect_list_scores_one_and_an_empty_list_nothing() -> None:
    perfect = measured([[0, 1, 2]], [{0, 1, 2, 3, 4}], 5, (3,))
    assert [perfect[f"{name}@3"][0] for name in ("hit_rate", "precision", "ndcg", "map", "mrr")] == [1.0] * 5
    assert perfect["recall@3"][0] == pytest.approx(3 / 5)
    assert all(value[0] == 0.0 for value in measured([[]], [{0}], 5, (3,)).values())


def test_a_person_with_nothing_relevant_has_no_value() -> None:
    values = ranking_metrics(np.zeros((1, 3), bool), np.array([0]), [3])
    assert all(np.isnan(value[0]) for value in values.values())


def test_places_that_hold_nothing_are_no_hits() -> None:
    last_item_relevant = sp.csr_array(np.array([[False, False, True], [True, True, True]]))
    rows = np.array([[-1, 2], [-1, -1]], dtype=np.int32)
    assert hits_in(rows, last_item_relevant).tolist() == [[False, True], [False, False]]
