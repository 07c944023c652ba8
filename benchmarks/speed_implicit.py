"""How fast ALS is fitted: ours beside the package implicit, the same data, width, passes, confidences and pull.

`python -m benchmarks.speed_implicit` fits both in turns, in one process, on what models learn from in the named cases;
the first turn warms up and does not count. Both come near the same loss (it is reported: equal quality), and start
where they start by themselves.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from threadpoolctl import threadpool_limits

from benchmarks.cases import find
from serendip import models
from serendip.data import Dataset
from serendip.data.arrays import FloatArray
from serendip.evaluation.resources import commit, machine, measured, versions
from serendip.training import FitOptions

FILE = Path(__file__).parent / "results" / "speed" / "implicit.json"
CASES = "ml-1m/leave-one-out,gowalla/lightgcn-split"
WIDTHS = "64,128"
ALPHA, L2, EPOCHS = 5.0, 30.0, 10


Run = tuple[float, float, FloatArray]


def ours(dataset: Dataset, width: int, threads: int) -> Run:
    """Seconds by the clock and of all processors, and the factors of the items."""
    model = models.make("als", {"embedding_size": width, "alpha": ALPHA, "l2": L2, "epochs": EPOCHS})
    with measured() as use:
        model.fit(dataset, FitOptions(threads=threads))
    return use.wall_s, use.cpu_s, model.weights()["factors"]


def theirs(dataset: Dataset, width: int, threads: int) -> Run:
    from implicit.cpu.als import AlternatingLeastSquares

    solver = AlternatingLeastSquares(
        factors=width, regularization=L2, iterations=EPOCHS, num_threads=threads, random_state=0
    )
    # implicit warns that its own threads and those of BLAS get in each other's way
    with threadpool_limits(1, "blas"), measured() as use:
        confidence = dataset.matrix()
        confidence.data = 1 + np.float32(ALPHA) * confidence.data
        solver.fit(sp.csr_matrix(confidence), show_progress=False)
    return use.wall_s, use.cpu_s, np.asarray(solver.item_factors)


def loss(dataset: Dataset, factors: FloatArray) -> float:
    """What both minimise, with everybody placed exactly among `factors`."""
    matrix = dataset.matrix()
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    model = models.make("als", {"embedding_size": factors.shape[1], "alpha": ALPHA, "l2": L2})
    model.restore({"factors": factors})
    people = model.people(dataset.histories())  # type: ignore[attr-defined]  # (U, D)
    found = np.einsum("ed,ed->e", people[rows], factors[matrix.indices].astype(np.float64))
    wanted = (1 + ALPHA * matrix.data) * (1 - found) ** 2 - found**2
    gram = factors.astype(np.float64).T @ factors
    return float(wanted.sum() + np.sum((people.T @ people) * gram) + L2 * ((people**2).sum() + np.trace(gram)))


def contest(case: str, width: int, threads: int, repetitions: int) -> dict[str, Any]:
    """Both sides in turns on what models learn from in `case`."""
    dataset = find(case).material().folds[0].learn
    dataset.matrix()
    turns = [(ours(dataset, width, threads), theirs(dataset, width, threads)) for _ in range(repetitions + 1)][1:]
    own, other = ([turn[side][0] for turn in turns] for side in (0, 1))
    ratios = [slow / fast for fast, slow in zip(own, other, strict=True)]
    processor = [turn[1][1] / turn[0][1] for turn in turns]
    losses = [loss(dataset, turns[-1][side][2]) for side in (0, 1)]
    return {
        "case": case,
        "embedding_size": width,
        "threads": threads,
        "ours_s": own,
        "theirs_s": other,
        "median_ratio": statistics.median(ratios),
        "lowest_ratio": min(ratios),
        "highest_ratio": max(ratios),
        "median_ratio_cpu": statistics.median(processor),
        "target": 1.0,
        "reached": statistics.median(ratios) >= 1.0,
        "loss_ours": losses[0],
        "loss_theirs": losses[1],
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed_implicit", description=__doc__)
    parser.add_argument("--cases", default=CASES)
    parser.add_argument("--widths", default=WIDTHS)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--json", type=Path, default=FILE)
    arguments = parser.parse_args()
    found = []
    for case in arguments.cases.split(","):
        for width in map(int, arguments.widths.split(",")):
            row = contest(case, width, arguments.threads, arguments.repetitions)
            found.append(row)
            sys.stdout.write(
                f"{case}, width {width}, {arguments.threads} threads: ours {statistics.median(row['ours_s']):.2f} s, "
                f"implicit {statistics.median(row['theirs_s']):.2f} s, ratio {row['median_ratio']:.2f} "
                f"({row['lowest_ratio']:.2f} to {row['highest_ratio']:.2f}; of processor seconds "
                f"{row['median_ratio_cpu']:.2f}), "
                f"loss {row['loss_ours'] / row['loss_theirs']:.4f} of theirs\n"
            )
            sys.stdout.flush()
    around = {"machine": machine(), "versions": versions(), "commit": commit()}
    report = {"alpha": ALPHA, "l2": L2, "epochs": EPOCHS, **around, "contests": found}
    report["date"] = datetime.now(UTC).isoformat(timespec="seconds")
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
