"""What a reader returns."""

from __future__ import annotations

from dataclasses import dataclass, field

from serendip.data.tables import Tables


@dataclass(frozen=True)
class ReadResult:
    """The tables, and in one sentence each what was guessed, ignored or left out."""

    tables: Tables
    notes: list[str] = field(default_factory=list)
