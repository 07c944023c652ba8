"""Exposure log: what was shown, written behind the answers so that it does not slow them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Condition, Event, Thread

from serendip.store import Exposure, Store

GATHER_S = 0.05
"""How long exposures gather before they are written together."""

_log = logging.getLogger(__name__)


class ExposureLog:
    """A bounded queue with one writer thread; an exposure can be read back from the moment it is put in.

    When the queue is full, or the store refuses, exposures are dropped and counted: an answer is worth more than
    its trace.
    """

    def __init__(self, store: Store, on_dropped: Callable[[int], None], most: int = 10_000, batch: int = 500) -> None:
        self._store = store
        self._on_dropped = on_dropped
        self._most, self._batch = most, batch
        self._waiting: dict[str, Exposure] = {}  # by request id, oldest first
        self._changed = Condition()
        self._writing = Condition()  # held while a batch is on its way to the store
        self._ended = Event()
        self._thread: Thread | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, exposure: Exposure) -> None:
        with self._changed:
            if len(self._waiting) >= self._most:
                self._on_dropped(1)
                return
            self._waiting[exposure.request_id] = exposure
            self._changed.notify_all()

    def get(self, request_id: str) -> Exposure | None:
        """What was shown in answer to that request, written or still waiting."""
        return self._waiting.get(request_id) or self._store.exposure(request_id)

    def flush(self) -> None:
        """Return when everything put in before is written (or dropped)."""
        while self._waiting:
            self._write_some()

    def start(self) -> None:
        if self._thread is None:
            self._ended.clear()
            self._thread = Thread(target=self._run, name="exposures", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Write what is waiting and end the thread."""
        self._ended.set()
        with self._changed:
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
        self._thread = None
        self.flush()

    def _run(self) -> None:
        while not self._ended.is_set():
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._ended.is_set())
            self._ended.wait(GATHER_S)
            self._write_some()

    def _write_some(self) -> None:
        with self._writing:
            batch = list(self._waiting.values())[: self._batch]
            try:
                self._store.log_exposures(batch)
            except Exception:
                _log.exception("%d exposures could not be written", len(batch))
                self._on_dropped(len(batch))
            with self._changed:
                for exposure in batch:
                    self._waiting.pop(exposure.request_id, None)
