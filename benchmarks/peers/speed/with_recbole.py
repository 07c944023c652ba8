"""RecBole's side: `Trainer.evaluate` on a model that hands out stored scores."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] = "1"

import numpy as np
import pandas as pd
import torch
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.model.abstract_recommender import GeneralRecommender
from recbole.trainer import Trainer
from recbole.utils import InputType
from side import serve

USERS_AT_ONCE = (10, 100, 1_000)
"""Its default of 4,096 scores at once is one person at a time; who knows sets more."""


class Stored(GeneralRecommender):
    """Item 0 is padding."""

    input_type = InputType.PAIRWISE

    def __init__(self, config, dataset, scores):
        super().__init__(config, dataset)
        self.scores = torch.nn.Parameter(torch.from_numpy(scores), requires_grad=False)

    def full_sort_predict(self, interaction):
        return self.scores[interaction[self.USER_ID]]


def configured(folder: Path, settings: dict) -> Config:
    told = folder / "told"
    told.mkdir(exist_ok=True)
    for part, name in (("train", "train"), ("valid", "test"), ("test", "test")):
        pairs = pd.DataFrame(np.load(folder / f"{name}.npy"), columns=["user_id:token", "item_id:token"])
        pairs.to_csv(told / f"told.{part}.inter", sep="\t", index=False)
    fixed = {
        "data_path": str(folder), "load_col": {"inter": ["user_id", "item_id"]}, "use_gpu": False,
        "benchmark_filename": ["train", "valid", "test"], "checkpoint_dir": str(folder / "saved"),
        "metrics": ["Hit", "Precision", "Recall", "NDCG", "MAP", "MRR"], "topk": [5, 10, 20],
        "valid_metric": "NDCG@10", "show_progress": False, "metric_decimal_place": 9,
    }  # fmt: skip
    return Config(model="BPR", dataset="told", config_dict=fixed | settings)


def prepared(folder: Path, settings: dict):
    config = configured(folder, settings)
    dataset = create_dataset(config)
    train, _, test = data_preparation(config, dataset)
    users, items = (dataset.field2id_token[name][1:].astype(int) for name in ("user_id", "item_id"))
    scores = np.zeros((len(users) + 1, len(items) + 1), np.float32)
    scores[1:, 1:] = np.load(folder / "scores.npy")[np.ix_(users, items)]
    trainer = Trainer(config, Stored(config, train.dataset, scores))

    def evaluated() -> dict[str, float]:
        found = trainer.evaluate(test, load_best_model=False)
        return {name.replace("hit@", "hit_rate@"): float(value) for name, value in found.items()}

    return evaluated


def main(folder: Path) -> None:
    logging.disable(logging.WARNING)
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    n_items = np.load(folder / "scores.npy", mmap_mode="r").shape[1]
    sys.stdout = sys.stderr
    works = {"default": prepared(folder, {})}
    for users in USERS_AT_ONCE:
        works[str(users)] = prepared(folder, {"eval_batch_size": users * (n_items + 1)})
    serve(works)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
