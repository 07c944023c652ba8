"""Our side: biased MF and SVD++ at Surprise's settings; timed is `fit`."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from side import serve

from serendip import models
from serendip.data import Dataset, Tables, event_frame
from serendip.data.splits import Split
from serendip.evaluation.rating_exam import RatingExam
from serendip.training import FitOptions

ALIKE: dict[str, dict[str, Any]] = {
    "biased_mf": {"embedding_size": 100, "learning_rate": 0.005, "solver": "sgd"},
    "svdpp": {"embedding_size": 20, "learning_rate": 0.007, "implicit_l2": 0.02, "flipped": False},
}
"""Surprise's defaults in our words."""


def main(folder: Path) -> None:
    parts = [np.load(folder / f"{name}.npy") for name in ("train", "test")]
    rows = np.concatenate(parts)
    whole = Dataset.from_tables(
        Tables(
            event_frame(
                {
                    "user_id": rows[:, 0].astype(int).astype(str),
                    "item_id": rows[:, 1].astype(int).astype(str),
                    "type": ["rating"] * len(rows),
                    "value": rows[:, 2],
                }
            )
        )
    )
    train = np.arange(len(rows)) < len(parts[0])
    exam = RatingExam([Split(whole.with_events(train), whole.with_events(~train), "given")])
    options = FitOptions(0, int(os.environ["OMP_NUM_THREADS"]))

    def measured(name: str, epochs: int) -> Callable[[], dict[str, float]]:
        def work() -> dict[str, float]:
            settings = {"epochs": epochs, "l2": 0.02, "bias_l2": 0.02, "decay": 1.0}
            model = models.make(name, ALIKE[name] | settings)
            start, cpu = time.perf_counter(), time.process_time()
            model.fit(exam.splits[0].train, options)
            took = {"fit_s": time.perf_counter() - start, "fit_cpu_s": time.process_time() - cpu}
            found = exam.foretold(model, 0)  # type: ignore[arg-type]  # both rate
            return took | {"rmse": float(np.sqrt(np.mean((found - exam.given) ** 2)))}

        return work

    serve({f"{name} {epochs}": measured(name, epochs) for name in ALIKE for epochs in (1, 20)})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
