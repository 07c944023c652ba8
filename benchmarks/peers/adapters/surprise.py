"""Surprise: ratings by SVD and by neighbours over baselines."""

from __future__ import annotations

import numpy as np
import pandas as pd
from surprise import NMF, SVD, BaselineOnly, Dataset, KNNBaseline, Reader, SVDpp
from task import Run, Task

DISTRIBUTION = "scikit-surprise"
MODELS = {"svd": SVD, "svdpp": SVDpp, "nmf": NMF, "knn_baseline": KNNBaseline, "baseline": BaselineOnly}
SEEDED = ("svd", "svdpp", "nmf")
SAID = ("n_factors", "n_epochs", "lr_all", "reg_all", "k", "min_k", "sim_options", "bsl_options")


def prepare(task: Task) -> Run:
    seed = {"random_state": task.seed} if task.model in SEEDED else {}
    quiet = {"verbose": False}
    model = MODELS[task.model](**seed, **quiet, **task.config)
    values = task.train["value"]
    frame = pd.DataFrame({name: task.train[name] for name in ("user_row", "item_row", "value")})
    scale = Reader(rating_scale=(float(values.min()), float(values.max())))
    data = Dataset.load_from_df(frame, scale).build_full_trainset()

    def answer():
        return np.array([model.predict(user, item).est for user, item in task.pairs.tolist()])

    config = {name: getattr(model, name) for name in SAID if hasattr(model, name)}
    return Run(config, lambda: model.fit(data), answer)
