"""Files that are there whole or not at all, and locks that end with the process that holds them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

if sys.platform != "win32":
    import fcntl


def write_whole(path: Path, text: str) -> None:
    """Replace a text file at once: after a power cut it holds the old text or the new one."""
    draft = path.with_name(path.name + ".tmp")
    with draft.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    synchronise(path.parent)


def synchronise(path: Path) -> None:
    """Bring a file, or the names in a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def synchronise_tree(folder: Path) -> None:
    """Bring everything in a folder to the disk."""
    for path in folder.rglob("*"):
        synchronise(path)
    synchronise(folder)


class FolderLock:
    """A lock on a folder against other processes and other holders in this one; gone when the holder dies."""

    def __init__(self, folder: Path) -> None:
        self._descriptor = os.open(folder, os.O_RDONLY)

    def take(self, *, wait: bool) -> bool:
        """Whether the lock is ours now."""
        if sys.platform == "win32":  # folders cannot be locked there: drafts of fits that died stay
            return wait
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        os.close(self._descriptor)
