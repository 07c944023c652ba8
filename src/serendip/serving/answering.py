"""Answering: lists are made by a thread beside the event loop, and nobody waits for one that hangs.

One thread as a rule: a list is a millisecond of Python, and threads that want the interpreter lock at once only take it
from each other. More cores are for more processes (`processes`).

A source cannot be interrupted, but it can be left behind: when an answer takes too long, the source that keeps its
thread rests, a new thread takes the place of the old one, and the request is answered again without that source.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from contextvars import copy_context
from queue import SimpleQueue
from threading import Thread, get_ident
from typing import Any, TypeVar

from serendip.serving.guarding import SourceGuard

PATIENCE_S = 0.5
"""How long an answer may take before it is made again without the source that keeps it."""
LONGEST = 20
"""After so many times `PATIENCE_S` somebody gets an answer without a list, whatever kept it."""
MOST_LEFT_BEHIND = 32
"""Threads that hang at once; beyond, nobody is left to answer with sources."""

T = TypeVar("T")


class _Ticket:
    """Work that somebody waits for."""

    __slots__ = ("context", "future", "left_behind", "loop", "thread", "tries", "work")

    def __init__(self, work: Callable[[], Any], loop: asyncio.AbstractEventLoop) -> None:
        self.work, self.loop = work, loop
        self.context = copy_context()  # the log names the request
        self.future: asyncio.Future[Any] = loop.create_future()
        self.thread: int | None = None  # that does it now
        self.left_behind = False
        self.tries = 0


class Answering:
    """`run` from any coroutine, between `start` and `stop`."""

    def __init__(self, guard: SourceGuard, threads: int = 1, patience_s: float | None = None) -> None:
        self._guard = guard
        self._count = threads
        self.patience_s = patience_s or PATIENCE_S
        self._queue: SimpleQueue[_Ticket | None] = SimpleQueue()
        self._threads: list[Thread] = []
        self.hanging = 0

    def start(self) -> None:
        while len(self._threads) < self._count:
            self._hire()

    def stop(self) -> None:
        """End the threads that do not hang; what waits is done first."""
        for _ in range(self._count if self._threads else 0):
            self._queue.put(None)
        for thread in self._threads:
            thread.join(self.patience_s)
        self._threads.clear()

    async def run(self, work: Callable[[], T]) -> T:
        """What `work` returns; it may be called again if the first time hangs, so it must leave nothing behind.

        Raises:
            TimeoutError: it hangs whatever is left out.
        """
        if not self._threads:
            self.start()
        ticket = _Ticket(work, asyncio.get_running_loop())
        self._queue.put(ticket)
        watch = self._watch(ticket)
        try:
            result: T = await ticket.future
            return result
        finally:
            watch.cancel()

    def _hire(self) -> None:
        thread = Thread(target=self._work, name="answering", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        while (ticket := self._queue.get()) is not None:
            if ticket.future.done():
                continue
            ticket.thread = get_ident()
            try:
                outcome: tuple[Any, BaseException | None] = ticket.context.run(ticket.work), None
            except BaseException as error:
                outcome = None, error
            if ticket.left_behind:  # somebody else has taken this thread's place
                self.hanging -= 1
                return
            ticket.thread = None
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                ticket.loop.call_soon_threadsafe(_settle, ticket.future, *outcome)

    def _watch(self, ticket: _Ticket) -> asyncio.TimerHandle:
        due_s = ticket.loop.time() + self.patience_s
        return ticket.loop.call_at(due_s, self._late, ticket, due_s)

    def _late(self, ticket: _Ticket, due_s: float) -> None:
        """In the loop: the ticket has waited as long as anybody should."""
        if ticket.future.done():
            return
        held_up = ticket.loop.time() - due_s > self.patience_s / 4  # the whole process was: nobody is to blame
        busy = None if held_up or ticket.thread is None else self._guard.busy_with(ticket.thread)
        hangs = busy is not None and busy[1] >= self.patience_s
        ticket.tries += ticket.thread is not None  # else nobody had time for it yet
        if hangs and busy is not None and self.hanging < MOST_LEFT_BEHIND:
            self._guard.hangs(busy[0])
            again = self._leave_behind(ticket)
            self._queue.put(again)
            self._watch(again)
        elif ticket.tries <= LONGEST:  # slow, but not by a source: an index of words is made, say
            self._watch(ticket)
        else:
            self._leave_behind(ticket)
            _settle(ticket.future, None, TimeoutError("no answer in time"))

    def _leave_behind(self, ticket: _Ticket) -> _Ticket:
        """A ticket for another thread in the place of this one."""
        ticket.left_behind = True
        self.hanging += 1
        self._threads = [one for one in self._threads if one.ident != ticket.thread]
        self._hire()
        again = _Ticket(ticket.work, ticket.loop)
        again.future, again.context = ticket.future, ticket.context.copy()
        return again


def _settle(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
