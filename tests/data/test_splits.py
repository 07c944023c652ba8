"""Splits: which events land on which side, in which order, under which hash."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from serendip.data import Dataset, InputError, Tables, event_frame
from serendip.data.splits import SPLITS, Split, data_hash, global_time, leave_one_out, random_per_user


def dataset_of(rows: list[tuple[str, str, str, int | None]]) -> Dataset:
    """From (person, item, type, time) in their original order."""
    columns = zip(*rows, strict=True)
    names = ("user_id", "item_id", "type", "time_ms")
    return Dataset.from_tables(Tables(event_frame(dict(zip(names, map(list, columns), strict=True)))))


def told(dataset: Dataset) -> list[tuple[str, str]]:
    events = dataset.events
    people, items = dataset.users.vocabulary.ids(events.user_rows), dataset.items.vocabulary.ids(events.item_rows)
    return list(zip(people, items, strict=True))


def many(n_events: int = 400, seed: int = 3) -> Dataset:
    generator = np.random.default_rng(seed)
    rows = [
        (f"u{generator.integers(20)}", f"i{generator.integers(30)}", "like", int(generator.integers(1, 200)))
        for _ in range(n_events)
    ]
    return dataset_of(rows)


@pytest.mark.parametrize("name", SPLITS)
def test_sides_share_rows_and_no_event_is_on_both(name: str) -> None:
    dataset = many()
    split = SPLITS[name](dataset)
    assert split.name == name
    assert split.train.items is dataset.items
    assert split.test.users is dataset.users
    assert len(split.train.events) + len(split.test.events) <= len(dataset.events)
    for side in (split.train, split.test):
        assert (np.diff(side.events.times_ms) >= 0).all()


def test_global_time_learns_from_nothing_as_late_as_the_test() -> None:
    split = global_time(many(), 0.2)
    assert split.train.events.times_ms.max() < split.test.events.times_ms.min()
    assert (
        0.2 <= len(split.test.events) / 400 < 0.25
    )  # a little more than asked for: the moment of the cut is not split


def test_events_of_one_moment_stay_together_unless_they_have_no_time() -> None:
    one_moment = [("ann", "a", "like", 1), ("bo", "b", "like", 5), ("ann", "c", "like", 5), ("bo", "d", "like", 5)]
    assert told(global_time(dataset_of(one_moment), 0.25).train) == [("ann", "a")]
    untimed = [(person, item, kind, None) for person, item, kind, _ in one_moment]
    assert told(global_time(dataset_of(untimed), 0.25).test) == [("bo", "d")]


def test_leave_one_out_holds_out_the_last_liked_and_forgets_what_came_after() -> None:
    dataset = dataset_of(
        [
            ("ann", "a", "like", 1),
            ("ann", "b", "view", 2),
            ("ann", "c", "like", 3),
            ("ann", "b", "purchase", 4),
            ("ann", "d", "skip", 5),
            ("bo", "a", "like", 9),
            ("bo", "c", "like", 9),
            ("cy", "a", "skip", 1),
        ]
    )
    split = leave_one_out(dataset)
    assert sorted(told(split.test)) == [("ann", "b"), ("bo", "c")]  # of equals the later row is the last
    assert sorted(told(split.train)) == [("ann", "a"), ("ann", "c"), ("bo", "a"), ("cy", "a")]
    validation = leave_one_out(dataset, validation=True)
    assert sorted(told(validation.test)) == [("ann", "c"), ("bo", "a")]
    assert ("ann", "b") not in told(validation.train)


def test_random_per_user_takes_its_share_of_everybody() -> None:
    dataset = many()
    split = random_per_user(dataset, 0.25, seed=1)
    counts = np.bincount(dataset.events.user_rows)
    assert (np.bincount(split.test.events.user_rows) == np.round(counts * 0.25)).all()
    assert split.hash == random_per_user(dataset, 0.25, seed=1).hash
    assert split.hash != random_per_user(dataset, 0.25, seed=2).hash


def test_the_hash_knows_events_not_rows() -> None:
    rows = [("ann", "a", "like", 1), ("bo", "b", "like", 2), ("ann", "b", "view", 3), ("bo", "c", "like", 4)]
    split = global_time(dataset_of(rows), 0.5)
    other_rows = Dataset.from_tables(
        Tables(
            event_frame(pl.DataFrame(rows, schema=["user_id", "item_id", "type", "time_ms"], orient="row")),
            items=pl.DataFrame({"item_id": ["z", "c", "b", "a"]}),
            users=pl.DataFrame({"user_id": ["bo", "ann"]}),
        )
    )
    assert split.hash == global_time(other_rows, 0.5).hash
    assert split.hash == global_time(dataset_of(rows[::-1]), 0.5).hash
    assert split.hash != Split(split.test, split.train, split.name).hash
    assert split.hash != global_time(dataset_of([*rows[:3], ("bo", "c", "like", 5)]), 0.5).hash
    assert split.hash != global_time(dataset_of([*rows[:3], ("bo", "c", "view", 4)]), 0.5).hash


def test_ids_that_run_together_do_not_share_a_hash() -> None:
    first = dataset_of([("a", "b 1:c", "like", 1), ("a", "b", "like", 2)])
    second = dataset_of([("a 1:b", "c", "like", 1), ("a", "b", "like", 2)])
    assert global_time(first, 0.5).hash != global_time(second, 0.5).hash


def test_the_data_hash_also_knows_values_attributes_and_facts() -> None:
    events = event_frame({"user_id": ["ann", "bo"], "item_id": ["a", "b"], "type": ["rating"] * 2, "value": [3.0, 4.0]})
    items = pl.DataFrame(
        {"item_id": ["a", "b"], "tags": [["x", "y"], []]}, schema_overrides={"tags": pl.List(pl.String)}
    )
    facts = pl.DataFrame({"head": ["a"], "relation": ["maker"], "tail": ["m"]})
    plain = data_hash(Dataset.from_tables(Tables(events, items, relations=facts)))
    assert plain == data_hash(Dataset.from_tables(Tables(events[::-1], items[::-1], relations=facts)))
    others = [
        Tables(events.with_columns(value=pl.col("value") + 0.5), items, relations=facts),
        Tables(events, items.with_columns(tags=pl.col("tags").list.head(1)), relations=facts),
        Tables(events, items, relations=facts.with_columns(tail=pl.lit("n"))),
    ]
    assert plain not in [data_hash(Dataset.from_tables(tables)) for tables in others]


def test_what_cannot_be_split_is_said() -> None:
    with pytest.raises(InputError, match=r"test_share is 1\.5"):
        global_time(many(), 1.5)
    with pytest.raises(InputError, match="leaves the training part empty"):
        global_time(dataset_of([("ann", "a", "like", 1), ("ann", "b", "like", 1)]))
    with pytest.raises(InputError, match="there are none"):
        global_time(many().with_events(np.array([], dtype=np.int64)))
    with pytest.raises(InputError, match="leaves the test part empty"):
        leave_one_out(dataset_of([("ann", "a", "skip", 1)]))
    with pytest.raises(InputError, match="leaves the test part empty"):
        random_per_user(dataset_of([("ann", "a", "like", 1)]))
