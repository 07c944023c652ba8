"""Things of which more is known than who met them: titles, plots, and what encoders said of texts and sounds."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.cases.case import Case, Fold, Material
from benchmarks.cases.folds import leave_last_out, validation_between
from benchmarks.cases.movielens import films
from benchmarks.cases.sequences import METRICS, PROTOCOL
from serendip.data import Dataset, Tables, event_frame
from serendip.data.readers import read

HEARD = ("minilm", "vggish", "whisper")
MATRICES = ("all-MiniLM-L6-v2.npy", "vggish.npy", "whisper.npy")


def _described(folder: Path, sequences: str, told: Callable[[Path], pl.DataFrame]) -> Material:
    """Sequences whose items are described by a table, the id first."""
    dataset = Dataset.from_tables(read("sequences", folder / sequences, event_type="like").tables)
    known = dataset.items.attributes.select("item_id")
    attributes = known.join(told(folder), "item_id", "left", maintain_order="left")
    dataset = replace(dataset, items=replace(dataset.items, attributes=attributes))
    return Material((dataset,), (leave_last_out(dataset),))


def _beauty(folder: Path) -> pl.DataFrame:
    data = gzip.decompress((folder / "items.csv.gz").read_bytes())
    products = pl.read_csv(data, infer_schema=False)
    return products.select("item_id", "title", "brand", "categories")


def _ml_1m(folder: Path) -> pl.DataFrame:
    """Films by their numbers in SASRec's file."""
    data = gzip.decompress((folder / "sas_to_original_items.txt.gz").read_bytes())
    numbers = pl.read_csv(data, separator=" ", has_header=False, infer_schema=False, new_columns=["item_id", "film"])
    told = films(folder).rename({"item_id": "film"})
    return numbers.join(told, "film", "left", maintain_order="left").drop("film")


def _lfm2k(folder: Path) -> Material:
    rows = pl.read_csv(gzip.decompress((folder / "lfm2k.inter.gz").read_bytes()), separator="\t")
    columns = {"user_id": rows["userID"].cast(pl.String), "item_id": rows["itemID"].cast(pl.String)}
    events = event_frame({**columns, "type": ["like"] * len(rows)})
    matrices = [np.load(folder / name).astype(np.float32) for name in MATRICES]
    items = pl.DataFrame({"item_id": [str(row) for row in range(len(matrices[0]))]})
    items = items.with_columns(pl.Series(name, rows.tolist()) for name, rows in zip(HEARD, matrices, strict=True))
    dataset = Dataset.from_tables(Tables(events, items))
    part = rows["x_label"].to_numpy()
    learn, known, test = (dataset.with_events(chosen) for chosen in (part == 0, part < 2, part == 2))
    return Material((dataset,), (Fold(learn, shown=learn, known=known, test=test),))


CASES = (
    Case(
        name="ml-1m/leave-one-out-text",
        folder="ml-1m",
        reading="as for ml-1m/leave-one-out, with titles, genres, people, plots and DBpedia's abstracts",
        protocol=PROTOCOL,
        open=lambda folder: _described(folder, "ml-1m_sasrec.txt.gz", _ml_1m),
        validation=validation_between,
        metrics=METRICS,
        models=(),
    ),
    Case(
        name="amazon-beauty/leave-one-out-text",
        folder="amazon-beauty",
        reading="as for amazon-beauty/leave-one-out, with titles, brands and categories",
        protocol=PROTOCOL,
        open=lambda folder: _described(folder, "sequences.txt.gz", _beauty),
        validation=validation_between,
        metrics=METRICS,
        models=("content_knn",),
    ),
    Case(
        name="lfm2k/published-split",
        folder="lfm2k-multimodal",
        reading=(
            "Last.fm 2k as swapUniba published it: each artist listened to is a like; of artists MiniLM's reading of "
            "their tags (column minilm) and what VGGish and Whisper heard in their music (columns vggish, whisper)"
        ),
        protocol=(
            "The published train, validation and test events; models learn from and are shown the train part, and "
            "validation items are not listed."
        ),
        open=_lfm2k,
        validation=validation_between,
        metrics=("recall@20", "ndcg@20", "hit_rate@20", "coverage@20"),
        cutoffs=(10, 20),
        models=("popular", "ease", "als"),
    ),
)
