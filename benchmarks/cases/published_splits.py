"""Train and test files that came with a paper, and a random split of the kind that a library publishes."""

from __future__ import annotations

from pathlib import Path

from benchmarks.cases.case import Case, Fold, Material, Published
from benchmarks.cases.folds import random_811, validation_between, validation_of_each_person
from serendip.data import Dataset
from serendip.data.readers import read
from serendip.data.splits import given

BARS = "reczoo/BARS, candidate item matching leaderboard"
KGAT_NOTE = "NDCG is left out: the papers' logs use different ideal lists"
RECBOLE = "RUCAIBox/RecBole-GNN, results/social/lastfm.md"
RECBOLE_NOTE = "a random split of the same kind, not the same one"


def _given(folder: Path) -> Material:
    """`train.txt.gz` and `test.txt.gz`, a person and their items in each line."""
    split = given(folder / "train.txt.gz", folder / "test.txt.gz", "sequences", event_type="like")
    return Material((split.train, split.test), (Fold.of(split),))


def _lastfm(folder: Path) -> Material:
    events = read(
        "csv", folder / "user_artists.dat.gz", delimiter="\t", user_column="userID", item_column="artistID",
        event_type="like",
    )  # fmt: skip
    dataset = Dataset.from_tables(events.tables)
    return Material((dataset,), (random_811(dataset),))


def _bars(model: str, recall: float, ndcg: float, source: str = BARS) -> Published:
    return Published(model, {"recall@20": recall, "ndcg@20": ndcg}, source)


def _recbole(model: str, recall: float, ndcg: float) -> Published:
    return Published(model, {"recall@10": recall, "ndcg@10": ndcg}, RECBOLE, RECBOLE_NOTE)


CASES = (
    Case(
        name="gowalla/lightgcn-split",
        folder="gowalla-lightgcn",
        reading="LightGCN's train.txt and test.txt: each place visited is a like",
        protocol="The published train and test files; all people of the test file are asked.",
        open=_given,
        validation=validation_of_each_person,
        metrics=("ndcg@20", "recall@20", "hit_rate@20", "coverage@20"),
        cutoffs=(10, 20),
        models=("popular", "item_knn", "ease", "als"),
        published=(
            _bars("UltraGCN", 0.1862, 0.1580),
            _bars("SimpleX", 0.1872, 0.1557),
            _bars("LightGCN", 0.1824, 0.1554, "kuandeng/LightGCN, README.md, training log"),
            _bars("LightGCN (BARS's run)", 0.1820, 0.1547),
            _bars("GF-CF", 0.1849, 0.1518),
            _bars("EASE", 0.1765, 0.1467),
            _bars("MF-BPR", 0.1627, 0.1378),
            _bars("ItemCF", 0.1570, 0.1214),
        ),
    ),
    Case(
        name="amazon-book/kgat-split",
        folder="amazon-book-kgat",
        reading="KGAT's train.txt and test.txt: each review is a like (its knowledge graph is not part of the set)",
        protocol="The published train and test files; all people of the test file are asked.",
        open=_given,
        validation=validation_of_each_person,
        metrics=("recall@20", "ndcg@20", "hit_rate@20", "coverage@20"),
        cutoffs=(10, 20),
        published=(
            Published(
                "KGIN",
                {"recall@20": 0.1688},
                "huangtinglin/Knowledge_Graph_based_Intent_Network, training_log",
                KGAT_NOTE,
            ),
            Published("KGAT", {"recall@20": 0.1503}, "xiangwang1223/knowledge_graph_attention_network, Log", KGAT_NOTE),
        ),
    ),
    Case(
        name="lastfm/random-811",
        folder="lastfm-hetrec",
        reading="user_artists.dat of HetRec 2011: each artist listened to is a like, however often",
        protocol=(
            "Of each person's artists a random tenth is the test and another is for validation (seed 0); models learn "
            "from the rest and are shown the rest, and validation items are not listed."
        ),
        open=_lastfm,
        validation=validation_between,
        metrics=("ndcg@10", "recall@10", "hit_rate@10", "mrr@10", "coverage@10"),
        published=(
            _recbole("MHCN", 0.2123, 0.2068),
            _recbole("SEPT", 0.2127, 0.2057),
            _recbole("LightGCN", 0.2064, 0.1972),
            _recbole("DiffNet", 0.1757, 0.1694),
            _recbole("BPR", 0.1761, 0.1674),
        ),
    ),
)
