"""Distillation: what a teacher is asked, and that a student learns what only the teacher knows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from serendip import models
from serendip.data import Dataset, Queries, Tables, event_frame
from serendip.data.arrays import FloatArray, IntArray
from serendip.training import FitOptions
from serendip.training.distillation import marked
from serendip.training.sequences import Sequences

OPTIONS = FitOptions(seed=2, threads=1)
N_ITEMS = 24
SETTINGS: dict[str, Any] = {"contents": "", "embedding_size": 16, "epochs": 15, "patience": 0}


def sequences(*histories: list[int]) -> Sequences:
    offsets = np.concatenate([[0], np.cumsum([len(history) for history in histories])])
    places = np.asarray([place for history in histories for place in history], np.int64)
    return Sequences(offsets.astype(np.int64), places, np.arange(len(places)))


def test_a_teacher_marks_what_is_listed_after_each_history() -> None:
    """Of five items, rows 1, 3 and 4 were met, at places 0, 1 and 2; row 2 is listed, but nobody met it."""
    asked: list[list[int]] = []

    def teacher(queries: Queries, rows: IntArray) -> FloatArray:
        asked.extend(part.tolist() for part in np.split(queries.item_rows, queries.offsets[1:-1]))
        return 10.0 * rows

    def retriever(queries: Queries, k: int) -> IntArray:
        listed = [[4, 2, 1] if row != 4 else [2] for row in queries.item_rows[queries.offsets[:-1]]]
        return np.array([row + [-1] * (k - len(row)) for row in listed])

    met, options = np.array([1, 3, 4]), replace(OPTIONS, teacher=teacher, retriever=retriever)
    found = marked(sequences([0, 1], [], [2, 0], [1, 0, 1]), met, 5, 2, options)
    assert found is not None
    assert asked == [[1, 3], [4, 1], [1, 3]]  # rows of the last two events of those that have any
    assert found.histories.places.tolist() == [0, 1, 0, 1]  # of the second nothing is listed that was met
    there = np.isfinite(found.marks)
    for places, marks, real in zip(found.candidates, found.marks, there, strict=True):
        assert dict(zip(places[real].tolist(), marks[real].tolist(), strict=True)) == {2: 40.0, 0: 10.0}
    assert marked(sequences([0, 1]), met, 5, 2, OPTIONS) is None
    assert marked(sequences([], []), met, 5, 2, options) is None
    assert marked(sequences([2]), met, 5, 2, options) is None


def by_chance() -> Dataset:
    """What people turn to says nothing of what they turn to next."""
    generator = np.random.default_rng(0)
    rows = [(f"u{person}", f"i{item:02}") for person in range(150) for item in generator.permutation(N_ITEMS)[:8]]
    users, items = zip(*rows, strict=True)
    columns: dict[str, Any] = {"user_id": users, "item_id": items, "type": ["like"] * len(rows)}
    return Dataset.from_tables(Tables(event_frame({**columns, "time_ms": range(len(rows))})))


def same_side(queries: Queries, rows: IntArray) -> FloatArray:
    """A teacher by whom people who met even items last want even ones."""
    last = queries.item_rows[queries.offsets[1:] - 1]
    return np.where(rows % 2 == last[:, None] % 2, 3.0, -3.0)


@pytest.mark.parametrize(("distilled", "learned"), [(1.0, True), (0.0, False)])
def test_a_student_learns_what_only_its_teacher_knows(distilled: float, learned: bool) -> None:
    settings = {**SETTINGS, "memory": 0.5, "distilled": distilled}
    model = models.make("two_tower", settings).fit(by_chance(), replace(OPTIONS, teacher=same_side))
    everything = np.arange(N_ITEMS)
    alone = np.arange(N_ITEMS + 1)  # one item each
    scores = model.score(Queries(alone, everything.astype(np.int32), np.zeros(N_ITEMS, np.int64), np.ones(N_ITEMS)))
    scores[everything, everything] = -np.inf
    best = np.argsort(-scores, axis=1)[:, :8]
    share = (best % 2 == everything[:, None] % 2).mean()
    assert share > 0.9 if learned else share < 0.65  # half of them by chance


def test_without_a_teacher_it_is_as_if_there_were_no_such_setting() -> None:
    data = by_chance()
    ignoring, willing = (
        models.make("two_tower", {**SETTINGS, "distilled": weight}).fit(data, OPTIONS) for weight in (0.0, 5.0)
    )
    np.testing.assert_array_equal(ignoring.score(data.histories()), willing.score(data.histories()))
