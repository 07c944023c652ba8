"""Watching: what looks again and again, in a thread of its own, whether something happened elsewhere."""

from __future__ import annotations

from threading import Event, Thread


class Watcher:
    """Calls `look` from `start` until `stop`, every so many seconds."""

    def __init__(self, name: str, every_s: float) -> None:
        self._name, self._every_s = name, every_s
        self._ended = Event()
        self._thread: Thread | None = None

    def look(self) -> None:
        """See what there is to see, now."""
        raise NotImplementedError

    def start(self) -> None:
        if self._thread is None:
            self._ended.clear()
            self._thread = Thread(target=self._watch, name=self._name, daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Return when nothing looks any more."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        self._thread = None

    def _watch(self) -> None:
        while not self._ended.wait(self._every_s):
            self.look()
