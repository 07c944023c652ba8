"""Layouts: how much of who is near whom a map in the plane keeps."""

from __future__ import annotations

import numpy as np

from serendip.data.arrays import FloatArray

AT_ONCE = 256


def neighbours_kept(vectors: FloatArray, places: FloatArray, k: int = 10) -> tuple[float, float]:
    """The share of the `k` nearest that are among the `k` nearest on the map, and the trustworthiness of the map.

    Vectors (N, D) are compared by their cosine, places (N, 2) by their distance. Trustworthiness is 1 where nobody is
    near on the map who is not near in truth, and falls by how far from truth such neighbours are: J. Venna and
    S. Kaski, "Neighborhood preservation in nonlinear projection methods", ICANN 2001. Takes time in proportion to N².
    """
    n = len(vectors)
    if n < 3:
        return 1.0, 1.0
    k = min(k, (n - 1) // 2)
    units = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    squares = (places**2).sum(axis=1)
    kept, too_far = 0, 0.0
    for start in range(0, n, AT_ONCE):
        some = np.arange(start, min(start + AT_ONCE, n))
        truth = -units[some] @ units.T
        on_map = squares[some, None] - 2 * places[some] @ places.T + squares
        truth[np.arange(len(some)), some] = on_map[np.arange(len(some)), some] = np.inf
        near = np.argpartition(on_map, k - 1, axis=1)[:, :k]
        distances = np.take_along_axis(truth, near, axis=1)
        nearer = (truth[:, None, :] < distances[:, :, None]).sum(axis=2)  # how many others stand before each in truth
        kept += int((nearer < k).sum())
        too_far += float(np.maximum(nearer + 1 - k, 0).sum())
    return kept / (n * k), 1 - 2 * too_far / (n * k * (2 * n - 3 * k - 1))
