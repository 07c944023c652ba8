"""Columns: the attributes of items side by side, so that a question about one is answered for all at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from serendip.data.arrays import BoolArray, FloatArray, IntArray

Record: TypeAlias = Mapping[str, Any]


def comparable(value: Any) -> Any:
    """Text and numbers compare by their text (ids and years arrive as either); true and false by themselves."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value if isinstance(value, bool) else str(value)


def values_of(value: Any) -> tuple[Any, ...]:
    """The values of an attribute: none, one, or those of a list."""
    if value is None:
        return ()
    return tuple(value) if isinstance(value, list | tuple) else (value,)


@dataclass(frozen=True)
class Numbered:
    """The values of one attribute as numbers."""

    table: IntArray  # (N, L) int32 from 0, equal where values are; -1 where an item has fewer
    numbers: dict[Any, int]
    """The number of each value, as it is `comparable`."""


class Columns:
    """What records (N) say, attribute by attribute; each column is made when somebody first asks for it."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._records = records
        self._numbered: dict[str, Numbered] = {}
        self._amounts: dict[str, FloatArray] = {}
        self._there: dict[str, BoolArray] = {}

    def __len__(self) -> int:
        return len(self._records)

    def among(self, name: str, values: Iterable[Any]) -> BoolArray:
        """Where one of the values of the attribute equals one of `values`, (N,)."""
        column = self.numbered(name)
        wanted = [column.numbers[value] for value in {comparable(one) for one in values} if value in column.numbers]
        found = np.zeros(len(self), bool)
        if len(wanted) <= 4:  # as a rule
            for number in wanted:
                found |= (column.table == number).any(axis=1)
            return found
        return np.asarray(np.isin(column.table, wanted).any(axis=1))

    def ordered(self, name: str, order: Callable[[Any, Any], Any], bound: float) -> BoolArray:
        """Where the attribute is a number in that order to `bound`, (N,)."""
        return np.asarray(order(self._amount(name), bound))

    def has(self, name: str) -> BoolArray:
        """Where the attribute is there, (N,)."""
        if name not in self._there:
            there = (record.get(name) is not None for record in self._records)
            self._there[name] = np.fromiter(there, bool, len(self))
        return self._there[name]

    def numbered(self, name: str) -> Numbered:
        """The values of one attribute as numbers."""
        if name not in self._numbered:
            self._numbered[name] = _numbered([record.get(name) for record in self._records])
        return self._numbered[name]

    def _amount(self, name: str) -> FloatArray:
        """NaN, which is in no order to anything, where it is no number."""
        if name not in self._amounts:
            values = (record.get(name) for record in self._records)
            numbers = (value if _is_number(value) else np.nan for value in values)
            self._amounts[name] = np.fromiter(numbers, np.float64, len(self))
        return self._amounts[name]


def _is_number(value: Any) -> bool:
    kind = type(value)
    return kind is float or (kind is int and -(2**1023) < value < 2**1023)


def _numbered(values: Sequence[Any]) -> Numbered:
    if set(map(type, values)) <= {str, type(None)}:  # as most attributes are
        known = dict.fromkeys(values)
        known.pop(None, None)
        numbers_of: dict[Any, int] = {value: number for number, value in enumerate(known)}
        places = np.array([numbers_of.get(value, -1) for value in values], np.int32)
        return Numbered(places[:, None], numbers_of)
    numbers: dict[Any, int] = {}
    rows = [[numbers.setdefault(comparable(one), len(numbers)) for one in values_of(value)] for value in values]
    table = np.full((len(rows), max(map(len, rows), default=0)), -1, np.int32)
    for row, found in enumerate(rows):
        table[row, : len(found)] = found
    return Numbered(table, numbers)
