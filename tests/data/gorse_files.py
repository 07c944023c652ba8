"""Writes dumps as gorse's master does, after its published schema and the protobuf encoding; the reader's opposite."""

from __future__ import annotations

import json
import struct
from typing import Any

USERS, ITEMS, FEEDBACK, END = (struct.pack("<q", number) for number in (-1, -2, -3, 0))
STATISTICS = b'{"Users":2,"Items":2,"Feedback":3,"Duration":1000}'
YEAR_ONE = (-62135596800, 0)


def varint(number: int) -> bytes:
    number &= (1 << 64) - 1
    parts = []
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*parts, number])


def field(number: int, value: Any) -> bytes:
    """One field; what has the value of its type's beginning is left out, as in proto3."""
    if isinstance(value, bool):
        return varint(number << 3) + b"\1" if value else b""
    if isinstance(value, float):
        return varint(number << 3 | 1) + struct.pack("<d", value) if value else b""
    if isinstance(value, list):
        return b"".join(varint(number << 3 | 2) + varint(len(one.encode())) + one.encode() for one in value)
    if isinstance(value, tuple):
        seconds, nanoseconds = value
        message = (b"\x08" + varint(seconds) if seconds else b"") + (
            b"\x10" + varint(nanoseconds) if nanoseconds else b""
        )
        return varint(number << 3 | 2) + varint(len(message)) + message
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data if data else b""


def record(*numbered: tuple[int, Any]) -> bytes:
    message = b"".join(field(number, value) for number, value in numbered)
    return struct.pack("<q", len(message)) + message


def user(user_id: str, labels: Any = None, comment: str = "") -> bytes:
    return record((1, user_id), (2, json.dumps(labels).encode()), (3, comment))


def item(
    item_id: str,
    hidden: bool = False,
    categories: tuple[str, ...] = (),
    time: tuple[int, int] = YEAR_ONE,
    labels: Any = None,
    comment: str = "",
) -> bytes:
    return record(
        (2, item_id), (3, hidden), (4, list(categories)), (5, time), (6, json.dumps(labels).encode()), (7, comment)
    )


def feedback(type_: str, user_id: str, item_id: str, time: tuple[int, int] = YEAR_ONE, comment: str = "") -> bytes:
    """Before there were values."""
    return record((2, type_), (3, user_id), (4, item_id), (5, time), (6, comment))


def valued(number: int, *args: Any, value: float, time: tuple[int, int] = YEAR_ONE, comment: str = "") -> bytes:
    """With a value as field 7, or as field 5 with time and comment behind it."""
    rest = ((5, time), (6, comment), (7, value)) if number == 7 else ((5, value), (6, time), (7, comment))
    return record(*enumerate(args, 2), *rest)
