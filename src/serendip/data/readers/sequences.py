"""Sequences: one user per line, then what they chose, oldest first."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from serendip.data.readers.events import VIEW
from serendip.data.readers.files import check_utf8, read_bytes
from serendip.data.readers.result import ReadResult
from serendip.data.tables import Tables, event_frame
from serendip.errors import InputError


class SequenceOptions(BaseModel):
    """How the lines are to be read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    no_user: bool = False
    """The lines hold items only; the number of the line is the user."""

    event_type: str = Field(VIEW, min_length=1, max_length=64)
    """The type of all events."""


def read(path: Path, options: SequenceOptions) -> ReadResult:
    """A text file with tokens separated by spaces, tabs or commas; the order counts, there are no times.

    A file with two tokens in each line and users that come again is read as pairs of user and item.
    """
    if not path.is_file():
        raise InputError(f"{path} is not a file.")
    lines = _tokens(read_bytes(path), path.name)
    if options.no_user:
        return _result(lines.rename({"tokens": "item_id"}).with_columns(pl.col("line").cast(pl.String)), options, [])
    users = pl.col("tokens").list.first()
    lengths = lines["tokens"].list.len()
    lines = lines.with_columns(users.alias("line"), pl.col("tokens").list.slice(1).alias("item_id")).drop("tokens")
    notes = []
    if (lengths == 2).all() and lines["line"].is_duplicated().any():
        notes.append(f"{path.name}: two ids in each line and users that come again, so read as pairs of user and item.")
    elif (without := int((lengths == 1).sum())) == len(lengths):
        raise InputError(f"{path.name} has one id in each line, so nobody has any items.")
    elif without:
        notes.append(f"{path.name}: {without:,} {'user has' if without == 1 else 'users have'} no items.")
    return _result(lines, options, notes)


def _tokens(data: bytes, name: str) -> pl.DataFrame:
    """`line` (from 1) and its `tokens`; empty lines are passed over."""
    check_utf8(data, name)
    lines = pl.DataFrame({"text": data.decode("utf-8-sig").split("\n")}, schema={"text": pl.String})
    tokens = pl.col("text").str.extract_all(r"[^\s,]+").alias("tokens")
    lines = lines.with_row_index("line", offset=1).select("line", tokens).filter(pl.col("tokens").list.len() > 0)
    if lines.is_empty():
        raise InputError(f"{name} is empty.")
    return lines


def _result(lines: pl.DataFrame, options: SequenceOptions, notes: list[str]) -> ReadResult:
    """From `line` (the user) and `item_id` (a list)."""
    pairs = lines.explode("item_id").drop_nulls("item_id")
    events = pairs.select(pl.col("line").alias("user_id"), "item_id", pl.lit(options.event_type).alias("type"))
    return ReadResult(Tables(event_frame(events)), [*notes, "There are no times, so the order counts."])
