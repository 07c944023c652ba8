"""Attributes on their way into the store and out of it: as JSON, and as rows; and ids that can be kept."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from serendip.data import InputError
from serendip.data.attributes import to_json
from serendip.data.query import MAX_ID_BYTES
from serendip.store.records import Attributes


def attribute_text(attributes: Attributes, where: str) -> str:
    """Attributes as JSON; `where` names them in the error.

    Raises:
        InputError: an attribute cannot be kept; the message names it.
    """
    try:
        return to_json(attributes)
    except ValueError:
        for name, value in attributes.items():
            try:
                to_json({name: value})
            except ValueError as error:
                raise InputError(f"{where}: the attribute {name!r} cannot be stored: {error}") from None
        raise


def attribute_rows(frame: pl.DataFrame, id_column: str) -> Iterator[tuple[str, Attributes]]:
    """Each row as its id and its attributes; what is null is left out."""
    names = [name for name in frame.columns if name != id_column]
    ids = frame[id_column]
    for id_, row in zip(ids, frame.select(names).iter_rows() if names else [()] * len(ids), strict=True):
        yield id_, {name: value for name, value in zip(names, row, strict=True) if value is not None}


def check_ids(
    table: str, frame: pl.DataFrame, *columns: str, optional: bool = False, empty: pl.Series | None = None
) -> None:
    """Every id is there (where it is `optional`, it may be null, and in rows that are `empty`, empty) and can be
    addressed.

    Raises:
        InputError: one is not; the message names the table, the row (from 1) and the column.
    """
    for column in columns:
        if frame.schema.get(column) != pl.String:
            raise InputError(f"{table}: there is no column {column} of texts")
        size = frame[column].str.len_bytes()
        nul = frame[column].str.contains("\0", literal=True)
        missing = (size == 0) if empty is None else (size == 0) & ~empty
        bad = ((size.is_null() & (not optional)) | missing | (size > MAX_ID_BYTES) | nul).fill_null(False)
        bad = bad.arg_true()
        if len(bad):
            first = bad[0]
            fault = f"is longer than {MAX_ID_BYTES} bytes" if size[first] else "is missing"
            fault = "holds a NUL character" if nul[first] else fault
            raise InputError(f"{table} row {bad[0] + 1}: the {column} {fault}")
