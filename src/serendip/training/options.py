"""FitOptions: how to fit, as opposed to what; never part of a model's `Config`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any, Literal

import numpy as np
from threadpoolctl import ThreadpoolController, threadpool_limits

from serendip.data import Progress, Queries, silent
from serendip.data.arrays import FloatArray, IntArray


def usable_cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _OneThread:
    """Held by whoever entered `one_blas_thread`, in any thread; the setting is one for the whole process."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._holders = 0
        self._limit: Any = None

    def enter(self) -> None:
        with self._lock:
            if not self._holders:
                self._limit = _blas().limit(limits=1, user_api="blas")
            self._holders += 1

    def leave(self) -> None:
        with self._lock:
            self._holders -= 1
            if not self._holders:
                self._limit.restore_original_limits()


_one_thread = _OneThread()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """BLAS on one thread: many small products take far longer when each is shared out between threads.

    Within another one, as in a service that holds it for good, it costs next to nothing.
    """
    _one_thread.enter()
    try:
        yield
    finally:
        _one_thread.leave()


@lru_cache(maxsize=1)
def _blas() -> ThreadpoolController:
    return ThreadpoolController()  # looking for the libraries takes milliseconds, so it is done once


Retriever = Callable[[Queries, int], IntArray]
"""Item rows (B, K) of at most K candidates for each query, -1 where there are fewer."""

Teacher = Callable[[Queries, IntArray], FloatArray]
"""Scores (B, C) of the candidate rows (B, C) of each query, as logarithms of chances."""

Curve = Callable[[str, Sequence[float], Sequence[float]], None]
"""Told what was learned, the mean loss of each epoch, and how each was graded on what was withheld, if anything was."""


def unseen(label: str, losses: Sequence[float], grades: Sequence[float]) -> None:
    """The curve of a course that nobody looks at."""


@dataclass(frozen=True)
class FitOptions:
    """Seed, threads and device of a fit, and who is told of its progress."""

    seed: int = 0
    threads: int = 0
    """Threads for BLAS and OpenMP together; 0 is all usable cores."""
    device: str = "cpu"
    """`cpu` or `cuda`; only gradient models look at it."""
    precision: Literal["full", "mixed"] = "full"
    """`mixed`: products of large matrices in bfloat16, where the processor has it; only gradient models look at it."""
    checkpoints: Path | None = None
    """A folder in which gradient models keep where they stand after each epoch, to go on from there; None: nowhere."""
    vectors: Path | None = None
    """A file in which what pretrained encoders say is kept, so that nothing is encoded twice; None: nowhere."""
    pictures: Path | None = None
    """The folder that the attribute `image` of items starts from; None: the current one."""
    retriever: Retriever | None = None
    """What lists the candidates that a model is going to put in order, so that it learns on such lists."""
    teacher: Teacher | None = None
    """What models that can (`models.Imitates`) learn to say of what `retriever` lists; None: nobody teaches."""
    progress: Progress = silent
    curve: Curve = unseen
    """Is told how learning went, once for each course of gradient models."""

    @property
    def n_threads(self) -> int:
        return self.threads or usable_cores()

    def generator(self) -> np.random.Generator:
        """A fresh generator: the same seed, the same numbers; the global state is never touched."""
        return np.random.default_rng(self.seed)

    @contextmanager
    def limited(self, blas: int | None = None) -> Iterator[None]:
        """Keep BLAS to `blas` threads (default: all of ours) so that libraries do not oversubscribe the cores."""
        with threadpool_limits(limits=blas or self.n_threads, user_api="blas"):
            yield
