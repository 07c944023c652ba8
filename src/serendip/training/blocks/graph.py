"""The graph of who wants what: products there and back with their gradients, and the layers that they lead to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from serendip.algebra.compiled import compiled, even_parts, in_threads
from serendip.data.arrays import FloatArray, IntArray, Sparse

LITTLE = 1 << 20
"""Products of fewer numbers are not worth more than one thread."""


@dataclass(frozen=True, eq=False)
class Way:
    """One way over the graph: a sparse matrix (R, S) by its rows."""

    offsets: Tensor  # (R + 1,) int64
    columns: Tensor  # (E,) int32
    cells: Tensor  # (E,) float32

    def __matmul__(self, vectors: Tensor) -> Tensor:
        """(S, D) to (R, D). On a CPU the same to the last bit on any number of threads."""
        vectors = vectors.detach().contiguous()
        return self.by_torch(vectors) if vectors.is_cuda else torch.from_numpy(self._compiled(vectors.numpy()))

    def by_torch(self, vectors: Tensor) -> Tensor:
        """The same on any device."""
        n_rows = len(self.offsets) - 1
        rows = torch.repeat_interleave(torch.arange(n_rows, device=vectors.device), self.offsets.diff())
        places = torch.stack([rows, self.columns.long()])
        matrix = torch.sparse_coo_tensor(
            places, self.cells, (n_rows, len(vectors)), check_invariants=False, is_coalesced=True
        )
        return matrix @ vectors

    def _compiled(self, vectors: FloatArray) -> FloatArray:
        offsets, columns, cells = (part.numpy() for part in (self.offsets, self.columns, self.cells))
        n_rows = len(offsets) - 1
        found = np.empty((n_rows, vectors.shape[1]), np.float32)
        few = len(cells) * vectors.shape[1] < LITTLE
        parts = [slice(0, n_rows)] if few else even_parts(offsets, torch.get_num_threads())
        work = partial(_multiply, offsets, columns, cells, vectors, found)
        in_threads(lambda part: work(part.start, part.stop), parts, len(parts))
        return found


@compiled
def _multiply(
    offsets: IntArray,
    columns: IntArray,
    cells: FloatArray,
    vectors: FloatArray,
    found: FloatArray,
    first: int,
    end: int,
) -> None:
    """The rows `first` to `end` of a sparse matrix (R, S) times `vectors` (S, D), into `found` (R, D)."""
    for row in range(first, end):
        total = found[row]
        total[:] = 0
        for cell in range(offsets[row], offsets[row + 1]):
            share, vector = cells[cell], vectors[columns[cell]]
            for d in range(len(total)):
                total[d] += share * vector[d]


class _Product(torch.autograd.Function):
    """A way over the graph; the gradient comes back by the other."""

    @staticmethod
    def forward(ctx: Any, vectors: Tensor, way: Way, back: Way) -> Tensor:
        ctx.back = back
        return way @ vectors

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        return ctx.back @ gradients[0], None, None


@dataclass(frozen=True, eq=False)
class Graph:
    """Who wants what: R by its rows, and by its columns, which are the rows of Rᵀ."""

    rows: Way  # (U, A)
    columns: Way  # (A, U)
    places: Tensor  # (E,) int64: where each cell of the rows stands among the columns
    narrowing: Tensor  # (A,) D_I^-½, 0 for an item that nobody wants

    @classmethod
    def of(cls, matrix: Sparse, device: torch.device) -> Graph:
        """From X, its cells in the order of rows and columns."""
        people, items = owners(matrix), matrix.indices
        halves = [roots(sums(who, matrix.data, n)) for who, n in zip((people, items), matrix.shape, strict=True)]
        cells = matrix.data * halves[0][people] * halves[1][items]
        order = np.argsort(items, kind="stable")
        places = np.empty(len(order), np.int64)
        places[order] = np.arange(len(order))
        ends = np.cumsum(np.bincount(items, minlength=matrix.shape[1]))

        def on(array: NDArray[Any], dtype: type) -> Tensor:
            return torch.from_numpy(array.astype(dtype)).to(device)

        rows = Way(on(matrix.indptr, np.int64), on(items, np.int32), on(cells, np.float32))
        starts = np.concatenate([[0], ends])
        columns = Way(on(starts, np.int64), on(people[order], np.int32), on(cells[order], np.float32))
        return cls(rows, columns, on(places, np.int64), on(halves[1], np.float32))

    def without(self, cells: Tensor) -> Graph:
        """The same, degrees included, as if some cells were 0."""
        rows, columns = self.rows.cells.clone(), self.columns.cells.clone()
        rows[cells] = 0
        columns[self.places[cells]] = 0
        return replace(self, rows=replace(self.rows, cells=rows), columns=replace(self.columns, cells=columns))

    def to_people(self, vectors: Tensor) -> Tensor:
        """R times (A, D), (U, D)."""
        found: Tensor = _Product.apply(vectors, self.rows, self.columns)  # type: ignore[no-untyped-call]
        return found

    def to_items(self, vectors: Tensor) -> Tensor:
        """Rᵀ times (U, D), (A, D)."""
        found: Tensor = _Product.apply(vectors, self.columns, self.rows)  # type: ignore[no-untyped-call]
        return found


@dataclass(frozen=True, eq=False)
class Layers:
    """What the steps lead to, layer 0 first; None where a side has nothing."""

    people: list[Tensor | None]  # K + 1 times (U, D)
    items: list[Tensor | None]  # K + 1 times (A, D)

    def vectors(self, first: int) -> tuple[Tensor, Tensor]:
        """The means of the layers from `first` on, (U, D) and (A, D)."""
        people, items = (there(side[first:]) for side in (self.people, self.items))
        return torch.stack(people).mean(0), torch.stack(items).mean(0)

    def sources(self, first: int) -> Tensor:
        """mean_k Q_(k-1): what R makes the vectors of people from, ids left out, (A, D)."""
        return torch.stack(there(self.items[:-1])).sum(0) / len(there(self.people[first:]))


def there(layers: Sequence[Tensor | None]) -> list[Tensor]:
    """The layers that are not 0."""
    return [layer for layer in layers if layer is not None]


def blurred(vectors: Tensor, noise: float) -> Tensor:
    """Each vector (., D) moved at random by `noise` times its length, no coordinate towards the other side of 0.

    Yu, Xia, Chen, Cui, Hung and Yin, "XSimGCL", TKDE 2023, equation 7, where the move is of the same length for all.
    """
    if not noise:
        return vectors
    with torch.no_grad():
        move = functional.normalize(torch.rand_like(vectors), dim=1) * vectors.sign()
        move *= noise * vectors.norm(dim=1, keepdim=True)
    return vectors + move


def owners(matrix: Sparse) -> IntArray:
    """The row of each cell, (E,) int64."""
    return np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))


def sums(rows: IntArray, weights: FloatArray, n_rows: int) -> FloatArray:
    """What the weights of the cells of each row add up to, (R,) float64."""
    return np.asarray(np.bincount(rows, weights, n_rows), np.float64)


def roots(numbers: FloatArray) -> FloatArray:
    """numbers ** -½, and 0 where there is none."""
    return np.where(numbers > 0, np.maximum(numbers, 1e-30) ** -0.5, 0.0)
