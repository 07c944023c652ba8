"""The contest of speed: both sides do the same work on the same scores, here ours against ours."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import evaluation_speed
from benchmarks.evaluation_speed import Contest, measure, started
from serendip.metrics import ndcg


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Fifty people, forty items, and a Python that stands for a peer's."""
    generator = np.random.default_rng(0)
    np.save(tmp_path / "scores.npy", generator.random((50, 40), np.float32))
    pairs = np.argwhere(generator.random((50, 40)) < 0.3)
    test = generator.random(len(pairs)) < 0.3
    np.save(tmp_path / "train.npy", pairs[~test])
    np.save(tmp_path / "test.npy", pairs[test])
    python = tmp_path / "same" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    return tmp_path


def test_each_repetition_is_timed_on_both_sides(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    contest = Contest("ours twice", "full ranking", "same", "ours.py", "metrics", 0.0)
    monkeypatch.setattr(evaluation_speed, "ENVIRONMENTS", folder)
    monkeypatch.setattr(evaluation_speed, "CONTESTS", (contest,))
    (found,) = measure(folder, threads=1, repetitions=3)
    assert len(found["ours_s"]) == len(found["theirs_s"]) == 3
    assert found["lowest_ratio"] <= found["median_ratio"] <= found["highest_ratio"]
    assert found["largest_difference"] == 0
    assert found["reached"]


def test_our_side_ranks_all_items_that_are_not_seen(folder: Path) -> None:
    with started(Path(sys.executable), "ours.py", folder, threads=1) as side:
        said = side.run("full ranking")["metrics"]
    scores, (train, test) = np.load(folder / "scores.npy"), (np.load(folder / f"{it}.npy") for it in ("train", "test"))
    scores[train[:, 0], train[:, 1]] = -np.inf
    right = np.zeros(scores.shape, bool)
    right[test[:, 0], test[:, 1]] = True
    asked = right.any(axis=1)
    hits = np.take_along_axis(right, np.argsort(-scores, axis=1), axis=1)[asked]
    assert said["ndcg@10"] == pytest.approx(ndcg(hits, hits.sum(axis=1), 10).mean())


def test_a_side_that_ends_is_noticed(folder: Path) -> None:
    with (
        started(Path(sys.executable), "ours.py", folder, threads=1) as side,
        pytest.raises(RuntimeError, match="ended"),
    ):
        side.run("no such work")
