"""RecTools: popularity, EASE, and its wrappers of implicit's ALS and item neighbours."""

from __future__ import annotations

import numpy as np
import pandas as pd
from implicit.als import AlternatingLeastSquares
from implicit.nearest_neighbours import CosineRecommender, TFIDFRecommender
from rectools import Columns
from rectools.dataset import Dataset
from rectools.models import EASEModel, ImplicitALSWrapperModel, ImplicitItemKNNWrapperModel, PopularModel
from task import Run, Task
from threadpoolctl import threadpool_limits

DISTRIBUTION = "RecTools"
SAID = ("popularity", "period", "regularization", "factors", "alpha", "iterations", "use_cg", "K")


def _als(task: Task) -> ImplicitALSWrapperModel:
    return ImplicitALSWrapperModel(
        AlternatingLeastSquares(num_threads=task.threads, random_state=task.seed, **task.config)
    )


MODELS = {
    "popular": lambda task: PopularModel(**task.config),
    "ease": lambda task: EASEModel(recommend_n_threads=task.threads, **task.config),
    "als": _als,
    "item_knn_cosine": lambda task: ImplicitItemKNNWrapperModel(
        CosineRecommender(num_threads=task.threads, **task.config)
    ),
    "item_knn_tfidf": lambda task: ImplicitItemKNNWrapperModel(
        TFIDFRecommender(num_threads=task.threads, **task.config)
    ),
}


def prepare(task: Task) -> Run:
    told = task.wanted
    frame = {Columns.User: told["user_row"], Columns.Item: told["item_row"], Columns.Weight: told["weight"]}
    frame[Columns.Datetime] = pd.to_datetime(told["time_ms"], unit="ms")
    data = Dataset.construct(pd.DataFrame(frame))
    model = MODELS[task.model](task)

    def fit() -> None:
        with threadpool_limits(1 if task.model == "als" else task.threads, "blas"):
            model.fit(data)

    def answer():
        found = model.recommend(task.asked, data, k=task.k + task.spare, filter_viewed=True)
        return task.cut(found[Columns.User].to_numpy(np.int64), found[Columns.Item].to_numpy(np.int64))

    said = {name.removeprefix("model."): value for name, value in model.get_params(simple_types=True).items()}
    return Run({name: value for name, value in said.items() if name in SAID}, fit, answer)
