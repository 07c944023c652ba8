"""The side of Surprise: neighbours over baselines, fit and predict."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from side import serve
from surprise import Dataset, KNNBaseline, Reader


def foretold(data, test, people: bool, similarity: str):
    options = {"name": similarity, "user_based": people, "shrinkage": 100}

    def work():
        model = KNNBaseline(k=40, sim_options=options, verbose=False)
        model.fit(data)
        errors = [model.predict(user, item).est - value for user, item, value in test]
        return {"rmse": float(np.sqrt(np.mean(np.square(errors))))}

    return work


def main(folder: Path) -> None:
    parts = [np.load(folder / f"{name}.npz") for name in ("train", "test")]
    train, test = (pd.DataFrame({key: part[key] for key in ("users", "items", "values")}) for part in parts)
    data = Dataset.load_from_df(train, Reader(rating_scale=(1, 5))).build_full_trainset()
    pairs = list(test.itertuples(index=False, name=None))
    serve(
        {
            f"{side} {name}": foretold(data, pairs, side == "people", name)
            for side in ("items", "people")
            for name in ("pearson_baseline", "msd")
        }
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
