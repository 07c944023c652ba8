from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serendip.data import Dataset, Signals, Tables, event_frame

people, things = st.sampled_from(["ann", "bo", "cy"]), st.sampled_from(["tea", "jam", "bread"])
moments = st.one_of(st.none(), st.integers(1, 3))
types = st.sampled_from(["view", "like", "hide", "skip"])
logs = st.lists(st.tuples(people, things, types, moments))


def dataset(log: list[tuple[str, str, str, int | None]], **tables: pl.DataFrame) -> Dataset:
    columns = ["user_id", "item_id", "type", "time_ms"]
    schema = {"user_id": pl.String, "item_id": pl.String, "type": pl.String, "time_ms": pl.Int64}
    return Dataset.from_tables(
        Tables(event_frame(pl.DataFrame(log, schema=schema, orient="row").select(columns)), **tables)
    )


@given(logs)
def test_events_are_in_order_of_time_and_those_without_come_first(log: list[tuple[str, str, str, int | None]]) -> None:
    made = dataset(log)
    expected = sorted(log, key=lambda event: -1 if event[3] is None else event[3])  # stable, as the dataset is
    users = made.users.vocabulary.ids(made.events.user_rows)
    items = made.items.vocabulary.ids(made.events.item_rows)
    assert list(zip(users, items, made.events.types, strict=True)) == [event[:3] for event in expected]


@given(logs)
def test_histories_hold_what_each_person_did(log: list[tuple[str, str, str, int | None]]) -> None:
    made = dataset(log)
    histories = made.histories()
    assert len(histories) == made.n_users
    for row in range(made.n_users):
        own = slice(histories.offsets[row], histories.offsets[row + 1])
        expected = made.events[made.events.user_rows == row]
        assert histories.item_rows[own].tolist() == expected.item_rows.tolist()
        assert histories.signals[own].tolist() == expected.signals.tolist()


@given(logs, st.lists(st.integers(0, 2)))
def test_histories_come_in_the_order_asked_for(log: list[tuple[str, str, str, int | None]], rows: list[int]) -> None:
    made = dataset(log)
    asked = np.array([row for row in rows if row < made.n_users], dtype=np.int32)
    found, everybody = made.histories(asked), made.histories()
    for place, row in enumerate(asked):
        assert found[place : place + 1].item_rows.tolist() == everybody[row : row + 1].item_rows.tolist()


@given(logs)
def test_the_matrix_is_the_matrix_of_the_histories(log: list[tuple[str, str, str, int | None]]) -> None:
    made = dataset(log)
    assert made.matrix().toarray().tolist() == made.histories().matrix(made.n_items).toarray().tolist()


@given(logs)
def test_one_history_is_a_list_of_events(log: list[tuple[str, str, str, int | None]]) -> None:
    made = dataset(log)
    for user in made.users.vocabulary.ids():
        expected = sorted((e for e in log if e[0] == user), key=lambda event: event[3] or -1)
        assert [(e.item_id, e.type, e.timestamp) for e in made.history(user)] == [e[1:] for e in expected]
    assert made.history("nobody") == []


def test_known_items_come_first_and_the_others_have_no_attributes() -> None:
    items = pl.DataFrame({"item_id": ["jam", "rusk"], "title": ["Jam", "Rusk"]})
    made = dataset([("ann", "tea", "like", 1), ("ann", "jam", "like", 2)], items=items)
    assert made.items.vocabulary.ids() == ("jam", "rusk", "tea")
    assert made.items.attributes["title"].to_list() == ["Jam", "Rusk", None]
    assert made.matrix().toarray().tolist() == [[1.0, 0.0, 1.0]]


def test_the_last_row_of_an_item_counts() -> None:
    items = pl.DataFrame({"item_id": ["jam", "jam"], "title": ["Old", "New"]})
    assert dataset([], items=items).items.attributes["title"].to_list() == ["New"]


def test_a_part_keeps_people_and_items() -> None:
    made = dataset([("ann", "tea", "like", 1), ("bo", "jam", "skip", 2)])
    part = made.with_events(made.events.times_ms > 1)
    assert (part.n_users, part.n_items, len(part.events)) == (2, 2, 1)
    assert len(made.events) == 2
    assert made.liked().events.types.to_list() == ["like"]


def test_the_matrix_that_is_handed_out_is_a_copy() -> None:
    made = dataset([("ann", "tea", "like", 1)])
    made.matrix().data[:] = 7
    assert made.matrix().data.tolist() == [1.0]


def test_a_dataset_does_not_change() -> None:
    with pytest.raises(AttributeError):
        dataset([]).signals = Signals()  # type: ignore[misc]


def test_nothing_is_a_dataset_too() -> None:
    empty = Dataset.from_tables(Tables())
    assert (empty.n_users, empty.n_items, len(empty.events)) == (0, 0, 0)
    assert empty.matrix().shape == (0, 0)
    assert len(empty.histories()) == 0


def test_nothing_is_learned_from_what_was_taken_back() -> None:
    made = dataset([("ann", "tea", "like", 1), ("ann", "jam", "like", 2), ("ann", "tea", "undo", 3)])
    assert made.matrix().toarray()[0, made.items.vocabulary.rows(["tea", "jam"])].tolist() == [0.0, 1.0]
