"""Two models on the same people: which is better, and how sure that is."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from benchmarks.cases import find
from benchmarks.paired import added, paired
from serendip.data import InputError
from serendip.training import FitOptions

CASE = "amazon-toys/leave-one-out"
ONE = [FitOptions(threads=1)]
N_PEOPLE, N_ITEMS, LENGTH = 60, 40, 8


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """People of two kinds with items of their own, and at the end of two histories something that few met."""
    folder = tmp_path_factory.mktemp("datasets")
    generator = np.random.default_rng(0)
    lines = []
    for person in range(N_PEOPLE):
        own = np.arange(N_ITEMS // 2) + person % 2 * N_ITEMS // 2
        last = ["rare"] if person in (10, 30) else []
        met = [*(f"i{item}" for item in generator.permutation(own)[:LENGTH]), *last]
        lines.append(" ".join([f"p{person}", *(["rare", *met] if person in (20, 40) else met)]))
    (folder / "amazon-toys").mkdir()
    (folder / "amazon-toys" / "sequences.txt.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    return folder


def test_the_better_model_is_surely_better(root: Path) -> None:
    found = paired(find(CASE), "item_knn", "popular", ONE, root=root)["differences"]["everybody"]
    assert found["people"] == N_PEOPLE
    assert found["mean"] > found["against"]
    assert found["difference"]["mean"] == pytest.approx(found["mean"] - found["against"])
    assert found["difference"]["low"] > 0
    assert found["p"] < 0.05


def test_a_model_is_no_better_than_itself(root: Path) -> None:
    found = paired(find(CASE), "item_knn", "item_knn?neighbors=100", ONE, root=root)["differences"]["everybody"]
    assert found["difference"] == {"mean": 0.0, "low": 0.0, "high": 0.0}
    assert found["p"] == 1


def test_rare_items_count_for_those_to_whom_they_are_right(root: Path) -> None:
    found = paired(find(CASE), "item_knn", "popular", ONE, few=3, root=root)["differences"]
    assert found["items with fewer than 3 events"]["people"] == 2


def test_ratings_are_refused(root: Path) -> None:
    with pytest.raises(InputError, match="a case of ratings"):
        paired(find("ml-1m/ratings-5fold"), "bias", "bias", ONE, root=root)


def test_a_row_of_the_same_two_takes_the_place_of_the_earlier() -> None:
    first, second = {"model": "a", "against": "b", "p": 1}, {"model": "b", "against": "a", "p": 1}
    assert added([first, second], {**first, "p": 0}) == [second, {**first, "p": 0}]
