"""Accounts: which of them act like scripts. Used by checks, which point at them, and by cleaning."""

from __future__ import annotations

import polars as pl

_BETWEEN_EVENTS = "\x1e"
_WITHIN_EVENT = "\x1f"


def rapid_users(events: pl.DataFrame, n: int, window_s: float) -> list[str]:
    """The users with `n` events (of those with a time) within less than `window_s` seconds, in order of id."""
    timed = events.lazy().select("user_id", "time_ms").drop_nulls().filter(pl.len().over("user_id") >= n)
    later = pl.col("time_ms").shift(-(n - 1)).over("user_id")
    span_ms = later - pl.col("time_ms")
    rapid = timed.sort("user_id", "time_ms").filter(span_ms < window_s * 1000)
    return rapid.select(pl.col("user_id").unique().sort()).collect().to_series().to_list()


def identical_histories(events: pl.DataFrame, accounts: int, items: int) -> list[list[str]]:
    """Groups of at least `accounts` users who did the same things in the same order.

    Only users with at least `items` different items are looked at. Equal are the item, the type and the value of
    each event, in order of time. The groups and the users in them are in order of id.
    """
    value = pl.col("value").cast(pl.String)
    event = pl.concat_str("item_id", "type", value, separator=_WITHIN_EVENT, ignore_nulls=True)
    histories = (
        _with_the_same_events(events, accounts, items)
        .sort("time_ms", nulls_last=False, maintain_order=True)
        .group_by("user_id")
        .agg(event.str.join(_BETWEEN_EVENTS).alias("history"))
    )
    groups = histories.group_by("history").agg(pl.col("user_id").sort())
    return sorted(group for group in groups["user_id"].to_list() if len(group) >= accounts)


def _with_the_same_events(events: pl.DataFrame, accounts: int, items: int) -> pl.DataFrame:
    """The events of users who share their number of events and a hash of them, whatever the order, with others.

    It spares writing down the history of everybody; who stays is compared exactly.
    """
    marked = events.lazy().filter(pl.col("user_id").is_not_null())
    mark = pl.struct("item_id", "type", "value").hash() % (1 << 32)  # the sum of many fits into 64 bits
    users = marked.group_by("user_id").agg(pl.len().alias("n"), mark.sum().alias("mark")).filter(pl.col("n") >= items)
    shared = users.filter(pl.len().over("n", "mark") >= accounts).select("user_id")
    alike = marked.join(shared, on="user_id", how="semi", maintain_order="left").collect()
    return alike.filter(pl.col("item_id").n_unique().over("user_id") >= items)


def heavy_users(events: pl.DataFrame, at_least: int, times_the_rest: float) -> list[str]:
    """The users with at least `at_least` events and `times_the_rest` as many as 99 % of all users, in order of id."""
    counts = events.group_by("user_id").len()
    usual = counts["len"].quantile(0.99, interpolation="lower") or 0
    heavy = counts.filter((pl.col("len") >= at_least) & (pl.col("len") > times_the_rest * usual))
    return heavy["user_id"].drop_nulls().sort().to_list()
