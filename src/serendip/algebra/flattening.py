"""Flattening: places in the plane for vectors, such that who is near whom stays near.

t-SNE: L. van der Maaten and G. Hinton, "Visualizing data using t-SNE", JMLR 9 (2008), with the attraction of the
nearest alone, as in van der Maaten, "Accelerating t-SNE using tree-based algorithms", JMLR 15 (2014), and the repulsion
of all, exactly, which machine code does for some thousand points in milliseconds. It begins with the principal
components and learns at the rate N / exaggeration, so that the map also tells which groups are near each other and does
not depend on luck: D. Kobak and P. Berens, "The art of using t-SNE for single-cell transcriptomics", Nature
Communications 10 (2019).
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from serendip.algebra.compiled import compiled
from serendip.data.arrays import FloatArray, IntArray, Sparse

PERPLEXITY = 30.0
"""How many others each point holds on to, roughly."""
EXAGGERATION, EARLY, LATE = 12.0, 250, 350
"""For the first so many steps attraction is exaggerated, then there are so many more."""
AT_ONCE = 512
SHARPEST = 60
"""Halvings of the search for how far each point looks."""


def flat(vectors: FloatArray) -> FloatArray:
    """Places (N, 2) of vectors (N, D), which are compared by their cosine; float32, around 0."""
    if len(vectors) == 0:
        return np.zeros((0, 2), np.float32)
    units = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    start = _principal(units)
    if len(vectors) < 4:
        return np.asarray(start, np.float32)
    attraction = _attraction(units.astype(np.float32))
    places = 1e-4 * start / max(float(start[:, 0].std()), 1e-12)
    cells = attraction.indptr, attraction.indices, attraction.data.astype(np.float32)
    return _descend(np.ascontiguousarray(places.T, np.float32), *cells, EXAGGERATION, EARLY, LATE).T.copy()


def _principal(units: FloatArray) -> FloatArray:
    """The two directions in which they differ most, (N, 2), each turned so that its largest number is above 0."""
    centred = units - units.mean(axis=0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    found = np.zeros((len(units), 2))
    kept = min(2, len(sizes))
    found[:, :kept] = left[:, :kept] * sizes[:kept]
    return np.asarray(found * np.where(found[np.abs(found).argmax(axis=0), [0, 1]] < 0, -1, 1))


def nearest(units: FloatArray, k: int) -> tuple[IntArray, FloatArray]:
    """The `k` nearest others of each unit vector, in no order, and their squared distances, both (N, k)."""
    rows, squares = [], []
    for start in range(0, len(units), AT_ONCE):
        block = 2 - 2 * units[start : start + AT_ONCE] @ units.T
        block[np.arange(len(block)), start + np.arange(len(block))] = np.inf
        near = np.argpartition(block, k - 1, axis=1)[:, :k]
        rows.append(near)
        squares.append(np.take_along_axis(block, near, axis=1))
    return np.concatenate(rows), np.maximum(np.concatenate(squares), 0)


def _attraction(units: FloatArray) -> Sparse:
    """How much each pair holds together, (N, N), the same in both directions, 1 in all."""
    n = len(units)
    k = min(n - 1, int(3 * PERPLEXITY))
    rows, squares = nearest(units, k)
    shares = _shares(squares.astype(np.float64), min(PERPLEXITY, k / 3))
    cells = (shares.ravel(), (np.repeat(np.arange(n), k), rows.ravel()))
    one_way = sp.csr_array(cells, shape=(n, n))
    return sp.csr_array((one_way + one_way.T) / (2 * n))


def _shares(squares: FloatArray, perplexity: float) -> FloatArray:
    """What each of the nearest is to a point, (N, k), each row of the entropy of so many equals."""
    squares = squares - squares.min(axis=1, keepdims=True)
    low, high = np.zeros((len(squares), 1)), np.full((len(squares), 1), np.inf)
    sharpness = np.ones((len(squares), 1))
    for _ in range(SHARPEST):
        weights = np.exp(-sharpness * squares)
        total = weights.sum(axis=1, keepdims=True)
        entropy = np.log(total) + sharpness * (squares * weights).sum(axis=1, keepdims=True) / total
        wide = entropy > np.log(perplexity)
        low, high = np.where(wide, sharpness, low), np.where(wide, high, sharpness)
        sharpness = np.where(np.isinf(high), np.minimum(2 * sharpness, 1e9), (low + high) / 2)
    return np.asarray(weights / total)


@compiled
def _descend(
    places: FloatArray, starts: IntArray, columns: IntArray, attraction: FloatArray, exaggeration: float, early: int,
    late: int,
) -> FloatArray:  # fmt: skip
    """Gradient descent with momentum from `places` (2, N) on."""
    n = places.shape[1]
    x, y = places[0].copy(), places[1].copy()
    moves, gains = np.zeros((2, n), np.float32), np.ones((2, n), np.float32)
    push, rate = np.zeros((2, n), np.float32), np.float32(max(n / exaggeration, 50.0))
    for step in range(early + late):
        pull, momentum = np.float32(exaggeration if step < early else 1.0), np.float32(0.5 if step < early else 0.8)
        whole = np.float32(_push(x, y, push))
        for one in range(n):
            gx, gy = -push[0, one] / whole, -push[1, one] / whole
            for cell in range(starts[one], starts[one + 1]):
                dx, dy = x[one] - x[columns[cell]], y[one] - y[columns[cell]]
                held = pull * attraction[cell] / (np.float32(1) + dx * dx + dy * dy)
                gx, gy = gx + held * dx, gy + held * dy
            for axis, slope in ((0, gx), (1, gy)):
                same = (slope > 0) == (moves[axis, one] > 0)
                gain = gains[axis, one] * np.float32(0.8) if same else gains[axis, one] + np.float32(0.2)
                gains[axis, one] = max(gain, np.float32(0.01))
                moves[axis, one] = momentum * moves[axis, one] - np.float32(4) * rate * gains[axis, one] * slope
        x += moves[0]
        y += moves[1]
        x -= x.mean()
        y -= y.mean()
    places[0], places[1] = x, y
    return places


@compiled
def _push(x: FloatArray, y: FloatArray, push: FloatArray) -> float:
    """How all others push each point away, into `push` (2, N), and what all nearness adds up to."""
    n, whole = len(x), 0.0
    for one in range(n):
        px, py, near = np.float32(0), np.float32(0), np.float32(0)
        for other in range(n):
            dx, dy = x[one] - x[other], y[one] - y[other]
            close = np.float32(1) / (np.float32(1) + dx * dx + dy * dy)
            near += close
            px += close * close * dx
            py += close * close * dy
        push[0, one], push[1, one] = px, py
        whole += float(near) - 1.0  # itself
    return whole
