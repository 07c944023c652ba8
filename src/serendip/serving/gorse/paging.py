"""Paging: how many, from where, and what comes after."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from serendip.serving.wire import cursor_after, id_of
from serendip.store import Attributes, Kind, Store

MOST = 1_000
"""Things in one answer, those that `offset` leaves out included."""

Number = Annotated[int, Query(ge=1, le=MOST)]
Offset = Annotated[int, Query(ge=0, lt=MOST)]
Cursor = Annotated[str, Query(description="What the page before gave; empty for the first.")]


def page_of(store: Store, kind: Kind, n: int, cursor: str) -> tuple[list[tuple[str, Attributes]], str]:
    """The page, and the cursor of the next; empty where there is none."""
    rows = store.page(kind, n + 1, id_of(cursor or None))
    return rows[:n], cursor_after(rows[n - 1][0]) if len(rows) > n else ""
