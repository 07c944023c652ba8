"""Limits: how many requests one client may make. A client is its key, or its address where there is no key.

Each client has an allowance that fills at an even rate up to `burst` and from which every request takes one. It is
kept as one number, the moment at which the allowance will be full again (the generic cell rate algorithm, ITU-T I.371).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from serendip.serving.problems import Refused
from serendip.store import ServiceSettings

BURST_S = 2.0
"""A client that was quiet may make the requests of so many seconds at once."""

MOST_CLIENTS = 20_000
"""Clients that are remembered; when there are more, those whose allowance is full go, then the oldest, down to half."""


class Allowance:
    """Requests per client, `rate` a second, at most `burst` at once; a `rate` of 0 is no limit."""

    def __init__(self, rate: float, burst: float, most: int = MOST_CLIENTS) -> None:
        self._every_s = 1 / rate if rate else 0.0
        self._slack_s = max(burst - 1, 0) * self._every_s
        self._most = most
        self._full_at_s: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._full_at_s)

    def wait_s(self, client: str, now_s: float) -> float:
        """Seconds until this client may make one more request; 0 where it may now."""
        full_at_s = self._full_at_s.get(client, now_s)
        return max(full_at_s - now_s - self._slack_s, 0.0) if self._every_s else 0.0

    def take(self, client: str, now_s: float) -> float:
        """Count one request if it is allowed; seconds until it will be, 0 where it was."""
        if not self._every_s:
            return 0.0
        full_at_s = self._full_at_s.get(client)
        if full_at_s is None:
            self._make_room(now_s)
            full_at_s = now_s
        ahead_s = full_at_s - now_s
        if ahead_s > self._slack_s:
            return ahead_s - self._slack_s
        self._full_at_s[client] = max(full_at_s, now_s) + self._every_s
        return 0.0

    def _make_room(self, now_s: float) -> None:
        if len(self._full_at_s) < self._most:
            return
        self._full_at_s = {client: full for client, full in self._full_at_s.items() if full > now_s}
        for client in list(self._full_at_s)[: -(self._most // 2) or None]:
            del self._full_at_s[client]


class Limits:
    """The allowances of a service. Belongs to the event loop: nothing here is safe in several threads."""

    def __init__(self, settings: ServiceSettings, count: Callable[[str], None] = lambda limit: None) -> None:
        """Args: count: called with the name of the limit each time a request is refused."""
        per_s = {
            "reads": settings.reads_per_s,
            "writes": settings.writes_per_s,
            "anonymous": settings.anonymous_per_s,
        }
        self._allowances = {name: Allowance(rate, max(rate * BURST_S, 1)) for name, rate in per_s.items()}
        per_minute = settings.failures_per_minute
        self._failures = Allowance(per_minute / 60, max(per_minute, 1))
        self._count = count

    def take(self, limit: str, client: str) -> None:
        """Count a request of `client` under `reads`, `writes` or `anonymous`.

        Raises:
            Refused: it is one too many for now.
        """
        wait_s = self._allowances[limit].take(client, time.monotonic())
        if wait_s:
            self._refuse(limit, wait_s, "more requests than one client may make")

    def failed(self, client: str) -> None:
        """Count a wrong key from this address."""
        self._failures.take(client, time.monotonic())

    def check_failures(self, client: str) -> None:
        """See that an address has not sent too many wrong keys to be listened to.

        Raises:
            Refused: it has.
        """
        wait_s = self._failures.wait_s(client, time.monotonic()) if len(self._failures) else 0.0
        if wait_s:
            self._refuse("failures", wait_s, "too many requests from this address had no valid key")

    def _refuse(self, limit: str, wait_s: float, why: str) -> None:
        self._count(limit)
        seconds = math.ceil(wait_s)
        again = "a second" if seconds == 1 else f"{seconds} seconds"
        raise Refused("too-many-requests", f"{why}; try again in {again}", headers={"retry-after": str(seconds)})
