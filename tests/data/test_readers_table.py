"""CSV, Parquet and JSON lines: what is guessed, what can be said, and what is refused with its row."""

from __future__ import annotations

import gzip
import json
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serendip.data.readers import ReadResult, read
from serendip.data.readers.cells import as_times_ms
from serendip.data.readers.files import check_utf8
from serendip.data.tables import EVENT_SCHEMA
from serendip.data.times import epoch_ms
from serendip.errors import InputError

NOON_MS = 1_700_000_000_000


def csv(folder: Path, text: str | bytes, name: str = "events.csv", **options: object) -> ReadResult:
    file = folder / name
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return read("csv", file, **options)


def events(result: ReadResult, *columns: str) -> list[tuple[object, ...]]:
    return result.tables.events.select(columns or ("user_id", "item_id")).rows()


# What is guessed


@pytest.mark.parametrize(
    "header",
    [
        "userId,movieId,rating,timestamp",
        "user_id,item_id,score,time",
        "UID,product_id,Stars,date",
        "visitorid,itemid,value,ts",
        "reviewerID,asin,overall,unixReviewTime",
        "用户,商品,评分,时间",
    ],
)
def test_usual_names_of_columns_are_known(tmp_path: Path, header: str) -> None:
    result = csv(tmp_path, f"{header}\nann,tea,4.5,1700000000\n")
    assert events(result, "user_id", "item_id", "value", "time_ms") == [("ann", "tea", 4.5, NOON_MS)]
    assert result.tables.events.schema == EVENT_SCHEMA
    for column in header.split(","):
        assert repr(column) in result.notes[0]


def test_a_rating_column_makes_ratings_and_its_absence_views(tmp_path: Path) -> None:
    assert events(csv(tmp_path, "user,item,rating\nann,tea,4\n"), "type") == [("rating",)]
    assert events(csv(tmp_path, "user,item\nann,tea\n"), "type") == [("view",)]
    assert events(csv(tmp_path, "user,item,rating\nann,tea,4\n", event_type="buy"), "type") == [("buy",)]
    assert events(csv(tmp_path, "user,item,mark\nann,tea,4\n", value_column="mark"), "type", "value") == [
        ("rating", 4.0)
    ]


def test_a_row_without_its_rating_is_no_rating(tmp_path: Path) -> None:
    result = csv(tmp_path, "user,item,rating\nann,tea,5\nann,jam,\n")
    assert events(result, "type", "value") == [("rating", 5.0), ("view", None)]


def test_types_values_and_event_ids_are_read_and_the_rest_is_ignored_aloud(tmp_path: Path) -> None:
    text = (
        "event_id,user_id,item_id,event,value,position,surface\ne1,ann,tea,purchase,2,1,home\n,ann,jam,view,,2,home\n"
    )
    result = csv(tmp_path, text)
    rows = [("ann", "tea", "purchase", 2.0, None, "e1", None), ("ann", "jam", "view", None, None, None, None)]
    assert events(result, *EVENT_SCHEMA.names()) == rows
    assert "'position', 'surface' are ignored" in " ".join(result.notes)


def test_columns_can_be_named(tmp_path: Path) -> None:
    text = "a,b,c,d,e,f\ntea,ann,like,7,1700000000,e1\n"
    columns = dict(zip(("item", "user", "type", "value", "time", "event_id"), "abcdef", strict=True))
    result = csv(tmp_path, text, **{f"{part}_column": column for part, column in columns.items()})
    assert events(result, *EVENT_SCHEMA.names()) == [("ann", "tea", "like", 7.0, NOON_MS, "e1", None)]


def test_a_named_column_wins_over_a_guess(tmp_path: Path) -> None:
    result = csv(tmp_path, "user,user_id,item\nann,17,tea\n", user_column="user")
    assert events(result) == [("ann", "tea")]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_guessed(tmp_path: Path, delimiter: str) -> None:
    text = "user,item,rating\n'ann',tea,4\n".replace(",", delimiter).replace("'", '"')
    result = csv(tmp_path, text)
    assert events(result, "user_id", "value") == [("ann", 4.0)]
    assert any("separated by" in note for note in result.notes) == (delimiter != ",")


def test_ids_are_the_text_that_is_there(tmp_path: Path) -> None:
    ids = ["007", "7", "1e3", "7.0", "null", "\U0001f375 tea", "日本", "a,b", 'say "hi"', "two\nlines"]
    text = "user,item\n" + "".join('ann,"{}"\n'.format(id_.replace('"', '""')) for id_ in ids)
    assert [item for _, item in events(csv(tmp_path, text))] == ids


def test_a_byte_order_mark_windows_lines_and_gzip_are_fine(tmp_path: Path) -> None:
    plain = "\ufeffuser,item\r\nann,tea\r\n\r\nbo,jam\r\n".encode()
    expected = [("ann", "tea"), ("bo", "jam")]
    assert events(csv(tmp_path, plain)) == expected
    assert events(csv(tmp_path, gzip.compress(plain), name="log.csv.gz")) == expected


# Times


def test_each_time_tells_its_own_unit(tmp_path: Path) -> None:
    written = ["1700000000", "1700000000000", "1700000000.0", "2023-11-14T22:13:20Z", "2023-11-15 00:13:20+02:00", ""]
    result = csv(tmp_path, "user,item,time\n" + "".join(f"ann,tea,{moment}\n" for moment in written))
    assert [moment for (moment,) in events(result, "time_ms")] == [NOON_MS] * 5 + [None]


moments = st.datetimes(datetime(1969, 12, 30), datetime(2101, 1, 2))
spellings = st.one_of(
    st.integers(-5, 5 * 10**12).map(str),
    st.floats(allow_nan=True, allow_infinity=True).map(str),
    moments.map(lambda moment: moment.isoformat(timespec="milliseconds")),
    moments.map(lambda moment: moment.isoformat(" ", timespec="seconds") + "Z"),
    moments.map(lambda moment: moment.replace(tzinfo=UTC).isoformat(timespec="milliseconds")),
    moments.map(lambda moment: moment.date().isoformat()),
    st.from_regex(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}[+-]\d{2}:\d{2}", fullmatch=True),
    st.text(max_size=12),
)


@given(st.lists(spellings, min_size=1))
def test_a_column_of_times_is_read_as_one_by_one(written: list[str]) -> None:
    def alone(text: str) -> tuple[int | None, bool]:
        try:
            return epoch_ms(text.strip()), False
        except ValueError:
            return None, True

    times, bad = as_times_ms(pl.Series(written))
    assert list(zip(times, bad, strict=True)) == [alone(text) for text in written]


@pytest.mark.parametrize("kind", [pl.Datetime("us"), pl.Datetime("ns", "Asia/Tokyo"), pl.Date, pl.Int64, pl.Float64])
def test_typed_times_keep_their_moment(tmp_path: Path, kind: pl.DataType) -> None:
    moment = datetime(2023, 11, 14, tzinfo=UTC)
    whole_ms = int(moment.timestamp()) * 1000
    column = pl.Series([whole_ms]) if kind.is_numeric() else pl.Series([moment.replace(tzinfo=None)])
    if isinstance(kind, pl.Datetime) and kind.time_zone:
        column = column.dt.replace_time_zone("UTC").dt.convert_time_zone(kind.time_zone)
    pl.DataFrame({"user": ["a"], "item": ["b"], "time": column.cast(kind)}).write_parquet(tmp_path / "e.parquet")
    assert events(read("parquet", tmp_path / "e.parquet"), "time_ms") == [(whole_ms,)]


# What is refused


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("user,item\nann,tea\n,jam\n", "row 3: the user id is missing"),
        ("user,item\nann,tea\nbo, \n", "row 3: the item id is missing"),
        ("user,item,rating\nann,tea,good\n", "row 2: the value 'good' is not a number"),
        ("user,item,rating\nann,tea,nan\n", "row 2: the value 'nan' is not a number"),
        ("user,item,time\nann,tea,1\n\n\nbo,jam,soon\n", "row 5: 'soon' is not a time"),
        (
            "user,item,time\nann,tea,99999999999999999\n",
            "row 2: the time '99999999999999999' lies outside 1970 to 2100",
        ),
        ('user,item,time\nann,"t\ne\na",1\nbo,jam,soon\n', "row 5: 'soon' is not a time"),
        ("\n\nuser,item\nann,\n", "row 4: the item id is missing"),
        ("user,item,time\nann,tea,1\nbo,jam\n", "row 3: it has 2 fields, 3 fields are expected"),
        ("user,item\nann,tea\nbo,jam,1\n", "row 3: it has 3 fields, 2 fields are expected"),
        ('user,item\nann,tea\nbo,"ja"m\n', "row 3: a quoted field is wrong"),
        ("user;item\nann;tea\n\n;jam\n", "row 4: the user id is missing"),
        ("a,b\nann,tea\n", "no column for the user among 'a', 'b'"),
        ("user,b\nann,tea\n", "no column for the item among 'user', 'b'"),
        ("196\t242\t3\n", "no column for the user"),
        ("", "events.csv is empty"),
        ("\ufeff\n \n", "events.csv is empty"),
        ("user,item\nann,tea\nbo,caf\xe9\n".encode("latin-1"), "row 3: the byte 0xe9 is not UTF-8"),
    ],
)
def test_what_is_wrong_is_said_with_its_row(tmp_path: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(InputError) as refused:
        csv(tmp_path, text)
    assert said in str(refused.value)
    assert "events.csv" in str(refused.value)
    assert str(refused.value).count("\n") == 0


@pytest.mark.parametrize("before", ["", "x", "xy"])
def test_characters_across_the_border_of_two_pieces_are_whole(before: str) -> None:
    text = f"a\n{before}{'日' * 400_000}\n".encode()  # more than the 2**20 bytes that are looked at in one go
    check_utf8(text, "e.csv")
    with pytest.raises(InputError, match=r"e\.csv, row 3: the byte 0xe6 is not UTF-8"):
        check_utf8(text + "日".encode()[:2], "e.csv")


def test_a_named_column_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"events.csv has no column 'who' for the user; it has 'user', 'item'"):
        csv(tmp_path, "user,item\nann,tea\n", user_column="who")


def test_bad_rows_can_be_left_out_aloud(tmp_path: Path) -> None:
    text = "user,item,rating\nann,tea,4\n,tea,4\nann,jam,x\nbo,jam\nbo,tea,3,9\nbo,tea,5\n"
    with pytest.raises(InputError):
        csv(tmp_path, text)
    result = csv(tmp_path, text, skip_bad_rows=True)
    assert events(result, "user_id", "value") == [("ann", 4.0), ("bo", 5.0)]
    assert "bad rows left out: 4" in " ".join(result.notes)


def test_formats_options_and_paths_are_checked(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no format 'xml'; the formats are movielens, csv"):
        read("xml", tmp_path)
    with pytest.raises(InputError, match="csv has no option 'colour'; it has user_column"):
        read("csv", tmp_path, colour="red")
    with pytest.raises(InputError, match="'skip_bad_rows' of the format csv is wrong"):
        read("csv", tmp_path, skip_bad_rows="perhaps")
    with pytest.raises(InputError, match=r"nowhere\.csv does not exist"):
        read("csv", tmp_path / "nowhere.csv")
    with pytest.raises(InputError, match=r"no file such as events\.csv or items\.csv"):
        read("csv", tmp_path)


# Folders of tables


def test_a_folder_holds_up_to_four_tables(tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text("user,item\nann,007\n")
    (tmp_path / "items.csv.gz").write_bytes(
        gzip.compress(
            b"id,Name,price,genres,tags,hidden,year,zip,weight,note\n"
            b"007,Tea,3.50,Food|Drink,hot,no,1999,02139,12,\n008,Jam,4,Food,,yes,,94043,7.5,x\n"
        )
    )
    (tmp_path / "users.csv").write_text("user_id,age\nann,31\n")
    (tmp_path / "relations.csv").write_text("head,relation,tail\n007,made_by,acme\n")
    tables = read("csv", tmp_path).tables
    assert tables.items.rows(named=True) == [
        {"item_id": "007", "title": "Tea", "price": 3.5, "category": ["Food", "Drink"], "tags": ["hot"],
         "hidden": False, "year": 1999, "zip": "02139", "weight": 12.0, "note": None},
        {"item_id": "008", "title": "Jam", "price": 4.0, "category": ["Food"], "tags": None,
         "hidden": True, "year": None, "zip": "94043", "weight": 7.5, "note": "x"},
    ]  # fmt: skip
    assert tables.users.rows() == [("ann", 31)]
    assert tables.relations.rows() == [("007", "made_by", "acme")]


def test_other_tables_can_lie_elsewhere(tmp_path: Path) -> None:
    things, friends = tmp_path / "things.csv", tmp_path / "friends.csv"
    things.write_text("sku,name\ntea,Tea\ntea,Green tea\n")
    friends.write_text("user_id,friend_id\nann,bo\n")
    result = csv(tmp_path, "user,item\nann,tea\n", items=things, relations=str(friends))
    assert result.tables.items.rows() == [("tea", "Green tea")]
    assert result.tables.relations.rows() == [("ann", "friend", "bo")]
    assert "rows with the id of an earlier row, which they replace: 1" in " ".join(result.notes)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("items", "name,price\nTea,3\n", "items.csv has no column for the item id"),
        ("items", "item_id,price\ntea,3\njam,dear\n", "items.csv, row 3: the price 'dear' is not a number"),
        ("items", "item_id,hidden\ntea,perhaps\n", "row 2: hidden is 'perhaps' and must be true or false"),
        ("items", "item_id,title\n,Tea\n", "row 2: the item id is missing"),
        ("relations", "head,tail\na,b\n", "relations.csv has no column for the relation"),
        ("relations", "head,relation,tail\na,,b\n", "row 2: the relation is missing"),
    ],
)
def test_other_tables_are_checked_too(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / f"{name}.csv").write_text(text)
    with pytest.raises(InputError, match=said):
        read("csv", tmp_path)


def test_two_files_for_one_table_are_refused(tmp_path: Path) -> None:
    for name in ("events.csv", "events.tsv"):
        (tmp_path / name).write_text("user,item\nann,tea\n")
    with pytest.raises(InputError, match=r"both events\.csv and events\.tsv"):
        read("csv", tmp_path)


# JSON lines and Parquet


def jsonl(folder: Path, *lines: object, **options: object) -> ReadResult:
    file = folder / "events.jsonl"
    file.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines), encoding="utf-8")
    return read("jsonl", file, **options)


def test_json_lines_keep_their_types(tmp_path: Path) -> None:
    result = jsonl(
        tmp_path,
        {"user_id": 7, "item_id": "007", "type": "view", "timestamp": 1_700_000_000},
        "",
        {"item_id": "茶", "user_id": 12345678901234567, "value": 4.5, "timestamp": "2023-11-14T22:13:20Z"},
    )  # fmt: skip
    assert events(result, "user_id", "item_id", "value", "time_ms") == [
        ("7", "007", None, NOON_MS),
        ("12345678901234567", "茶", 4.5, NOON_MS),
    ]


def test_ids_of_several_kinds_become_text(tmp_path: Path) -> None:
    result = jsonl(tmp_path, {"user": 1, "item": "a"}, {"user": True, "item": 2}, {"user": "x", "item": "b"})
    assert events(result) == [("1", "a"), ("true", "2"), ("x", "b")]


@pytest.mark.parametrize("wrong", ["{", "[1]", "7", '{"user": "ann", "item": }', "{" * 5_000])
def test_a_line_that_is_no_object_is_named(tmp_path: Path, wrong: str) -> None:
    lines = ({"user": "ann", "item": "tea"}, "", wrong, {"user": "bo", "item": "jam"})
    with pytest.raises(InputError, match=r"events\.jsonl, row 3: the line is not a JSON object"):
        jsonl(tmp_path, *lines)
    result = jsonl(tmp_path, *lines, skip_bad_rows=True)
    assert events(result) == [("ann", "tea"), ("bo", "jam")]
    assert "bad rows left out: 1" in " ".join(result.notes)


def test_a_bad_cell_in_json_lines_names_its_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"events\.jsonl, row 3: the item id is missing"):
        jsonl(tmp_path, {"user": "ann", "item": "tea"}, "", {"user": "ann"})


def test_an_id_too_long_to_be_addressed_names_its_row(tmp_path: Path) -> None:
    lines = [{"user": "ann", "item": "tea"}, {"user": "é" * 129, "item": "jam"}, {"user": "é" * 128, "item": "jam"}]
    with pytest.raises(InputError, match=r"events\.jsonl, row 2: the user id is longer than 256 bytes"):
        jsonl(tmp_path, *lines)
    result = jsonl(tmp_path, *lines, skip_bad_rows=True)
    assert events(result) == [("ann", "tea"), ("é" * 128, "jam")]


def test_lists_are_no_ids(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="column 'item' holds lists"):
        jsonl(tmp_path, {"user": "ann", "item": ["tea"]})


def test_parquet_ids_of_any_type_are_text(tmp_path: Path) -> None:
    file = tmp_path / "e.parquet"
    frame = pl.DataFrame(
        {"user": [1.0, 2.0], "item": pl.Series(["a", "b"], dtype=pl.Categorical), "rating": [4.0, None]}
    )
    frame.write_parquet(file)
    assert events(read("parquet", file), "user_id", "item_id", "value") == [("1", "a", 4.0), ("2", "b", None)]


def test_parquet_rows_are_counted_from_one(tmp_path: Path) -> None:
    file = tmp_path / "e.parquet"
    pl.DataFrame({"user": [1, None], "item": ["a", "b"]}).write_parquet(file)
    with pytest.raises(InputError, match=r"e\.parquet, row 2: the user id is missing"):
        read("parquet", file)
    file.write_bytes(b"PAR1 and no more")
    with pytest.raises(InputError, match=r"e\.parquet is not a readable Parquet file"):
        read("parquet", file)


def test_the_formats_agree(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {"user_id": ["a", "b"], "item_id": ["x", "y"], "rating": [1.5, 5.0], "timestamp": [NOON_MS] * 2}
    )
    frame.write_csv(tmp_path / "events.csv")
    frame.write_parquet(tmp_path / "events.parquet")
    frame.write_ndjson(tmp_path / "events.jsonl")
    first, *others = (read(format, tmp_path).tables.events for format in ("csv", "parquet", "jsonl"))
    assert all(first.equals(other) for other in others)


def test_a_large_log_is_read_quickly(tmp_path: Path) -> None:
    """200,000 rows in processor seconds, with room for a slow machine; a million take about one."""
    random = np.random.default_rng(0)
    rows = 200_000
    frame = pl.DataFrame({
        "user": random.integers(0, 5_000, rows), "item": random.integers(0, 5_000, rows),
        "rating": random.integers(1, 6, rows),
        "time": pl.Series(NOON_MS + random.integers(0, 10**9, rows)).cast(pl.Datetime("ms")).dt.strftime("%FT%TZ"),
    })  # fmt: skip
    frame.write_csv(tmp_path / "events.csv")
    begun = time.process_time()
    assert read("csv", tmp_path).tables.events.height == rows
    assert time.process_time() - begun < 2.0
