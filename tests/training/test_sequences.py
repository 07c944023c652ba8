"""Sequences: what stands in them, how they are cut, and batches of about equal length."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from serendip.data import Queries
from serendip.training.sequences import Sequences, budgeted

LISTS = [[5, 6, 7, 8], [], [3], [1, 2, 3, 4, 0, 9, 8]]


def sequences(lists: list[list[int]] = LISTS) -> Sequences:
    """The time of an event is ten times its place and a hundred times its sequence."""
    offsets = np.concatenate([[0], np.cumsum([len(part) for part in lists])]).astype(np.int64)
    times = [100 * s + 10 * place for s, part in enumerate(lists) for place in part]
    return Sequences(offsets, np.concatenate([[], *lists]).astype(np.int64), np.array(times, np.int64))


def listed(found: Sequences) -> list[list[int]]:
    return [part.tolist() for part in np.split(found.places, found.offsets[1:-1])]


def test_only_what_counts_stands_in_a_sequence() -> None:
    """A veto, a weaker repeat and an item that takes no part are left out; the others have their places."""
    items, signals = [4, 1, 2, 4, 3, 1], [1.0, 1.0, 1.0, 0.2, -1.0, 1.0]
    queries = Queries.of_histories([(np.array(items), np.arange(6) * 7, np.array(signals)), ([], [], [])])
    place = np.array([-1, 0, -1, 1, 2])
    found = Sequences.of(queries, place)
    assert listed(found) == [[2, 0], []]
    np.testing.assert_array_equal(found.times_ms, [0, 35])  # of equals the latest counts
    assert listed(Sequences.of(queries, place, longest=1)) == [[0], []]


@pytest.mark.parametrize(("asked_ms", "last"), [(None, [20, 70]), ([99, 5, 80], [99, 80])])
def test_what_follows_is_looked_for_when_it_happens_or_when_it_is_asked(
    asked_ms: list[int] | None, last: list[int]
) -> None:
    histories = [([0, 1, 0], [10, 15, 20], [1.0, -1.0, 1.0]), ([], [], []), ([1, 0, 1], [50, 60, 70], [0.5, 1.0, 1.0])]
    queries = Queries.of_histories(histories)
    if asked_ms is not None:
        queries = queries.at(np.array(asked_ms))
    found = Sequences.of(queries, np.array([0, 1]))
    assert found.times_ms.tolist() == [20, 60, 70]
    assert found.until_ms is not None
    assert found.until_ms.tolist() == [last[0], 70, last[1]]
    # Whoever learns without the last event asks when it happened.
    assert found.between(found.offsets[:-1], found.offsets[1:] - [1, 0, 1]).until_ms.tolist() == [70]  # type: ignore[union-attr]
    batch = found.batch(torch.device("cpu"))
    assert batch.until_ms.tolist() == [[last[0], 0], [0, 0], [70, last[1]]]
    assert (
        sequences().batch(torch.device("cpu")).until_ms.tolist()
        == sequences().batch(torch.device("cpu")).times_ms.tolist()
    )


def test_last_keeps_the_last() -> None:
    assert listed(sequences().last(3)) == [[6, 7, 8], [], [3], [0, 9, 8]]
    assert listed(sequences().last(100)) == LISTS
    np.testing.assert_array_equal(sequences().last(1).times_ms, [80, 230, 380])


def test_between_takes_slices() -> None:
    whole = sequences()
    starts, ends = whole.offsets[:-1], whole.offsets[1:]
    assert listed(whole.between(np.minimum(starts + 1, ends), ends)) == [[6, 7, 8], [], [], [2, 3, 4, 0, 9, 8]]
    assert listed(whole[np.array([3, 0, 0])]) == [LISTS[3], LISTS[0], LISTS[0]]
    assert len(whole[np.array([], int)]) == 0


def test_windows_are_neighbours_and_every_one_is_met() -> None:
    generator, found = np.random.default_rng(0), set()
    for _ in range(200):
        first, *others, last = listed(sequences().windows(3, generator))
        assert others == [[], [3]]
        assert first in ([5, 6, 7], [6, 7, 8])
        found.add(tuple(last))
    assert found == {tuple(LISTS[3][start : start + 3]) for start in range(5)}


def test_a_batch_is_padded_on_the_right() -> None:
    batch = sequences()[np.array([2, 0, 1])].batch(torch.device("cpu"))
    assert batch.places.tolist() == [[3, 0, 0, 0], [5, 6, 7, 8], [0, 0, 0, 0]]
    assert batch.real.tolist() == [[True, False, False, False], [True] * 4, [False] * 4]
    assert batch.times_ms.tolist()[0] == [230, 0, 0, 0]
    assert batch.lengths.tolist() == [1, 4, 0]
    assert batch.from_end.tolist() == [[0, 0, 0, 0], [3, 2, 1, 0], [0, 0, 0, 0]]


def test_a_digest_tells_sequences_apart() -> None:
    assert sequences().digest == sequences().digest
    other = sequences()
    other.times_ms[0] += 1
    cut = sequences([*LISTS[:2], [3, 1], LISTS[3][1:]])
    assert len({sequences().digest, other.digest, cut.digest}) == 3


@pytest.fixture
def lengths() -> np.ndarray:
    drawn = np.minimum(np.random.default_rng(2).geometric(0.05, 3_000), 200)
    drawn[::600] = 200
    return drawn


@pytest.mark.parametrize("tokens", [1, 150, 2_000])
def test_batches_hold_every_sequence_once_within_the_budget(lengths: np.ndarray, tokens: int) -> None:
    batches = list(budgeted(lengths, tokens, np.random.default_rng(0)))
    np.testing.assert_array_equal(np.sort(np.concatenate(batches)), np.arange(len(lengths)))
    for members in batches:
        assert len(members) == 1 or len(members) * lengths[members].max() <= tokens
    if tokens == 150:
        assert any(len(members) == 1 and lengths[members[0]] > tokens for members in batches)  # or nothing was tested


def test_batches_are_well_filled_and_hardly_padded(lengths: np.ndarray) -> None:
    batches = list(budgeted(lengths, 2_000, np.random.default_rng(0)))
    padded = sum(len(members) * lengths[members].max() for members in batches)
    assert padded < 1.1 * lengths.sum()
    assert padded > 0.85 * 2_000 * len(batches)


def test_batches_are_new_each_time_and_not_in_order_of_length(lengths: np.ndarray) -> None:
    one, same, other = (list(budgeted(lengths, 500, np.random.default_rng(seed))) for seed in (0, 0, 1))
    assert all(np.array_equal(first, second) for first, second in zip(one, same, strict=True))
    companions = [{frozenset(members.tolist()) for members in batches} for batches in (one, other)]
    assert len(companions[0] & companions[1]) < 0.2 * len(companions[0])
    longest = [lengths[members].max() for members in one]
    assert abs(np.corrcoef(longest, np.arange(len(longest)))[0, 1]) < 0.3


def test_no_sequences_no_batches() -> None:
    assert list(budgeted(np.empty(0, int), 100, np.random.default_rng(0))) == []
