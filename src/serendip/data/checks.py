"""Checks: what is wrong or odd in the data, one finding each, before anything is trained on it.

FAIL means that training cannot give anything sensible, WARN that somebody should look, PASS that all is well.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import polars as pl

from serendip.data.accounts import heavy_users, identical_histories, rapid_users
from serendip.data.cleaning import CleaningRules
from serendip.data.query import MAX_ID_BYTES, NO_ITEM
from serendip.data.signals import RATING, Signals
from serendip.data.tables import Tables
from serendip.data.times import EARLIEST_MS, LATEST_MS

Level: TypeAlias = Literal["PASS", "WARN", "FAIL"]
_Said: TypeAlias = dict[str, tuple[Level, int]]  # what is wrong -> how bad it is, how often it occurs

EXAMPLES = 5
OLDEST_MS = 631_152_000_000  # 1990-01-01: seconds that were taken for milliseconds end up in 1970
DAY_MS = 86_400_000
VALUES = (0.0, 10.0)
BURST = (100, 60.0)  # events, seconds
IDENTICAL = (3, 5)  # accounts, different items
VOLUME = (1_000, 20.0)  # events, times the 99th percentile
FEW_USERS, FEW_EVENTS = 25, 1_000

_BYTE = r"[\x{80}-\x{bf}€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]"  # the bytes 80 to BF read as Latin-1 or Windows-1252
_MISREAD = rf"[ÂÃ]{_BYTE}|â[€‚]{_BYTE}|ï»¿|(?:[ÐÑ]{_BYTE}){{2}}|(?:[ä-é]{_BYTE}{{2}}){{2}}"  # Ã©, â€™, Ð¿Ñ€, ä¸­æ–‡
DAMAGED = r"\x{fffd}|[\x{00}-\x{08}\x{0b}\x{0c}\x{0e}-\x{1f}\x{7f}-\x{9f}]|" + _MISREAD


@dataclass(frozen=True)
class Finding:
    """One row of `serendip check`: `count` things, of which `examples` are ids (or texts)."""

    level: Level
    name: str
    detail: str
    count: int = 0
    examples: tuple[str, ...] = ()


def check(tables: Tables, signals: Signals | None = None, now_ms: int | None = None) -> list[Finding]:
    """One finding for each check, always all of them in the same order; `now_ms` is the present by default."""
    signals = signals or Signals()
    events = tables.events.filter((pl.col("item_id") != NO_ITEM).fill_null(True) | pl.col("text").is_null())
    about_items = replace(tables, events=events)
    return [
        _ids(tables),
        _times(events, time.time_ns() // 1_000_000 if now_ms is None else now_ms),
        _values(events, signals),
        _types(tables.events, signals),
        _duplicates(events),
        _repeats(events),
        _unknown_items(about_items),
        _accounts(events),
        _encoding(tables),
        _enough(events, signals),
    ]


def _finding(name: str, said: _Said, fine: str, examples: Iterable[str] = ()) -> Finding:
    """What is wrong, at the worst of its levels, or that all is fine."""
    wrong = {text: (level, count) for text, (level, count) in said.items() if count}
    if not wrong:
        return Finding("PASS", name, fine)
    level: Level = "FAIL" if any(level == "FAIL" for level, _ in wrong.values()) else "WARN"
    detail = "; ".join(f"{text}: {count:,}" for text, (_, count) in wrong.items())
    return Finding(level, name, detail, sum(count for _, count in wrong.values()), tuple(examples)[:EXAMPLES])


def _first(frame: pl.DataFrame, column: str) -> list[str]:
    """A few different ids of a column."""
    return frame[column].drop_nulls().unique(maintain_order=True).head(EXAMPLES).to_list()


def _ids(tables: Tables) -> Finding:
    columns = (
        (tables.events, "user_id"),
        (tables.events.filter(pl.col("text").is_null()), "item_id"),
        (tables.items, "item_id"),
        (tables.users, "user_id"),
        *((tables.relations, name) for name in ("head", "tail")),
    )
    missing, long = 0, []
    for frame, name in columns:
        ids = frame[name]
        missing += int((ids.fill_null("").str.strip_chars() == "").sum())
        long += ids.filter((ids.str.len_bytes() > MAX_ID_BYTES).fill_null(False)).to_list()
    said: _Said = {
        "missing or empty ids": ("FAIL", missing),
        f"ids longer than {MAX_ID_BYTES} bytes": ("FAIL", len(long)),
    }
    return _finding("ids", said, "every row has its ids", (id_[:40] for id_ in long))


def _times(events: pl.DataFrame, now_ms: int) -> Finding:
    moment = pl.col("time_ms")
    impossible = events.filter((moment < EARLIEST_MS) | (moment >= LATEST_MS))
    old = events.filter((moment >= EARLIEST_MS) & (moment < OLDEST_MS))
    future = events.filter((moment > now_ms + DAY_MS) & (moment < LATEST_MS))
    untimed = events["time_ms"].null_count()
    mixed = untimed if 0 < untimed < events.height else 0
    said: _Said = {
        "times outside 1970 to 2100": ("FAIL", impossible.height),
        "times before 1990, as of seconds taken for milliseconds": ("WARN", old.height),
        "times in the future": ("WARN", future.height),
        "events without a time among others with one, which count as the oldest": ("WARN", mixed),
    }
    untold = "there are no times, so the order counts" if untimed and not mixed else "every time is possible"
    return _finding("times", said, untold, _first(pl.concat([impossible, old, future]), "user_id"))


def _values(events: pl.DataFrame, signals: Signals) -> Finding:
    value, rated = pl.col("value"), pl.col("type") == RATING
    infinite = events.filter(value.is_nan() | value.is_infinite())
    outside = events.filter(rated & value.is_finite() & ~value.is_between(*VALUES))
    best = events.filter(rated & value.is_finite())["value"].max()
    low = events.filter(rated).height if isinstance(best, float) and best < signals.liked_from else 0
    said: _Said = {
        "values that are not finite numbers": ("FAIL", infinite.height),
        f"ratings outside {VALUES[0]:g} to {VALUES[1]:g}": ("WARN", outside.height),
        f"ratings, of which not one reaches liked_from = {signals.liked_from:g}": ("WARN", low),
    }
    return _finding("values", said, "every value is in range", _first(pl.concat([infinite, outside]), "user_id"))


def _types(events: pl.DataFrame, signals: Signals) -> Finding:
    unknown = events.filter(~pl.col("type").is_in(list(signals.weights)).fill_null(False))
    said: _Said = {"events of a type that has no weight in settings.toml and so says nothing": ("WARN", unknown.height)}
    return _finding("event types", said, "every type has a weight", _first(unknown, "type"))


def _duplicates(events: pl.DataFrame) -> Finding:
    identified = events["event_id"].drop_nulls()
    repeated = len(identified) - identified.n_unique()
    surplus = events.filter(~pl.struct(pl.exclude("event_id")).is_first_distinct())
    said: _Said = {
        "events equal to an earlier one": ("WARN", surplus.height),
        "events with the event_id of an earlier one": ("WARN", repeated),
    }
    return _finding("duplicate events", said, "each event is there once", _first(surplus, "user_id"))


def _repeats(events: pl.DataFrame) -> Finding:
    """Ratings are given once; of other events, more than cleaning keeps."""
    pairs = events.group_by("user_id", "item_id", "type").len().filter(pl.col("len") > 1)
    cap = CleaningRules().max_repeats
    odd = pairs.filter((pl.col("len") > cap) | (pl.col("type") == RATING)).sort("len", "user_id", descending=True)
    said: _Said = {
        f"pairs of person and item rated again or with more than {cap} events of a type": ("WARN", odd.height)
    }
    return _finding(
        "repeated pairs", said, f"{pairs.height:,} pairs repeat, each at most {cap} times", _first(odd, "user_id")
    )


def _unknown_items(tables: Tables) -> Finding:
    if tables.items.is_empty():
        return Finding("PASS", "unknown items", "there is no table of items to compare with")
    unknown = tables.events.join(tables.items, on="item_id", how="anti", maintain_order="left")
    unknown = unknown.unique("item_id", maintain_order=True)
    said: _Said = {"items of events that are not in the table of items": ("WARN", unknown.height)}
    return _finding("unknown items", said, "every item is in the table of items", _first(unknown, "item_id"))


def _accounts(events: pl.DataFrame) -> Finding:
    rules = CleaningRules()
    bursts = rapid_users(events, *BURST)
    sustained = rapid_users(events, rules.bot_events, rules.bot_window_s)
    rapid = sorted({*bursts, *sustained})
    same = [user for group in identical_histories(events, *IDENTICAL) for user in group]
    heavy = heavy_users(events, *VOLUME)
    said: _Said = {
        f"accounts with {BURST[0]} events in {BURST[1]:g} s or {rules.bot_events} in {rules.bot_window_s:g} s": (
            "WARN",
            len(rapid),
        ),
        "accounts that share their whole history with others": ("WARN", len(same)),
        f"accounts with {VOLUME[1]:g} times the events of nearly everybody": ("WARN", len(heavy)),
    }
    return _finding("suspicious accounts", said, "nobody acts like a script", dict.fromkeys([*rapid, *same, *heavy]))


def _encoding(tables: Tables) -> Finding:
    ids = {
        *_damaged(tables.items, "item_id"),
        *_damaged(tables.users, "user_id"),
        *_damaged(tables.relations, "head"),
        *_damaged(tables.events.select(pl.col("user_id").unique()), "user_id"),
        *_damaged(tables.events.select(pl.col("item_id").unique()), "item_id"),
    }
    said: _Said = {"people or things with damaged text (wrong encoding or control characters)": ("WARN", len(ids))}
    return _finding("encoding", said, "no damaged text", sorted(ids))


def _damaged(frame: pl.DataFrame, id_column: str) -> list[str]:
    """The ids of rows in which some text is damaged."""
    found: list[pl.Expr] = []
    for name, kind in frame.schema.items():
        if kind == pl.String:
            found.append(pl.col(name).str.contains(DAMAGED))
        elif kind == pl.List(pl.String):
            found.append(pl.col(name).list.join(" ", ignore_nulls=True).str.contains(DAMAGED))
    return frame.filter(pl.any_horizontal(found))[id_column].drop_nulls().to_list()


def _enough(events: pl.DataFrame, signals: Signals) -> Finding:
    """What counts is what somebody wants: events with a positive signal."""
    liked = events.filter(signals.expression() > 0)
    per_user = liked.group_by("user_id").agg(pl.col("item_id").n_unique().alias("items"))
    able = per_user.filter(pl.col("items") >= 2).height
    size = f"{liked.height:,} events of {per_user.height:,} people say what they want"
    if able < 2:
        return Finding("FAIL", "enough data", f"{size}; training needs two people with two items each", able)
    if per_user.height < FEW_USERS or liked.height < FEW_EVENTS:
        fewest = f"{FEW_USERS} people and {FEW_EVENTS:,} events"
        return Finding(
            "WARN", "enough data", f"{size}; below {fewest} lists are little better than chance", liked.height
        )
    return Finding("PASS", "enough data", size, liked.height)
