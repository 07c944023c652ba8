"""Cells: columns of whatever type become ids, numbers, times and truth values, a whole column at once."""

from __future__ import annotations

import polars as pl

from serendip.data.times import EARLIEST_MS, LATEST_MS, MILLISECONDS_FROM, epoch_ms
from serendip.errors import InputError

_MOMENT = r"^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d:[0-5]\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)?)?$"
_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def as_text(column: pl.Series) -> pl.Series:
    """Text as it is, numbers as their shortest text: 7 and 7.0 are both `7` where the whole column is integral."""
    if column.dtype == pl.String:
        return column
    if column.dtype.is_float() and (column.drop_nulls() % 1 == 0).all():
        return column.fill_nan(None).cast(pl.Int64).cast(pl.String)
    if column.dtype.is_nested() or column.dtype == pl.Object:
        raise InputError(f"The column {column.name!r} holds lists or objects where text is expected.")
    try:
        return column.cast(pl.String)
    except pl.exceptions.PolarsError:
        raise InputError(f"The column {column.name!r} cannot be read as text.") from None


def is_blank(column: pl.Series) -> pl.Series:
    """Where a text column has nothing but white space."""
    return column.is_null() | (column.str.strip_chars() == "")


def as_numbers(column: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Finite float64 numbers (null where absent), and where there is something else."""
    if column.dtype.is_numeric() or column.dtype in (pl.Boolean, pl.Null):
        numbers = column.cast(pl.Float64).fill_nan(None)
        return numbers, numbers.is_infinite().fill_null(False)
    text = as_text(column).str.strip_chars()
    numbers = text.cast(pl.Float64, strict=False)
    bad = (text != "").fill_null(False) & ~numbers.is_finite().fill_null(False)
    return numbers, bad


def as_truth(column: pl.Series) -> tuple[pl.Series, pl.Series]:
    """True and false (null where absent), and where there is something else."""
    if column.dtype == pl.Boolean:
        return column, column.is_null() & False
    text = as_text(column).str.strip_chars().str.to_lowercase()
    truth = text.replace_strict(list(_TRUTH), list(_TRUTH.values()), default=None, return_dtype=pl.Boolean)
    return truth, truth.is_null() & (text != "").fill_null(False)


def as_times_ms(column: pl.Series, unit_ms: float | None = None) -> tuple[pl.Series, pl.Series]:
    """Milliseconds since 1970 UTC (null where absent), and where there is no time: `epoch_ms` for a column.

    Each value tells its own unit, so a column may mix seconds, milliseconds and RFC 3339 text. With `unit_ms` numbers
    count units of so many milliseconds instead.
    """
    if column.dtype in (pl.Date, pl.Datetime):
        return _within(column.dt.timestamp("ms"))
    if column.dtype.is_numeric() or column.dtype == pl.Null:
        return _within(_from_numbers(column.cast(pl.Float64).fill_nan(None), unit_ms))
    text = as_text(column).str.strip_chars()
    numbers = text.cast(pl.Float64, strict=False)
    times, bad = _within(_from_numbers(numbers.set(~numbers.is_finite(), None), unit_ms))
    rest = text.set(times.is_not_null() | bad | (text == ""), None)
    if rest.null_count() == len(rest):
        return times, bad
    usual = _from_usual_texts(rest)
    odd = rest.set(usual.is_not_null(), None)
    known = {text: _from_text(text) for text in odd.drop_nulls().unique()}
    found = odd.replace_strict(list(known), list(known.values()), default=None, return_dtype=pl.Int64)
    return times.fill_null(usual).fill_null(found), bad | (odd.is_not_null() & found.is_null())


def _from_numbers(numbers: pl.Series, unit_ms: float | None) -> pl.Series:
    """Epoch seconds or milliseconds by their size, or units of `unit_ms`; what is far outside stays outside."""
    if unit_ms is not None:
        return (numbers * unit_ms).clip(-1e15, 1e15).round(0, mode="half_to_even").cast(pl.Int64)
    frame = pl.DataFrame({"number": numbers.clip(-1e15, 1e15)})
    number = pl.col("number")
    seconds = (number * 1000).round(0, mode="half_to_even")
    return frame.select(pl.when(number >= MILLISECONDS_FROM).then(number).otherwise(seconds).cast(pl.Int64)).to_series()


def _within(times: pl.Series) -> tuple[pl.Series, pl.Series]:
    bad = ((times < EARLIEST_MS) | (times >= LATEST_MS)).fill_null(False)
    return times.set(bad, None), bad


def _from_usual_texts(texts: pl.Series) -> pl.Series:
    """The usual spellings all at once; null for the rest of what RFC 3339 and ISO 8601 allow."""
    usual = texts.set(~texts.str.contains(_MOMENT), None)
    whole = usual.str.replace(" ", "T", literal=True).str.replace("Z", "+00:00", literal=True)
    whole = whole.str.replace(r"^(.{10})$", "${1}T00:00:00").str.replace(r"(T[^+-]*)$", "${1}+00:00")
    moments = whole.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%:z", time_unit="us", time_zone="UTC", strict=False)
    return _within((moments.dt.timestamp("us") / 1000).round(0, mode="half_to_even").cast(pl.Int64))[0]


def _from_text(text: str) -> int | None:
    try:
        return epoch_ms(text)
    except ValueError:
        return None
