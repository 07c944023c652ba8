"""The side of `implicit`: neighbours, and lists from factors that are handed to its ALS."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from implicit.cpu.als import AlternatingLeastSquares
from implicit.nearest_neighbours import BM25Recommender, CosineRecommender
from side import serve
from threadpoolctl import threadpool_limits

THREADS = int(os.environ["OMP_NUM_THREADS"])
KINDS = {"cosine": CosineRecommender, "bm25": BM25Recommender}


def fitted(kind, matrix):
    def fit():
        model = kind(K=100, num_threads=THREADS)
        model.fit(matrix, show_progress=False)
        return {"neighbours": float(model.similarity.nnz)}

    return fit


def listed(folder: Path, matrix):
    factors = np.load(folder / "factors.npz")
    model = AlternatingLeastSquares(factors=factors["items"].shape[1], num_threads=THREADS)
    model.user_factors, model.item_factors = factors["people"], factors["items"]
    everybody = np.arange(matrix.shape[0])

    def lists():
        rows, _ = model.recommend(everybody, matrix, N=10, filter_already_liked_items=True)
        return {"sum of rows": float(rows.sum())}

    return lists


def main(folder: Path) -> None:
    works = {}
    for file in (folder / f"{name}.npz" for name in ("ml-1m", "gowalla")):
        if file.exists():
            stored = np.load(file)
            matrix = sp.csr_matrix((stored["data"], stored["indices"], stored["indptr"]), shape=tuple(stored["shape"]))
            works |= {f"{name} {file.stem}": fitted(kind, matrix) for name, kind in KINDS.items()}
            if file.stem == "ml-1m" and (folder / "factors.npz").exists():
                works["batch ml-1m"] = listed(folder, matrix)
    # Its own threads do the work; those of BLAS beside them get in the way, except where lists are made.
    limited = {name: work if name.startswith("batch") else with_one_blas_thread(work) for name, work in works.items()}
    serve(limited)


def with_one_blas_thread(work):
    def run():
        with threadpool_limits(1, "blas"):
            return work()

    return run


if __name__ == "__main__":
    main(Path(sys.argv[1]))
