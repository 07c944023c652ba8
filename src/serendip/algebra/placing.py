"""Placing: where a person stands among vectors already learned: weighted ridge regression, exactly, many at once.

x = (G + Vᵀ S V + λI)⁻¹ Vᵀ e for the vectors V (T, D) of a history with extra confidences S and evidence e. Where a
history is shorter than the vectors are wide and G is diagonal, the same x comes from T equations instead of D
(Woodbury): x = A⁻¹ Vᵀ (I + S V A⁻¹ Vᵀ)⁻¹ e with A = G + λI.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from serendip.algebra.compiled import compiled_short
from serendip.data import Queries
from serendip.data.arrays import BoolArray, FloatArray, IntArray

BATCH_EVENTS = 1 << 15  # cells, with padding, at once
BATCH_ROWS = 1 << 10
ROUNDING = 1e-5
"""Off its diagonal, relative to it, a diagonal Gram matrix of float32 vectors holds less than this."""


@dataclass(frozen=True)
class Evidence:
    """Sparse rows, one for each person: what each cell says of them."""

    offsets: IntArray  # (B + 1,)
    columns: IntArray  # (E,) rows of the vectors
    extra: FloatArray  # (E,) S, at least 0
    worth: FloatArray  # (E,) e; a cell of no worth is left out

    @classmethod
    def of(cls, queries: Queries, alpha: float, memory: float | None) -> Self:
        """S = α w and e = 1 + α w of what people want with weight w; f times both where it has faded to f."""
        recent, weights = queries.recent(memory).astype(np.float64), queries.weights
        faded = np.divide(recent, weights, out=np.zeros(len(recent)), where=weights > 0)
        return cls(queries.offsets, queries.item_rows, alpha * recent, faded + alpha * recent)

    def batches(self) -> Iterator[_Batch]:
        """All rows that have something to say, longest first, in batches of bounded memory."""
        telling = np.flatnonzero(self.worth > 0)
        lengths = np.diff(np.searchsorted(telling, self.offsets))  # (B,)
        starts = np.cumsum(lengths) - lengths
        order = np.argsort(-lengths, kind="stable")[: np.count_nonzero(lengths)]
        while len(order):
            longest = int(lengths[order[0]])
            size = min(BATCH_ROWS, max(1, BATCH_EVENTS // longest))
            chosen, order = order[:size], order[size:]
            places = np.arange(longest)
            real = places < lengths[chosen][:, None]
            yield _Batch(chosen, telling[np.where(real, starts[chosen][:, None] + places, 0)], real)


@dataclass(frozen=True)
class _Batch:
    """Rows of similar length, side by side."""

    rows: IntArray  # (b,)
    cells: IntArray  # (b, T) positions of cells, any where padded
    real: BoolArray  # (b, T) False where padded


@dataclass(frozen=True)
class Ground:
    """Vectors among which to place, and their Gram matrix."""

    vectors: FloatArray  # (N, D) float32
    gram: FloatArray  # (D, D) float64

    @classmethod
    def of(cls, vectors: FloatArray) -> Ground:
        wide = vectors.astype(np.float64)
        return cls(vectors, wide.T @ wide)

    @cached_property
    def is_diagonal(self) -> bool:
        off = self.gram - np.diag(np.diag(self.gram))
        return bool(np.abs(off).max(initial=0) <= ROUNDING * np.diag(self.gram).max(initial=0))

    def turned(self) -> Ground:
        """The same vectors about other axes, so that the Gram matrix is diagonal, the largest first."""
        axes = np.linalg.eigh(self.gram)[1][:, ::-1]
        return Ground.of((self.vectors.astype(np.float64) @ axes).astype(np.float32))

    def place(self, evidence: Evidence, pull: FloatArray, active: BoolArray | None = None) -> FloatArray:
        """x of each row, (B, D) float64; `pull` is λ of each row, (B,).

        With `active` (B, D) the other numbers of a row are 0, and these are the best there are beside them.
        """
        short = self.is_diagonal and active is None
        if short and len(pull) == 1 and len(evidence.columns) <= self.vectors.shape[1]:
            one = evidence.columns, evidence.extra, evidence.worth
            return _place_one(self.vectors, np.diag(self.gram) + pull[0], *one)[None, :]
        found = np.zeros((len(pull), self.vectors.shape[1]))
        for batch in evidence.batches():
            near, extra, worth = self._near(evidence, batch, active)
            if short and near.shape[1] <= near.shape[2]:
                scaled = near / self._diagonal(batch, pull)  # V A⁻¹
                shares = np.linalg.solve(_dual(near, scaled, extra), worth[:, :, None])
                found[batch.rows] = (scaled.swapaxes(1, 2) @ shares)[:, :, 0]
            else:
                weighed = near.swapaxes(1, 2) @ worth[:, :, None]
                system = self._primal(near, extra, batch, pull, active)
                found[batch.rows] = np.linalg.solve(system, weighed)[:, :, 0]
        return found

    def parts(
        self, evidence: Evidence, pull: FloatArray, rows: IntArray, active: BoolArray | None = None
    ) -> FloatArray:
        """What each cell adds to x · v_i for each i of `rows` (B, C), (E, C) float32; 0 for cells left out."""
        brief = len(pull) == 1 and len(evidence.columns) <= self.vectors.shape[1]
        if self.is_diagonal and active is None and brief:
            one = evidence.columns, evidence.extra, evidence.worth
            return _parts_of_one(self.vectors, np.diag(self.gram) + pull[0], *one, rows[0])
        found = np.zeros((len(evidence.columns), rows.shape[1]), np.float32)
        for batch in evidence.batches():
            near, extra, worth = self._near(evidence, batch, active)
            system = self._primal(near, extra, batch, pull, active)
            placed = np.linalg.solve(system, near.swapaxes(1, 2)).swapaxes(1, 2)
            shares = worth[:, :, None] * (placed @ self.vectors[rows[batch.rows]].swapaxes(1, 2))  # (b, T, C)
            found[batch.cells[batch.real]] = shares[batch.real]
        return found

    def _near(
        self, evidence: Evidence, batch: _Batch, active: BoolArray | None
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """V (b, T, D), S (b, T) and e (b, T), all 0 where padded, V where not active."""
        near = self.vectors[evidence.columns[batch.cells]].astype(np.float64) * batch.real[:, :, None]
        if active is not None:
            near *= active[batch.rows][:, None, :]
        return near, evidence.extra[batch.cells] * batch.real, evidence.worth[batch.cells] * batch.real

    def _diagonal(self, batch: _Batch, pull: FloatArray) -> FloatArray:
        return np.diag(self.gram) + pull[batch.rows][:, None, None]  # (b, 1, D)

    def _primal(
        self, near: FloatArray, extra: FloatArray, batch: _Batch, pull: FloatArray, active: BoolArray | None
    ) -> FloatArray:
        """G + Vᵀ S V + λI, (b, D, D), G where both are active."""
        system = (near * extra[:, :, None]).swapaxes(1, 2) @ near
        if active is None:
            system += self.gram
        else:
            system += self.gram * (active[batch.rows][:, :, None] & active[batch.rows][:, None, :])
        system += pull[batch.rows][:, None, None] * np.eye(near.shape[2])
        return system


def _dual(near: FloatArray, scaled: FloatArray, extra: FloatArray) -> FloatArray:
    """I + S V A⁻¹ Vᵀ, (b, T, T)."""
    system = extra[:, :, None] * (near @ scaled.swapaxes(1, 2))
    system += np.eye(near.shape[1])
    return system


@compiled_short
def _place_one(
    vectors: FloatArray, diagonal: FloatArray, columns: IntArray, extra: FloatArray, worth: FloatArray
) -> FloatArray:
    """x of one row, (D,), from as many equations as it has cells of worth; `diagonal` is that of A, (D,)."""
    telling = np.flatnonzero(worth > 0)
    found = np.zeros(len(diagonal))
    if len(telling):
        scaled, system = _dual_of_one(vectors, diagonal, columns[telling], extra[telling])
        shares = np.linalg.solve(system, worth[telling].astype(np.float64))
        for cell in range(len(telling)):
            for axis in range(len(diagonal)):
                found[axis] += shares[cell] * scaled[cell, axis]
    return found


@compiled_short
def _parts_of_one(
    vectors: FloatArray,
    diagonal: FloatArray,
    columns: IntArray,
    extra: FloatArray,
    worth: FloatArray,
    rows: IntArray,
) -> FloatArray:
    """What each cell adds to each of `rows` (C,), (E, C) float32: e (I + S V A⁻¹ Vᵀ)⁻ᵀ V A⁻¹ y."""
    telling = np.flatnonzero(worth > 0)
    found = np.zeros((len(columns), len(rows)), np.float32)
    if len(telling):
        scaled, system = _dual_of_one(vectors, diagonal, columns[telling], extra[telling])
        ahead = np.empty((len(telling), len(rows)))
        for place in range(len(rows)):
            wanted = vectors[rows[place]].astype(np.float64)
            for cell in range(len(telling)):
                ahead[cell, place] = _product(scaled[cell], wanted)
        shares = np.linalg.solve(np.ascontiguousarray(system.T), ahead)
        for cell in range(len(telling)):
            for place in range(len(rows)):
                found[telling[cell], place] = worth[telling[cell]] * shares[cell, place]
    return found


@compiled_short
def _dual_of_one(
    vectors: FloatArray, diagonal: FloatArray, columns: IntArray, extra: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """V A⁻¹ (T, D) and I + S V A⁻¹ Vᵀ (T, T)."""
    count, width = len(columns), len(diagonal)
    near, scaled, system = np.empty((count, width)), np.empty((count, width)), np.empty((count, count))
    for cell in range(count):
        for axis in range(width):
            near[cell, axis] = vectors[columns[cell], axis]
            scaled[cell, axis] = near[cell, axis] / diagonal[axis]
    for cell in range(count):
        for other in range(cell + 1):
            product = _product(scaled[cell], near[other])
            system[cell, other], system[other, cell] = extra[cell] * product, extra[other] * product
        system[cell, cell] += 1.0
    return scaled, system


@compiled_short
def _product(one: FloatArray, other: FloatArray) -> float:
    total = 0.0
    for axis in range(len(one)):
        total += one[axis] * other[axis]
    return total
