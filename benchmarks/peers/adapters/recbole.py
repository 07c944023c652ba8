"""RecBole: popularity, item neighbours, EASE and BPR, fitted for a fixed number of epochs without early stopping;
SASRec.

SASRec learns until `seconds` are over, by cross-entropy. It leaves the last event of each history out, as RecBole's
sequences want it, and is asked with the whole history.
"""

from __future__ import annotations

import logging
import os
import time
from contextlib import suppress
from typing import Any

os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] = "1"  # its checkpoints hold more than weights

import numpy as np
import pandas as pd
import torch
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.data.interaction import Interaction
from recbole.utils import get_model, get_trainer, init_seed
from task import Run, Task

DISTRIBUTION = "recbole"
MODELS = {"popular": "Pop", "item_knn": "ItemKNN", "ease": "EASE", "bpr": "BPR", "sasrec": "SASRec"}
NETWORK = ("n_layers", "n_heads", "hidden_size", "inner_size", "hidden_dropout_prob", "MAX_ITEM_LIST_LENGTH")
SAID = ("k", "shrink", "reg_weight", "embedding_size", "learning_rate", "train_batch_size", "epochs", *NETWORK)
NOBODY = 0  # users and items are numbered from 1; 0 stands for padding


SETS = {"split": {"RS": [1.0, 0.0, 0.0]}, "order": "RO", "group_by": None, "mode": "full"}
SEQUENCES: dict[str, Any] = {
    "eval_args": {"split": {"LS": "valid_only"}, "order": "TO", "group_by": "user", "mode": "full"},
    "train_neg_sample_args": None, "loss_type": "CE", "epochs": 10_000,
}  # fmt: skip


class TimeIsUpError(Exception):
    """Learning has taken as long as it may."""


def configured(task: Task, settings: dict[str, Any]) -> Config:
    folder = task.folder / "told"
    folder.mkdir()
    told = pd.DataFrame({"user_id:token": task.wanted["user_row"], "item_id:token": task.wanted["item_row"]})
    told["timestamp:float"] = np.arange(len(told))  # the order in which events are told
    told.to_csv(folder / "told.inter", sep="\t", index=False)
    kind = SEQUENCES if task.model == "sasrec" else {"eval_args": SETS}
    around = {
        "data_path": str(task.folder), "load_col": {"inter": ["user_id", "item_id", "timestamp"]}, "seed": task.seed,
        "checkpoint_dir": str(task.folder / "saved"), "show_progress": False, "use_gpu": False,
    }  # fmt: skip
    return Config(model=MODELS[task.model], dataset="told", config_dict=around | kind | settings)


def stops(model: Any, seconds: float) -> None:
    """`model` ends its learning by `TimeIsUpError` once so many seconds are over."""
    until, loss = time.monotonic() + seconds, model.calculate_loss

    def timed(interaction: Interaction) -> torch.Tensor:
        if time.monotonic() > until:
            raise TimeIsUpError
        return loss(interaction)

    model.calculate_loss = timed


def histories(task: Task, users: np.ndarray, longest: int) -> tuple[np.ndarray, np.ndarray]:
    """The last item rows of each of `users` (B,), -1 where there are fewer than `longest`, (B, L), and how many."""
    order = np.argsort(task.wanted["user_row"], kind="stable")
    items, ends = (
        task.wanted["item_row"][order],
        np.cumsum(np.bincount(task.wanted["user_row"], minlength=task.n_users)),
    )
    starts = np.concatenate([[0], ends])[users]
    lengths = np.minimum(ends[users] - starts, longest)
    places = (ends[users] - lengths)[:, None] + np.arange(longest)
    return np.where(np.arange(longest) < lengths[:, None], items[np.minimum(places, len(items) - 1)], -1), lengths


def prepare(task: Task) -> Run:
    logging.disable(logging.WARNING)
    torch.set_num_threads(task.threads)
    settings = dict(task.config)
    seconds = settings.pop("seconds", None)
    config = configured(task, settings)
    init_seed(config["seed"], reproducibility=True)
    dataset = create_dataset(config)
    train, _, _ = data_preparation(config, dataset)
    fitted = []

    def fit() -> None:
        model = get_model(config["model"])(config, train.dataset)
        trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, model)
        if seconds is not None:
            stops(model, seconds)
        with suppress(TimeIsUpError):
            trainer.fit(train, saved=False, show_progress=False)
        fitted.append(model.eval())

    item_rows = dataset.field2id_token["item_id"][1:].astype(np.int64)  # of RecBole's items 1, 2, ...

    ids = np.full(task.n_items + 1, NOBODY)  # of the item rows; the last is for -1
    ids[item_rows] = np.arange(1, len(item_rows) + 1)

    def question(users: np.ndarray) -> Interaction:
        own = {"user_id": torch.as_tensor(dataset.token2id("user_id", users.astype(str)))}
        if task.model == "sasrec":
            rows, lengths = histories(task, users, config["MAX_ITEM_LIST_LENGTH"])
            own |= {"item_id_list": torch.as_tensor(ids[rows]), "item_length": torch.as_tensor(lengths)}
        return Interaction(own)

    @torch.no_grad()
    def score(users):
        found = fitted[0].full_sort_predict(question(users)).view(len(users), -1).numpy()
        scores = np.full((len(users), task.n_items), -np.inf, np.float32)
        scores[:, item_rows] = found[:, 1:]
        return scores

    said = {name: config[name] for name in SAID if name in config}
    return Run(said, fit, lambda: task.best(score))
