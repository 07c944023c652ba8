"""Gorse's dump and exports: whole records or a sentence, never garbage."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serendip.data.cleaning import canonical
from serendip.data.gorse import item_attributes, labels_of, user_attributes
from serendip.data.readers import ReadResult, gorse_dump, read
from serendip.data.readers.protobuf import WireError, fields, signed
from serendip.errors import InputError
from serendip.store import Workspace
from tests.data.gorse_files import (
    END,
    FEEDBACK,
    ITEMS,
    STATISTICS,
    USERS,
    YEAR_ONE,
    feedback,
    field,
    item,
    record,
    user,
    valued,
    varint,
)

TIME = (1_645_660_800, 250_000_000)
PARTS = (
    USERS,
    user("ann", {"city": "Oslo", "langs": ["no", "en"]}, "first"),
    user("bo/陈"),
    ITEMS,
    item("tea", True, ("hot", "dry"), TIME, ["green", "leaf"], "Green tea"),
    item("jam", labels={"embedding": [0.5, -1.0], "kind": {"deep": [1, None]}, "year": 1999}),
    FEEDBACK,
    feedback("star", "ann", "tea", TIME, "wow"),
    valued(7, "read", "ann", "jam", value=3.5, time=TIME),
    feedback("read", "bo/陈", "jam"),
    END,
)
DUMP = b"".join(PARTS)


def dumped(folder: Path, data: bytes) -> ReadResult:
    path = folder / "shop.dump"
    path.write_bytes(data)
    return read("gorse", path)


def refusal(folder: Path, data: bytes) -> str:
    with pytest.raises(InputError) as caught:
        dumped(folder, data)
    return str(caught.value)


def test_a_dump_becomes_tables(tmp_path: Path) -> None:
    result = dumped(tmp_path, DUMP + STATISTICS)
    events = result.tables.events.drop("event_id", "text").rows()
    assert events == [
        ("ann", "tea", "star", None, 1_645_660_800_250),
        ("ann", "jam", "read", 3.5, 1_645_660_800_250),
        ("bo/陈", "jam", "read", None, None),
    ]
    assert result.tables.items.rows(named=True)[0] == {
        "item_id": "tea",
        "hidden": True,
        "category": ["hot", "dry"],
        "timestamp": "2022-02-24T00:00:00.25Z",
        "title": "Green tea",
        "tags": ["green", "leaf"],
        "labels.embedding": None,
        "labels.kind": None,
        "labels.year": None,
    }
    assert result.tables.users.rows(named=True)[0] == {
        "user_id": "ann",
        "comment": "first",
        "labels.city": "Oslo",
        "labels.langs": ["no", "en"],
    }
    assert result.tables.users["user_id"].to_list() == ["ann", "bo/陈"]
    assert "Comments of feedback are not kept: 1." in result.notes


@pytest.mark.parametrize("number", [5, 7])
@pytest.mark.parametrize("value", [0.0, 4.0, -1.5])
@pytest.mark.parametrize("time", [TIME, YEAR_ONE])
def test_the_value_is_found_wherever_the_schema_has_it(tmp_path: Path, number, value, time) -> None:
    line = valued(number, "read", "ann", "tea", value=value, time=time, comment="c")
    result = dumped(tmp_path, FEEDBACK + line + END)
    time_ms = None if time == YEAR_ONE else 1_645_660_800_250
    assert result.tables.events.drop("event_id", "text").rows() == [("ann", "tea", "read", value or None, time_ms)]
    assert "Comments of feedback are not kept: 1." in result.notes


def test_a_dump_cut_at_any_byte_is_refused_with_the_place(tmp_path: Path) -> None:
    for size in range(1, len(DUMP)):
        said = refusal(tmp_path, DUMP[:size])
        assert said == f"shop.dump, byte {size:,}: the dump ends here, before its end; it was cut off.", size
    assert refusal(tmp_path, b"") == "shop.dump is empty."


def test_what_follows_the_end_is_passed_over_whole_or_cut(tmp_path: Path) -> None:
    whole = dumped(tmp_path, DUMP).tables
    for size in range(len(STATISTICS) + 1):
        tables = dumped(tmp_path, DUMP + STATISTICS[:size]).tables
        assert tables.events.equals(whole.events)


def test_without_the_end_a_dump_would_pass_for_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The defect that the check of the end prevents: half of the feedback is gone and nothing says so."""
    half = b"".join(PARTS[:8])
    assert "cut off" in refusal(tmp_path, half)
    number = gorse_dump._Stream.number
    monkeypatch.setattr(gorse_dump._Stream, "number", lambda stream: number(stream) if stream.at < len(half) else 0)
    assert dumped(tmp_path, half).tables.events.height == 1


def test_no_damaged_byte_is_anything_but_a_sentence(tmp_path: Path) -> None:
    said = []
    for place in range(len(DUMP)):
        for flipped in (0x01, 0x80, 0xFF):
            damaged = DUMP[:place] + bytes([DUMP[place] ^ flipped]) + DUMP[place + 1 :]
            try:
                dumped(tmp_path, damaged)
            except InputError as error:
                said.append(str(error))
    assert all(sentence.startswith("shop.dump, byte ") for sentence in said)
    assert len(said) > len(DUMP)  # what is left changes only letters of texts and bits of numbers


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"PK\x03\x04 a zip file", "byte 0: this is not a dump of gorse"),
        (b'{"UserId": "ann"}', "byte 0: this is not a dump of gorse"),
        (b"\0" * 7, "byte 7: the dump ends here"),
        (USERS + b"internal server error: no such table", "byte 8: a record cannot have"),
        (USERS + b"\xf0" + b"\xff" * 7, "byte 8: there is no section -16"),
        (USERS + record((1, "a")) + (1 << 40).to_bytes(8, "little") + END, "byte 19: a record cannot have"),
        (USERS + record((2, b"null")) + END, "byte 8: the UserId is missing"),
        (USERS + record((1, b"\xff")) + END, "byte 16: the UserId is not UTF-8 text"),
        (USERS + record((1, "a" * 257)) + END, "byte 8: the UserId is longer than 256 bytes"),
        (USERS + record((1, "a"), (2, b"{no")) + END, "byte 19: the Labels is not JSON"),
        (USERS + record((1, "a"), (2, b'"\\ud800"')) + END, "byte 19: the Labels is not JSON"),
        (USERS + record((1, "a"), (2, b"[1e999]")) + END, "byte 19: the Labels is not JSON"),
        (USERS + record((1, "a"), (2, b"[" * 5_000)) + END, "byte 19: the Labels is not JSON"),
        (ITEMS + record((2, "a"), (3, b"yes")) + END, "byte 19: the IsHidden is of the wrong kind"),
        (ITEMS + record((2, "a"), (5, (2**62, 0))) + END, "byte 19: the Timestamp lies outside 1970 to 2100"),
        (ITEMS + record((2, "a"), (5, (5, 2**40))) + END, "byte 19: the Timestamp is damaged"),
        (ITEMS + record((2, "a"), (5, b"\x08")) + END, "byte 19: the Timestamp is damaged"),
        (FEEDBACK + record((2, "x"), (3, "u")) + END, "byte 8: the ItemId is missing"),
        (FEEDBACK + feedback("x" * 65, "u", "i") + END, "byte 8: the FeedbackType is longer than 64"),
        (FEEDBACK + valued(7, "x", "u", "i", value=float("nan")) + END, "the Value is not a finite number"),
    ],
)
def test_what_is_no_dump_is_said_with_its_place(tmp_path: Path, data: bytes, said: str) -> None:
    assert said in refusal(tmp_path, data)


def test_a_record_that_claims_too_much_is_not_even_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    huge = USERS + (1 << 40).to_bytes(8, "little")
    taken = []
    take = gorse_dump._Stream.take
    monkeypatch.setattr(gorse_dump._Stream, "take", lambda stream, size: (taken.append(size), take(stream, size))[1])
    assert "a record cannot have" in refusal(tmp_path, huge)
    assert max(taken) == 8
    monkeypatch.setattr(gorse_dump, "MOST_BYTES", 1 << 62)  # with the guard off the attempt is made
    refusal(tmp_path, USERS + (1 << 20).to_bytes(8, "little"))
    assert max(taken) == 1 << 20


def test_fields_of_newer_versions_are_passed_over(tmp_path: Path) -> None:
    newer = field(90, "x") + varint(91 << 3 | 5) + b"1234" + varint(92 << 3) + varint(7) + field(93, 1.5)
    message = field(1, "ann") + field(4, ["subscribed"]) + newer
    result = dumped(tmp_path, USERS + len(message).to_bytes(8, "little") + message + END)
    assert result.tables.users.rows() == [("ann",)]


@given(st.binary(max_size=40))
@settings(max_examples=300, deadline=None, database=None)
def test_any_bytes_are_fields_or_an_error(data: bytes) -> None:
    try:
        places = [one.place for one in fields(data)]
    except WireError as error:
        places = [error.place]
    assert all(0 <= place <= len(data) for place in places)
    assert places == sorted(set(places))


@given(st.integers(-(2**63), 2**63 - 1))
def test_numbers_of_64_bits_come_back(number: int) -> None:
    (one,) = fields(b"\x08" + varint(number))
    assert isinstance(one.value, int)
    assert signed(one.value) == number


LABELS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(LABELS)
def test_labels_read_back_as_they_were(labels: object) -> None:
    attributes = json.loads(json.dumps(user_attributes(labels=labels, comment="")))
    assert labels_of(attributes) == labels
    assert labels_of(item_attributes(hidden=True, categories=["a"], time_ms=0, labels=labels, comment="x")) == labels


def test_a_dump_is_stored_and_reads_back_as_it_was(tmp_path: Path) -> None:
    tables, spelling = canonical(dumped(tmp_path, DUMP).tables)
    assert not spelling.examples
    with Workspace.create(tmp_path / "shop") as workspace:
        assert workspace.store.import_tables(tables).accepted == 3
        assert workspace.store.import_tables(tables).duplicates == 3
        assert labels_of(workspace.store.get("items", "jam") or {}) == {
            "embedding": [0.5, -1.0],
            "kind": {"deep": [1, None]},
            "year": 1999,
        }
        assert workspace.store.get("items", "tea") == item_attributes(
            hidden=True,
            categories=["hot", "dry"],
            time_ms=1_645_660_800_250,
            labels=["green", "leaf"],
            comment="Green tea",
        )
        assert len(workspace.store.tables().items) == 2


# Exports as JSON lines

LINES = {
    "users.jsonl": '{"UserId":"ann","Labels":{"city":"Oslo"},"Comment":"first"}\n{"UserId":"bo","Labels":null}\n',
    "items.jsonl": (
        '{"ItemId":"tea","IsHidden":true,"Categories":["hot"],"Timestamp":"2022-02-24T01:00:00+01:00",'
        '"Labels":["green"],"Comment":"Green tea"}\n\n'
        '{"ItemId":"jam","IsHidden":false,"Categories":null,"Timestamp":"0001-01-01T00:00:00Z","Labels":null}\n'
    ),
    "feedback.jsonl": (
        '{"FeedbackType":"star","UserId":"ann","ItemId":"tea","Value":2,"Timestamp":"2022-02-24T00:00:00Z"}\r\n'
        '{"FeedbackType":"read","UserId":"bo","ItemId":"jam","Timestamp":"0001-01-01T00:00:00Z","Comment":"c"}'
    ),
}


def exported(folder: Path, **changed: str) -> Path:
    for name, text in LINES.items():
        (folder / name).write_text(changed.get(name.partition(".")[0], text), encoding="utf-8")
    return folder


def test_exports_become_the_same_tables(tmp_path: Path) -> None:
    tables = read("gorse", exported(tmp_path)).tables
    assert tables.events.drop("event_id", "text").rows() == [
        ("ann", "tea", "star", 2.0, 1_645_660_800_000),
        ("bo", "jam", "read", None, None),
    ]
    assert tables.items.rows() == [
        ("tea", True, ["hot"], "2022-02-24T00:00:00Z", "Green tea", ["green"]),
        ("jam", None, None, None, None, None),
    ]
    assert tables.users.rows() == [("ann", "first", "Oslo"), ("bo", None, None)]


def test_one_export_alone_packed_or_not(tmp_path: Path) -> None:
    exported(tmp_path)
    assert str(read("gorse", tmp_path / "items.jsonl").tables) == "0 events, 2 items, 0 users, 0 relations"
    packed = tmp_path / "feedback.jsonl.gz"
    packed.write_bytes(gzip.compress((tmp_path / "feedback.jsonl").read_bytes()))
    assert read("gorse", packed).tables.events.height == 2
    with pytest.raises(InputError, match="has both"):
        read("gorse", tmp_path)


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        ("users", '{"UserId":"ann"}\n{"UserId":', "users.jsonl, row 2: the line is not JSON"),
        ("users", "[1]", "users.jsonl, row 1: the line is not a JSON object"),
        ("users", '{"UserId":7}', "users.jsonl, row 1: the UserId is not a text"),
        ("items", '{"ItemId":"a","Categories":"hot"}', "items.jsonl, row 1: the Categories is not a list of texts"),
        ("items", '{"ItemId":"a","IsHidden":"no"}', "row 1: the IsHidden is not true or false"),
        ("items", '{"ItemId":"a","Labels":NaN}', "row 1: the line is not JSON"),
        ("items", '{"ItemId":"a","Timestamp":"soon"}', "row 1: 'soon' is not a time"),
        ("feedback", '{"FeedbackType":"x","UserId":"u"}', "feedback.jsonl, row 1: the ItemId is missing"),
        ("feedback", '{"FeedbackType":"x","UserId":"u","ItemId":"i","Value":true}', "the Value is not a number"),
        ("feedback", '{"FeedbackType":"x","UserId":"u","ItemId":"i","Value":1' + "0" * 400 + "}", "row 1: "),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, kind: str, text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        read("gorse", exported(tmp_path, **{kind: text}))
    assert said in str(caught.value)


def test_a_cut_export_is_refused_or_whole_records(tmp_path: Path) -> None:
    text = LINES["feedback.jsonl"]
    ends = {place for place, letter in enumerate(text) if letter in "\r\n"} | {len(text)}
    for size in range(len(text)):
        path = exported(tmp_path, feedback=text[:size]) / "feedback.jsonl"
        if size == 0 or size in ends or size - 1 in ends:
            assert read("gorse", path).tables.events.height == text[:size].count('"}')
        else:
            with pytest.raises(InputError, match=r"row [12]: the line is not JSON"):
                read("gorse", path)


def test_a_folder_without_exports_and_options_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no file such as users\.jsonl"):
        read("gorse", tmp_path)
    with pytest.raises(InputError, match="no option 'user_column'; it has none"):
        read("gorse", tmp_path, user_column="x")
