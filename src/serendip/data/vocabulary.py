"""Vocabulary: the only border between outside ids (any string) and inside rows (dense integers)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import overload

import numpy as np

from serendip.data.arrays import IntArray

UNKNOWN = -1


class Vocabulary:
    """An ordered set of ids; the row of an id is its place in that order.

    >>> people = Vocabulary(["ann", "bo"])
    >>> people.rows(["bo", "nobody"])
    array([ 1, -1], dtype=int32)
    """

    def __init__(self, ids: Iterable[str]) -> None:
        self._ids: tuple[str, ...] = tuple(ids)
        if len(self._row_of) != len(self._ids):
            raise ValueError("a vocabulary holds each id once")

    @cached_property
    def _row_of(self) -> dict[str, int]:
        return {id_: row for row, id_ in enumerate(self._ids)}

    def rows(self, ids: Iterable[str]) -> IntArray:
        """Rows of `ids`, int32, -1 where an id is not known."""
        known = self._row_of
        return np.fromiter((known.get(id_, UNKNOWN) for id_ in ids), dtype=np.int32)

    def row(self, id_: str) -> int:
        """The row of one id, -1 where it is not known."""
        return self._row_of.get(id_, UNKNOWN)

    @overload
    def ids(self) -> tuple[str, ...]: ...
    @overload
    def ids(self, rows: Sequence[int] | IntArray) -> list[str]: ...
    def ids(self, rows: Sequence[int] | IntArray | None = None) -> tuple[str, ...] | list[str]:
        """The ids at `rows`, or all ids in order."""
        if rows is None:
            return self._ids
        return [self._ids[row] for row in rows]

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, id_: object) -> bool:
        return id_ in self._row_of

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self._ids == other._ids

    def __hash__(self) -> int:
        return hash(self._ids)

    def __repr__(self) -> str:
        return f"Vocabulary({len(self):,} ids)"
