"""LensKit: popularity, item neighbours, EASE and implicit ALS, through its own pipeline for lists."""

from __future__ import annotations

import numpy as np
import pandas as pd
from lenskit import batch
from lenskit.als import ImplicitMFScorer
from lenskit.basic import PopScorer
from lenskit.data import from_interactions_df
from lenskit.knn import EASEScorer, ItemKNNScorer
from lenskit.pipeline import topn_pipeline
from lenskit.training import TrainingOptions
from task import Run, Task

DISTRIBUTION = "lenskit"
MODELS = {"popular": PopScorer, "item_knn": ItemKNNScorer, "ease": EASEScorer, "als": ImplicitMFScorer}
IMPLICIT = {"item_knn": {"feedback": "implicit"}}


def prepare(task: Task) -> Run:
    frame = pd.DataFrame({"user_id": task.wanted["user_row"], "item_id": task.wanted["item_row"]})
    data = from_interactions_df(frame)
    config = IMPLICIT.get(task.model, {}) | task.config
    scorer = MODELS[task.model](**config)
    pipeline = topn_pipeline(scorer, n=task.k + task.spare)

    def answer():
        lists = batch.recommend(pipeline, task.asked.tolist(), n_jobs=1)
        found = [(key.user_id, items.ids()) for key, items in lists]
        users = np.repeat([user for user, _ in found], [len(items) for _, items in found])
        return task.cut(users, np.concatenate([items for _, items in found]).astype(np.int64))

    options = TrainingOptions(rng=task.seed)
    return Run(scorer.dump_config(), lambda: pipeline.train(data, options), answer)
