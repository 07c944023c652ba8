"""Withheld: what is examined is what was taken away, and the grade is the NDCG written out."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.sparse as sp

from serendip.training import withheld
from serendip.training.sequences import Sequences
from serendip.training.withheld import Withheld

N_ITEMS = 30


def sequences(n_people: int = 40) -> Sequences:
    """Everybody turned to 1 to 9 items, none of them twice."""
    generator = np.random.default_rng(4)
    lengths = generator.integers(1, 10, n_people)
    lists = [generator.permutation(N_ITEMS)[:length] for length in lengths]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return Sequences(offsets, np.concatenate(lists).astype(np.int64), np.arange(offsets[-1]))


def matrix(n_people: int = 60) -> sp.csr_array:
    generator = np.random.default_rng(5)
    dense = generator.random((n_people, N_ITEMS)) * (generator.random((n_people, N_ITEMS)) < 0.2)
    return sp.csr_array(dense.astype(np.float32))


def naive(scores: np.ndarray, seen: np.ndarray, wanted: np.ndarray) -> float:
    """Mean NDCG@10, person by person: rank what was not seen, discount the hits, divide by the best list possible."""
    grades = []
    for score, known, right in zip(scores, seen, wanted, strict=True):
        if not right.any():
            continue
        order = sorted(np.flatnonzero(known == 0), key=lambda item: -score[item])[:10]
        gain = sum(1 / math.log2(rank + 2) for rank, item in enumerate(order) if right[item])
        grades.append(gain / sum(1 / math.log2(rank + 2) for rank in range(min(10, int((right > 0).sum())))))
    return float(np.mean(grades))


@pytest.mark.parametrize("strip", [3, 512])
@pytest.mark.parametrize("n_items", [4, N_ITEMS])
def test_the_grade_is_the_ndcg_of_the_full_ranking_without_what_was_seen(
    strip: int, n_items: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(withheld, "STRIP", strip)
    generator = np.random.default_rng(1)
    role = generator.choice(3, (20, n_items), p=[0.6, 0.2, 0.2])
    role[7] = 0  # of one nothing is known and nothing wanted: no grade
    scores = generator.standard_normal((20, n_items)).astype(np.float32)
    exam = Withheld(*(sp.csr_array((role == kind).astype(np.float32)) for kind in (1, 2)))
    found = exam.ndcg(lambda part: scores[part].copy())
    assert found == pytest.approx(naive(scores, role == 1, role == 2))
    assert found != pytest.approx(naive(scores, role == 9, role == 2))  # what was seen does stand in the way


def test_of_the_examined_the_last_item_is_withheld_and_nothing_else() -> None:
    whole = sequences()
    left, asked, exam = withheld.last_items(whole, N_ITEMS, 6, np.random.default_rng(0))
    assert exam is not None
    assert len(asked) == exam.wanted.shape[0] == 6
    shorter = np.flatnonzero(left.lengths < whole.lengths)
    assert len(shorter) == 6
    np.testing.assert_array_equal((whole.lengths - left.lengths)[shorter], 1)
    for row, person in enumerate(shorter):
        history = whole.places[whole.offsets[person] : whole.offsets[person + 1]]
        np.testing.assert_array_equal(exam.wanted[[row]].indices, history[-1:])
        np.testing.assert_array_equal(asked[np.array([row])].places, history[:-1])
        np.testing.assert_array_equal(left[np.array([person])].places, history[:-1])
        np.testing.assert_array_equal(np.sort(exam.seen[[row]].indices), np.sort(history[:-1]))
        assert len(history) >= 3
    others = np.setdiff1d(np.arange(len(whole)), shorter)
    np.testing.assert_array_equal(left[others].places, whole[others].places)


def test_what_is_withheld_is_never_in_what_is_learned_from() -> None:
    whole = sequences()
    left, _, exam = withheld.last_items(whole, N_ITEMS, 100, np.random.default_rng(0))
    assert exam is not None
    assert exam.wanted.shape[0] == 8  # a fifth at most
    events = {(int(time), int(place)) for time, place in zip(whole.times_ms, whole.places, strict=True)}
    kept = {(int(time), int(place)) for time, place in zip(left.times_ms, left.places, strict=True)}
    assert kept < events
    assert sorted(place for _, place in events - kept) == sorted(exam.wanted.indices.tolist())
    assert exam.seen.multiply(exam.wanted).nnz == 0


def test_where_nobody_can_spare_an_item_nobody_is_examined() -> None:
    short = sequences().last(2)
    for asked in (withheld.last_items(short, N_ITEMS, 5, np.random.default_rng(0)),
                  withheld.last_items(sequences(), N_ITEMS, 0, np.random.default_rng(0))):  # fmt: skip
        left, examined, exam = asked
        assert exam is None
        assert len(examined) == 0
        assert len(left.places) in (len(short.places), len(sequences().places))


def test_some_items_are_split_into_seen_and_wanted() -> None:
    known = matrix()
    people, exam = withheld.some_items(known, 100, 0.3, np.random.default_rng(0))
    assert exam is not None
    assert len(people) == len(np.unique(people)) == np.count_nonzero(np.diff(known.indptr) >= 2) // 10
    np.testing.assert_array_equal((exam.seen + exam.wanted).toarray(), known[people].toarray())
    assert exam.seen.multiply(exam.wanted).nnz == 0
    assert 0 < exam.wanted.nnz < exam.seen.nnz


def test_about_the_share_asked_for_is_withheld() -> None:
    known = matrix(3_000)
    for share in (0.2, 0.5):
        people, exam = withheld.some_items(known, 300, share, np.random.default_rng(0))
        assert exam is not None
        assert exam.wanted.nnz / known[people].nnz == pytest.approx(share, abs=0.05)


def test_where_people_have_one_item_none_is_withheld() -> None:
    people, exam = withheld.some_items(sp.csr_array(np.eye(30, dtype=np.float32)), 10, 0.3, np.random.default_rng(0))
    assert exam is None
    assert len(people) == 0


def test_another_generator_examines_others() -> None:
    chosen = [withheld.some_items(matrix(200), 10, 0.3, np.random.default_rng(seed))[0] for seed in (0, 0, 1)]
    np.testing.assert_array_equal(chosen[0], chosen[1])
    assert not np.array_equal(chosen[0], chosen[2])
