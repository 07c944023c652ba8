"""Pacing: work that tells how far it is, but not more often than anybody looks."""

from __future__ import annotations

import time


class Pace:
    """Whether so many seconds have passed since it was told last."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._told_s = float("-inf")

    def due(self) -> bool:
        """True at most once in so many seconds."""
        now_s = time.monotonic()
        if now_s - self._told_s < self._every_s:
            return False
        self._told_s = now_s
        return True
