"""Guarding: sources that fail or hang are left out of an answer, and rest for a while when they do it again."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from threading import Lock, get_ident
from typing import TypeVar

from serendip.data import InputError
from serendip.pipeline.asking import Guard

FAULTS = 3
"""Failures one after another after which a source rests."""
FIRST_REST_S = 0.5
"""A source rests for so long at first, and twice as long each time that it hangs or fails again right after."""
REST_S = 5.0
"""The longest rest: a disc that stood still for a second is no reason to do without histories for long."""

T = TypeVar("T")
_log = logging.getLogger(__name__)


class SourceGuard:
    """The `pipeline.asking.Guard` of a service.

    It also knows what each thread is busy with, so that whoever waits for the thread can say what keeps it.
    """

    def __init__(self, on_fault: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._on_fault = on_fault
        self._clock = clock
        self._busy: dict[int, tuple[str, float]] = {}  # with what and since when, by thread
        self._faults: dict[str, int] = {}  # in a row, by source
        self._resting: dict[str, float] = {}  # until when, by source
        self._rested: dict[str, tuple[float, float]] = {}  # how long, and until when, while it has not done well since
        self._lock = Lock()

    def __call__(self, source: str, work: Callable[[], T], degraded: list[str]) -> T | None:
        if self._rests(source):
            degraded.append(f"{source} rests after faults")
            return None
        thread, started_s = get_ident(), self._clock()
        self._busy[thread] = source, started_s
        try:
            done = work()
        except InputError:
            raise  # the request's fault
        except Exception:
            self._failed(source)
            _log.exception("%s failed", source)
            degraded.append(f"{source} failed")
            return None
        finally:
            self._busy.pop(thread, None)
        if source in self._faults or source in self._rested:
            self._well(source, started_s)
        return done

    def of_model(self, version: str) -> Guard:
        """The same for the parts of one model."""
        return lambda source, work, degraded: self(f"{source} of the model {version}", work, degraded)

    def busy_with(self, thread: int) -> tuple[str, float] | None:
        """The source that a thread asks at the moment, and for how many seconds."""
        busy = self._busy.get(thread)
        return None if busy is None else (busy[0], self._clock() - busy[1])

    def hangs(self, source: str) -> None:
        """It took longer than anybody waits for it."""
        self._on_fault(source)
        self._rest(source)

    def _well(self, source: str, started_s: float) -> None:
        """It did what it was asked for; if it was asked before it rested, that tells nothing of how it is now."""
        with self._lock:
            self._faults.pop(source, None)
            if started_s >= self._rested.get(source, (0.0, 0.0))[1]:
                self._rested.pop(source, None)

    def _failed(self, source: str) -> None:
        self._on_fault(source)
        with self._lock:
            self._faults[source] = self._faults.get(source, 0) + 1
            tired = self._faults[source] >= FAULTS
        if tired:
            self._rest(source)

    def _rest(self, source: str) -> None:
        with self._lock:
            if source in self._resting:
                return  # others that were on their way hang or fail with it
            seconds = min(REST_S, 2 * self._rested.get(source, (FIRST_REST_S / 2, 0.0))[0])
            until_s = self._clock() + seconds
            self._faults.pop(source, None)
            self._rested[source], self._resting[source] = (seconds, until_s), until_s
        _log.warning("%s is left out for %.1f s", source, seconds)

    def _rests(self, source: str) -> bool:
        until_s = self._resting.get(source)
        if until_s is None:
            return False
        if self._clock() < until_s:
            return True
        self._resting.pop(source, None)
        return False
