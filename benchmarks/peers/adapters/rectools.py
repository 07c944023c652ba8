"""RecTools: popularity, EASE, SASRec, and its wrappers of implicit's ALS and item neighbours.

SASRec learns until `seconds` are over, which counts while fitting only.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import torch
from implicit.als import AlternatingLeastSquares
from implicit.nearest_neighbours import CosineRecommender, TFIDFRecommender
from pytorch_lightning import Trainer, seed_everything
from rectools import Columns
from rectools.dataset import Dataset
from rectools.models import EASEModel, ImplicitALSWrapperModel, ImplicitItemKNNWrapperModel, PopularModel, SASRecModel
from task import Run, Task
from threadpoolctl import threadpool_limits

DISTRIBUTION = "RecTools"
NETWORK = ("n_blocks", "n_heads", "n_factors", "dropout_rate", "session_max_len", "loss", "lr", "batch_size", "epochs")
SAID = ("popularity", "period", "regularization", "factors", "alpha", "iterations", "use_cg", "K", *NETWORK)


def _als(task: Task) -> ImplicitALSWrapperModel:
    return ImplicitALSWrapperModel(
        AlternatingLeastSquares(num_threads=task.threads, random_state=task.seed, **task.config)
    )


def _sasrec(task: Task) -> SASRecModel:
    torch.set_num_threads(task.threads)
    seed_everything(task.seed)
    settings: dict[str, Any] = dict(task.config)
    until = timedelta(seconds=settings.pop("seconds"))
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    return SASRecModel(
        get_trainer_func=lambda: Trainer(
            max_time=until, max_epochs=settings.get("epochs", -1), accelerator="cpu", devices=1, **quiet
        ),
        recommend_torch_device="cpu",
        **settings,
    )


MODELS = {
    "popular": lambda task: PopularModel(**task.config),
    "ease": lambda task: EASEModel(recommend_n_threads=task.threads, **task.config),
    "als": _als,
    "sasrec": _sasrec,
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
