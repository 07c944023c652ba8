"""The contest of fitting rating models: our side learns, both are in one summary, rows take the place of older ones."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.evaluation_speed import started
from benchmarks.speed_ratings import MODELS, _summary, write


@pytest.mark.parametrize("model", MODELS)
def test_our_side_times_the_fit_and_foretells_the_test_part(tmp_path: Path, model: str) -> None:
    generator = np.random.default_rng(0)
    pairs = np.argwhere(generator.random((60, 40)) < 0.5)
    kind = (pairs.sum(axis=1) % 2).astype(float)
    rows = np.column_stack([pairs, 2 + 2 * kind])[generator.permutation(len(pairs))]
    np.save(tmp_path / "train.npy", rows[:900])
    np.save(tmp_path / "test.npy", rows[900:])
    with started(Path(sys.executable), "ours_ratings.py", tmp_path, threads=1) as side:
        said = side.run(f"{model} 20")
    assert 0 < said["metrics"]["fit_s"] <= said["wall_s"]
    assert said["metrics"]["fit_cpu_s"] > 0
    assert 0 < said["metrics"]["rmse"] < 1.2  # 1 is the mean alone


def test_reached_is_faster_and_no_worse() -> None:
    def found(ours_s: float, rmse: float) -> bool:
        turn = ({"fit_s": ours_s, "fit_cpu_s": 1.0, "rmse": rmse}, {"fit_s": 6.0, "fit_cpu_s": 6.0, "rmse": 0.9})
        return bool(_summary("ml-1m", "svdpp", 2, [turn] * 3)["reached"])

    assert found(1.0, 0.9)
    assert not found(3.0, 0.9)
    assert not found(1.0, 0.91)


def test_a_row_takes_the_place_of_an_older_one(tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    for contest, value in (("a", 1), ("b", 2), ("a", 3)):
        write(file, {"contest": contest, "threads": 2, "value": value})
    assert [row["value"] for row in json.loads(file.read_text())] == [2, 3]
