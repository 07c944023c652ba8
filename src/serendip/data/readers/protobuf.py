"""Protobuf: the fields of one message on the wire, nothing of their meaning.

The encoding is that of protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import unpack_from
from typing import NamedTuple

VARINT, DOUBLE, BYTES, FLOAT = 0, 1, 2, 5
"""Kinds of fields; the wire calls them VARINT, I64, LEN and I32."""

_MOST_BYTES = 10  # of a number of 64 bits, seven to a byte
_SIGN = 1 << 63


class WireError(ValueError):
    """The bytes are not a message; `place` is where in it, from 0."""

    def __init__(self, place: int, what: str) -> None:
        super().__init__(what)
        self.place = place


class Field(NamedTuple):
    number: int
    kind: int
    value: int | float | bytes
    place: int
    """Where it begins in the message, from 0."""


def fields(message: bytes) -> Iterator[Field]:
    """The fields in the order in which they were written.

    Raises:
        WireError: the bytes end too early or cannot be fields.
    """
    at = 0
    while at < len(message):
        place = at
        tag, at = _varint(message, at)
        number, kind = tag >> 3, tag & 7
        if not number:
            raise WireError(place, "there is no field 0")
        value, at = _value(message, kind, at, place)
        yield Field(number, kind, value, place)


def signed(number: int) -> int:
    """A number of 64 bits with its sign.

    >>> signed(5), signed((1 << 64) - 5)
    (5, -5)
    """
    return number - 2 * _SIGN if number & _SIGN else number


def _value(message: bytes, kind: int, at: int, place: int) -> tuple[int | float | bytes, int]:
    if kind == VARINT:
        return _varint(message, at)
    if kind == BYTES:
        size, at = _varint(message, at)
    elif kind in (DOUBLE, FLOAT):
        size = 8 if kind == DOUBLE else 4
    else:
        raise WireError(place, f"there are no fields of the kind {kind}")
    if size > len(message) - at:
        raise WireError(place, "a field is longer than its record")
    if kind == BYTES:
        return message[at : at + size], at + size
    number: float = unpack_from("<d" if kind == DOUBLE else "<f", message, at)[0]
    return number, at + size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """A number of 64 bits without sign, and where it ends."""
    number = 0
    for place in range(at, min(at + _MOST_BYTES, len(message))):
        number |= (message[place] & 0x7F) << 7 * (place - at)
        if message[place] < 0x80:
            return number & (2 * _SIGN - 1), place + 1
    raise WireError(at, "a number has no end")
