"""How fast rating models learn: our biased MF and SVD++ beside Surprise's, at its settings, from the same ratings.

`python -m benchmarks.speed_ratings` learns from the first fold of ml-100k and of ml-1m in a process for each library,
in turns, so that a disturbance of the machine meets both. Timed is `fit` alone; the RMSE is that of the fold's test
part. Both are given as many threads; Surprise uses one. One epoch of each warms up and does not count.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.cases import Fold, find
from benchmarks.evaluation_speed import started
from benchmarks.peers.libraries import ENVIRONMENTS
from serendip.evaluation.resources import commit, machine

FILE = Path(__file__).parent / "results" / "speed" / "speed_ratings.json"
SURPRISE = ENVIRONMENTS / "modern" / "bin" / "python"
DATA = ("ml-100k", "ml-1m")
MODELS = {"biased_mf": "SVD", "svdpp": "SVDpp"}
EPOCHS = 20
TARGET = 3.0
"""How many times faster ours is meant to be."""


def write_fold(folder: Path, fold: Fold) -> None:
    for name, side in (("train", fold.learn), ("test", fold.test)):
        events = side.events
        np.save(folder / f"{name}.npy", np.stack([events.user_rows, events.item_rows, events.values], axis=1))


def measure(data: str, model: str, threads: int, repetitions: int, python: Path = SURPRISE) -> dict[str, Any]:
    """Both sides in turns."""
    with TemporaryDirectory(prefix="speed-") as name:
        folder = Path(name)
        write_fold(folder, find(f"{data}/ratings-5fold").material().folds[0])
        with (
            started(Path(sys.executable), "ours_ratings.py", folder, threads) as ours,
            started(python, "with_surprise.py", folder, threads) as theirs,
        ):
            for side in (ours, theirs):
                side.run(f"{model} 1")
            work = f"{model} {EPOCHS}"
            turns = [(ours.run(work)["metrics"], theirs.run(work)["metrics"]) for _ in range(repetitions)]
    return _summary(data, model, threads, turns)


def _summary(data: str, model: str, threads: int, turns: list[tuple[Any, Any]]) -> dict[str, Any]:
    ours, theirs = ([turn[side]["fit_s"] for turn in turns] for side in (0, 1))
    own_cpu, other_cpu = (statistics.median(turn[side]["fit_cpu_s"] for turn in turns) for side in (0, 1))
    ratios = [slow / fast for fast, slow in zip(ours, theirs, strict=True)]
    own, other = turns[0][0]["rmse"], turns[0][1]["rmse"]
    ratio = statistics.median(ratios)
    return {
        "contest": f"{model}, Surprise {MODELS[model]}, {data}, {EPOCHS} epochs",
        "threads": threads,
        "ours_s": ours,
        "theirs_s": theirs,
        "median_ratio": ratio,
        "lowest_ratio": min(ratios),
        "highest_ratio": max(ratios),
        "cpu_s": {"ours": own_cpu, "theirs": other_cpu},
        "rmse": {"ours": own, "theirs": other},
        "target": TARGET,
        "reached": ratio >= TARGET and own <= other,
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed_ratings", description=__doc__)
    parser.add_argument("--data", choices=DATA, action="append", help="by default both")
    parser.add_argument("--models", choices=MODELS, action="append", help="by default both")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--python", type=Path, default=SURPRISE, help="of the environment that holds Surprise")
    parser.add_argument("--json", type=Path, default=FILE)
    told = parser.parse_args()
    around = {"machine": machine(), "commit": commit(), "date": datetime.now(UTC).isoformat(timespec="seconds")}
    contests = [(data, model) for data in told.data or DATA for model in told.models or MODELS]
    for data, model in contests:
        row = measure(data, model, told.threads, told.repetitions, told.python) | around
        sys.stdout.write(
            f"{row['contest']}, {row['threads']} threads: ours {statistics.median(row['ours_s']):.3f} s, "
            f"theirs {statistics.median(row['theirs_s']):.3f} s, ratio {row['median_ratio']:.1f} "
            f"({row['lowest_ratio']:.1f} to {row['highest_ratio']:.1f}), CPU {row['cpu_s']}, "
            f"RMSE {row['rmse']}\n"
        )
        write(told.json, row)


def write(file: Path, row: dict[str, Any]) -> None:
    """Add a row to the file, in the place of an earlier one of the same contest."""
    kept = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    same = [old for old in kept if (old["contest"], old["threads"]) != (row["contest"], row["threads"])]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps([*same, row], indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
