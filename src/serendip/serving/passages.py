"""Passages: the requests that are being answered, how many there may be, and when one has taken too long."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

from serendip.serving.problems import Refused
from serendip.store import ServiceSettings

BODY_RATE = 16 << 10
"""Bytes a second at which a body must arrive to be waited for on."""

LOOKS = 4
"""How often the shortest time limit is looked at while it runs."""


class Passage(Protocol):
    """A request on its way."""

    started_s: float
    arrived_s: float
    """When the body was complete; 0 before."""
    taken: int
    """Bytes of the body so far."""

    def expire(self, name: str, detail: str) -> None:
        """Answer with that problem instead, and end."""
        ...


class Passages:
    """All requests on their way. Nobody waits for room: one too many is refused at once.

    Time limits are looked at together every now and then, which costs a request nothing. Belongs to the event loop.
    """

    def __init__(self, settings: ServiceSettings) -> None:
        self._settings = settings
        self._under_way: set[Passage] = set()
        self._every_s = min(1.0, settings.body_within_s / LOOKS, settings.answer_within_s / LOOKS)
        self._next_look: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def __len__(self) -> int:
        return len(self._under_way)

    def enter(self, passage: Passage, whatever: bool) -> None:
        """Begin to watch a passage; `whatever` lets it in even where there is no room.

        Raises:
            Refused: too many are under way.
        """
        if len(self._under_way) >= self._settings.most_at_once and not whatever:
            raise Refused(
                "overloaded", f"{len(self):,} requests are being answered already", headers={"retry-after": "1"}
            )
        self._under_way.add(passage)
        loop = asyncio.get_running_loop()
        if self._next_look is None or loop is not self._loop:
            self._loop = loop
            self._next_look = loop.call_later(self._every_s, self._look)

    def leave(self, passage: Passage) -> None:
        self._under_way.discard(passage)

    def _look(self) -> None:
        now_s = time.perf_counter()
        for passage in list(self._under_way):
            self._check(passage, now_s)
        self._next_look = None
        if self._under_way and self._loop is not None:
            self._next_look = self._loop.call_later(self._every_s, self._look)

    def _check(self, passage: Passage, now_s: float) -> None:
        settings = self._settings
        if passage.arrived_s:
            if now_s - passage.arrived_s > settings.answer_within_s:
                passage.expire("timed-out", f"there was no answer within {settings.answer_within_s:g} seconds")
        elif now_s - passage.started_s > settings.body_within_s + passage.taken / BODY_RATE:
            passage.expire("too-slow", f"the body arrives too slowly; {passage.taken:,} bytes of it came")
