"""Power cuts: what a disk holds when everything that was not synchronised may be lost.

A kill tests none of this, for the system keeps what a dead process wrote. So `journal.c`, preloaded into a process,
notes each change of the store's files, and here the changes are made again, up to a cut: what was synchronised is
there, and of the rest any sector of 512 bytes may be or not, as on a disk whose power fails.
"""

from __future__ import annotations

import functools
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pytest

SECTOR = 512
ACKNOWLEDGED = "acknowledged"  # the last part of the name of the file into which a process writes what it was told
HEAD = struct.Struct("<cHqq")

Survives = Callable[[], bool]
"""Whether the next sector, or the next change of a length or a name, reached the disk before the cut."""


@functools.cache
def preloaded() -> Path:
    """The compiled `journal.c`; skips where it cannot be had."""
    compiler = shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("changes of files are noted by a library for Linux, which needs a C compiler (cc)")
    library = Path(tempfile.mkdtemp(prefix="serendip-journal-")) / "journal.so"
    source = Path(__file__).with_name("journal.c")
    subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", library, source, "-ldl", "-lpthread"], check=True)
    return library


def environment(store: Path, journal: Path | None = None, fault: Path | None = None) -> dict[str, str]:
    """What a process must be started with."""
    given = {"JOURNAL_TO": journal, "JOURNAL_FAULT": fault}
    told = {name: str(value) for name, value in given.items() if value is not None}
    return {**os.environ, "LD_PRELOAD": str(preloaded()), "JOURNAL_OF": str(store), **told}


class Change(NamedTuple):
    what: str
    name: str
    offset: int
    content: bytes


def changes(journal: Path) -> list[Change]:
    """The records of a journal; the last may be cut off by the end of its process."""
    found, data, at = [], journal.read_bytes(), 0
    while at + HEAD.size <= len(data):
        what, n_name, offset, n_content = HEAD.unpack_from(data, at)
        at += HEAD.size
        name, content = data[at : at + n_name].decode(), data[at + n_name : at + n_name + n_content]
        at += n_name + n_content
        if at <= len(data):
            found.append(Change(what.decode(), name, offset, content))
    return found


@dataclass
class File:
    """A file on the disk, and what was changed since it was synchronised."""

    content: bytearray = field(default_factory=bytearray)
    waiting: list[Change] = field(default_factory=list)

    def synchronise(self) -> None:
        for change in self.waiting:
            _apply(self.content, change)
        self.waiting.clear()

    def after_cut(self, survives: Survives) -> bytes:
        content = bytearray(self.content)
        for change in self.waiting:
            for sector in _sectors(change):
                if survives():
                    _apply(content, sector)
        return bytes(content)


def _sectors(change: Change) -> Iterator[Change]:
    """The parts of a change that reach the disk each by itself."""
    if change.what == "T":
        yield change
    start = change.offset
    while start < change.offset + len(change.content):
        end = min((start // SECTOR + 1) * SECTOR, change.offset + len(change.content))
        yield change._replace(offset=start, content=change.content[start - change.offset : end - change.offset])
        start = end


def _apply(content: bytearray, change: Change) -> None:
    end = change.offset + len(change.content)
    content.extend(bytes(max(0, end - len(content))))
    if change.what == "T":
        del content[end:]
    content[change.offset : end] = change.content


class Disk:
    """The files of a store, with what is safe and what is not."""

    def __init__(self) -> None:
        self._seen: dict[str, File] = {}  # as the process sees them
        self._safe: dict[str, File] = {}  # by the names that the folder on the disk has
        self.acknowledged: list[str] = []

    def apply(self, change: Change) -> None:
        if change.name.endswith(ACKNOWLEDGED):  # this was told to somebody elsewhere, where the power holds
            self.acknowledged += change.content.decode().split()
        elif change.what == "D":
            self._safe = dict(self._seen)
        elif change.what == "U":
            self._seen.pop(change.name, None)
        else:
            file = self._seen.setdefault(change.name, File())
            if change.what == "S":
                file.synchronise()
            else:
                file.waiting.append(change)

    def cut(self, folder: Path, survives: Survives) -> None:
        """Make `folder` as it is when the power is back."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name in sorted(self._safe.keys() | self._seen.keys()):
            before, after = self._safe.get(name), self._seen.get(name)
            file = after if before is after or survives() else before
            if file is not None:
                (folder / name).write_bytes(file.after_cut(survives))


def losing(share: float, seed: int) -> Survives:
    """Of what is not synchronised, this share is lost, by chance."""
    chance = random.Random(seed)
    return lambda: chance.random() >= share
