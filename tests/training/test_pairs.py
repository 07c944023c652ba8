"""Pairs: what was known by then, and what is drawn to tell it apart from."""

from __future__ import annotations

import numpy as np
import pytest

from serendip.data import Queries
from serendip.data.arrays import IntArray
from serendip.training.pairs import LENGTHS, PERIODS, Known, Pairs, contexts, declined, periods
from serendip.training.sequences import Sequences

NONE = Sequences(np.zeros(4, np.int64), np.empty(0, np.int64), np.empty(0, np.int64))


def sequences(histories: list[list[int]], times: list[list[int]]) -> Sequences:
    lengths = [len(history) for history in histories]
    places, moments = (np.array([x for part in parts for x in part], np.int64) for parts in (histories, times))
    return Sequences(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64), places, moments)


def of_each(found: Sequences) -> list[list[int]]:
    return [found.places[start:end].tolist() for start, end in zip(found.offsets, found.offsets[1:], strict=False)]


@pytest.fixture
def pairs() -> Pairs:
    """Three people: times for all, for none, and for the last two of four."""
    whole = sequences([[5, 1, 4], [2, 0, 3], [6, 7, 8, 9]], [[10, 20, 30], [0, 0, 0], [0, 0, 40, 50]])
    return Pairs(whole, NONE, 10, np.array([25, 45]))


def test_what_came_before_is_known_and_without_times_all_others(pairs: Pairs) -> None:
    known = pairs.known(np.arange(10), 100)
    before = [[], [5], [5, 1]]
    others = [[0, 3], [2, 3], [2, 0]]
    half = [[7], [6], [6, 7], [6, 7, 8]]
    assert of_each(known.sequences) == [*before, *others, *half]
    assert pairs.counts.tolist() == [len(history) for history in [*before, *others, *half]]


def test_only_the_last_events_are_kept_but_all_are_counted(pairs: Pairs) -> None:
    known = pairs.known(np.array([2, 9]), 1)
    assert of_each(known.sequences) == [[1], [8]]
    assert known.context[:, 0].tolist() == [1, 2]  # 2 and 3 events, to the nearest power of 2


def test_the_period_is_that_of_the_newest_known_event(pairs: Pairs) -> None:
    known = pairs.known(np.array([1, 2, 4, 9]), 100)
    assert (known.context[:, 1] - LENGTHS).tolist() == [0, 0, 0, 1]
    whole = Known.of(pairs.sequences, pairs.borders, 2)
    assert (whole.context[:, 1] - LENGTHS).tolist() == [1, 0, 2]
    assert of_each(whole.sequences) == [[1, 4], [0, 3], [8, 9]]


def test_periods_hold_about_as_many_events() -> None:
    times = np.random.default_rng(1).integers(1, 10_000, 1_000)
    found = contexts(np.ones(1_000, np.int64), times, periods(np.concatenate([times, np.zeros(50, np.int64)])))
    counts = np.bincount(found[:, 1] - LENGTHS)
    assert len(counts) == PERIODS
    assert counts.min() > 90
    assert len(periods(np.zeros(5, np.int64))) == 0
    assert periods(np.full(5, 3)).tolist() == [3]


def test_every_event_with_something_known_is_visited_once(pairs: Pairs) -> None:
    generator = np.random.default_rng(0)
    batches = list(pairs.batches(4, generator))
    assert sorted(np.concatenate(batches).tolist()) == list(range(1, 10))
    assert sorted(len(batch) for batch in batches) == [1, 4, 4]
    again = list(pairs.batches(4, np.random.default_rng(0)))
    assert [batch.tolist() for batch in batches] == [batch.tolist() for batch in again]


def test_histories_of_about_one_length_stand_together() -> None:
    generator = np.random.default_rng(0)
    lengths = generator.integers(2, 40, 60)
    places = [list(range(length)) for length in lengths]
    many = Pairs(sequences(places, [[1 + x for x in part] for part in places]), NONE, 40, np.empty(0, np.int64))
    spread = [np.ptp(many.counts[batch]) for batch in many.batches(20, generator)]
    assert max(spread) <= 6


def drawn(pairs: Pairs, events: IntArray, popularity: float, known: float = 0.0) -> tuple[IntArray, IntArray]:
    items, wanted = pairs.others(events, 40, popularity, known, np.random.default_rng(2))
    return items, wanted


def test_what_a_person_wants_is_marked_and_nothing_else(pairs: Pairs) -> None:
    items, wanted = drawn(pairs, np.arange(10), 0.0)
    own = [{5, 1, 4}] * 3 + [{2, 0, 3}] * 3 + [{6, 7, 8, 9}] * 4
    expected = [[item in wishes for item in row] for row, wishes in zip(items.tolist(), own, strict=True)]
    np.testing.assert_array_equal(wanted, expected)
    assert set(items.ravel()) == set(range(10))


def test_popular_draws_are_as_popular_as_they_are() -> None:
    places = [[0, 1], [0, 2], [0, 3]]
    whole = Pairs(sequences(places, [[1, 2]] * 3), NONE, 20, np.empty(0, np.int64))
    events = np.tile(np.arange(6), 50)
    popular, even = drawn(whole, events, 1.0)[0], drawn(whole, events, 0.0)[0]
    assert np.mean(popular == 0) == pytest.approx(0.5, abs=0.02)
    assert popular.max() == 3
    assert np.mean(even == 0) == pytest.approx(1 / 20, abs=0.01)


def test_what_is_known_not_to_be_wanted_comes_first() -> None:
    whole = sequences([[0, 1], [2, 3], [4]], [[1, 2]] * 2 + [[1]])
    unwanted = Sequences(np.array([0, 2, 2, 2]), np.array([7, 8]), np.zeros(2, np.int64))
    pairs = Pairs(whole, unwanted, 10, np.empty(0, np.int64))
    events = np.tile([0, 2], 400)
    items, wanted = drawn(pairs, events, 0.0, 0.5)
    first = items[::2, 0]
    assert np.isin(first, [7, 8]).mean() == pytest.approx(0.5 + 0.5 * 0.2, abs=0.05)
    assert np.isin(items[1::2, 0], [7, 8]).mean() == pytest.approx(0.2, abs=0.05)
    assert not wanted[::2][np.isin(items[::2], [7, 8])].any()


def test_declined_is_what_was_met_and_is_not_wanted() -> None:
    """Item 1 was seen and then liked, 2 liked and then vetoed, 3 seen in vain twice; nobody wants item 4."""
    first = (np.array([1, 1, 2, 2, 3, 3, 4]), np.arange(7), np.array([0.0, 1.0, 1.0, -1.0, 0.0, 0.0, 0.0]))
    second = (np.array([2, 3]), np.arange(2), np.array([1.0, 1.0]))
    queries = Queries.of_histories([first, second])
    found = declined(queries, np.array([-1, 0, 1, 2, -1]))
    assert of_each(found) == [[1, 2], []]
    assert of_each(declined(queries[0:0], np.array([-1]))) == []
