"""Storage: what a workspace takes on the disk, counted up to a bound and no more often than every minute."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from serendip.store import Workspace

MOST_FILES = 20_000
KEPT_S = 60.0


@dataclass(frozen=True)
class Part:
    """One part of it."""

    bytes: int
    files: int
    whole: bool
    """False: there are more files than were counted."""


@dataclass(frozen=True)
class Measured:
    """All of it, as of a moment."""

    parts: dict[str, Part]
    free_bytes: int
    """Left on the disk of the workspace."""
    total_bytes: int
    at_s: float


class Storage:
    """What was measured last."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._lock = Lock()
        self._measured: Measured | None = None

    def now(self) -> Measured:
        """At most `KEPT_S` old."""
        with self._lock:
            if self._measured is None or time.time() - self._measured.at_s > KEPT_S:
                self._measured = self._measure()
            return self._measured

    def _measure(self) -> Measured:
        workspace = self._workspace
        folders = {
            "models": workspace.models_dir,
            "vectors": workspace.vectors_dir,
            "pictures": workspace.pictures_dir,
            "checkpoints": workspace.checkpoints_dir,
            "imports": workspace.imports_dir,
            "backups": workspace.backups_dir,
        }
        parts = {"store": Part(workspace.store.disk_bytes(), 1, True)}
        parts |= {name: measured(folder) for name, folder in folders.items()}
        disk = shutil.disk_usage(workspace.path)
        return Measured(parts, disk.free, disk.total, time.time())


def measured(folder: Path) -> Part:
    """What the files in a folder and below take; nothing where it is not there."""
    size = count = 0
    for entry in _files(folder):
        if count == MOST_FILES:
            return Part(size, count, whole=False)
        size, count = size + entry, count + 1
    return Part(size, count, whole=True)


def _files(folder: Path | str) -> Iterator[int]:
    """Sizes; links are not followed, and what goes meanwhile is passed over."""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    yield from _files(entry.path)
                else:
                    yield entry.stat(follow_symlinks=False).st_size
    except OSError:
        return
