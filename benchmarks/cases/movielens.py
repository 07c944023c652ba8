"""MovieLens: ratings, a split by time, and items that nobody has seen."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

import numpy as np
import polars as pl

from benchmarks.cases.case import BASELINES, RATING_BASELINES, TIMED_BASELINES, Case, Fold, Material, Published, caches
from benchmarks.cases.folds import (
    SPLIT_SEED,
    leave_last_out,
    listed_apart,
    validation_between,
    validation_by_time,
    validation_of_items,
    validation_of_people,
    validation_of_ratings,
)
from benchmarks.cases.sequences import METRICS, PROTOCOL
from serendip.data import Dataset
from serendip.data.readers import read
from serendip.data.splits import cold_item, global_time, k_fold, user_split

SURPRISE = "Surprise, README.md, table of 5-fold cross-validation with default parameters"
SURPRISE_NOTE = "five random folds like ours, not the same ones"
COLD_SHARE = 0.1
FEWEST_RATINGS = 5
TOLD = ("director", "writer", "actors", "plot")
COLD_ITEM = (
    "A random tenth of the rated films (seed 0) is withheld from training with all its ratings; the withheld films are "
    "ranked, and right are those that a person likes."
)
COLD_METRICS = ("ndcg@20", "recall@20", "hit_rate@20", "coverage@20")


def _read(folder: Path) -> Dataset:
    return Dataset.from_tables(read("movielens", folder).tables)


def _official_folds(folder: Path) -> Material:
    dataset = _read(folder)
    return Material((dataset,), tuple(listed_apart(dataset, folder / f"u{fold}.test.gz") for fold in range(1, 6)))


def _random_folds(folder: Path) -> Material:
    dataset = _read(folder)
    return Material((dataset,), tuple(map(Fold.of, k_fold(dataset, 5, SPLIT_SEED))))


def _by_time(folder: Path) -> Material:
    liked = _read(folder).liked()
    return Material((liked,), (Fold.of(global_time(liked)),))


def _strangers(folder: Path) -> Material:
    liked = _read(folder).liked()
    return Material((liked,), (Fold.of(user_split(liked, seed=SPLIT_SEED)),))


def _timed_sequences(folder: Path) -> Material:
    tables = read("movielens", folder).tables
    common = tables.events.filter(pl.len().over("item_id") >= FEWEST_RATINGS)
    events = common.with_columns(pl.lit("like").alias("type"), pl.lit(None, pl.Float64).alias("value"))
    dataset = Dataset.from_tables(replace(tables, events=events))
    return Material((dataset,), (leave_last_out(dataset),))


def _cold_items(folder: Path) -> Material:
    dataset = _read(folder)
    return Material((dataset,), (Fold.of(cold_item(dataset, COLD_SHARE, SPLIT_SEED)),))


def films(folder: Path) -> pl.DataFrame:
    """All films of ml-1m with everything that is said of them, the id first."""
    return _described(read("movielens", folder).tables.items, folder)


def _with_text(folder: Path) -> Dataset:
    dataset = _read(folder)
    described = replace(dataset.items, attributes=_described(dataset.items.attributes, folder))
    return replace(dataset, items=described)


def _cold_items_with_text(folder: Path) -> Material:
    dataset = _with_text(folder)
    return Material((dataset,), (Fold.of(cold_item(dataset, COLD_SHARE, SPLIT_SEED)),))


def _cold_items_with_posters(folder: Path) -> Material:
    dataset = _read(folder)
    there = {path.name for path in posters(folder).iterdir()}
    named = pl.col("item_id") + ".jpg"
    image = pl.when(named.is_in(sorted(there))).then(named).alias("image")
    attributes = _described(dataset.items.attributes, folder).with_columns(image)
    dataset = replace(dataset, items=replace(dataset.items, attributes=attributes))
    return Material((dataset,), (Fold.of(cold_item(dataset, COLD_SHARE, SPLIT_SEED)),))


def _cold_items_mixed_up(folder: Path) -> Material:
    """What the withheld films are is dealt out among them anew."""
    dataset = _with_text(folder)
    cold = np.unique(cold_item(dataset, COLD_SHARE, SPLIT_SEED).test.events.item_rows)
    dealt = np.arange(dataset.n_items)
    dealt[cold] = np.random.default_rng(SPLIT_SEED).permutation(cold)
    table = dataset.items.attributes
    mixed = table.select(pl.first(), pl.all().exclude(table.columns[0]).gather(dealt))
    dataset = replace(dataset, items=replace(dataset.items, attributes=mixed))
    return Material((dataset,), (Fold.of(cold_item(dataset, COLD_SHARE, SPLIT_SEED)),))


def posters(folder: Path) -> Path:
    """Where the posters of ml-1m lie; unpacked into the user's folder for caches by whoever comes first."""
    target = caches() / "posters-ml-1m"
    if not target.is_dir():
        target.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=target.parent) as work:
            unpacked = Path(work) / "posters"
            with ZipFile(folder / "posters_h160.zip") as archive:
                archive.extractall(unpacked)
            unpacked.rename(target)
    return target


def _described(films: pl.DataFrame, folder: Path) -> pl.DataFrame:
    """Films with what `movies_extra.csv.gz` and `dbpedia_abstracts.json.gz` say of them, in the same order."""
    data = gzip.decompress((folder / "movies_extra.csv.gz").read_bytes())
    extra = pl.read_csv(data, infer_schema=False, null_values=["", "N/A"])
    more = extra.select(pl.col("movie_id").alias("item_id"), *TOLD)
    abstracts = json.loads(gzip.decompress((folder / "dbpedia_abstracts.json.gz").read_bytes()))
    texts = pl.DataFrame({"item_id": list(abstracts), "abstract": list(abstracts.values())})
    return films.join(more, "item_id", "left", maintain_order="left").join(
        texts, "item_id", "left", maintain_order="left"
    )


def _surprise(model: str, rmse: float, mae: float) -> Published:
    return Published(model, {"rmse": rmse, "mae": mae}, SURPRISE, SURPRISE_NOTE)


BY_TIME = (
    "The last fifth of all likes, by time, is the test; the earlier ones are learned from and shown as history. "
    "Asked are people with a history; new people are reported apart."
)
BY_TIME_METRICS = ("ndcg@10", "recall@10", "hit_rate@10", "mrr@10", "coverage@10")

CASES = (
    Case(
        name="ml-100k/ratings-5fold",
        folder="ml-100k",
        reading="u.data: 1 to 5 stars",
        protocol="The five official folds u1 to u5; the figure is the mean over the folds.",
        open=_official_folds,
        validation=validation_of_ratings,
        metrics=("rmse", "mae"),
        kind="ratings",
        models=RATING_BASELINES,
    ),
    Case(
        name="ml-1m/ratings-5fold",
        folder="ml-1m",
        reading="ratings.csv: 1 to 5 stars",
        protocol="Five random folds of all ratings (seed 0); the figure is the mean over the folds.",
        open=_random_folds,
        validation=validation_of_ratings,
        metrics=("rmse", "mae"),
        kind="ratings",
        models=RATING_BASELINES,
        published=(
            _surprise("SVD++", 0.862, 0.672),
            _surprise("SVD", 0.873, 0.686),
            _surprise("k-NN Baseline", 0.895, 0.706),
            _surprise("Slope One", 0.907, 0.715),
            _surprise("Baseline", 0.909, 0.719),
            _surprise("Co-Clustering", 0.915, 0.717),
            _surprise("NMF", 0.916, 0.723),
        ),
    ),
    Case(
        name="ml-100k/global-time",
        folder="ml-100k",
        reading="u.data: a rating of 4 or 5 is a like, others are left out",
        protocol=BY_TIME,
        open=_by_time,
        validation=validation_by_time,
        metrics=BY_TIME_METRICS,
        models=TIMED_BASELINES,
    ),
    Case(
        name="ml-latest-small/global-time",
        folder="ml-latest-small",
        reading="ratings.csv (9/2018): a rating of 4 or more is a like, others are left out",
        protocol=BY_TIME,
        open=_by_time,
        validation=validation_by_time,
        metrics=BY_TIME_METRICS,
        models=TIMED_BASELINES,
    ),
    Case(
        name="ml-1m/user-split",
        folder="ml-1m",
        reading="ratings.csv: a rating of 4 or 5 is a like, others are left out",
        protocol=(
            "Nothing is learned from a random fifth of the people (seed 0); four fifths of the likes of each of them, "
            "at random, are shown, the others are the test."
        ),
        open=_strangers,
        validation=validation_of_people,
        metrics=("ndcg@100", "recall@20", "recall@50", "coverage@20"),
        cutoffs=(20, 50, 100),
    ),
    Case(
        name="ml-100k/leave-one-out",
        folder="ml-100k",
        reading=(
            "u.data with its times, which ml-1m here lacks: all ratings, whatever their stars, of films with at least "
            "five; of equal times the file decides"
        ),
        protocol=PROTOCOL,
        open=_timed_sequences,
        validation=validation_between,
        metrics=METRICS,
        models=("popular", "next_item"),
    ),
    Case(
        name="ml-1m/cold-item",
        folder="ml-1m",
        reading="ratings.csv, with the titles and genres of movies.dat: a rating of 4 or 5 is a like",
        protocol=(
            f"{COLD_ITEM} Models that know films only by who liked them cannot tell these apart, and list them in the "
            "order of chance."
        ),
        open=_cold_items,
        validation=validation_of_items,
        metrics=COLD_METRICS,
        cutoffs=(10, 20),
        candidates="new",
        models=(*BASELINES, "content_knn"),
    ),
    Case(
        name="ml-1m/cold-item-text",
        folder="ml-1m",
        reading=(
            "as for ml-1m/cold-item, with director, writer, actors and plot from movies_extra.csv (3,685 of 3,706 "
            "rated films have a plot) and DBpedia's abstracts (3,228 films)"
        ),
        protocol=COLD_ITEM,
        open=_cold_items_with_text,
        validation=validation_of_items,
        metrics=COLD_METRICS,
        cutoffs=(10, 20),
        candidates="new",
        models=("content_knn",),
    ),
    Case(
        name="ml-1m/cold-item-mixed-up",
        folder="ml-1m",
        reading="as for ml-1m/cold-item-text, but what the withheld films are is dealt out among them anew",
        protocol=f"{COLD_ITEM} Whoever tells films by what they are is led astray: what is left is chance.",
        open=_cold_items_mixed_up,
        validation=validation_of_items,
        metrics=COLD_METRICS,
        cutoffs=(10, 20),
        candidates="new",
        models=("content_knn",),
    ),
    Case(
        name="ml-1m/cold-item-posters",
        folder="ml-1m",
        reading="as for ml-1m/cold-item-text, with the posters of 3,256 films",
        protocol=COLD_ITEM,
        open=_cold_items_with_posters,
        validation=validation_of_items,
        metrics=COLD_METRICS,
        cutoffs=(10, 20),
        candidates="new",
        models=("content_knn",),
        pictures=posters,
    ),
)
