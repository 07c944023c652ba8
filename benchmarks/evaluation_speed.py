"""How fast figures come out: our full-ranking evaluation beside RecBole's, our metrics beside RecTools'.

`python -m benchmarks.evaluation_speed` reads ml-1m (SASRec's file, a random fifth of each person's items is the test),
writes EASE's scores of all items for everybody to disk, and lets each library evaluate the same scores in a process of
its own, in turns, so that a disturbance of the machine meets all of them. What is prepared once (reading, grouping test
items by person) is not timed on either side. The first turn warms up and does not count.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.cases import data_root
from benchmarks.peers.handover import few_threads
from benchmarks.peers.libraries import ENVIRONMENTS
from serendip import models
from serendip.data import Dataset
from serendip.data.readers import read
from serendip.data.splits import Split, random_per_user
from serendip.evaluation.resources import commit, machine
from serendip.training import FitOptions

SIDES = Path(__file__).parent / "peers" / "speed"
FILE = Path(__file__).parent / "results" / "speed" / "evaluation_speed.json"
CUTOFFS = (5, 10, 20)


@dataclass(frozen=True)
class Contest:
    """Two works of the same outcome; the ratio of their times is what we want to know."""

    name: str
    ours: str
    environment: str
    script: str
    theirs: str
    target: float | None
    """How many times faster ours is meant to be."""


CONTESTS = (
    Contest("full ranking, RecBole as it comes", "full ranking", "recbole", "with_recbole.py", "default", 5.0),
    *(
        Contest(f"full ranking, RecBole by {users}", "full ranking", "recbole", "with_recbole.py", users, None)
        for users in ("10", "100", "1000")
    ),
    Contest("metrics of lists, RecTools", "metrics", "rectools", "with_rectools.py", "metrics", 2.0),
)


@dataclass(frozen=True)
class Side:
    """A process that repeats its works on demand."""

    process: subprocess.Popen[str]

    def run(self, work: str) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{work}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.process.args!r} ended before it had answered")
        said: dict[str, Any] = json.loads(line)
        return said


@contextmanager
def started(python: Path, script: str, folder: Path, threads: int) -> Iterator[Side]:
    environment = os.environ | few_threads(threads)
    command = [str(python), str(SIDES / script), str(folder)]
    with subprocess.Popen(
        command,
        cwd=folder,  # RecBole writes where it stands
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            yield Side(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()


def write_scores(folder: Path) -> dict[str, int]:
    """The scores and both sides of the split; sizes to report."""
    events = read("sequences", data_root() / "ml-1m" / "ml-1m_sasrec.txt.gz", event_type="like").tables
    split = random_per_user(Dataset.from_tables(events))
    model = models.make("ease").fit(split.train, FitOptions())
    scores = model.score(split.train.histories())
    np.save(folder / "scores.npy", scores)
    for name, side in (("train", split.train), ("test", split.test)):
        np.save(folder / f"{name}.npy", np.stack([side.events.user_rows, side.events.item_rows], axis=1))
    return _sizes(split)


def _sizes(split: Split) -> dict[str, int]:
    train, test = len(split.train.events), len(split.test.events)
    return {"users": split.train.n_users, "items": split.train.n_items, "train_events": train, "test_events": test}


def measure(folder: Path, threads: int, repetitions: int) -> list[dict[str, Any]]:
    """All contests with so many threads on each side, in turns."""
    with ExitStack() as stack:
        ours = stack.enter_context(started(Path(sys.executable), "ours.py", folder, threads))
        ours.run("metrics")  # has written the lists that others read once it answers
        sides = {
            contest.script: stack.enter_context(
                started(ENVIRONMENTS / contest.environment / "bin" / "python", contest.script, folder, threads)
            )
            for contest in {contest.script: contest for contest in CONTESTS}.values()
        }
        turns = [
            [(ours.run(contest.ours), sides[contest.script].run(contest.theirs)) for contest in CONTESTS]
            for _ in range(repetitions + 1)
        ]
    return [_summary(*parts, threads) for parts in zip(CONTESTS, zip(*turns[1:], strict=True), strict=True)]


def _summary(contest: Contest, turns: tuple[tuple[Any, Any], ...], threads: int) -> dict[str, Any]:
    ours, theirs = ([turn[side]["wall_s"] for turn in turns] for side in (0, 1))
    own, other = (turns[-1][side]["metrics"] for side in (0, 1))
    ratios = [slow / fast for fast, slow in zip(ours, theirs, strict=True)]
    return {
        "contest": contest.name,
        "threads": threads,
        "ours_s": ours,
        "theirs_s": theirs,
        "median_ratio": statistics.median(ratios),
        "lowest_ratio": min(ratios),
        "highest_ratio": max(ratios),
        "target": contest.target,
        "reached": None if contest.target is None else statistics.median(ratios) >= contest.target,
        "metrics": own,
        "largest_difference": max(abs(own[name] - other[name]) for name in own.keys() & other.keys()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.evaluation_speed", description=__doc__)
    parser.add_argument("--repetitions", type=int, default=7)
    parser.add_argument("--json", type=Path, default=FILE)
    arguments = parser.parse_args()
    with TemporaryDirectory(prefix="speed-") as name:
        sizes = write_scores(Path(name))
        found = [row for threads in (1, 2) for row in measure(Path(name), threads, arguments.repetitions)]
    for row in found:
        sys.stdout.write(
            f"{row['contest']}, {row['threads']} threads: ours {statistics.median(row['ours_s']):.3f} s, "
            f"theirs {statistics.median(row['theirs_s']):.3f} s, ratio {row['median_ratio']:.1f} "
            f"({row['lowest_ratio']:.1f} to {row['highest_ratio']:.1f})\n"
        )
    around = {"machine": machine(), "commit": commit(), "date": datetime.now(UTC).isoformat(timespec="seconds")}
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    report = {
        "data": "ml-1m, a random fifth of each person's items, EASE's scores",
        **sizes,
        **around,
        "contests": found,
    }
    arguments.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
