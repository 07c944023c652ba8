"""Following: histories are forgotten as soon as another process writes events of their people, or erases them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from serendip.serving.histories import RecentHistories
from serendip.serving.watching import Watcher
from serendip.store import Changes

LOOK_EVERY_S = 0.05

_log = logging.getLogger(__name__)


class Follower(Watcher):
    """Asks the store again and again whose events were appended, in a thread of its own.

    While the store fails nothing is said of the histories, so they grow old by themselves; when it is back, the
    follower goes on from where it was.
    """

    def __init__(self, changes: Callable[[int], Changes], histories: RecentHistories) -> None:
        self._changes = changes
        self._histories = histories
        self._seen: Changes | None = None
        self._failing = False
        super().__init__("following", LOOK_EVERY_S)

    def look(self) -> None:
        """Forget whose history changed since the last look."""
        asked_s = time.monotonic()
        try:
            changes = self._changes(self._seen.latest if self._seen else 0)
        except Exception as error:
            if not self._failing:  # once, not twenty times a second
                _log.warning("the log of events cannot be followed: %s", error)
            self._failing = True
            return
        self._failing = False
        if self._seen is None or self._seen.erasures != changes.erasures or changes.user_ids is None:
            self._histories.forget_all()
        else:
            self._histories.forget(changes.user_ids)
        self._seen = changes
        self._histories.followed(asked_s)
