"""How fast neighbours are found and lists are made: ours beside `implicit`, and beside Surprise for ratings.

`python -m benchmarks.speed_neighbours --parts knn,batch,ratings` lets each library do the same work in a process of its
own, in turns, so that a disturbance of the machine meets both:

- `knn`: the 100 nearest items of each, by cosine and by BM25, on the training parts of ml-1m and gowalla;
- `batch`: ten unseen items for everybody in ml-1m from the same factors of width 64;
- `ratings`: fit on the first training fold of ml-1m's ratings and foretell its test fold.

What is prepared once (reading, making each library's own form of the data) is not timed. The first turn warms up and
does not count, except for `ratings`, where Surprise takes minutes.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.cases import Fold, find
from benchmarks.evaluation_speed import Contest, Side, started
from benchmarks.peers.libraries import ENVIRONMENTS
from serendip import models
from serendip.evaluation.resources import commit, machine
from serendip.training import FitOptions

FILE = Path(__file__).parent / "results" / "speed" / "neighbours.json"
RANKED = {"ml-1m": "ml-1m/leave-one-out", "gowalla": "gowalla/lightgcn-split"}
RATED = "ml-1m/ratings-5fold"
OURS, IMPLICIT, SURPRISE = "neighbours_ours.py", "neighbours_implicit.py", "neighbours_surprise.py"


def _implicit(name: str, work: str, target: float) -> Contest:
    return Contest(name, work, "modern", IMPLICIT, work, target)


def _surprise(name: str, ours: str, theirs: str) -> Contest:
    return Contest(name, ours, "modern", SURPRISE, theirs, 5.0)


PARTS = {
    "knn": tuple(
        _implicit(f"{similarity}, {data}", f"{similarity} {data}", 1.0)
        for data in RANKED
        for similarity in ("cosine", "bm25")
    ),
    "batch": (_implicit("ten for everybody, ml-1m", "batch ml-1m", 1.5),),
    "ratings": (
        _surprise("item neighbours of ratings", "items", "items pearson_baseline"),
        _surprise("user neighbours of ratings", "people", "people pearson_baseline"),
        _surprise("user neighbours of ratings, its defaults", "people", "people msd"),
    ),
}


def write(folder: Path, parts: list[str]) -> None:
    """What the sides read: pairs, factors, ratings."""
    if {"knn", "batch"} & set(parts):
        for name, case in RANKED.items():
            if name != "ml-1m" and "knn" not in parts:
                continue
            fold = find(case).material().folds[0]
            matrix = fold.learn.matrix()
            pairs = {"data": matrix.data, "indices": matrix.indices, "indptr": matrix.indptr, "shape": matrix.shape}
            np.savez(folder / f"{name}.npz", **pairs)
            if name == "ml-1m" and "batch" in parts:
                _write_factors(folder, fold)
    if "ratings" in parts:
        fold = find(RATED).material().folds[0]
        for name, side in (("train", fold.learn), ("test", fold.test)):
            events = side.events
            np.savez(folder / f"{name}.npz", users=events.user_rows, items=events.item_rows, values=events.values)


def _write_factors(folder: Path, fold: Fold) -> None:
    """Those of the items from ALS; people are the sums of theirs, whatever solver one has."""
    model = models.make("als", {"embedding_size": 64, "epochs": 2}).fit(fold.learn, FitOptions())
    items = model.weights()["factors"].astype(np.float32)
    np.savez(folder / "factors.npz", items=items, people=(fold.learn.matrix() @ items).astype(np.float32))


def measure(folder: Path, contests: list[Contest], threads: int, repetitions: int, peers: Path) -> list[dict[str, Any]]:
    """Contests with so many threads on each side, in turns; one repetition has no turn to warm up."""
    with ExitStack() as stack:
        ours = stack.enter_context(started(Path(sys.executable), OURS, folder, threads))
        sides = {
            script: stack.enter_context(started(peers / "modern" / "bin" / "python", script, folder, threads))
            for script in {contest.script for contest in contests}
        }
        return [_contest(contest, ours, sides[contest.script], threads, repetitions) for contest in contests]


def _contest(contest: Contest, ours: Side, theirs: Side, threads: int, repetitions: int) -> dict[str, Any]:
    ours.run(contest.ours)  # compiled code is read from disk or made
    if repetitions > 1:
        theirs.run(contest.theirs)
    turns = [(ours.run(contest.ours), theirs.run(contest.theirs)) for _ in range(repetitions)]
    ratios = [their["wall_s"] / own["wall_s"] for own, their in turns]
    cpu = [their["cpu_s"] / own["cpu_s"] for own, their in turns]
    return {
        "contest": contest.name,
        "threads": threads,
        "ours_s": [own["wall_s"] for own, _ in turns],
        "theirs_s": [their["wall_s"] for _, their in turns],
        "median_ratio": statistics.median(ratios),
        "lowest_ratio": min(ratios),
        "highest_ratio": max(ratios),
        "median_ratio_of_cpu_s": statistics.median(cpu),
        "target": contest.target,
        "reached": contest.target is None or statistics.median(ratios) >= contest.target,
        "ours": turns[-1][0]["metrics"],
        "theirs": turns[-1][1]["metrics"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed_neighbours", description=__doc__)
    parser.add_argument("--parts", default="knn,batch,ratings")
    parser.add_argument("--repetitions", type=int, default=5, help="of all parts but ratings, which run once")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--peers", type=Path, default=ENVIRONMENTS, help="the folder of other libraries")
    parser.add_argument("--json", type=Path, default=FILE)
    arguments = parser.parse_args()
    parts = arguments.parts.split(",")
    found = []
    with TemporaryDirectory(prefix="speed-") as name:
        write(Path(name), parts)
        for part in parts:
            repetitions = 1 if part == "ratings" else arguments.repetitions
            found += measure(Path(name), list(PARTS[part]), arguments.threads, repetitions, arguments.peers)
    for row in found:
        sys.stdout.write(
            f"{row['contest']}, {row['threads']} threads: ours {statistics.median(row['ours_s']):.3f} s, theirs "
            f"{statistics.median(row['theirs_s']):.3f} s, ratio {row['median_ratio']:.1f} ({row['lowest_ratio']:.1f} to"
            f" {row['highest_ratio']:.1f}; of processor time {row['median_ratio_of_cpu_s']:.1f})\n"
        )
    around = {"machine": machine(), "commit": commit(), "date": datetime.now(UTC).isoformat(timespec="seconds")}
    _add(arguments.json, found, around)


def _add(file: Path, found: list[dict[str, Any]], around: dict[str, Any]) -> None:
    """Contests take the place of earlier ones of the same name and threads."""
    named = {(row["contest"], row["threads"]): row | around for row in found}
    kept = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    rows = [row for row in kept if (row["contest"], row["threads"]) not in named] + list(named.values())
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
