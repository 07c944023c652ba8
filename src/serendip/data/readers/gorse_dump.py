"""Gorse's dump: sections of users, items and feedback, each record a protobuf message after its length.

    dump    = (section record*)* end rest
    section = -1 for users, -2 for items, -3 for feedback       each of these numbers
    record  = the length of a message, above 0, and the message   is an int64, the lowest
    end     = 0                                                   byte first
    rest    = what the server says after it, passed over

Sources: `master/rest.go` and `protocol/protocol.proto` of gorse. The messages:

    User      1 id  2 labels (JSON)  3 comment
    Item      2 id  3 hidden  4 category, repeated  5 time  6 labels (JSON)  7 comment
    Feedback  2 type  3 user  4 item  5 time  6 comment, and in newer versions a value

The schema at hand when this was written did not have the value yet, so its number is not relied on: it is the one
double there is, and if it took the place of the time, then time and comment come one number later.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from serendip.data.readers.gorse_record import ZERO_SECONDS, Place, Record, checked_time, json_of
from serendip.data.readers.protobuf import BYTES, DOUBLE, VARINT, Field, WireError, fields, signed
from serendip.errors import InputError

MOST_BYTES = 16 << 20
"""One record; more is no record."""

END = 0
SECTIONS = {-1: "users", -2: "items", -3: "feedback"}
_NUMBER_BYTES = 8

_NAMES: dict[str, dict[int, str]] = {
    "users": {1: "UserId", 2: "Labels", 3: "Comment"},
    "items": {2: "ItemId", 3: "IsHidden", 4: "Categories", 5: "Timestamp", 6: "Labels", 7: "Comment"},
    "feedback": {2: "FeedbackType", 3: "UserId", 4: "ItemId", 5: "Timestamp", 6: "Comment"},
}
_SHIFTED = {**_NAMES["feedback"], 5: "Value", 6: "Timestamp", 7: "Comment"}
_NOT_BYTES = {"IsHidden": VARINT, "Value": DOUBLE}


def records(path: Path) -> Iterator[tuple[str, Place, Record]]:
    """The records of a dump, read one by one.

    Raises:
        InputError: the file is no dump, ends too early or is damaged; the sentence names the byte, from 0.
    """
    try:
        with path.open("rb") as stream:
            yield from _sections(_Stream(stream, path.name))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from None


class _Stream:
    """Reads from the start and knows where it is."""

    def __init__(self, stream: IO[bytes], name: str) -> None:
        self._stream, self._name = stream, name
        self.at = 0

    def place(self, at: int) -> Place:
        return Place(f"{self._name}, byte {at:,}")

    def number(self) -> int:
        return int.from_bytes(self.take(_NUMBER_BYTES), "little", signed=True)

    def take(self, size: int) -> bytes:
        data = self._stream.read(size)
        self.at += len(data)
        if len(data) < size:
            if not self.at:
                raise InputError(f"{self._name} is empty.")
            raise self.place(self.at).error("the dump ends here, before its end; it was cut off")
        return data


def _sections(stream: _Stream) -> Iterator[tuple[str, Place, Record]]:
    number = stream.number()
    if number != END and number not in SECTIONS:
        raise stream.place(0).error("this is not a dump of gorse")
    while number != END:
        section = SECTIONS.get(number)
        if section is None:
            raise stream.place(stream.at - _NUMBER_BYTES).error(f"there is no section {number}")
        while (number := stream.number()) > 0:
            place = stream.place(stream.at - _NUMBER_BYTES)
            if number > MOST_BYTES:
                raise place.error(f"a record cannot have {number:,} bytes; the dump is damaged")
            start = stream.at
            yield section, place, _record(stream, section, start, stream.take(number))


def _record(stream: _Stream, section: str, start: int, message: bytes) -> Record:
    try:
        found = list(fields(message))
    except WireError as error:
        raise stream.place(start + error.place).error(str(error)) from None
    record: Record = {"Categories": []} if section == "items" else {}
    names = _numbering(section, found)
    for one in found:
        name = names.get(one.number) or ("Value" if section == "feedback" and one.kind == DOUBLE else None)
        if name is not None:  # other numbers are of newer versions
            _set(stream.place(start + one.place), record, name, one)
    return record


def _numbering(section: str, found: list[Field]) -> dict[int, str]:
    """What the numbers mean; a feedback without a time as its field 5 is of the later numbering."""
    if section != "feedback" or any(one.number == 5 and one.kind == BYTES for one in found):
        return _NAMES[section]
    return _SHIFTED


def _set(place: Place, record: Record, name: str, one: Field) -> None:
    if one.kind != _NOT_BYTES.get(name, BYTES):
        raise place.error(f"the {name} is of the wrong kind")
    if name == "Categories":
        record[name].append(_text(place, name, one.value))
    elif name == "Timestamp":
        record[name] = _time(place, one.value)
    elif name == "Labels":
        record[name] = json_of(place, one.value, "the Labels") if one.value else None  # type: ignore[arg-type]
    elif name in _NOT_BYTES:
        record[name] = _number(place, name, one.value)
    else:
        record[name] = _text(place, name, one.value)


def _text(place: Place, name: str, value: Any) -> str:
    try:
        return str(value, "utf-8")
    except UnicodeDecodeError:
        raise place.error(f"the {name} is not UTF-8 text") from None


def _number(place: Place, name: str, value: Any) -> float | bool:
    if isinstance(value, int):
        return bool(value)
    if not abs(value) < float("inf"):
        raise place.error(f"the {name} is not a finite number")
    return float(value)


def _time(place: Place, message: Any) -> int | None:
    """Milliseconds of a `google.protobuf.Timestamp`: 1 seconds, 2 nanoseconds."""
    try:
        parts = {one.number: signed(one.value) for one in fields(message) if isinstance(one.value, int)}
    except WireError as error:
        raise place.error(f"the Timestamp is damaged ({error})") from None
    seconds, nanoseconds = parts.get(1, 0), parts.get(2, 0)
    if not 0 <= nanoseconds < 1_000_000_000:
        raise place.error("the Timestamp is damaged (its nanoseconds)")
    if seconds == ZERO_SECONDS:
        return None
    return checked_time(place, seconds * 1000 + nanoseconds // 1_000_000)
