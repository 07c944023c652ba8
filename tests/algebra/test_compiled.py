"""Loops as machine code: they run, side by side, and where nothing can be kept on disk."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serendip.algebra.compiled import compiled, even_parts, in_threads


def total(values: np.ndarray) -> float:
    found = 0.0
    for value in values:
        found += value
    return found


def test_compiled_code_gives_what_python_gives() -> None:
    values = np.random.default_rng(0).random(1_000)
    assert compiled(total)(values) == pytest.approx(total(values), rel=1e-12)


def test_nan_and_infinity_stay_what_they_are() -> None:
    assert np.isnan(compiled(total)(np.array([1.0, np.nan])))
    assert compiled(total)(np.array([1.0, np.inf])) == np.inf


def test_without_a_place_to_keep_code_it_is_compiled_all_the_same(tmp_path: Path) -> None:
    """The source file has no folder, and the only folder offered for a cache is a file."""
    (tmp_path / "file").write_text("")
    program = (
        "from serendip.algebra.compiled import compiled\n"
        "import numba, pytest\n"
        "source = 'def twice(x):\\n    return 2 * x\\n'\n"
        "space = {}\n"
        "exec(compile(source, '/nowhere/at/all.py', 'exec'), space)\n"
        "with pytest.raises(RuntimeError):\n"  # what happens with the guard off
        "    numba.njit(space['twice'], cache=True)\n"
        "assert compiled(space['twice'])(2) == 4\n"
    )
    environment = os.environ | {"HOME": str(tmp_path / "file"), "XDG_CACHE_HOME": str(tmp_path / "file")}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_results_come_in_the_order_of_the_parts_whatever_the_threads() -> None:
    parts = list(range(20))
    for n_threads in (1, 2, 5):
        assert in_threads(lambda part: part * part, parts, n_threads) == [part * part for part in parts]


def test_parts_are_worked_on_side_by_side() -> None:
    together = threading.Barrier(2, timeout=10)
    in_threads(lambda part: together.wait(), [0, 1], 2)  # would time out, one after the other


@given(st.lists(st.integers(0, 50), max_size=40), st.integers(1, 8))
def test_parts_cover_every_row_once(lengths: list[int], count: int) -> None:
    parts = even_parts(np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]), count)
    assert [row for part in parts for row in range(part.start, part.stop)] == list(range(len(lengths)))
    assert len(parts) <= count
