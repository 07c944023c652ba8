"""How fast the linear models fit: EASE beside one Cholesky inversion by LAPACK, and sparse EASE at 100,000 items.

`python -m benchmarks.speed_linear` fits EASE on generated preferences, and lets LAPACK (`dpotrf` and `dpotri`, float64
as ours) invert a positive definite matrix of as many rows, in turns, so that a disturbance of the machine meets both.
LAPACK is given `SURVIVED` rows at most and its time is scaled by the cube: OpenBLAS 0.3.30 and 0.3.31 on several
threads crash in `dpotrf` at 16,300. A fit is everything: the Gram matrix, its inverse, the map. The ratio is told by
the clock and by processor seconds, since a busy machine disturbs the first more. `--sparse 100000` fits sparse EASE on
that many items instead and tells its peak memory.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from scipy.linalg import lapack

from serendip import models
from serendip.data import Dataset, Tables, event_frame
from serendip.evaluation.resources import Use, commit, machine, measured, resident_mb, versions
from serendip.training import FitOptions

FOLDER = Path(__file__).parent / "results" / "speed"
SURVIVED = 16_000
TARGET = 1.3
MOST_MB = 4 * 2**30 / 1e6


def preferences(people: int, items: int, events: int, seed: int = 0) -> Dataset:
    """Histories of log-normal length over items of Zipf's popularity in 200 groups; each person likes three groups."""
    generator = np.random.default_rng(seed)
    share = generator.lognormal(0, 1, people)
    person = np.repeat(np.arange(people), generator.poisson(share * (events / share.sum())))
    popularity = 1 / np.arange(1, items + 1) ** 0.8
    group = generator.integers(0, 200, items)
    order = np.argsort(group, kind="stable")
    reached = np.cumsum(popularity[order])
    starts = np.concatenate([[0.0], reached])[np.searchsorted(group[order], np.arange(201))]
    liked = generator.integers(0, 200, (people, 3))[person, generator.integers(0, 3, len(person))]
    anything = generator.random(len(person)) < 0.4
    low, high = np.where(anything, 0, starts[liked]), np.where(anything, starts[-1], starts[liked + 1])
    drawn = low + generator.random(len(person)) * (high - low)
    item = order[np.minimum(np.searchsorted(reached, drawn), items - 1)]
    pairs = pl.DataFrame({"user_id": person, "item_id": item}).unique(maintain_order=True).cast(pl.String)
    every_item = pl.DataFrame({"item_id": np.arange(items)}).cast(pl.String)
    frame = event_frame({**pairs.to_dict(as_series=False), "type": ["like"] * pairs.height})
    return Dataset.from_tables(Tables(frame, every_item))


def positive_definite(size: int) -> np.ndarray:
    generator = np.random.default_rng(0)
    matrix = generator.random((size, size)) / size
    for start in range(0, size, 1_000):  # the lower triangle alone is looked at
        matrix[start : start + 1_000, start : start + 1_000] += 10 * np.eye(min(1_000, size - start))
    return matrix


def inverted(size: int, options: FitOptions) -> Use:
    matrix = positive_definite(size)
    with options.limited(), measured() as use:
        factor, failed = lapack.dpotrf(matrix.T, lower=0, overwrite_a=1, clean=0)
        _, failed_too = lapack.dpotri(factor, lower=0, overwrite_c=1)
    assert not failed
    assert not failed_too
    return use


def fitted(name: str, data: Dataset, options: FitOptions) -> Use:
    model = models.make(name, {"max_items": data.n_items} if name == "ease" else {})
    with measured() as use:
        model.fit(data, options)
    return use


def contest(items: int, repetitions: int, threads: int) -> dict[str, Any]:
    """EASE's fit and LAPACK's inversion in turns."""
    options, data = FitOptions(threads=threads), preferences(10 * items, items, 250 * items)
    fitted("ease", preferences(200, 100, 2_000), options)  # compiled before the clock runs
    size = min(items, SURVIVED)
    turns = [(fitted("ease", data, options), inverted(size, options)) for _ in range(repetitions)]
    scale = (items / size) ** 3
    walls = [fit.wall_s / (other.wall_s * scale) for fit, other in turns]
    cpus = [fit.cpu_s / (other.cpu_s * scale) for fit, other in turns]
    return {
        "items": items,
        "events": len(data.events),
        "threads": options.n_threads,
        "fit": [asdict(fit) for fit, _ in turns],
        "lapack_rows": size,
        "lapack": [asdict(other) for _, other in turns],
        "median_ratio_by_the_clock": statistics.median(walls),
        "median_ratio_by_processor_seconds": statistics.median(cpus),
        "target": TARGET,
        "reached": min(statistics.median(walls), statistics.median(cpus)) <= TARGET,
    }


def sparse(items: int, threads: int) -> dict[str, Any]:
    """Sparse EASE on two people and fifty events for each item, less repeats."""
    options, data = FitOptions(threads=threads), preferences(2 * items, items, 50 * items)
    data.matrix()
    before = resident_mb()
    fitted("sparse_ease", preferences(200, 100, 2_000), options)
    use = fitted("sparse_ease", data, options)
    return {
        "items": items,
        "people": data.n_users,
        "events": len(data.events),
        "threads": options.n_threads,
        "fit": asdict(use),
        "resident_before_mb": before,
        "target_mb": MOST_MB,
        "reached": use.peak_mb <= MOST_MB,
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed_linear", description=__doc__)
    parser.add_argument("--items", type=int, nargs="*", default=[6_000, 20_000])
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--sparse", type=int, default=0, help="items of sparse EASE, instead of the contest")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    if arguments.sparse:
        found: list[dict[str, Any]] = [sparse(arguments.sparse, arguments.threads)]
    else:
        found = [contest(items, arguments.repetitions, arguments.threads) for items in arguments.items]
    around = {"machine": machine(), "versions": versions(), "commit": commit()}
    report = {**around, "date": datetime.now(UTC).isoformat(timespec="seconds"), "found": found}
    file = arguments.json or FOLDER / ("sparse_ease.json" if arguments.sparse else "ease.json")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
