"""How to fit, as opposed to what."""

from __future__ import annotations

import os
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
import scipy.linalg  # noqa: F401  (brings a second BLAS, which must be limited too)
from threadpoolctl import threadpool_info

from serendip.training import FitOptions


def blas_threads() -> set[int]:
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def test_the_same_seed_gives_the_same_numbers_each_time() -> None:
    options = FitOptions(seed=3)
    first, again, other = (o.generator().random(5) for o in (options, options, FitOptions(seed=4)))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_generator_leaves_the_global_state_alone() -> None:
    before = np.random.get_state()
    FitOptions(seed=3).generator().random(100)
    after = np.random.get_state()
    np.testing.assert_array_equal(before[1], after[1])


def test_threads_are_all_usable_cores_unless_said() -> None:
    assert FitOptions(threads=3).n_threads == 3
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert FitOptions().n_threads == usable


def test_blas_is_limited_inside_and_as_before_outside() -> None:
    with FitOptions(threads=2).limited():
        assert blas_threads() == {2}
        with FitOptions(threads=2).limited(blas=1):
            assert blas_threads() == {1}
        assert blas_threads() == {2}


def test_blas_is_as_before_after_a_failure() -> None:
    before = blas_threads()
    with pytest.raises(ValueError, match="stop"), FitOptions(threads=2).limited():
        raise ValueError("stop")
    assert blas_threads() == before


def test_options_are_frozen_and_silent_by_default() -> None:
    options = FitOptions()
    options.progress("anything", 1, 2)
    with pytest.raises(FrozenInstanceError):
        options.seed = 1  # type: ignore[misc]
