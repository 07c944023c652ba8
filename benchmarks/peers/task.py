"""Task: what a peer is asked, read from the folder that was handed over; runs inside the peer's environment.

Needs Python 3.10, numpy and scipy, which every peer brings, and knows nothing of Serendip.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

USERS_AT_ONCE = 1_000
SCORES_AT_ONCE = 16_000_000
COLUMNS = {
    "user_row": np.int32,
    "item_row": np.int32,
    "weight": np.float32,
    "value": np.float32,
    "time_ms": np.int64,
}


@dataclass(frozen=True)
class Run:
    """What an adapter makes of a task: only `fit` and `answer` are measured, preparing data is free."""

    config: dict[str, Any]
    """All hyper-parameters that matter, those left at the peer's defaults included."""
    fit: Callable[[], object]
    answer: Callable[[], np.ndarray]
    """Lists of item rows (B, K), best first, -1 where short; or, for ratings, one prediction per pair (E,)."""


@dataclass(frozen=True)
class Task:
    folder: Path
    model: str
    config: dict[str, Any]
    """Hyper-parameters that differ from the peer's defaults, in the peer's own words."""
    n_users: int
    n_items: int
    k: int
    seed: int
    threads: int
    rates: bool = False
    """Whether ratings are to be predicted instead of lists made."""

    @classmethod
    def read(cls, folder: Path) -> Task:
        return cls(folder, **json.loads((folder / "task.json").read_text(encoding="utf-8")))

    @cached_property
    def train(self) -> dict[str, np.ndarray]:
        """Every training event in the order of time, one array (E,) per column."""
        table = np.loadtxt(self.folder / "train.csv", delimiter=",", skiprows=1, ndmin=2)
        return {name: table[:, place].astype(kind) for place, (name, kind) in enumerate(COLUMNS.items())}

    @cached_property
    def wanted(self) -> dict[str, np.ndarray]:
        """The training events that count, each pair once: those with a weight above 0."""
        chosen = self.train["weight"] > 0
        return {name: column[chosen] for name, column in self.train.items()}

    @cached_property
    def asked(self) -> np.ndarray:
        """Rows of the people to list items for, (B,)."""
        return np.asarray(np.load(self.folder / "asked.npy"))

    @cached_property
    def pairs(self) -> np.ndarray:
        """User and item rows whose ratings are to be predicted, (E, 2)."""
        return np.asarray(np.load(self.folder / "pairs.npy"))

    @cached_property
    def matrix(self) -> sp.csr_matrix:
        """Weights of what people want, sparse (U, N) float32."""
        return self._sparse(self.wanted["weight"], self.wanted)

    @cached_property
    def seen(self) -> sp.csr_matrix:
        """Pairs that stay out of the lists, sparse (U, N)."""
        pairs = np.loadtxt(self.folder / "seen.csv", np.int64, delimiter=",", skiprows=1, ndmin=2).reshape(-1, 2)
        return self._sparse(np.ones(len(pairs), np.float32), {"user_row": pairs[:, 0], "item_row": pairs[:, 1]})

    def _sparse(self, values: np.ndarray, columns: dict[str, np.ndarray]) -> sp.csr_matrix:
        shape = (self.n_users, self.n_items)
        return sp.csr_matrix((values, (columns["user_row"], columns["item_row"])), shape=shape)

    def batches(self) -> Iterator[np.ndarray]:
        size = max(1, min(USERS_AT_ONCE, SCORES_AT_ONCE // self.n_items))
        return (self.asked[start : start + size] for start in range(0, len(self.asked), size))

    def best(self, score: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """Lists from a function that scores all items for some people, (B,) -> (B, N), -inf for no score."""
        return np.concatenate([self._best(np.array(score(users), np.float32), users) for users in self.batches()])

    def _best(self, scores: np.ndarray, users: np.ndarray) -> np.ndarray:
        seen = self.seen[users]
        scores[np.repeat(np.arange(len(users)), np.diff(seen.indptr)), seen.indices] = -np.inf
        rows = np.argpartition(-scores, self.k - 1, axis=1)[:, : self.k]
        best = np.take_along_axis(scores, rows, axis=1)
        order = np.argsort(-best, axis=1, kind="stable")
        rows, best = np.take_along_axis(rows, order, axis=1), np.take_along_axis(best, order, axis=1)
        return np.where(best > -np.inf, rows, -1)

    @cached_property
    def spare(self) -> int:
        """How much longer than K a list without what is wanted must be to hold K once all that is seen is out."""
        seen = self.seen[self.asked]
        unknown = np.diff(seen.indptr) - np.diff(seen.multiply(self.matrix[self.asked]).tocsr().indptr)
        return int(unknown.max(initial=0))

    def cut(self, user_rows: np.ndarray, item_rows: np.ndarray) -> np.ndarray:
        """Lists from pairs that a peer recommends, best first for each person: the seen taken out, cut at K."""
        known = self.seen[user_rows, item_rows].A1 == 0
        user_rows, item_rows = user_rows[known], item_rows[known]
        order = np.argsort(user_rows, kind="stable")
        user_rows, item_rows = user_rows[order], item_rows[order]
        counts = np.bincount(user_rows, minlength=self.n_users)
        place = np.arange(len(user_rows)) - (np.cumsum(counts) - counts)[user_rows]
        kept = place < self.k
        lists = np.full((self.n_users, self.k), -1)
        lists[user_rows[kept], place[kept]] = item_rows[kept]
        return np.asarray(lists[self.asked])
