"""Items, users and relations out of raw tables: known attributes get their names and kinds."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from serendip.data.readers.cells import as_numbers, as_text, as_truth
from serendip.data.readers.columns import RELATION_PARTS, choose, guess, listed
from serendip.data.readers.events import Fault, Sifted, left_out, missing, no_number, unusable, without_faults
from serendip.data.readers.raw import RawTable
from serendip.data.tables import RELATION_SCHEMA
from serendip.errors import InputError

_TRUTHS = ("hidden", "available")
_NUMBERS = ("price", "year")
_LISTS = ("category", "tags")
_PLAIN_NUMBER = r"^-?(?:0|[1-9]\d{0,14})(?:\.\d{1,9})?$"  # no leading zeros, and nothing that loses digits
_NEVER_NUMBERS = frozenset(
    ("title", "title_zh", "description", "description_zh", "brand", "maker", "image", "zip", "zipcode", "postcode",
     "zip_code", "postal_code", "phone", "isbn", "ean", "sku", "name")
)  # fmt: skip


def read_entities(
    raw: RawTable,
    parts: Mapping[str, tuple[str, ...]],
    given: Mapping[str, str],
    *,
    typed: bool,
    skip_bad_rows: bool = False,
) -> Sifted:
    """One row per id with its attributes, and notes. `parts` names the id first.

    With `typed` false (a format where all is text), columns of plain numbers become numbers.
    """
    id_column = next(iter(parts))
    names = choose(raw.frame.columns, parts, given, raw.name)
    if id_column not in names:
        kind = id_column.removesuffix("_id")
        raise InputError(f"{raw.name} has no column for the {kind} id; it has {listed(raw.frame.columns)}.")
    frame = raw.frame.rename({header: part for part, header in names.items() if part not in raw.frame.columns})
    frame = frame.with_columns(as_text(frame[names[id_column] if id_column not in frame.columns else id_column]))
    cells, faults = _attributes(frame, id_column, typed)
    kept, good = without_faults(raw, faults, skip_bad_rows)
    table = pl.DataFrame(cells).filter(good)
    once = table.unique(id_column, keep="last", maintain_order=True)
    repeated = table.height - once.height
    replaced = (
        [f"{raw.name}: rows with the id of an earlier row, which they replace: {repeated:,}."] if repeated else []
    )
    return Sifted(once, [*_renamed(raw, names), *left_out(kept), *replaced], kept)


def _renamed(raw: RawTable, names: Mapping[str, str]) -> list[str]:
    said = [f"{part} from {header!r}" for part, header in names.items() if part != header]
    return [f"{raw.name}: {', '.join(said)}."] if said else []


def _attributes(frame: pl.DataFrame, id_column: str, typed: bool) -> tuple[list[pl.Series], list[Fault]]:
    """The columns, the id first, and what is wrong in them."""
    cells, faults = [frame[id_column]], unusable(frame[id_column], id_column.replace("_", " "))
    for column in frame.drop(id_column):
        if column.dtype != pl.String and column.name not in _TRUTHS:
            cells.append(column)
        elif column.name in _TRUTHS:
            truth, bad = as_truth(column)
            cells.append(truth)
            faults.append(_no_truth(column, bad))
        elif column.name in _NUMBERS:
            numbers, bad = as_numbers(column)
            cells.append(_whole(numbers))
            faults.append(no_number(column, bad, column.name))
        else:
            cells.append(_words(column) if column.name in _LISTS else column if typed else _plain(column))
    return cells, faults


def _no_truth(column: pl.Series, bad: pl.Series) -> Fault:
    return Fault(bad, lambda index: f"{column.name} is {column[index]!r} and must be true or false")


def _words(column: pl.Series) -> pl.Series:
    """`A|B` becomes a list; categories without a bar stay text, tags are always a list."""
    if column.name == "category" and not column.str.contains("|", literal=True).any():
        return column
    return column.str.split("|").list.eval(pl.element().str.strip_chars()).list.filter(pl.element() != "")


def _plain(column: pl.Series) -> pl.Series:
    """Numbers where each text is one that reads the same as a number; codes such as `007` stay text."""
    filled = column.drop_nulls()
    named_id = column.name.lower().endswith("id")
    if named_id or column.name.lower() in _NEVER_NUMBERS or filled.is_empty():
        return column
    return _whole(column.cast(pl.Float64)) if filled.str.contains(_PLAIN_NUMBER).all() else column


def _whole(numbers: pl.Series) -> pl.Series:
    return numbers.cast(pl.Int64) if (numbers.drop_nulls() % 1 == 0).all() else numbers


def read_relations(raw: RawTable, *, skip_bad_rows: bool = False) -> Sifted:
    """Facts as head, relation, tail; two columns of people without a relation are friendships."""
    headers = raw.frame.columns
    names = guess(headers, RELATION_PARTS)
    if "head" not in names or "tail" not in names:
        raise InputError(f"{raw.name} has no columns for head and tail; it has {listed(headers)}.")
    friends = "friend" in names["tail"].lower()
    if "relation" not in names and not friends:
        raise InputError(f"{raw.name} has no column for the relation; it has {listed(headers)}.")
    cells = {part: as_text(raw.frame[header]).alias(part) for part, header in names.items()}
    if "relation" not in cells:
        cells["relation"] = pl.repeat("friend", raw.frame.height, eager=True).alias("relation")
    faults = [missing(column, part) for part, column in cells.items()]
    kept, good = without_faults(raw, faults, skip_bad_rows)
    frame = pl.DataFrame(cells).filter(good).select(RELATION_SCHEMA.names())
    return Sifted(frame, [*_renamed(raw, names), *left_out(kept)], kept)
