"""Surprise's side: SVD and SVD++ at its own settings; timed is `fit`."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from side import serve
from surprise import SVD, Dataset, Reader, SVDpp


def main(folder: Path) -> None:
    train, test = (np.load(folder / f"{name}.npy") for name in ("train", "test"))
    frame = pd.DataFrame({"user": train[:, 0].astype(int), "item": train[:, 1].astype(int), "value": train[:, 2]})
    data = Dataset.load_from_df(frame, Reader(rating_scale=(1, 5))).build_full_trainset()
    pairs = test[:, :2].astype(int).tolist()

    def measured(make, epochs):
        def work():
            model = make(n_epochs=epochs, random_state=0)
            start, cpu = time.perf_counter(), time.process_time()
            model.fit(data)
            took = {"fit_s": time.perf_counter() - start, "fit_cpu_s": time.process_time() - cpu}
            if epochs == 1:  # to warm up
                return took
            found = np.array([model.predict(user, item).est for user, item in pairs])
            return took | {"rmse": float(np.sqrt(np.mean((found - test[:, 2]) ** 2)))}

        return work

    makers = {"biased_mf": SVD, "svdpp": lambda **told: SVDpp(cache_ratings=True, **told)}
    works = {f"{name} {epochs}": measured(make, epochs) for name, make in makers.items() for epochs in (1, 20)}
    serve(works)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
