"""Readers: official layouts and plain tables become `Tables`; nothing is guessed without being said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from serendip.data.readers import gorse, movielens, sequences, table
from serendip.data.readers.result import ReadResult
from serendip.errors import InputError

_Reader = Callable[[Path, Any], ReadResult]
_READERS: Mapping[str, tuple[type[BaseModel], _Reader]] = {
    "movielens": (movielens.MovielensOptions, movielens.read),
    "csv": (table.TableOptions, table.read_csv_tables),
    "parquet": (table.TableOptions, table.read_parquet_tables),
    "jsonl": (table.TableOptions, table.read_jsonl_tables),
    "sequences": (sequences.SequenceOptions, sequences.read),
    "gorse": (gorse.GorseOptions, gorse.read),
}
FORMATS = tuple(_READERS)


def read(format: str, path: str | Path, **options: object) -> ReadResult:
    """Read `path` as one of `FORMATS`; `docs/data.md` describes the formats and the options of each.

    Raises:
        InputError: the format, an option, the file, a column or a row cannot be used; the sentence names it.
    """
    if format not in _READERS:
        raise InputError(f"There is no format {format!r}; the formats are {', '.join(FORMATS)}.")
    options_class, reader = _READERS[format]
    try:
        chosen = options_class(**options)
    except ValidationError as error:
        raise InputError(_wrong_option(format, options_class, error)) from None
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path} does not exist.")
    return reader(path, chosen)


def _wrong_option(format: str, options_class: type[BaseModel], error: ValidationError) -> str:
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = ", ".join(options_class.model_fields) or "none"
        return f"The format {format} has no option {name!r}; it has {known}."
    return f"The option {name!r} of the format {format} is wrong: {first['msg']}."


__all__ = ["FORMATS", "ReadResult", "read"]
