"""Cornac: popularity, BPR, EASE and item neighbours; MF for ratings."""

from __future__ import annotations

import numpy as np
from cornac.data import Dataset
from cornac.models import BPR, EASE, MF, ItemKNN, MostPop
from task import Run, Task

DISTRIBUTION = "cornac"
MODELS = {"popular": MostPop, "bpr": BPR, "ease": EASE, "item_knn": ItemKNN, "mf": MF}
THREADED = ("bpr", "item_knn", "mf")
SEEDED = ("bpr", "mf")
SAID = ("k", "max_iter", "learning_rate", "lambda_reg", "use_bias", "lamb", "posB", "similarity")


def prepare(task: Task) -> Run:
    threads = {"num_threads": task.threads} if task.model in THREADED else {}
    seed = {"seed": task.seed} if task.model in SEEDED else {}
    quiet = {} if task.model == "popular" else {"verbose": False}
    model = MODELS[task.model](**threads, **seed, **quiet, **task.config)
    columns, kind = (task.train, "value") if task.rates else (task.wanted, "weight")
    everybody = {row: row for row in range(task.n_users)}, {row: row for row in range(task.n_items)}
    rows = (columns[name].astype(np.int64) for name in ("user_row", "item_row"))
    told = *rows, columns[kind].astype(float)
    data = Dataset(task.n_users, task.n_items, *everybody, told, seed=task.seed)
    known = np.bincount(columns["item_row"], minlength=task.n_items) > 0

    def scores(users):
        rows = np.stack([np.asarray(model.score(user)).ravel() for user in users])
        return np.where(known, rows, -np.inf)

    def rates():
        return np.array([model.rate(user, item) for user, item in task.pairs])

    config = {name: getattr(model, name) for name in SAID if hasattr(model, name)}
    return Run(config, lambda: model.fit(data), rates if task.rates else lambda: task.best(scores))
