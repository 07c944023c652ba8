"""People of three tastes, and how well a model tells them apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from serendip import models
from serendip.data import Dataset, Tables, event_frame
from serendip.training import FitOptions

OPTIONS = FitOptions(seed=5, threads=1)
N_PEOPLE, N_ITEMS = 60, 90


def tastes(kinds: bool = True, events: int = 8, seed: int = 0) -> Dataset:
    """Three kinds of things, each wanted by few; a person wants things of one kind. The last five nobody wants."""
    generator = np.random.default_rng(seed)
    rows = [
        (f"u{person:02}", f"i{3 * place + person % 3:02}", 1 + time)
        for person in range(N_PEOPLE)
        for time, place in enumerate(generator.permutation(28)[:events])
    ]
    users, items, times = (list(column) for column in zip(*rows, strict=True))
    frame = event_frame({"user_id": users, "item_id": items, "type": ["like"] * len(rows), "time_ms": times})
    labels: dict[str, Any] = {"kind": [["war", "love", "space"][row % 3] for row in range(N_ITEMS)]} if kinds else {}
    return Dataset.from_tables(
        Tables(frame, pl.DataFrame({"item_id": [f"i{row:02}" for row in range(N_ITEMS)]} | labels))
    )


def of_own_kind(name: str, data: Dataset, settings: dict[str, Any] | None = None) -> float:
    """How often an unseen thing of somebody's kind scores above an unseen one of another."""
    model = models.make(name, settings).fit(data, OPTIONS)
    scores, seen = model.score(data.histories()), data.matrix().toarray() > 0
    met = data.matrix().sum(axis=0) > 0
    kinds = np.array([int(item[1:]) % 3 for item in data.items.vocabulary.ids(np.arange(data.n_items))])
    people = np.array([int(user[1:]) % 3 for user in data.users.vocabulary.ids(np.arange(data.n_users))])
    found = []
    for row, mask, kind in zip(scores, seen, people, strict=True):
        own, other = row[(kinds == kind) & ~mask & met], row[(kinds != kind) & ~mask & met]
        found.append((own[:, None] > other).mean())
    return float(np.mean(found))
