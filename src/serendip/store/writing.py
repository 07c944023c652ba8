"""Group commit: one writer at a time, and all who wait for it share one transaction and one synchronisation."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")
Work = Callable[[Connection], T]


class _Ticket:
    """Work that waits to be written, and what became of it."""

    def __init__(self, work: Work[Any]) -> None:
        self.work = work
        self.outcome: Future[Any] = Future()


class GroupCommit:
    """Whoever gets the lock first writes for everybody who waits; the others find their work done.

    `transaction()` is a context that yields a connection and commits at its end, or undoes all if it raises.
    Work may be called a second time after its first transaction was undone, so it must depend on nothing else.
    """

    def __init__(self, transaction: Callable[[], AbstractContextManager[Connection]]) -> None:
        self._transaction = transaction
        self._waiting: deque[_Ticket] = deque()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Works that wait for the group before them."""
        return len(self._waiting)

    def run(self, work: Work[T]) -> T:
        """What `work` returns, once it is committed, perhaps together with the work of other threads."""
        ticket = _Ticket(work)
        self._waiting.append(ticket)
        with self._lock:
            if not ticket.outcome.done():
                self._settle([self._waiting.popleft() for _ in range(len(self._waiting))])
        result: T = ticket.outcome.result()
        return result

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else writes meanwhile: for work that takes long."""
        with self._lock:
            yield

    def finish(self, close: Callable[[], None]) -> None:
        """Write for everybody who waits, then `close`."""
        with self._lock:
            self._settle(list(self._waiting))
            self._waiting.clear()
            close()

    def _settle(self, group: list[_Ticket]) -> None:
        if not group:
            return
        at_work: _Ticket | None = None
        results = []
        try:
            with self._transaction() as connection:
                for at_work in group:
                    results.append(at_work.work(connection))
                at_work = None
        except BaseException as error:
            # Work that fails must not take the others with it. A commit that fails is not tried again: after a
            # failed synchronisation nobody knows which pages the disk has.
            others = [ticket for ticket in group if ticket is not at_work]
            if at_work is not None and isinstance(error, Exception):
                group = [at_work]
                self._settle(others)
            for ticket in group:
                ticket.outcome.set_exception(error)
        else:
            for ticket, result in zip(group, results, strict=True):
                ticket.outcome.set_result(result)
