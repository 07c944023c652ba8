"""Gorse's exports: one JSON object per line, in files called users, items and feedback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from serendip.data.gorse import read_time
from serendip.data.readers.files import check_utf8
from serendip.data.readers.gorse_record import Place, Record, json_of

KINDS = ("users", "items", "feedback")
_ENDINGS = (".jsonl", ".ndjson", ".json")
_BOM = b"\xef\xbb\xbf"


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


_TESTS: dict[str, tuple[Callable[[object], bool], str]] = {
    "UserId": (_is_text, "a text"),
    "ItemId": (_is_text, "a text"),
    "FeedbackType": (_is_text, "a text"),
    "Comment": (_is_text, "a text"),
    "IsHidden": (lambda value: isinstance(value, bool), "true or false"),
    "Categories": (_are_texts, "a list of texts"),
    "Value": (_is_number, "a number"),
}


def kind_of(name: str) -> str | None:
    """What a file of that name holds; None where the name says nothing."""
    stem = name.removesuffix(".gz")
    found = [kind for kind in KINDS for ending in _ENDINGS if stem == kind + ending]
    return found[0] if found else None


def records(kind: str, name: str, data: bytes) -> Iterator[tuple[str, Place, Record]]:
    """The records of one file; empty lines are passed over.

    Raises:
        InputError: a line is not such a record; the sentence names the row.
    """
    check_utf8(data, name)
    for row, line in enumerate(data.removeprefix(_BOM).split(b"\n"), 1):
        if line.strip():
            place = Place(f"{name}, row {row}")
            yield kind, place, _record(place, json_of(place, line, "the line"))


def _record(place: Place, found: Any) -> Record:
    if not isinstance(found, dict):
        raise place.error("the line is not a JSON object")
    record = {name: value for name, value in found.items() if value is not None}
    for name, (test, what) in _TESTS.items():
        if name in record and not test(record[name]):
            raise place.error(f"the {name} is not {what}")
    try:
        record["Value"] = float(record.get("Value", 0))
        record["Timestamp"] = read_time(record.get("Timestamp"))
    except (ValueError, OverflowError) as error:
        raise place.error(str(error)) from None
    return record
