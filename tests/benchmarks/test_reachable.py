"""What could be reached: who met the items is ahead of who only counted, and he of who knows nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from benchmarks.cases import Fold, Material, find
from benchmarks.reachable import COUNTED, MET, TASTE, reachable
from benchmarks.sitting import Sitting
from serendip.data import Dataset, InputError, Tables, event_frame
from serendip.data.splits import cold_item
from serendip.evaluation.rankers import entrants
from serendip.training import FitOptions

ONE_THREAD = FitOptions(threads=1)
N_PEOPLE, N_ITEMS = 120, 60


@pytest.fixture(scope="module")
def material() -> Material:
    """People of two kinds, who like what is of their kind, early items of it more often."""
    generator = np.random.default_rng(0)
    pairs = [
        (person, item)
        for person in range(N_PEOPLE)
        for item in range(person % 2, N_ITEMS, 2)
        if generator.random() < 0.8 - 0.6 * item / N_ITEMS
    ]
    people, items = zip(*pairs, strict=True)
    frame = event_frame(
        {
            "user_id": [f"p{person}" for person in people],
            "item_id": [f"i{item}" for item in items],
            "type": ["like"] * len(pairs),
        }
    )
    kinds = pl.DataFrame({"item_id": [f"i{item}" for item in range(N_ITEMS)], "kind": ["a", "b"] * (N_ITEMS // 2)})
    dataset = Dataset.from_tables(Tables(frame, kinds))
    return Material((dataset,), (Fold.of(cold_item(dataset, 0.7, 0)),))


def test_who_met_the_items_is_ahead_of_who_counted_and_he_of_chance(material: Material, tmp_path: Path) -> None:
    (tmp_path / "ml-1m").mkdir()
    case = replace(find("ml-1m/cold-item"), open=lambda folder: material)
    found = {name: figures["ndcg@20"].mean for name, figures in reachable(case, ONE_THREAD, tmp_path).items()}
    sitting, honest = Sitting(case, material.folds[0]), entrants(["ease"])[0].ranker
    honest.fit(sitting.fold.learn, ONE_THREAD)
    chance = sitting.figures([sitting.lists(honest, sitting.people)])["ndcg@20"].mean
    assert found[MET] > found[COUNTED] > chance
    assert found[TASTE] > found[COUNTED]


def test_a_case_of_known_items_is_refused() -> None:
    with pytest.raises(InputError, match="lists items that people met"):
        reachable(find("ml-1m/leave-one-out"), ONE_THREAD)
