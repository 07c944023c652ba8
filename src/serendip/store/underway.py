"""Underway: how far the round of training is that goes on, in a file of the workspace that every process reads.

The process that trains holds a lock on the workspace and ends with both. Where the file is there and nobody holds the
lock, the process was ended from outside: whoever sees that first writes the round down as failed.
"""

from __future__ import annotations

import contextlib
import json
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

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


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


@contextmanager
def told(folder: Path, now: Underway) -> Iterator[Report]:
    """Tell every process what goes on within; only by who holds the lock on `folder`."""
    settle(folder)
    try:
        yield Report(folder, now)
    finally:
        (folder / FILE).unlink(missing_ok=True)


def read(folder: Path, why: str = "") -> Underway | None:
    """What goes on; None where nothing does.

    Args:
        why: what ended a process that is gone, where the caller knows.
    """
    now = _written(folder)
    if now is None:
        return None
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
    if now is None:
        return
    started_s, last_s = (epoch_ms(now.started_at) or 0) / 1000, (folder / FILE).stat().st_mtime
    (folder / FILE).unlink()
    why = why or f"it was ended while {now.step}" + (f" ({now.label})" if now.label else "")
    spent_s = round(max(0.0, last_s - started_s), 1)
    rounds.add(folder, Round("failed", why, now.started_at, spent_s, now.events_to, now.champion))


def _written(folder: Path) -> Underway | None:
    try:
        return Underway(**json.loads((folder / FILE).read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError):
        with contextlib.suppress(OSError):
            (folder / FILE).unlink()
        return None
