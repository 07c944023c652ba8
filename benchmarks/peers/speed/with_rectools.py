"""RecTools' side: `calc_metrics` on the lists that our side made of the same scores."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from rectools import Columns
from rectools.metrics import MAP, MRR, NDCG, HitRate, Precision, Recall, calc_metrics
from side import serve

CUTOFFS = (5, 10, 20)


def main(folder: Path) -> None:
    listed = np.load(folder / "lists.npy")
    users, rows = listed[:, 0], listed[:, 1:]
    depth = rows.shape[1]
    reco = pd.DataFrame(
        {
            Columns.User: np.repeat(users, depth),
            Columns.Item: rows.ravel(),
            Columns.Rank: np.tile(np.arange(1, depth + 1), len(users)),
        }
    )
    test = pd.DataFrame(np.load(folder / "test.npy"), columns=[Columns.User, Columns.Item])
    metrics = {}  # its MAP divides by all relevant items, ours by as many as fit into the list
    for k in CUTOFFS:
        metrics |= {
            f"hit_rate@{k}": HitRate(k), f"precision@{k}": Precision(k), f"recall@{k}": Recall(k),
            f"ndcg@{k}": NDCG(k, divide_by_achievable=True), f"map_of_all@{k}": MAP(k), f"mrr@{k}": MRR(k),
        }  # fmt: skip
    serve({"metrics": lambda: {name: float(value) for name, value in calc_metrics(metrics, reco, test).items()}})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
