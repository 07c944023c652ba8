"""Our side: full ranking as `serendip evaluate` does it, batch by batch, and the metrics alone."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from side import serve

from serendip.metrics import hits_in, ranking_metrics
from serendip.retrieval import top_k

USERS_AT_ONCE = 1_000
CUTOFFS = (5, 10, 20)
DEPTH = max(CUTOFFS)


def main(folder: Path) -> None:
    scores = np.load(folder / "scores.npy")
    seen, relevant = (_pairs(np.load(folder / f"{name}.npy"), scores.shape) for name in ("train", "test"))
    asked = np.flatnonzero(np.diff(relevant.indptr))
    n_relevant = np.diff(relevant.indptr)[asked]

    def lists() -> np.ndarray:
        return np.concatenate(
            [
                _listed(scores, seen, asked[start : start + USERS_AT_ONCE])
                for start in range(0, len(asked), USERS_AT_ONCE)
            ]
        )

    def metrics(rows: np.ndarray) -> dict[str, float]:
        values = ranking_metrics(hits_in(rows, relevant[asked]), n_relevant, CUTOFFS)
        return {name: float(column.mean()) for name, column in values.items()}

    listed = lists()
    np.save(folder / "lists.npy", np.column_stack([asked, listed]))
    serve({"full ranking": lambda: metrics(lists()), "metrics": lambda: metrics(listed)})


def _listed(scores: np.ndarray, seen: sp.csr_array, users: np.ndarray) -> np.ndarray:
    own, known = scores[users], seen[users]  # (B, N), a copy
    own[np.repeat(np.arange(len(users)), np.diff(known.indptr)), known.indices] = -np.inf
    return top_k(own, DEPTH)[0]


def _pairs(pairs: np.ndarray, shape: tuple[int, int]) -> sp.csr_array:
    return sp.csr_array((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), shape=shape)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
