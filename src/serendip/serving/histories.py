"""Recent histories: what people did, read from the store and kept until it changes."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from threading import Lock
from typing import TypeAlias

from serendip.data import HistoryEvent, Past

Held: TypeAlias = Sequence[HistoryEvent]
Read = Callable[[str], Held]

MOST_PEOPLE = 20_000
MOST_EVENTS, BYTES_OF_EVENT = 500_000, 120
UNFOLLOWED_S = 1.0
"""How long a history is kept while nobody says what other processes write to the same store."""


def _size(past: Held) -> int:
    """In events; words weigh as many as take their place."""
    said = past.said if isinstance(past, Past) else ()
    return len(past) + sum(1 + len(event.text or "") // BYTES_OF_EVENT for event in said)


class _Entry:
    """A history as it was read."""

    __slots__ = ("events", "read_s", "size", "used")

    def __init__(self, events: Held, read_s: float, size: int) -> None:
        self.events, self.read_s, self.size = events, read_s, size
        self.used = False


class RecentHistories:
    """Histories by user id; who has not asked for longest goes first.

    An event accepted by this process removes its person at once. Events of others remove theirs through
    `following.Follower`, which also says `followed`; `seconds_kept` after it last did, histories grow old again,
    so that what another process writes is never seen later than that.

    A hit takes no lock: threads that answer must not queue for each other. So the order is that of the clock
    algorithm: a hit marks its entry, and a marked entry at the end of the line gets a second turn.
    """

    def __init__(
        self,
        read: Read,
        size: Callable[[Held], int] = _size,
        most: int = MOST_PEOPLE,
        most_events: int = MOST_EVENTS,
        seconds_kept: float = UNFOLLOWED_S,
    ) -> None:
        self._read, self._size = read, size
        self._most, self._most_events = most, most_events
        self._seconds_kept = seconds_kept
        self._kept: OrderedDict[str, _Entry] = OrderedDict()
        self._events = 0
        self._reading: dict[str, object] = {}  # who is being read: guards against keeping what is already old
        self._followed_s = float("-inf")
        self._lock = Lock()

    def __call__(self, user_id: str) -> Held:
        entry = self._kept.get(user_id)
        now_s = time.monotonic()
        if entry is not None and now_s - max(entry.read_s, self._followed_s) < self._seconds_kept:
            entry.used = True
            return entry.events
        return self._read_anew(user_id, now_s)

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def events(self) -> int:
        """How many events are kept."""
        return self._events

    def forget(self, user_ids: Collection[str]) -> None:
        """To be called after the store has accepted events of these people."""
        with self._lock:
            for user_id in user_ids:
                self._reading.pop(user_id, None)
                self._drop(user_id)

    def forget_all(self) -> None:
        with self._lock:
            self._reading.clear()
            self._kept.clear()
            self._events = 0

    def followed(self, at_s: float) -> None:
        """Everybody whose history differs from the store as of `at_s` (monotonic) was forgotten."""
        self._followed_s = at_s

    def _read_anew(self, user_id: str, now_s: float) -> Held:
        ticket = object()
        with self._lock:
            self._reading[user_id] = ticket
        try:
            events = self._read(user_id)
        except BaseException:
            self._settle(user_id, ticket)
            raise
        entry = _Entry(events, now_s, self._size(events))
        self._settle(user_id, ticket, entry)
        return events

    def _settle(self, user_id: str, ticket: object, entry: _Entry | None = None) -> None:
        """Keep what was read, unless the person was forgotten or read again meanwhile."""
        with self._lock:
            if self._reading.get(user_id) is not ticket:
                return
            del self._reading[user_id]
            self._drop(user_id)
            if entry is not None:
                self._kept[user_id] = entry
                self._events += entry.size
                self._make_room()

    def _make_room(self) -> None:
        while len(self._kept) > self._most or self._events > self._most_events:
            user_id, entry = next(iter(self._kept.items()))
            if entry.used:
                entry.used = False
                self._kept.move_to_end(user_id)
            else:
                self._drop(user_id)

    def _drop(self, user_id: str) -> None:
        entry = self._kept.pop(user_id, None)
        if entry is not None:
            self._events -= entry.size
