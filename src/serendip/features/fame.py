"""Fame: how much an item would be wanted, told from what it is.

Of items with contents x_i that are wanted so much, y_i, a ridge regression in which all items say as much:

    min_w Σ_i (y_i - ȳ - w · x_i)² + λ |w|²

by LSQR (Paige and Saunders, ACM Transactions on Mathematical Software 1982), which never forms a product of contents,
so that every word may have a say. Of the λ tried it is the one by which a fifth of the items is best told from others.
"""

from __future__ import annotations

from typing import Self

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import lsqr

from serendip.data.arrays import FloatArray, Sparse

PULLS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
"""λ that are tried; rows of contents are about 1 long."""
HELD_OUT = 5
"""One of so many items is told from the rest."""
STEPS = 50
"""Steps of LSQR at most."""


class Fame:
    """What kinds of items are wanted.

    >>> kinds = np.array([[1, 0], [1, 0], [0, 1], [0, 1], [0, 0]] * 10, np.float32)
    >>> fame = Fame().fit(kinds, np.array([2.1, 1.9, -1.0, -1.0, 0.0] * 10, np.float32))
    >>> fame.told(kinds[[0, 2, 4]]).round(1)
    array([ 2., -1.,  0.], dtype=float32)
    """

    def __init__(self) -> None:
        self.worth = np.zeros(1, np.float32)
        """w, (1 + F,): of a number that is 1 for all first, then of each number of contents."""

    def fit(self, contents: FloatArray | Sparse, wanted: FloatArray) -> Self:
        """Learn from the contents (A, F) of items, and from how much each of these is `wanted` (A,)."""
        usual = float(wanted.mean()) if len(wanted) else 0.0
        x, y = _rows(contents), wanted.astype(np.float64) - usual
        held = np.random.default_rng(0).permutation(len(y)) % HELD_OUT == 0
        errors = [np.square(y[held] - x[held] @ _worth(x[~held], y[~held], pull)).sum() for pull in PULLS]
        self.worth = _worth(x, y, PULLS[int(np.argmin(errors))])
        self.worth[0] += usual
        return self

    def told(self, contents: FloatArray | Sparse) -> FloatArray:
        """How much items that are so would be wanted, (n,) float32; 0 of those of which nothing is said.

        `contents` are (n, F), as at the time of `fit`.
        """
        rows = _rows(contents)
        return np.asarray((rows @ self.worth) * (np.diff(rows.indptr) > 1), np.float32)


def _rows(contents: FloatArray | Sparse) -> Sparse:
    """With a number before the others that is 1 for all."""
    always = np.ones((contents.shape[0], 1), np.float32)
    return sp.csr_array(sp.hstack([sp.csr_array(always), sp.csr_array(contents)]), dtype=np.float64)


def _worth(x: Sparse, wanted: FloatArray, pull: float) -> FloatArray:
    if not len(wanted):
        return np.zeros(x.shape[1], np.float32)
    return np.asarray(lsqr(x, wanted, damp=np.sqrt(pull), atol=1e-5, btol=1e-5, iter_lim=STEPS)[0], np.float32)
