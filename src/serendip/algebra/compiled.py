"""Compiled: loops that neither BLAS nor scipy has, as machine code, side by side in threads.

The code is compiled at its first call (seconds) and kept on disk where there is a place for it. It runs without the
interpreter lock unless it is short. Which thread does what never decides a result: work is divided by its size, not
by the threads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, TypeVar, cast

import numba
import numpy as np

from serendip.data.arrays import IntArray

Function = TypeVar("Function", bound=Callable[..., Any])
Part = TypeVar("Part")
Result = TypeVar("Result")
FAST_MATH = {"reassoc", "contract", "arcp", "nsz"}
"""Sums may be reordered, so that they use vector instructions; NaN and infinity stay what they are."""


def compiled(function: Function) -> Function:
    """The same function of numbers and arrays as machine code."""
    return _compiled(function, nogil=True)


def compiled_short(function: Function) -> Function:
    """The same for what takes microseconds, as in answering one request: it keeps the interpreter lock.

    To let it go and get it back among threads that want it costs more than such a function takes.
    """
    return _compiled(function, nogil=False)


def _compiled(function: Function, nogil: bool) -> Function:
    try:
        return cast(Function, numba.njit(function, nogil=nogil, cache=True, fastmath=FAST_MATH))
    except RuntimeError:  # no folder to keep the code in
        return cast(Function, numba.njit(function, nogil=nogil, fastmath=FAST_MATH))


def in_threads(work: Callable[[Part], Result], parts: Sequence[Part], n_threads: int) -> list[Result]:
    """`work` on each part, in `n_threads` threads; results in the order of the parts."""
    if n_threads == 1 or len(parts) < 2:
        return [work(part) for part in parts]
    with ThreadPoolExecutor(n_threads) as threads:
        return list(threads.map(work, parts))


def even_parts(offsets: IntArray, count: int) -> list[slice]:
    """The rows of a sparse matrix as at most `count` slices that hold about equally many cells each.

    >>> even_parts(np.array([0, 10, 11, 12, 20]), 2)
    [slice(0, 1, None), slice(1, 4, None)]
    """
    ends = np.searchsorted(offsets, np.linspace(0, offsets[-1], count + 1)[1:-1])
    places = np.unique(np.concatenate([[0], ends, [len(offsets) - 1]])).tolist()
    return [slice(start, stop) for start, stop in pairwise(places)]
