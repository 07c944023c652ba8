"""Newest: the catalogue by the times of its items, read again when it has changed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Lock
from typing import Annotated, Any

from fastapi import Depends, Request

from serendip.data.gorse import categories_of, read_time
from serendip.store import Store

READ_AGAIN_S = 1.0
"""A catalogue that changes all the time is read no more often than ten times as long as reading it takes, and this."""

_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Dated:
    item_id: str
    time_ms: int
    categories: frozenset[str]


class Newest:
    """Items that may be shown and say their time, the newest first."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = Lock()
        self._version: int | None = None
        self._due_s = float("-inf")
        self._items: list[Dated] = []

    def __call__(self) -> list[Dated]:
        if self._lock.acquire(blocking=self._version is None):  # while one reads again, others have what was there
            try:
                if time.monotonic() >= self._due_s and self._store.catalogue_version() != self._version:
                    self._read()
            finally:
                self._lock.release()
        return self._items

    def _read(self) -> None:
        started_s = time.monotonic()
        version = self._store.catalogue_version()
        self._items = sorted(self._dated(), key=lambda item: (-item.time_ms, item.item_id))
        self._version, now_s = version, time.monotonic()
        self._due_s = now_s + max(READ_AGAIN_S, 10 * (now_s - started_s))

    def _dated(self) -> Iterator[Dated]:
        same: dict[frozenset[str], frozenset[str]] = {}  # few combinations, many items
        after: str | None = None
        while page := self._store.page("items", _PAGE, after):
            for item_id, attributes in page:
                time_ms = _shown_since(attributes)
                if time_ms is not None:
                    categories = frozenset(map(str, categories_of(attributes)))
                    yield Dated(item_id, time_ms, same.setdefault(categories, categories))
            after = page[-1][0]


def _shown_since(attributes: dict[str, Any]) -> int | None:
    if attributes.get("hidden") or attributes.get("available", True) is False:
        return None
    try:
        return read_time(attributes.get("timestamp"))
    except ValueError:
        return None


async def _newest(request: Request) -> Newest:
    state = request.app.state
    if not hasattr(state, "newest"):
        state.newest = Newest(state.engine.store)
    newest: Newest = state.newest
    return newest


ByTime = Annotated[Newest, Depends(_newest)]
