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


def test_a_memory_fades_what_counts_by_the_events_that_count_since() -> None:
    first = [(0, 0, 1.0), (1, 1, 0.0), (2, 2, 0.25), (0, 3, 1.0), (3, 4, -1.0)]
    batch = queries([first, [(5, 0, 1.0)]])
    expected = [0.0, 0.0, 0.25 * np.exp(-1 / 2), 1.0, 0.0, 1.0]  # the earlier event on item 0 does not count
    np.testing.assert_allclose(batch.recent(2.0), expected, rtol=1e-6)
    np.testing.assert_array_equal(batch.recent(None), batch.weights)
    np.testing.assert_allclose(batch.matrix(6, 2.0).toarray()[0, 2], 0.25 * np.exp(-1 / 2), rtol=1e-6)


@given(batches, st.floats(0.1, 10))
def test_a_batch_fades_as_each_history_would_alone(
    histories: list[list[tuple[int, int, float]]], memory: float
) -> None:
    batch = queries(histories)
    alone = [queries([history]).recent(memory) for history in histories]
    np.testing.assert_allclose(batch.recent(memory), np.concatenate([np.empty(0), *alone]), rtol=1e-5)


def test_the_latest_rating_of_a_pair_counts_and_a_like_stands_in_where_there_is_none() -> None:
    items = np.array([1, 1, 2, 3, 4, 1, 2])
    signals = np.array([1.0, 1.0, 1.0, -1.0, 0.0, 0.0, 1.0])
    values = np.array([5.0, np.nan, np.nan, np.nan, 2.0, 3.0, np.nan])
    batch = Queries.of_histories([(items, np.arange(7), signals)], [values])
    nan = np.nan
    np.testing.assert_array_equal(batch.ratings(4.5), np.array([nan, nan, nan, nan, 2.0, 3.0, 4.5], np.float32))
    unrated = Queries.of_histories([(items, np.arange(7), signals)])
    np.testing.assert_array_equal(unrated.ratings(4.5), np.array([nan, 4.5, nan, nan, nan, nan, 4.5], np.float32))


def test_a_dataset_holds_the_latest_rating_of_each_pair_and_no_other_value() -> None:
    columns = {
        "user_id": ["ann", "ann", "ann", "bo"],
        "item_id": ["tea", "tea", "cake", "tea"],
        "type": ["rating", "rating", "purchase", "rating"],
        "value": [5.0, 2.0, 19.99, 0.0],
        "time_ms": [1, 2, 3, 4],
    }
    data = Dataset.from_tables(Tables(event_frame(columns)))
    np.testing.assert_array_equal(data.ratings().toarray(), [[2.0, 0.0], [0.0, 0.0]])
    assert data.ratings().nnz == 2
    np.testing.assert_array_equal(data.histories().values, np.array([5.0, 2.0, np.nan, 0.0], np.float32))


def test_the_time_of_asking_travels_with_the_histories() -> None:
    batch = queries([[(0, 1, 1.0)], [], [(2, 5, 1.0), (3, 6, 1.0)]])
    weights = batch.weights
    asked = batch.at(np.array([7, 8, 9]))
    assert batch.asked_ms is None
    assert asked.weights is weights
    assert asked.item_rows.tolist() == batch.item_rows.tolist()
    assert asked[1:].asked_ms is not None
    assert asked[1:].asked_ms.tolist() == [8, 9]
    assert batch[1:].asked_ms is None
