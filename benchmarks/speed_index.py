"""How much an index of inverted lists finds and how much time it saves, on the factors that ALS learns of real data.

`python -m benchmarks.speed_index` fits ALS on what a case learns from (default gowalla/lightgcn-split: 41,000 items),
builds the index over its items, and asks for the 100 best items of people: all of them by the exact product and a
partial sort, and by the index with several slacks, in turns. Told for each slack: the share of the exact 100 that is
found (slack 1 finds all), and the median time as a share of the exact one.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import cases
from serendip import models
from serendip.evaluation.resources import commit, machine, versions
from serendip.models import Embeds
from serendip.retrieval import InvertedLists, best_of
from serendip.training import FitOptions, one_blas_thread

FOLDER = Path(__file__).parent / "results" / "speed"
SLACKS = (0.0, 0.25, 0.5, 0.75, 1.0)
K = 100


def measure(case: str, people: int, width: int) -> dict[str, Any]:
    material = cases.find(case).material()
    data = material.folds[0].learn
    model = models.make("als", {"embedding_size": width}).fit(data, FitOptions())
    assert isinstance(model, Embeds)
    items = model.item_vectors()
    started_s = time.perf_counter()
    index = InvertedLists.build(items)
    built_s = time.perf_counter() - started_s
    vectors = [one for one in model.query_vectors(data.histories()[:people]) if one.any()]
    allowed = np.ones(len(items), bool)
    every_row = np.arange(len(items), dtype=np.int32)
    found: dict[float, list[float]] = {slack: [] for slack in SLACKS}
    took: dict[float, list[float]] = {slack: [] for slack in SLACKS}
    exact_took = []
    with one_blas_thread():
        for vector in vectors:
            started_s = time.perf_counter()
            scores = items @ vector
            near = np.argpartition(-scores, K)[:K].astype(np.int32)
            exact, _ = best_of(every_row[near], scores[near], K, len(items))
            exact_took.append(time.perf_counter() - started_s)
            for slack in SLACKS:
                started_s = time.perf_counter()
                rows, _ = index.search(vector, K, allowed, slack)
                took[slack].append(time.perf_counter() - started_s)
                found[slack].append(len(np.intersect1d(rows, exact)) / K)
    told = {
        str(slack): {
            "found": round(float(np.mean(found[slack])), 4),
            "found_5th_percentile": round(float(np.percentile(found[slack], 5)), 4),
            "ms": round(1000 * float(np.median(took[slack])), 4),
            "time_to_exact": round(float(np.median(took[slack]) / np.median(exact_took)), 4),
        }
        for slack in SLACKS
    }
    return {
        "case": case,
        "items": len(items),
        "width": width,
        "people": len(vectors),
        "lists": len(index.centres),
        "built_s": round(built_s, 2),
        "exact_ms": round(1000 * float(np.median(exact_took)), 4),
        "slacks": told,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", default="gowalla/lightgcn-split")
    parser.add_argument("--people", type=int, default=1_000)
    parser.add_argument("--width", type=int, default=64)
    asked = parser.parse_args()
    result = {
        "commit": commit(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": versions(),
        **measure(asked.case, asked.people, asked.width),
    }
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "index.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps(result["slacks"], indent=1) + "\n")


if __name__ == "__main__":
    main()
