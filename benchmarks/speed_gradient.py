"""How fast sequential models learn and answer: `python -m benchmarks.speed_gradient [--threads 2] [MODEL ...]`.

For each model (default sasrec, settings after `?` as everywhere) and each case: processor seconds and seconds by the
clock of one epoch, the median of several after a first one that is not counted; and how many histories per second are
read and answered with a list of ten, everything seen left out. Written to results/speed/gradient.json.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import cases
from benchmarks.sitting import Sitting
from serendip.evaluation.rankers import entrants
from serendip.evaluation.resources import commit, machine, measured, versions
from serendip.training import FitOptions

FILE = Path(__file__).parent / "results" / "speed" / "gradient.json"
CASES = ("ml-1m/leave-one-out", "amazon-beauty/leave-one-out")


class Epochs:
    """Hears of the progress of a fit and notes the times at which epochs end."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs
        self.ends: list[tuple[float, float]] = []

    def __call__(self, label: str, done: int, total: int) -> None:
        if total and done * self.epochs // total > len(self.ends):
            self.ends.append((time.process_time(), time.perf_counter()))

    def median_s(self) -> tuple[float, float]:
        """Processor seconds and seconds by the clock of an epoch, without the first."""
        spans = [(b[0] - a[0], b[1] - a[1]) for a, b in zip(self.ends, self.ends[1:], strict=False)]
        return statistics.median(cpu for cpu, _ in spans), statistics.median(wall for _, wall in spans)


def measure(case_name: str, model: str, epochs: int, threads: int) -> dict[str, Any]:
    case = cases.find(case_name)
    sitting = Sitting(case, case.material().folds[0])
    joined = "&" if "?" in model else "?"
    ranker = entrants([f"{model}{joined}epochs={epochs}&patience=0"])[0].ranker
    heard = Epochs(epochs)
    with measured() as fit:
        ranker.fit(sitting.fold.learn, FitOptions(threads=threads, progress=heard))
    people = sitting.exam.asked
    sitting.lists(ranker, people[:500])  # what is prepared once is not counted
    with measured() as answers:
        sitting.lists(ranker, people)
    cpu_s, wall_s = heard.median_s()
    return {
        "case": case_name,
        "model": model,
        "epochs": epochs,
        "epoch_cpu_s": round(cpu_s, 2),
        "epoch_wall_s": round(wall_s, 2),
        "peak_mb": round(fit.peak_mb),
        "histories_per_s": round(len(people) / answers.wall_s),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=["sasrec"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--cases", default=",".join(CASES))
    asked = parser.parse_args()
    found = []
    for case in asked.cases.split(","):
        for model in asked.models:
            found.append(measure(case, model, asked.epochs, asked.threads))
            sys.stdout.write(json.dumps(found[-1]) + "\n")
            sys.stdout.flush()
    around = {"commit": commit(), "date": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine()}
    FILE.write_text(
        json.dumps({**around, "versions": versions(), "threads": asked.threads, "results": found}, indent=1) + "\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
