"""Distillation: what a slow model says of candidates, learned by a fast one.

For everybody's whole history a retriever lists candidates, and a teacher scores them once, before learning begins. At
each step the student is shown some of these lists beside what it learns from anyway, and held to say of them what the
teacher does (`losses.imitation`): Hinton, Vinyals and Dean, "Distilling the knowledge in a neural network", 2015; first
done for lists of items by Tang and Wang, "Ranking distillation", KDD 2018.

Nobody knows what comes after a whole history, so the teacher has to judge; lists after earlier events, what came next
among them, would tell what it knows by heart. On ml-100k/leave-one-out (three seeds, the recipe `distilled`) NDCG@10
was 0.055 for `two_tower` alone and 0.076 for it taught by `cross_encoder`, before towers told fame apart (0.074 since).
On the validation part it was 0.065 and 0.100: what is asked there are the very histories that the lists were made of,
which flatters.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256

import numpy as np

from serendip.data.arrays import FloatArray, IntArray
from serendip.training.joint import ASKED_AT_ONCE, proposals, queries_of
from serendip.training.options import FitOptions, Teacher
from serendip.training.sequences import Sequences

MOST, DEPTH = 20_000, 100
"""Histories that lists are made of, chosen at random where there are more, for a teacher is slow; and their length."""
AT_ONCE = 256
"""Lists that are looked at in one step, at most."""
TEMPERATURE = 2.0
"""What both divide their scores by, so that what a teacher says of the less likely counts as well."""


@dataclass(frozen=True, eq=False)
class Marked:
    """Candidates after some histories, and the marks that a teacher gave them; items by their places among the met."""

    histories: Sequences  # L of them, none empty
    candidates: IntArray  # (L, K) int64; any place where there is none
    marks: FloatArray  # (L, K) float32, -inf where there is none

    def __len__(self) -> int:
        return len(self.histories)

    def drawn(self, count: int, generator: np.random.Generator) -> Marked:
        """`count` lists at random, or as many as there are."""
        chosen = np.sort(generator.permutation(len(self))[: min(count, AT_ONCE)])
        return Marked(self.histories[chosen], self.candidates[chosen], self.marks[chosen])

    @cached_property
    def digest(self) -> str:
        """By which they are told from any others."""
        joined = self.candidates.tobytes() + self.marks.tobytes()
        return self.histories.digest + sha256(joined).hexdigest()


def marked(whole: Sequences, met: IntArray, n_items: int, longest: int, options: FitOptions) -> Marked | None:
    """Lists after each of `whole`, marked by the teacher of `options`; None where there is none, or nobody to list for.

    Args:
        whole: What may be learned from, each item by its place among `met`.
        met: The rows of the items that somebody met, (A,).
        n_items: N, how many rows there are.
        longest: Only so many events before each list are read.
    """
    if options.teacher is None or not len(whole.places):
        return None
    generator = options.generator()
    some = np.sort(generator.permutation(np.flatnonzero(whole.lengths))[:MOST])
    histories = whole[some].last(longest)
    known = replace(histories, places=met[histories.places])  # as other models know them
    propose = proposals(options.retriever, DEPTH, np.bincount(met[whole.places], minlength=n_items), generator)
    rows = propose(known)
    place = np.full(n_items + 1, -1)  # the last is where a row of -1 looks
    place[met] = np.arange(len(met))
    candidates, marks = place[rows], _said(options.teacher, known, np.maximum(rows, 0))
    there = (candidates >= 0).any(axis=1)
    marks = np.where(candidates >= 0, marks, -np.inf).astype(np.float32)
    found = Marked(histories[np.flatnonzero(there)], np.maximum(candidates, 0)[there], marks[there])
    return found if len(found) else None


def _said(teacher: Teacher, asked: Sequences, rows: IntArray) -> FloatArray:
    """What the teacher says of `rows` (L, K) after each of `asked`, (L, K)."""
    parts = [np.arange(at, min(at + ASKED_AT_ONCE, len(asked))) for at in range(0, len(asked), ASKED_AT_ONCE)]
    return np.concatenate([teacher(queries_of(asked[part]), rows[part]) for part in parts])
