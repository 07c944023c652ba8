"""Recent histories: what people did, read from the store and kept for a moment."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import Lock

from serendip.data import HistoryEvent

Read = Callable[[str], Sequence[HistoryEvent]]


class RecentHistories:
    """A small cache of histories by user id, least recently used out first.

    An event accepted by this process removes its person at once; what another process writes to the same store
    is seen after `seconds_kept` at the latest.
    """

    def __init__(self, read: Read, most: int = 10_000, seconds_kept: float = 1.0) -> None:
        self._read = read
        self._most = most
        self._seconds_kept = seconds_kept
        self._kept: OrderedDict[str, tuple[float, Sequence[HistoryEvent]]] = OrderedDict()
        self._forgotten = 0  # how often something was forgotten: guards against keeping what is already old
        self._lock = Lock()

    def __call__(self, user_id: str) -> Sequence[HistoryEvent]:
        now_s = time.monotonic()
        with self._lock:
            read_s, events = self._kept.get(user_id, (float("-inf"), ()))
            if now_s - read_s < self._seconds_kept:
                self._kept.move_to_end(user_id)
                return events
            forgotten = self._forgotten
        events = self._read(user_id)
        with self._lock:
            if forgotten == self._forgotten:
                self._keep(user_id, now_s, events)
        return events

    def forget(self, user_ids: Sequence[str]) -> None:
        """To be called after the store has accepted events of these people."""
        with self._lock:
            self._forgotten += 1
            for user_id in user_ids:
                self._kept.pop(user_id, None)

    def _keep(self, user_id: str, now_s: float, events: Sequence[HistoryEvent]) -> None:
        self._kept[user_id] = now_s, events
        self._kept.move_to_end(user_id)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
