from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from serendip.data import Signals
from serendip.data.signals import DEFAULT_WEIGHTS, effective, preference_matrix, standing

# Two people, three items, the weights that occur: the histories that can go wrong are all within reach.
logs = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 2), st.sampled_from([-1.0, 0.0, 0.25, 0.5, 1.0])))


def arrays(log: list[tuple[int, int, float]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    people, items, signals = zip(*log, strict=True) if log else ((), (), ())
    return np.array(people, np.int32), np.array(items, np.int32), np.array(signals, np.float32)


def by_dictionary(log: list[tuple[int, int, float]]) -> dict[tuple[int, int], float]:
    """The rule as one would explain it: the strongest event counts, a veto as the last word clears the pair."""
    preferences: dict[tuple[int, int], float] = {}
    last: dict[tuple[int, int], float] = {}
    for person, item, signal in log:
        pair = (person, item)
        preferences[pair] = max(preferences.get(pair, 0.0), signal)
        last[pair] = signal
    return {pair: weight for pair, weight in preferences.items() if weight > 0 and last[pair] >= 0}


@given(logs)
def test_the_matrix_is_what_a_dictionary_says(log: list[tuple[int, int, float]]) -> None:
    matrix = preference_matrix(*arrays(log), (2, 3))
    found = {(int(row), int(column)): float(matrix[row, column]) for row, column in zip(*matrix.nonzero(), strict=True)}
    assert found == by_dictionary(log)


@given(logs)
def test_the_weights_of_events_add_up_to_the_matrix(log: list[tuple[int, int, float]]) -> None:
    people, items, signals = arrays(log)
    weights = effective(people, items, signals)
    total = np.zeros((2, 3))
    np.add.at(total, (people, items), weights)
    assert total.tolist() == preference_matrix(people, items, signals, (2, 3)).toarray().tolist()


@given(logs)
def test_each_pair_has_at_most_one_event_that_counts(log: list[tuple[int, int, float]]) -> None:
    people, items, signals = arrays(log)
    counting = effective(people, items, signals) != 0
    pairs = list(zip(people[counting].tolist(), items[counting].tolist(), strict=True))
    assert len(pairs) == len(set(pairs))


def test_the_latest_of_equals_carries_the_weight() -> None:
    weights = effective(np.zeros(3, np.int32), np.zeros(3, np.int32), np.array([1.0, 0.2, 1.0], np.float32))
    assert weights.tolist() == [0.0, 0.0, 1.0]


def test_repeats_add_nothing() -> None:
    once = preference_matrix(np.array([0]), np.array([0]), np.array([0.2]), (1, 1))
    often = preference_matrix(np.zeros(500, int), np.zeros(500, int), np.full(500, 0.2), (1, 1))
    assert once.toarray().tolist() == often.toarray().tolist()


def test_a_veto_counts_only_as_the_last_word() -> None:
    signals = Signals()
    liked_again = signals.of(["like", "hide", "like"], [None] * 3)
    hidden = signals.of(["like", "hide"], [None] * 2)
    assert preference_matrix(np.zeros(3, int), np.zeros(3, int), liked_again, (1, 1)).sum() == 1
    assert preference_matrix(np.zeros(2, int), np.zeros(2, int), hidden, (1, 1)).sum() == 0


def test_what_each_event_says() -> None:
    types = ["view", "purchase", "rating", "rating", "rating", "rating", "hide", "teleport"]
    values = [None, 3.0, 4.0, 3.5, None, float("nan"), None, 5.0]
    expected = [0.2, 1.0, 1.0, 0.0, 1.0, 1.0, -1.0, 0.0]
    assert Signals().of(types, values).tolist() == pytest.approx(expected)


def test_the_threshold_of_ratings_is_a_setting() -> None:
    assert Signals(liked_from=3.0).of(["rating"], [3.5]).tolist() == [1.0]


def test_weights_are_a_setting() -> None:
    assert Signals(weights={"view": 0.5}).of(["view", "like"], [None, None]).tolist() == [0.5, 0.0]
    assert Signals().weights == DEFAULT_WEIGHTS
    assert Signals().weights is not DEFAULT_WEIGHTS


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(ValidationError, match="liked_form"):
        Signals(liked_form=3.0)


def test_no_events_are_no_preferences() -> None:
    nothing = np.empty(0, np.int32)
    assert effective(nothing, nothing, np.empty(0, np.float32)).tolist() == []
    assert preference_matrix(nothing, nothing, np.empty(0, np.float32), (2, 2)).nnz == 0


@pytest.mark.parametrize("weight", [float("nan"), float("inf"), 5e300])
def test_weights_that_no_model_could_use_are_refused(weight: float) -> None:
    with pytest.raises(ValidationError, match="weights"):
        Signals(weights={"view": weight})
    with pytest.raises(ValidationError, match="liked_from"):
        Signals(liked_from=float("nan"))


def test_an_undo_takes_back_whatever_the_weights_are() -> None:
    signals = Signals(weights={"like": 1.0})
    assert signals.of(["like", "undo"], [None, None]).tolist() == [1.0, -1.0]
    told = pl.DataFrame({"type": ["like", "undo"], "value": [None, None]}, schema_overrides={"value": pl.Float64})
    assert told.select(signals.expression()).to_series().to_list() == [1.0, -1.0]
    assert standing(["a", "b", "a"], ["like", "like", "undo"]) == [1]
    assert standing(["a", "a", "a"], ["like", "undo", "like"]) == [2]
