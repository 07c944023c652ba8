from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serendip.data import Dataset, Queries, Tables, event_frame

events = st.tuples(st.integers(0, 4), st.integers(0, 9), st.sampled_from([-1.0, 0.0, 0.25, 1.0]))
batches = st.lists(st.lists(events, max_size=6), max_size=6)


def queries(histories: list[list[tuple[int, int, float]]]) -> Queries:
    return Queries.of_histories([tuple(np.array([event[part] for event in h]) for part in range(3)) for h in histories])


@given(batches)
def test_the_batch_holds_each_history(histories: list[list[tuple[int, int, float]]]) -> None:
    batch = queries(histories)
    assert len(batch) == len(histories)
    for place, history in enumerate(histories):
        own = slice(batch.offsets[place], batch.offsets[place + 1])
        columns = (batch.item_rows[own], batch.times_ms[own], batch.signals[own])
        assert list(zip(*(column.tolist() for column in columns), strict=True)) == history


@given(batches, st.integers(0, 6), st.integers(0, 6))
def test_a_slice_is_the_batch_of_its_histories(
    histories: list[list[tuple[int, int, float]]], start: int, stop: int
) -> None:
    part, expected = queries(histories)[start:stop], queries(histories[start:stop])
    assert part.offsets.tolist() == expected.offsets.tolist()
    assert part.item_rows.tolist() == expected.item_rows.tolist()
    assert part.signals.tolist() == expected.signals.tolist()


@given(batches)
def test_one_by_one_equals_the_batch(histories: list[list[tuple[int, int, float]]]) -> None:
    batch = queries(histories)
    alone = [queries([history]).matrix(5).toarray()[0].tolist() for history in histories]
    assert batch.matrix(5).toarray().tolist() == alone


@given(batches)
def test_weights_add_up_to_the_matrix(histories: list[list[tuple[int, int, float]]]) -> None:
    batch = queries(histories)
    total = np.zeros((len(batch), 5))
    np.add.at(total, (batch.query_rows, batch.item_rows), batch.weights)
    assert total.tolist() == batch.matrix(5).toarray().tolist()


def test_an_empty_batch_has_an_empty_matrix() -> None:
    assert queries([]).matrix(5).shape == (0, 5)


def test_a_slice_has_no_step() -> None:
    with pytest.raises(ValueError, match="without a step"):
        queries([[], []])[::2]


def test_ratings_travel_with_the_events_where_they_are_handed_in() -> None:
    columns = {
        "user_id": ["ann", "bo", "bo"],
        "item_id": ["a", "a", "b"],
        "type": ["rating"] * 3,
        "value": [4.0, 2.0, None],
    }
    batch = Dataset.from_tables(Tables(event_frame(columns))).histories()
    np.testing.assert_array_equal(batch.values, np.array([4, 2, np.nan], np.float32))
    np.testing.assert_array_equal(batch[1:].values, np.array([2, np.nan], np.float32))
    assert queries([[(0, 1, 1.0)]])[:1].values is None
