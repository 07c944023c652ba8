"""RecBole: popularity, item neighbours, EASE and BPR, fitted for a fixed number of epochs without early stopping."""

from __future__ import annotations

import logging
import os

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
MODELS = {"popular": "Pop", "item_knn": "ItemKNN", "ease": "EASE", "bpr": "BPR"}
SAID = ("k", "shrink", "reg_weight", "embedding_size", "learning_rate", "train_batch_size", "epochs")
NOBODY = 0  # users and items are numbered from 1; 0 stands for padding


def configured(task: Task) -> Config:
    folder = task.folder / "told"
    folder.mkdir()
    told = pd.DataFrame({"user_id:token": task.wanted["user_row"], "item_id:token": task.wanted["item_row"]})
    told.to_csv(folder / "told.inter", sep="\t", index=False)
    settings = {
        "data_path": str(task.folder), "load_col": {"inter": ["user_id", "item_id"]}, "seed": task.seed,
        "eval_args": {"split": {"RS": [1.0, 0.0, 0.0]}, "order": "RO", "group_by": None, "mode": "full"},
        "checkpoint_dir": str(task.folder / "saved"), "show_progress": False, "use_gpu": False,
    }  # fmt: skip
    return Config(model=MODELS[task.model], dataset="told", config_dict=settings | task.config)


def prepare(task: Task) -> Run:
    logging.disable(logging.WARNING)
    torch.set_num_threads(task.threads)
    config = configured(task)
    init_seed(config["seed"], reproducibility=True)
    dataset = create_dataset(config)
    train, _, _ = data_preparation(config, dataset)
    fitted = []

    def fit() -> None:
        model = get_model(config["model"])(config, train.dataset)
        trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, model)
        trainer.fit(train, saved=False, show_progress=False)
        fitted.append(model.eval())

    item_rows = dataset.field2id_token["item_id"][1:].astype(np.int64)  # of RecBole's items 1, 2, ...

    @torch.no_grad()
    def score(users):
        own = torch.as_tensor(dataset.token2id("user_id", users.astype(str)))
        found = fitted[0].full_sort_predict(Interaction({"user_id": own})).view(len(users), -1).numpy()
        scores = np.full((len(users), task.n_items), -np.inf, np.float32)
        scores[:, item_rows] = found[:, 1:]
        return scores

    said = {name: config[name] for name in SAID if name in config}
    return Run(said, fit, lambda: task.best(score))
