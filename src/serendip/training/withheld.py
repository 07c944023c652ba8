"""Withheld: what gradient models are examined on while they learn, taken from what they may learn from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from serendip.data.arrays import BoolArray, FloatArray, IntArray, Sparse
from serendip.metrics import ranking
from serendip.training.sequences import Sequences

CUTOFF = 10
STRIP = 512
"""People whose scores for all items are held at once."""


@dataclass(frozen=True, eq=False)
class Withheld:
    """People, what is known of them, and what else they turned to. Items by their places among those taking part."""

    seen: Sparse  # (B, A)
    wanted: Sparse  # (B, A)

    def ndcg(self, score: Callable[[slice], FloatArray]) -> float:
        """Mean NDCG@10 of the full ranking without what was seen; `score` gives (b, A) for a slice of the people."""
        found = []
        for start in range(0, self.wanted.shape[0], STRIP):
            part = slice(start, min(start + STRIP, self.wanted.shape[0]))
            scores = score(part)
            scores[self.seen[part].nonzero()] = -np.inf
            found.append(ranking.ndcg(_hits(scores, self.wanted[part]), np.diff(self.wanted[part].indptr), CUTOFF))
        return float(np.nanmean(np.concatenate(found)))


def _hits(scores: FloatArray, wanted: Sparse) -> BoolArray:
    """Whether each of the first ten is wanted, (b, 10) bool."""
    k = min(CUTOFF, scores.shape[1])
    leading = np.argpartition(-scores, k - 1, axis=1)[:, :k]
    order = np.argsort(-np.take_along_axis(scores, leading, axis=1), axis=1, kind="stable")
    return ranking.hits_in(np.take_along_axis(leading, order, axis=1), wanted)


def last_items(
    sequences: Sequences, n_items: int, most: int, generator: np.random.Generator
) -> tuple[Sequences, Sequences, Withheld | None]:
    """Without the last event of up to `most` people, a fifth at most: what is left, and the examination.

    Returns all sequences as they may be learned from, those of the examined, and the examination; None where nobody
    has two events or more to spare.
    """
    able = np.flatnonzero(sequences.lengths >= 3)
    n_examined = min(most, len(sequences) // 5, len(able))
    if not n_examined:
        return sequences, sequences[able[:0]], None
    people = np.sort(generator.permutation(able)[:n_examined])
    ends = sequences.offsets[1:].copy()
    ends[people] -= 1
    left = sequences.between(sequences.offsets[:-1], ends)
    wanted = _marked(np.arange(n_examined), sequences.places[ends[people]], (n_examined, n_items))
    asked = left[people]
    seen = _marked(np.repeat(np.arange(n_examined), asked.lengths), asked.places, (n_examined, n_items))
    return left, asked, Withheld(seen, wanted)


def some_items(
    matrix: Sparse, most: int, share: float, generator: np.random.Generator
) -> tuple[IntArray, Withheld | None]:
    """Up to `most` people (a tenth at most) with a `share` of their items withheld, and who they are.

    They are meant to be left out of what is learned from: how well strangers are served is what counts.
    """
    counts = np.diff(matrix.indptr)
    able = np.flatnonzero(counts >= 2)
    n_examined = min(most, len(able) // 10)
    if not n_examined:
        return able[:0], None
    people = np.sort(generator.permutation(able)[:n_examined])
    chosen = matrix[people].tocoo()
    hidden = generator.random(chosen.nnz) < share
    if not hidden.any():
        return able[:0], None
    seen, wanted = (
        sp.csr_array((chosen.data[w], (chosen.row[w], chosen.col[w])), chosen.shape) for w in (~hidden, hidden)
    )
    return people, Withheld(seen, wanted)


def _marked(rows: IntArray, columns: IntArray, shape: tuple[int, int]) -> Sparse:
    return sp.csr_array((np.ones(len(rows), np.float32), (rows, columns)), shape=shape)
