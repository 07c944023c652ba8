from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from serendip.data import Dataset, Tables, event_frame
from serendip.data.cleaning import CleaningReport, CleaningRules, canonical, clean
from serendip.data.readers import read
from serendip.data.tables import EVENT_SCHEMA

SCHEMA = {name: kind for name, kind in EVENT_SCHEMA.items() if name != "text"}
NAMES = list(SCHEMA)


def tables(rows: list[tuple[object, ...]], **others: pl.DataFrame) -> Tables:
    return Tables(event_frame(pl.DataFrame(rows, schema=SCHEMA, orient="row")), **others)


def log(count: int, *, user: str = "ann", item: str = "tea", type: str = "view", step_ms: int = 60_000) -> list:
    return [(user, item, type, None, place * step_ms, None) for place in range(count)]


def step(report: CleaningReport, name: str) -> int:
    return next(step.removed for step in report.steps if step.name == name)


def test_ids_are_spelled_in_one_way_on_import() -> None:
    items = pl.DataFrame({"item_id": ["the\u0301", "thé ", " "], "title": [" Old", "The\u0301 vert ", "x"]})
    users = pl.DataFrame({"user_id": ["ann", " ann"], "age": [1, 2]})
    relations = pl.DataFrame({"head": ["thé", "the\u0301"], "relation": ["by", "by "], "tail": ["acme"] * 2})
    rows = [("ann ", "the\u0301", "like", None, 1, None), ("\u3000ann", "thé", "like", None, 2, None)]
    raw = tables(rows, items=items, users=users, relations=relations)
    spelled, change = canonical(raw)
    assert "ann " in change.examples
    assert canonical(spelled)[1].examples == ()
    cleaned, report = clean(spelled)
    assert cleaned.events.select("user_id", "item_id").rows() == [("ann", "thé")] * 2
    assert cleaned.items.rows() == [("thé", "Thé vert")]
    assert cleaned.users.rows() == [("ann", 2)]
    assert cleaned.relations.rows() == [("thé", "by", "acme")]
    assert report.removed == 2 + 1 + 1


def test_cleaning_leaves_ids_as_their_owners_write_them() -> None:
    """A model that spelled ids otherwise than the store would not find them."""
    odd = tables([("ann ", "the\u0301", "like", None, 1, None)])
    assert clean(odd)[0].events.equals(odd.events)


def test_events_without_ids_are_dropped() -> None:
    rows = [("", "tea", "like", None, 1, None), (None, "tea", "like", None, 3, None)]
    cleaned, report = clean(tables([*rows, ("ann", "tea", "like", None, 4, None)]))
    assert cleaned.events["time_ms"].to_list() == [4]
    assert step(report, "ids") == 2


def test_an_event_counts_once() -> None:
    rows = [
        ("ann", "tea", "rating", 4.0, 1, "e1"),
        ("ann", "tea", "rating", 4.0, 1, "e2"),  # the same content, and another event_id
        ("ann", "jam", "view", None, 2, "e1"),  # the same event_id, and another content
        ("ann", "tea", "rating", 5.0, 1, None),
        ("ann", "tea", "rating", 4.0, 2, None),
        ("ann", "tea", "rating", 4.0, 2, None),
    ]
    cleaned, report = clean(tables(rows))
    assert cleaned.events.select(NAMES).rows() == [rows[0], rows[3], rows[4]]
    assert step(report, "exact duplicates") == 3


def test_without_times_equal_events_are_repeats() -> None:
    cleaned, report = clean(tables([("ann", "song", "listen", None, None, None)] * 3))
    assert cleaned.events.height == 3
    assert report.removed == 0


def test_of_many_repeats_the_latest_stay() -> None:
    rows = [*log(8)[::-1], *log(5, item="jam"), *log(6, type="like")]
    cleaned, report = clean(tables(rows))
    kept = cleaned.events
    assert kept.filter(item_id="tea", type="view")["time_ms"].to_list() == [row[4] for row in log(8)[::-1][:5]]
    assert kept.filter(item_id="jam").height == kept.filter(type="like").height == 5
    assert step(report, "repeats") == 3 + 1
    assert clean(tables(rows), CleaningRules(max_repeats=0))[0].events.height == len(rows)


def test_scripts_are_removed_and_are_not_with_the_rule_off() -> None:
    script = [("bot", f"i{place}", "click", None, place * 1_000, None) for place in range(500)]
    reader = [("ann", f"i{place}", "click", None, place * 1_300, None) for place in range(500)]
    cleaned, report = clean(tables(script + reader))
    assert cleaned.events["user_id"].unique().to_list() == ["ann"]
    assert report.steps[-1].examples == ("bot",)
    assert step(report, "scripts") == report.removed == 500
    assert clean(tables(script + reader), CleaningRules(bot_events=0))[0].events.height == 1_000


def ring(accounts: int, items: int, timed: bool = True) -> list[tuple[object, ...]]:
    places = [(account, item) for account in range(accounts) for item in range(items)]
    moments = [(account * 86_400_000 + item * 60_000) if timed else None for account, item in places]
    return [
        (f"shill{account}", f"i{item}", "like", None, moment, None)
        for (account, item), moment in zip(places, moments, strict=True)
    ]


def test_accounts_with_one_history_are_removed_and_are_not_with_the_rule_off() -> None:
    rows = [*ring(5, 10), *log(3)]
    cleaned, report = clean(tables(rows))
    assert cleaned.events["user_id"].unique().to_list() == ["ann"]
    assert step(report, "scripts") == 50
    assert clean(tables(rows), CleaningRules(identical_accounts=0))[0].events.height == len(rows)


@pytest.mark.parametrize("rows", [ring(4, 10), ring(5, 9), ring(5, 10, timed=False)], ids=["few", "short", "untimed"])
def test_small_coincidences_are_kept(rows: list[tuple[object, ...]]) -> None:
    assert clean(tables(rows))[1].removed == 0


def test_what_is_removed_is_said() -> None:
    _, report = clean(tables([*log(8), *ring(5, 10)]))
    lines = str(report).splitlines()
    assert [line.split(":")[0] for line in lines] == ["ids", "exact duplicates", "repeats", "scripts"]
    assert "by one person on one item: 3 (such as ann)" in lines[2]
    assert "accounts that act like scripts: 5; events of theirs removed: 50 (such as shill0, shill1" in lines[3]
    assert report.removed == 53


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(ValidationError, match="max_repeat"):
        CleaningRules(max_repeat=3)


# Few ids that differ by their spelling, few moments and few types: every rule has something to do.
ids = st.sampled_from(["a", "b", " a", "é", "e\u0301", "", " ", "\u0301", " \u0301", "\u2000b"])
events = st.lists(
    st.tuples(
        ids,
        ids,
        st.sampled_from(["view", "rating", "view "]),
        st.sampled_from([None, 4.0, float("nan")]),
        st.one_of(st.none(), st.integers(0, 3)),
        st.sampled_from([None, None, "e1", "e2"]),
    ),
    max_size=30,
)
strict = CleaningRules(max_repeats=2, bot_events=4, bot_window_s=0.002, identical_accounts=2, identical_items=1)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(events, st.lists(st.tuples(ids, st.text(max_size=3))), st.lists(st.tuples(ids, ids, ids)))
def test_cleaning_what_is_clean_changes_nothing(
    rows: list[tuple[object, ...]], titles: list[tuple[str, str]], facts: list[tuple[str, str, str]]
) -> None:
    items = pl.DataFrame(titles, schema={"item_id": pl.String, "title": pl.String}, orient="row")
    relations = pl.DataFrame(facts, schema={"head": pl.String, "relation": pl.String, "tail": pl.String}, orient="row")
    once, first = clean(tables(rows, items=items, relations=relations), strict)
    twice, second = clean(once, strict)
    for name in ("events", "items", "users", "relations"):
        assert getattr(twice, name).equals(getattr(once, name))
    assert second.removed == 0
    assert not any(step.examples for step in second.steps)
    assert first.removed == len(rows) + len(titles) + len(facts) - sum(
        frame.height for frame in (once.events, once.items, once.relations)
    )


def community(seed: int = 0, users: int = 200, items: int = 100) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    count = users * 20
    return event_frame(
        pl.DataFrame({
            "user_id": pl.Series(random.integers(0, users, count)).cast(pl.String),
            "item_id": pl.Series(np.minimum(random.geometric(0.05, count), items) - 1).cast(pl.String),
            "type": pl.Series(random.choice(["view", "click", "like"], count)),
            "time_ms": random.integers(0, 90 * 86_400_000, count),
        })
    )  # fmt: skip


def test_a_hundred_repeats_by_one_user_in_twenty_do_not_matter() -> None:
    """Goal of cleaning: 5 % of the users repeat three of their items a hundred times."""
    honest = community()
    repeaters = honest["user_id"].unique().sort().head(10).to_list()
    mine = honest.filter(pl.col("user_id").is_in(repeaters)).group_by("user_id").head(3)
    repeats = pl.concat([mine.with_columns(pl.col("time_ms") + place * 1_000) for place in range(1, 101)])
    known = Tables(
        honest, honest.select("item_id").unique().sort("item_id"), honest.select("user_id").unique().sort("user_id")
    )
    attacked = replace(known, events=pl.concat([honest, repeats]))

    cleaned, report = clean(attacked)
    assert report.removed > 0.9 * repeats.height
    before, after = Dataset.from_tables(clean(known)[0]), Dataset.from_tables(cleaned)
    assert (after.matrix() != before.matrix()).nnz == 0

    def counts(events: pl.DataFrame) -> dict[tuple[str, str], int]:
        return {(user, item): count for user, item, count in events.group_by("user_id", "item_id").len().rows()}

    assert max(counts(attacked.events).values()) > 10 * max(counts(honest).values())  # what counting would learn from


def test_cleaning_is_quick() -> None:
    """200,000 events in processor seconds, with room for a slow machine; a million take less than one."""
    random = np.random.default_rng(0)
    count = 200_000
    frame = pl.DataFrame({
        "user_id": pl.Series(random.integers(0, 10_000, count)).cast(pl.String),
        "item_id": pl.Series(random.integers(0, 10_000, count)).cast(pl.String),
        "time_ms": random.integers(0, 10**12, count),
    })  # fmt: skip
    noisy = Tables(event_frame(frame))
    begun = time.process_time()
    clean(noisy)
    assert time.process_time() - begun < 1.5


@pytest.mark.data
@pytest.mark.parametrize("name", ["ml-100k", "ml-latest-small"])
def test_real_people_are_kept(data_root: Path, name: str) -> None:
    raw = read("movielens", data_root / name).tables
    cleaned, report = clean(raw)
    assert report.removed == 0
    assert cleaned.events.equals(raw.events)
