from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from serendip.data import event_frame
from serendip.data.accounts import heavy_users, identical_histories, rapid_users

users, items, moments = st.sampled_from("abcd"), st.sampled_from("xyz"), st.one_of(st.none(), st.integers(0, 20))
logs = st.lists(st.tuples(users, items, moments), max_size=25)


def frame(log: list[tuple[str, str, int | None]]) -> pl.DataFrame:
    schema = {"user_id": pl.String, "item_id": pl.String, "time_ms": pl.Int64}
    return event_frame(pl.DataFrame(log, schema=schema, orient="row"))


@given(logs, st.integers(1, 4), st.integers(1, 8))
def test_rapid_users_are_those_that_a_loop_finds(
    log: list[tuple[str, str, int | None]], n: int, window_ms: int
) -> None:
    expected = set()
    for user in "abcd":
        times = sorted(moment for who, _, moment in log if who == user and moment is not None)
        if any(last - first < window_ms for first, last in zip(times, times[n - 1 :], strict=False)):
            expected.add(user)
    assert rapid_users(frame(log), n, window_ms / 1000) == sorted(expected)


@given(logs, st.integers(2, 3), st.integers(1, 3))
def test_identical_histories_are_those_that_a_dictionary_finds(
    log: list[tuple[str, str, int | None]], accounts: int, different: int
) -> None:
    histories: dict[tuple[str, ...], list[str]] = {}
    for user in "abcd":
        own = sorted(
            (event for event in log if event[0] == user), key=lambda event: -1 if event[2] is None else event[2]
        )
        if len({item for _, item, _ in own}) >= different:
            histories.setdefault(tuple(item for _, item, _ in own), []).append(user)
    expected = sorted(group for group in histories.values() if len(group) >= accounts)
    assert identical_histories(frame(log), accounts, different) == expected


def test_types_and_values_make_histories_differ() -> None:
    log = frame([(user, item, 1) for user in "ab" for item in "xy"])
    assert identical_histories(log, 2, 2) == [["a", "b"]]
    rated = log.with_columns(value=pl.Series([1.0, 5.0, 5.0, 1.0]))
    assert identical_histories(rated, 2, 2) == []
    typed = log.with_columns(type=pl.Series(["view", "like", "like", "view"]))
    assert identical_histories(typed, 2, 2) == []


def test_heavy_users_have_many_times_the_events_of_nearly_everybody() -> None:
    log = frame([(f"u{user}", "x", None) for user in range(200) for _ in range(3)] + [("bot", "x", None)] * 100)
    assert heavy_users(log, 50, 20.0) == ["bot"]
    assert heavy_users(log, 101, 20.0) == []
    assert heavy_users(log, 50, 40.0) == []
    assert heavy_users(frame([]), 1, 1.0) == []
