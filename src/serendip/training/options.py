"""FitOptions: how to fit, as opposed to what; never part of a model's `Config`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from threadpoolctl import ThreadpoolController, threadpool_limits

from serendip.data import Progress, silent


def usable_cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """BLAS on one thread: many small products take far longer when each is shared out between threads."""
    with _blas().limit(limits=1, user_api="blas"):
        yield


@lru_cache(maxsize=1)
def _blas() -> ThreadpoolController:
    return ThreadpoolController()  # looking for the libraries takes milliseconds, so it is done once


@dataclass(frozen=True)
class FitOptions:
    """Seed, threads and device of a fit, and who is told of its progress."""

    seed: int = 0
    threads: int = 0
    """Threads for BLAS and OpenMP together; 0 is all usable cores."""
    device: str = "cpu"
    """`cpu` or `cuda`; only gradient models look at it."""
    progress: Progress = silent

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
