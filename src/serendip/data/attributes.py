"""Attributes: what is said of an item or a person, as JSON, as a dictionary, and as columns of a frame."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any

import polars as pl

Attributes = Mapping[str, Any]

_DTYPES: dict[type, pl.DataType] = {bool: pl.Boolean(), int: pl.Int64(), float: pl.Float64(), str: pl.String()}
TEXTS = frozenset(("title", "title_zh", "description", "description_zh", "brand", "maker", "image"))
"""Attributes of items that are read as text everywhere."""

_INT64 = range(-(2**63), 2**63)


def _plain(value: object) -> object:
    """What JSON can say of values that data frames hold."""
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    raise TypeError(f"a value of type {type(value).__name__} has no place in JSON")


def _encoder(sort_keys: bool) -> json.JSONEncoder:
    return json.JSONEncoder(
        ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain, sort_keys=sort_keys
    )


_AS_GIVEN, _SORTED = _encoder(False), _encoder(True)


def to_json(value: object, *, sort_keys: bool = False) -> str:
    """JSON text in valid UTF-8; with `sort_keys`, equal values give equal texts.

    Raises:
        ValueError: a number is not finite, a text is not Unicode, or a value has no place in JSON.
    """
    try:
        text = (_SORTED if sort_keys else _AS_GIVEN).encode(value)
        text.encode()
    except (TypeError, RecursionError) as error:
        raise ValueError(str(error)) from None
    except UnicodeEncodeError:
        raise ValueError("a text is not valid Unicode") from None
    return text


def attribute_frame(id_column: str, rows: Sequence[tuple[str, Attributes]]) -> pl.DataFrame:
    """The id column, then each attribute as a column, in order of first appearance; one row per id."""
    names = dict.fromkeys(name for _, attributes in rows for name in attributes)
    ids = pl.Series(id_column, [id_ for id_, _ in rows], dtype=pl.String)
    columns = [_column(name, [attributes.get(name) for _, attributes in rows]) for name in names]
    return pl.DataFrame([ids, *columns])


def _column(name: str, values: list[Any]) -> pl.Series:
    """One attribute as a column; a value beside lists is a list of one, but one list does not make titles lists."""
    if name in TEXTS:
        return pl.Series(name, [_fitted(value, pl.String()) for value in values], dtype=pl.String)
    if not any(isinstance(value, list) for value in values):
        dtype = _common_type(values)
        return pl.Series(name, [_fitted(value, dtype) for value in values], dtype=dtype)
    lists = [value if value is None or isinstance(value, list) else [value] for value in values]
    dtype = _common_type([part for value in lists if value is not None for part in value])
    fitted = [None if value is None else [_fitted(part, dtype) for part in value] for value in lists]
    return pl.Series(name, fitted, dtype=pl.List(dtype))


def _common_type(values: list[Any]) -> pl.DataType:
    """The type that holds all values; text where they are mixed."""
    kinds = {type(value) for value in values if value is not None}
    if int in kinds and any(type(value) is int and value not in _INT64 for value in values):
        return pl.String()
    if kinds == {int, float}:
        return pl.Float64()
    return _DTYPES.get(kinds.pop(), pl.String()) if len(kinds) == 1 else pl.String()


def _fitted(value: Any, dtype: pl.DataType) -> Any:
    if value is None or dtype != pl.String or isinstance(value, str):
        return value
    return to_json(value)
