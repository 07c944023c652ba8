"""Workers: a few threads that do what would keep the event loop from everybody else.

Half as costly a way there and back as the framework's, and none of them keeps a process from ending.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context, copy_context
from queue import SimpleQueue
from threading import Thread
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")


class _Job(NamedTuple):
    loop: asyncio.AbstractEventLoop
    outcome: asyncio.Future[Any]
    context: Context
    work: Callable[..., Any]
    arguments: tuple[Any, ...]


_Jobs = SimpleQueue[_Job | None]


class Workers:
    """At most `most` threads, each made when the others are busy. They end with the object."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._jobs: _Jobs = SimpleQueue()
        self._threads = 0
        self._under_way = 0
        self._end = weakref.finalize(self, _dismiss, self._jobs, most)
        self._end.atexit = False

    async def run(self, work: Callable[..., T], *arguments: Any) -> T:
        """What `work` returns or raises, done in a thread, with the context of who asks."""
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[T] = loop.create_future()
        if self._under_way >= self._threads < self._most:
            self._threads += 1
            Thread(target=_work, args=(self._jobs,), name=f"worker {self._threads}", daemon=True).start()
        self._under_way += 1
        try:
            self._jobs.put(_Job(loop, outcome, copy_context(), work, arguments))
            return await outcome
        finally:
            self._under_way -= 1


def _work(jobs: _Jobs) -> None:
    while job := jobs.get():
        try:
            result, error = job.context.run(job.work, *job.arguments), None
        except BaseException as raised:
            result, error = None, raised
        with suppress(RuntimeError):  # the loop is closed: nobody waits
            job.loop.call_soon_threadsafe(_settle, job.outcome, result, error)
        del job, result, error  # nothing of a request outlives it


def _settle(outcome: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if outcome.done():
        return  # given up meanwhile
    if error is None:
        outcome.set_result(result)
    else:
        outcome.set_exception(error)


def _dismiss(jobs: _Jobs, most: int) -> None:
    for _ in range(most):
        jobs.put(None)
