"""implicit: ALS, BPR and item neighbours."""

from __future__ import annotations

from implicit.cpu.als import AlternatingLeastSquares
from implicit.cpu.bpr import BayesianPersonalizedRanking
from implicit.nearest_neighbours import BM25Recommender, CosineRecommender
from task import Run, Task
from threadpoolctl import threadpool_limits

DISTRIBUTION = "implicit"
FACTORS = {"als": AlternatingLeastSquares, "bpr": BayesianPersonalizedRanking}
NEIGHBOURS = {"item_knn_cosine": CosineRecommender, "item_knn_bm25": BM25Recommender}
SAID = ("factors", "regularization", "alpha", "iterations", "learning_rate", "K", "K1", "B")


def prepare(task: Task) -> Run:
    seed = {"random_state": task.seed} if task.model in FACTORS else {}
    model = (FACTORS | NEIGHBOURS)[task.model](num_threads=task.threads, **seed, **task.config)
    matrix = task.matrix

    def fit() -> None:
        with threadpool_limits(
            1, "blas"
        ):  # implicit warns that its own threads and those of BLAS get in each other's way
            model.fit(matrix, show_progress=False)

    def score(users):
        if task.model in FACTORS:
            return model.user_factors[users] @ model.item_factors.T
        return (matrix[users] @ model.similarity).toarray()

    config = {name: getattr(model, name) for name in SAID if hasattr(model, name)}
    return Run(config, fit, lambda: task.best(score))
