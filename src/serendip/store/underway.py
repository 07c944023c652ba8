"""Underway: how far the round of training is that goes on, in a file of the workspace that every process reads.

The process that trains holds a lock on the workspace and ends with both. Where the file is there and nobody holds the
lock, the process was ended from outside: whoever sees that first writes the round down as failed. A service that begins
a round announces it, until the process that it starts for that has the lock.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from serendip.data.times import epoch_ms
from serendip.store import rounds
from serendip.store.files import FolderLock, write_whole
from serendip.store.rounds import Round

FILE = "underway.json"
WRITE_EVERY_S = 0.5
BEGINS_WITHIN_S = 600.0
"""An announcement that is older is none, whoever has the number of the process by now."""


@dataclass(frozen=True)
class Underway:
    """A round of training that goes on."""

    started_at: str
    """RFC 3339."""
    why: str
    by: str | None
    """The id of the key with which it was asked for; None: by the clock, or at the command line."""
    recipe: str
    """Its name."""
    events_to: int
    """The number of the last event of the log when it began."""
    champion: str | None
    """The version in service when it began."""
    step: str = "starting"
    label: str = ""
    """What is being done in that step; what follows a colon says how it goes."""
    done: int = 0
    total: int = 0
    """0: how much there is to do is not known."""
    starter: int = 0
    """The process that announced it; 0 once it goes on."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def told(self) -> dict[str, Any]:
        """What others may know of it."""
        return {name: value for name, value in self.to_json().items() if name != "starter"}


class Report:
    """What the process that trains tells of itself: a `Progress` that also knows its steps."""

    def __init__(self, folder: Path, now: Underway) -> None:
        self._file, self._now, self._written_s = folder / FILE, now, 0.0
        self._write()

    def step(self, name: str) -> None:
        """What is done from now on."""
        self._now = replace(self._now, step=name, label="", done=0, total=0)
        self._write()

    def __call__(self, label: str, done: int, total: int) -> None:
        self._now = replace(self._now, label=label, done=done, total=total)
        if time.monotonic() - self._written_s >= WRITE_EVERY_S:
            self._write()

    def _write(self) -> None:
        with contextlib.suppress(OSError):  # a full disk is no reason to end what goes on
            write_whole(self._file, json.dumps(self._now.to_json()) + "\n")
        self._written_s = time.monotonic()


def announce(folder: Path, now: Underway) -> bool:
    """Say that this process begins a round; whether it may: it may not where one goes on or is begun."""
    draft = folder / f"{FILE}.{os.getpid()}"
    draft.write_text(json.dumps(replace(now, starter=os.getpid()).to_json()) + "\n", encoding="utf-8")
    try:
        os.link(draft, folder / FILE)  # unlike a rename, it replaces nothing that came meanwhile
        return True
    except FileExistsError:
        return False
    finally:
        draft.unlink()


def withdraw(folder: Path) -> None:
    """The round that this process announced did not come about, if it did not."""
    now = _written(folder)
    if now is not None and now.starter == os.getpid():
        (folder / FILE).unlink(missing_ok=True)


@contextmanager
def told(folder: Path, now: Underway) -> Iterator[Report]:
    """Tell every process what goes on within; only by who holds the lock on `folder`."""
    settle(folder)
    announced = _written(folder)
    try:
        yield Report(folder, replace(now, started_at=announced.started_at) if announced else now)
    finally:
        (folder / FILE).unlink(missing_ok=True)


def read(folder: Path, why: str = "") -> Underway | None:
    """What goes on; None where nothing does.

    Args:
        why: what ended a process that is gone, where the caller knows.
    """
    now = _written(folder)
    if now is None or _begins(folder, now):
        return now
    lock = FolderLock(folder)
    try:
        if not lock.take(wait=False):
            return now
        settle(folder, why)
    finally:
        lock.release()
    return None


def settle(folder: Path, why: str = "") -> None:
    """Write down as failed the round of a process that is gone, if it left one; by who holds the lock."""
    now = _written(folder)
    if now is None or _begins(folder, now):  # what was announced goes on from here
        return
    started_s, last_s = (epoch_ms(now.started_at) or 0) / 1000, (folder / FILE).stat().st_mtime
    (folder / FILE).unlink()
    why = why or f"it was ended while {now.step}" + (f" ({now.label})" if now.label else "")
    spent_s = round(max(0.0, last_s - started_s), 1)
    rounds.add(folder, Round("failed", why, now.started_at, spent_s, now.events_to, now.champion))


def _begins(folder: Path, now: Underway) -> bool:
    """Whether it is announced, and who announced it is there."""
    if not now.starter:
        return False
    try:
        os.kill(now.starter, 0)
        return time.time() - (folder / FILE).stat().st_mtime < BEGINS_WITHIN_S
    except OSError:
        return False


def _written(folder: Path) -> Underway | None:
    try:
        return Underway(**json.loads((folder / FILE).read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError):
        with contextlib.suppress(OSError):
            (folder / FILE).unlink()
        return None
