"""Known figures on real data: they show that the implementations are right."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from serendip import models
from serendip.data import Dataset, Tables, event_frame
from serendip.models import Model
from serendip.retrieval import top_k


def ml_100k(data_root: Path) -> Dataset:
    with gzip.open(data_root / "ml-100k" / "u.data.gz") as stream:
        columns = ["user_id", "item_id", "value", "time_s"]
        table = pl.read_csv(stream.read(), separator="\t", has_header=False, new_columns=columns)
    events = event_frame(table.with_columns(pl.lit("rating").alias("type"), time_ms=pl.col("time_s") * 1000))
    return Dataset.from_tables(Tables(events)).liked()


def random_split(data: Dataset) -> tuple[Dataset, Dataset]:
    """80 % of each person's events at random, and the rest."""
    people = data.events.user_rows
    order = np.lexsort((np.random.default_rng(0).random(len(people)), people))
    counts = np.bincount(people, minlength=data.n_users)
    place = np.empty(len(people), np.int64)
    place[order] = np.arange(len(people)) - (np.cumsum(counts) - counts)[people[order]]
    train = place < np.ceil(0.8 * counts[people])
    return data.with_events(train), data.with_events(~train)


def ndcg_at_10(model: Model, train: Dataset, held_out: Dataset) -> float:
    """Over the whole catalogue less what is in train, the mean over everybody with something held out."""
    relevant = held_out.matrix()
    people = np.flatnonzero(np.diff(relevant.indptr))
    scores = model.fit(train).score(train.histories(people))
    scores[train.matrix()[people].nonzero()] = -np.inf
    hits = np.take_along_axis(relevant[people].toarray() > 0, top_k(scores, 10)[0], axis=1)
    discounts = 1 / np.log2(np.arange(2, 12))
    ideal = np.cumsum(discounts)[np.minimum(10, np.diff(relevant.indptr)[people]) - 1]
    return float(np.mean(hits @ discounts / ideal))


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("ease", 0.30, 0.34), ("als", 0.29, 0.34), ("item_knn", 0.27, 0.31), ("popular", 0.14, 0.16)],
)
def test_ml_100k_reaches_its_known_figures(data_root: Path, name: str, low: float, high: float) -> None:
    """EASE with l2 = 200 is known to reach about 0.31 and popularity 0.145 with random splits of this kind."""
    assert low < ndcg_at_10(models.make(name), *random_split(ml_100k(data_root))) < high
