from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from serendip.data import Signals, Tables
from serendip.data.checks import Finding, check
from serendip.data.readers import read
from serendip.data.tables import EVENT_SCHEMA, event_frame

NOW_MS = 1_700_000_000_000
NAMES = [
    "ids", "times", "values", "event types", "duplicate events", "repeated pairs", "unknown items",
    "suspicious accounts", "encoding", "enough data",
]  # fmt: skip
Row = tuple[str | None, str | None, str, float | None, int | None, str | None]

SCHEMA = {name: kind for name, kind in EVENT_SCHEMA.items() if name != "text"}


def sound() -> list[Row]:
    """Thirty people with forty events each, hours apart, each person with an order of their own."""
    return [
        (
            f"u{user}",
            f"i{(user * 7 + place * (user % 5 + 1)) % 211}",
            "like",
            None,
            NOW_MS - place * 3_600_000 - user,
            None,
        )
        for user in range(30)
        for place in range(40)
    ]


def found(rows: list[Row], name: str, signals: Signals | None = None, **others: pl.DataFrame) -> Finding:
    tables = Tables(event_frame(pl.DataFrame(rows, schema=SCHEMA, orient="row")), **others)
    findings = check(tables, signals, now_ms=NOW_MS)
    assert [finding.name for finding in findings] == NAMES
    return findings[NAMES.index(name)]


def test_sound_data_pass_every_check() -> None:
    tables = Tables(event_frame(pl.DataFrame(sound(), schema=SCHEMA, orient="row")))
    assert [finding.level for finding in check(tables, now_ms=NOW_MS)] == ["PASS"] * len(NAMES)


def like(user: str | None, item: str | None, time_ms: int | None = NOW_MS, event_id: str | None = None) -> Row:
    return (user, item, "like", None, time_ms, event_id)


def rated(value: float, user: str = "ann") -> Row:
    return (user, "tea", "rating", value, NOW_MS, None)


@pytest.mark.parametrize(
    ("name", "level", "count", "said", "rows"),
    [
        ("ids", "FAIL", 3, "missing or empty", [like("", "tea"), like("ann", None), like(" ", "jam")]),
        ("ids", "FAIL", 1, "longer than 256 bytes", [like("é" * 129, "tea")]),
        ("times", "FAIL", 1, "outside 1970 to 2100", [like("ann", "tea", -5)]),
        ("times", "WARN", 1, "before 1990", [like("ann", "tea", NOW_MS // 1000)]),
        ("times", "WARN", 1, "in the future", [like("ann", "tea", NOW_MS + 2 * 86_400_000)]),
        ("times", "WARN", 2, "without a time among others", [like("ann", "tea", None), like("ann", "jam", None)]),
        ("values", "FAIL", 2, "not finite", [rated(float("nan"), "ann"), rated(float("inf"), "bo")]),
        ("values", "WARN", 2, "outside 0 to 10", [rated(11.0), rated(-1.0, "bo"), rated(10.0, "cy")]),
        ("values", "WARN", 1, "not one reaches liked_from = 4", [rated(3.5)]),
        ("event types", "WARN", 1, "no weight", [("ann", "tea", "teleport", None, NOW_MS, None)]),
        ("duplicate events", "WARN", 2, "equal to an earlier one", [like("ann", "tea")] * 3),
        ("duplicate events", "WARN", 1, "event_id of an earlier", [like("a", "x", 1, "e"), like("b", "y", 2, "e")]),
        ("duplicate events", "WARN", 1, "equal", [like("ann", "tea", NOW_MS, "e1"), like("ann", "tea", NOW_MS, "e2")]),
        ("repeated pairs", "WARN", 1, "more than 5", [like("ann", "tea", NOW_MS - place) for place in range(6)]),
        ("repeated pairs", "WARN", 1, "rated again", [rated(4.0), rated(5.0)]),
        ("suspicious accounts", "WARN", 1, "100 events", [like("bot", f"i{p}", NOW_MS - p * 600) for p in range(100)]),
        ("suspicious accounts", "WARN", 1, "500 in 600", [like("b", f"i{p}", NOW_MS - p * 1200) for p in range(500)]),
        ("suspicious accounts", "WARN", 3, "whole history", [like(u, i, None) for u in "abc" for i in "vwxyz"]),
        ("suspicious accounts", "WARN", 1, "20 times", [like("hub", f"{p}", NOW_MS - p * 10**6) for p in range(1_000)]),
    ],
)  # fmt: skip
def test_each_defect_is_found(name: str, level: str, count: int, said: str, rows: list[Row]) -> None:
    finding = found(sound() + rows, name)
    assert (finding.level, finding.count) == (level, count)
    assert said in finding.detail


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("times", [like("ann", "tea", NOW_MS + 80_000_000), like("ann", "jam", 631_152_000_000)]),
        ("values", [rated(0.0), rated(10.0, "bo"), ("ann", "tea", "listen", 3_600.0, NOW_MS, None)]),
        ("repeated pairs", [like("ann", "tea", NOW_MS - place) for place in range(5)]),
        ("duplicate events", [like("ann", "tea", 1), like("ann", "tea", 2), rated(4.0), rated(5.0)]),
        ("suspicious accounts", [like("ann", f"i{place}", NOW_MS - place * 610) for place in range(100)]),
        ("suspicious accounts", [like(u, i, None) for u in "ab" for i in "vwxyz"]),
        ("suspicious accounts", [like(u, i, None) for u in "abc" for i in "wxyz"]),
    ],
)
def test_what_is_still_fine_passes(name: str, rows: list[Row]) -> None:
    assert found(sound() + rows, name).level == "PASS"


def test_examples_are_ids() -> None:
    assert found([*sound(), like("ann", "tea", 5)], "times").examples == ("ann",)
    assert found([*sound(), ("ann", "tea", "teleport", None, 1, None)], "event types").examples == ("teleport",)
    bots = [like(f"bot{user}", f"i{place}", NOW_MS) for user in range(7) for place in range(100)]
    assert found(sound() + bots, "suspicious accounts").examples == ("bot0", "bot1", "bot2", "bot3", "bot4")


def test_items_that_are_not_in_the_catalogue() -> None:
    catalogue = pl.DataFrame({"item_id": [f"i{item}" for item in range(211)]})
    assert found(sound(), "unknown items", items=catalogue).level == "PASS"
    finding = found([*sound(), like("ann", "tea"), like("bo", "tea")], "unknown items", items=catalogue)
    assert (finding.level, finding.count, finding.examples) == ("WARN", 1, ("tea",))
    assert "no table of items" in found(sound(), "unknown items").detail


def test_missing_ids_are_looked_for_in_every_table() -> None:
    users = pl.DataFrame({"user_id": ["ann", None]})
    relations = pl.DataFrame({"head": ["a", ""], "relation": ["r", "r"], "tail": ["b", None]})
    assert found(sound(), "ids", users=users, relations=relations).count == 3


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
@pytest.mark.parametrize(
    "text", ["café", "naïve Über", "“quoted”", "it’s", "5 €", "привет мир", "中文商品", "日本語の本", "Łódź ÄÖÜ"]
)
def test_text_that_was_read_in_the_wrong_encoding_is_found(text: str, encoding: str) -> None:
    damaged = text.encode().decode(encoding, errors="replace")
    items = pl.DataFrame({"item_id": ["i1", "i2"], "title": [text, damaged]})
    finding = found(sound(), "encoding", items=items)
    assert (finding.level, finding.count, finding.examples) == ("WARN", 1, ("i2",))


@pytest.mark.parametrize("damaged", ["caf\ufffd", "tea\x00", "tea\x1b[31m", "tea\x9d"])
@pytest.mark.parametrize("where", ["item text", "item list", "user text", "user id"])
def test_damage_is_found_wherever_there_is_text(damaged: str, where: str) -> None:
    rows, others = sound(), {}
    if where == "item text":
        others["items"] = pl.DataFrame({"item_id": ["i1"], "description": [damaged]})
    elif where == "item list":
        others["items"] = pl.DataFrame({"item_id": ["i1"], "tags": [["fine", damaged]]})
    elif where == "user text":
        others["users"] = pl.DataFrame({"user_id": ["u1"], "city": [damaged]})
    else:
        rows.append(like(damaged, "i1"))
    assert found(rows, "encoding", **others).count == 1


@pytest.mark.parametrize(
    "text",
    [
        "Âge d'or",
        "SÃO PAULO",
        "Ñandú",
        "Cliché…”",
        "«é»",
        "À bientôt – été",
        "línea\nnueva\ttab",
        "Ðuro",
        "naïve",
        "日本",
    ],
)
def test_text_in_any_language_is_sound(text: str) -> None:
    items = pl.DataFrame({"item_id": ["i1"], "title": [text]})
    assert found(sound(), "encoding", items=items).level == "PASS"


def test_too_little_to_learn_from() -> None:
    nothing = found([], "enough data")
    assert (nothing.level, nothing.count) == ("FAIL", 0)
    one = [like("ann", "tea"), like("ann", "jam"), like("bo", "tea")]
    assert found(one, "enough data").level == "FAIL"
    assert found([*one, like("bo", "jam")], "enough data").level == "WARN"
    assert found(sound()[: 24 * 40], "enough data").level == "WARN"
    assert found(sound(), "enough data").level == "PASS"


def test_enough_data_means_enough_that_somebody_wants() -> None:
    hidden = [(user, item, "hide", value, moment, id_) for user, item, _, value, moment, id_ in sound()]
    assert found(hidden, "enough data").level == "FAIL"
    assert found(hidden, "enough data", Signals(weights={"hide": 1.0})).level == "PASS"


@pytest.mark.data
def test_the_real_set_passes(data_root: Path) -> None:
    findings = check(read("movielens", data_root / "ml-100k").tables)
    assert {finding.name: finding.level for finding in findings if finding.level != "PASS"} == {}
