"""The contest of neighbours: our side does what it says, and earlier contests are kept."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from benchmarks import speed_neighbours
from benchmarks.evaluation_speed import Contest, started


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twenty people and fifteen items: pairs, factors and ratings, and a Python that stands for a peer's."""
    generator = np.random.default_rng(0)
    matrix = sp.csr_array((generator.random((20, 15)) < 0.5).astype(np.float32))
    cells = {"data": matrix.data, "indices": matrix.indices, "indptr": matrix.indptr, "shape": matrix.shape}
    np.savez(tmp_path / "ml-1m.npz", **cells)
    items = generator.normal(size=(15, 4)).astype(np.float32)
    np.savez(tmp_path / "factors.npz", items=items, people=matrix @ items)
    pairs = np.argwhere(generator.random((20, 15)) < 0.7)
    test = np.arange(len(pairs)) % 5 == 0
    for name, part in (("train", pairs[~test]), ("test", pairs[test])):
        values = generator.integers(1, 6, len(part)).astype(np.float32)
        np.savez(tmp_path / f"{name}.npz", users=part[:, 0], items=part[:, 1], values=values)
    python = tmp_path / "modern" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    return tmp_path


def test_our_side_does_every_work(folder: Path) -> None:
    with started(Path(sys.executable), speed_neighbours.OURS, folder, threads=1) as side:
        assert side.run("cosine ml-1m")["metrics"]["neighbours"] > 0
        assert side.run("bm25 ml-1m")["metrics"]["neighbours"] > 0
        assert side.run("batch ml-1m")["metrics"]["sum of rows"] > 0
        assert 0 < side.run("items")["metrics"]["rmse"] < 4
        assert 0 < side.run("people")["metrics"]["rmse"] < 4


def test_both_sides_run_in_turns(folder: Path) -> None:
    contest = Contest("ours twice", "cosine ml-1m", "modern", speed_neighbours.OURS, "cosine ml-1m", 0.0)
    (found,) = speed_neighbours.measure(folder, [contest], 1, 2, folder)
    assert len(found["ours_s"]) == len(found["theirs_s"]) == 2
    assert found["ours"] == found["theirs"]
    assert found["reached"]


def test_a_contest_takes_the_place_of_an_earlier_one(tmp_path: Path) -> None:
    file = tmp_path / "speed" / "found.json"
    speed_neighbours._add(file, [{"contest": "a", "threads": 1, "n": 1}, {"contest": "b", "threads": 1, "n": 2}], {})
    speed_neighbours._add(file, [{"contest": "a", "threads": 1, "n": 3}, {"contest": "a", "threads": 2, "n": 4}], {})
    rows = json.loads(file.read_text(encoding="utf-8"))
    assert [(row["contest"], row["threads"], row["n"]) for row in rows] == [("b", 1, 2), ("a", 1, 3), ("a", 2, 4)]
