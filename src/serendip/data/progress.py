"""Progress: how long work is told to whoever waits, without the worker knowing who that is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

T = TypeVar("T")


class Progress(Protocol):
    """Called with what is being done, how much of it is done, and how much there is in all.

    What follows a colon in the label says how it goes and may change: `sasrec: loss 6.113, 12 steps/s`.
    """

    def __call__(self, label: str, done: int, total: int) -> None: ...


def silent(label: str, done: int, total: int) -> None:
    """The progress of work that nobody watches."""


def track(things: Iterable[T], label: str, total: int, progress: Progress) -> Iterator[T]:
    """Yield `things` and say so after each."""
    progress(label, 0, total)
    for done, thing in enumerate(things, 1):
        yield thing
        progress(label, done, total)
