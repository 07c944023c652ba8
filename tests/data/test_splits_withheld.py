"""Splits that withhold people or items, folds, and splits that others made."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from serendip.data import Dataset, InputError, Tables, event_frame
from serendip.data.splits import Split, cold_item, cold_user, given, hash_of, k_fold, one_fold, user_split


def many(n_events: int = 400, seed: int = 3) -> Dataset:
    generator = np.random.default_rng(seed)
    columns = {
        "user_id": [f"u{row}" for row in generator.integers(20, size=n_events)],
        "item_id": [f"i{row}" for row in generator.integers(30, size=n_events)],
        "type": ["rating"] * n_events,
        "value": generator.integers(1, 6, n_events),
        "time_ms": generator.integers(1, 10_000, n_events),
    }
    return Dataset.from_tables(Tables(event_frame(columns)))


def people(dataset: Dataset) -> set[int]:
    return set(dataset.events.user_rows.tolist())


def folded(split: Split) -> Dataset:
    assert split.folded_in is not None
    return split.folded_in


def test_folds_test_each_event_once_and_learn_from_it_otherwise() -> None:
    dataset = many(403)
    splits = list(k_fold(dataset, 5, seed=1))
    assert [len(split.test.events) for split in splits] == [81, 81, 81, 80, 80]
    assert all(len(split.train.events) + len(split.test.events) == 403 for split in splits)
    # One fold's test events are another's training events, and all test parts together are the data.
    marks = [set(zip(*(getattr(s.test.events, c) for c in ("user_rows", "times_ms")), strict=True)) for s in splits]
    everything = set(zip(dataset.events.user_rows, dataset.events.times_ms, strict=True))
    assert set.union(*marks) == everything
    assert splits[2].hash == one_fold(dataset, 5, fold=2, seed=1).hash
    assert len({split.hash for split in splits}) == 5
    assert hash_of(splits) != hash_of(splits[::-1])
    assert hash_of(splits[:1]) == splits[0].hash


def test_folds_that_do_not_exist_are_said() -> None:
    with pytest.raises(InputError, match="into 1 folds"):
        k_fold(many(), 1)
    with pytest.raises(InputError, match="400 events cannot be divided into 401"):
        k_fold(many(), 401)
    with pytest.raises(InputError, match="no fold 5"):
        one_fold(many(), 5, fold=5)


@pytest.mark.parametrize("by", ["random", "time"])
def test_a_user_split_learns_nothing_from_those_it_asks_and_shows_part_of_their_events(by: str) -> None:
    dataset = many()
    split = user_split(dataset, test_share=0.25, fold_in=0.8, by=by, seed=4)
    held_out = people(split.test)
    assert len(held_out) == 5
    assert held_out == people(folded(split))
    assert not held_out & people(split.train)
    counts = np.bincount(dataset.events.user_rows)
    shown = np.bincount(folded(split).events.user_rows, minlength=20)
    assert all(shown[row] == round(counts[row] * 0.8) for row in held_out)
    assert sum(len(side.events) for side in split.sides) == 400
    ordered = [
        folded(split).events[folded(split).events.user_rows == row].times_ms.max()
        <= split.test.events[split.test.events.user_rows == row].times_ms.min()
        for row in held_out
    ]
    assert all(ordered) == (by == "time")


def test_the_hash_knows_what_is_shown() -> None:
    split = user_split(many(), seed=4)
    assert split.hash == user_split(many(), seed=4).hash
    assert split.hash != user_split(many(), seed=5).hash
    assert split.hash != Split(split.train, split.test, split.name).hash


def test_a_cold_user_is_shown_with_their_first_events() -> None:
    split = cold_user(many(), test_share=0.2, history=3, seed=1)
    held_out = people(folded(split))
    assert len(held_out) == 4
    assert not held_out & people(split.train)
    for row in held_out:
        first = folded(split).events[folded(split).events.user_rows == row]
        later = split.test.events[split.test.events.user_rows == row]
        assert len(first) == 3
        assert first.times_ms.max() <= later.times_ms.min()


def test_a_cold_item_has_no_event_in_training() -> None:
    split = cold_item(many(), test_share=0.3, seed=2)
    withheld = set(split.test.events.item_rows.tolist())
    assert len(withheld) == 9
    assert not withheld & set(split.train.events.item_rows.tolist())
    assert len(split.train.events) + len(split.test.events) == 400
    assert split.known is split.train


def test_settings_that_make_no_sense_are_said() -> None:
    with pytest.raises(InputError, match="fold_in is 1"):
        user_split(many(), fold_in=1)
    with pytest.raises(InputError, match="by is 'moon'; it can be random or time"):
        user_split(many(), by="moon")
    with pytest.raises(InputError, match="history is 0"):
        cold_user(many(), history=0)
    with pytest.raises(InputError, match="leaves the test part empty"):
        cold_user(many(), history=1_000)
    with pytest.raises(InputError, match="test_share is 0"):
        cold_item(many(), test_share=0)


TRAIN = event_frame({"user_id": ["ann", "ann", "bo"], "item_id": ["a", "b", "a"], "time_ms": [3, 1, 2]})
TEST = event_frame({"user_id": ["bo", "cy"], "item_id": ["c", "a"], "time_ms": [1, 2]})


def test_a_given_pair_shares_rows_and_stays_as_it_is() -> None:
    titles = pl.DataFrame({"item_id": ["a", "z"], "title": ["A", "Z"]})
    split = given(Tables(TRAIN, items=titles), Tables(TEST))
    assert split.train.items is split.test.items
    assert split.train.items.vocabulary.ids() == ("a", "z", "b", "c")  # in the order of training, unknown titles last
    ids = [side.items.vocabulary.ids(side.events.item_rows) for side in split.sides]
    assert ids == [["b", "a", "a"], ["c", "a"]]
    assert split.train.users.vocabulary.ids(split.test.events.user_rows) == ["bo", "cy"]
    assert split.train.items.attributes["title"].to_list() == ["A", "Z", None, None]


def test_a_given_pair_may_be_files_of_one_format(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("0 7 8\n1 8\n", encoding="utf-8")
    (tmp_path / "test.txt").write_text("0 9\n1 7\n", encoding="utf-8")
    split = given(tmp_path / "train.txt", tmp_path / "test.txt", format="sequences", event_type="like")
    assert split.train.matrix().toarray().tolist() == [[1, 1, 0], [0, 1, 0]]
    assert split.test.matrix().toarray().tolist() == [[0, 0, 1], [1, 0, 0]]


def test_a_given_side_without_events_is_refused() -> None:
    with pytest.raises(InputError, match="test side of the given split has no events"):
        given(Tables(TRAIN), Tables())
