"""Splits that others made and published."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl

from serendip.data.dataset import Dataset
from serendip.data.readers import read
from serendip.data.signals import Signals
from serendip.data.splits.split import Split
from serendip.data.tables import Tables
from serendip.errors import InputError


def given(
    train: Tables | str | Path,
    test: Tables | str | Path,
    format: str = "csv",
    signals: Signals | None = None,
    **options: object,
) -> Split:
    """A published pair of training and test events, as it is.

    Args:
        train: Tables, or a file that is read as `format` with `options`, see `serendip.data.readers`.
        test: Likewise. People, items and facts of both are put together; of two lines on one id the test's counts.

    Raises:
        InputError: a file cannot be read, or a side has no events.
    """
    sides = [side if isinstance(side, Tables) else read(format, side, **options).tables for side in (train, test)]
    for name, side in zip(("training", "test"), sides, strict=True):
        if side.events.is_empty():
            raise InputError(f"the {name} side of the given split has no events")
    both = Dataset.from_tables(_joined(sides), signals)
    known = Tables(items=both.items.attributes, users=both.users.attributes)
    parts = [Dataset.from_tables(replace(known, events=side.events), signals).events for side in sides]
    return Split(replace(both, events=parts[0]), replace(both, events=parts[1]), "given")


def _joined(sides: list[Tables]) -> Tables:
    """Frames of both sides, one below the other; columns that only one of them has are kept."""
    return Tables(
        pl.concat([side.events for side in sides]),
        pl.concat([side.items for side in sides], how="diagonal_relaxed"),
        pl.concat([side.users for side in sides], how="diagonal_relaxed"),
        pl.concat([side.relations for side in sides]).unique(maintain_order=True),
    )
