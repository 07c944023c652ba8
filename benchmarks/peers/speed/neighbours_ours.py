"""Our side: neighbours, lists from factors, ratings by neighbours."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from side import Work, serve

from serendip import models
from serendip.data import Dataset, Tables, event_frame
from serendip.data.splits import Split
from serendip.evaluation.rating_exam import RatingExam
from serendip.retrieval.batch import recommend
from serendip.training import FitOptions

OPTIONS = FitOptions(threads=int(os.environ["OMP_NUM_THREADS"]))
SETTINGS = {"similarity": "pearson", "neighbors": 40, "shrinkage": 100}


def dataset(users: np.ndarray, items: np.ndarray, values: np.ndarray | None = None) -> Dataset:
    columns = {"user_id": users.astype(str), "item_id": items.astype(str)}
    kind = {"type": ["like"] * len(users)} if values is None else {"type": ["rating"] * len(users), "value": values}
    return Dataset.from_tables(Tables(event_frame(columns | kind)))


def fitted(data: Dataset, similarity: str) -> Callable[[], dict[str, float]]:
    data.matrix()  # made once, as the other side's

    def fit() -> dict[str, float]:
        model = models.make("item_knn", {"similarity": similarity, "neighbors": 100}).fit(data, OPTIONS)
        return {"neighbours": float(model.weights()["indptr"][-1])}

    return fit


def listed(people: np.ndarray, items: np.ndarray, seen: sp.csr_array) -> dict[str, float]:
    rows, _ = recommend(people, items, 10, seen, threads=OPTIONS.n_threads)
    return {"sum of rows": float(rows.sum())}


def foretold(exam: RatingExam, name: str) -> dict[str, float]:
    model = models.make(name, SETTINGS).fit(exam.splits[0].train, OPTIONS)
    assert isinstance(model, models.Rates)
    return {"rmse": float(np.sqrt(np.mean((exam.foretold(model, 0) - exam.given) ** 2)))}


def main(folder: Path) -> None:
    works: dict[str, Work] = {}
    for file in (folder / f"{name}.npz" for name in ("ml-1m", "gowalla")):
        if file.exists():
            stored = np.load(file)
            matrix = sp.csr_array((stored["data"], stored["indices"], stored["indptr"]), shape=tuple(stored["shape"]))
            users = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
            data = dataset(users, matrix.indices)
            for similarity in ("cosine", "bm25"):
                works[f"{similarity} {file.stem}"] = fitted(data, similarity)
            if file.stem == "ml-1m" and (folder / "factors.npz").exists():
                factors = np.load(folder / "factors.npz")
                works["batch ml-1m"] = partial(listed, factors["people"], factors["items"], matrix)
    if (folder / "train.npz").exists():
        parts = [np.load(folder / f"{name}.npz") for name in ("train", "test")]
        whole = dataset(*(np.concatenate([part[key] for part in parts]) for key in ("users", "items", "values")))
        first = np.arange(len(whole.events)) < len(parts[0]["users"])
        exam = RatingExam([Split(whole.with_events(first), whole.with_events(~first), "given")])
        works |= {"items": partial(foretold, exam, "item_knn"), "people": partial(foretold, exam, "user_knn")}
    serve(works)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
