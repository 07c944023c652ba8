"""Histories: how much each event counts where a person is the sum of what their events say."""

from __future__ import annotations

import numpy as np

from serendip.data import Queries
from serendip.data.arrays import BoolArray, FloatArray


def shares(queries: Queries, known: BoolArray, memory: float | None) -> tuple[FloatArray, FloatArray, FloatArray]:
    """w of each event, its share w / W of its history, and W^-½ of the history, all (E,) float32.

    Of `known` items (N,) only: an event at another one has w = 0. Weights fade as in `Queries.recent`.
    """
    recent = np.where(known[queries.item_rows], queries.recent(memory), np.float32(0))
    sums = np.bincount(queries.query_rows, recent, len(queries))
    whole = np.where(sums > 0, sums, 1)[queries.query_rows]
    return recent, (recent / whole).astype(np.float32), (1 / np.sqrt(whole)).astype(np.float32)
