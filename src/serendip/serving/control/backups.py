"""Backups: made beside the service, one at a time among all its processes, in a folder of the workspace.

They are no download: a backup holds everything there is of everybody, and stays on the machine that has it anyway.
"""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from threading import Event, Thread

from serendip.data import InputError
from serendip.data.times import rfc3339
from serendip.serving.pacing import Pace
from serendip.serving.storage import measured
from serendip.store import StoreError, Workspace
from serendip.store.backup import backup
from serendip.store.files import FolderLock, write_whole

ENDING = ".tar.gz"
STATE_FILE = ".latest.json"
DRAFTS = ".backup-*"
MOST = 50
TELL_EVERY_S = 0.5

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Under:
    """The backup that was begun last, and how far it is."""

    name: str
    begun: str
    stage: str
    """`copying the store`, `packing`, `reading back`; then `done` or `failed`."""
    done: int = 0
    """Bytes of this stage, of `total`."""
    total: int = 0
    why: str = ""
    """Of one that failed."""

    @property
    def ended(self) -> bool:
        return self.stage in ("done", "failed")


class _EndedError(Exception):
    """The service ends."""


class Backups:
    """The backups of a workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace, self._folder = workspace, workspace.backups_dir
        self._thread: Thread | None = None
        self._ending = Event()

    def names(self) -> list[tuple[str, int]]:
        """Names and sizes in bytes, the latest first."""
        files = sorted(self._folder.glob(f"*{ENDING}"), reverse=True)[:MOST]
        return [(file.name, file.stat().st_size) for file in files]

    def latest(self) -> Under | None:
        """The one that was begun last, by any process; one whose process died has failed."""
        try:
            told = Under(**json.loads((self._folder / STATE_FILE).read_bytes()))
        except (OSError, ValueError, TypeError):
            return None
        if told.ended:
            return told
        lock = FolderLock(self._folder)
        try:
            free = lock.take(wait=False)
        finally:
            lock.release()
        cut_off = Under(told.name, told.begun, "failed", why="the process that made it ended")
        return cut_off if free else told

    def begin(self) -> str:
        """The name of a backup that is made from now on.

        Raises:
            InputError: another is under way, there is no room for it, or there are enough of them.
        """
        self._check_room()
        lock = self._locked()
        try:
            for draft in self._folder.glob(DRAFTS):  # of a process that died
                shutil.rmtree(draft, ignore_errors=True)
            name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}{ENDING}"
            under = Under(name, rfc3339(time.time_ns() // 1_000_000), "copying the store")
            self._tell(under)
        except OSError as error:
            lock.release()
            raise self._no_folder(error) from None
        self._ending.clear()
        self._thread = Thread(target=self._make, args=(under, lock), name="backup")
        self._thread.start()
        return name

    def start(self) -> None:
        """Nothing begins by itself."""

    def stop(self) -> None:
        """Cut off what is under way; nothing is left of it."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join()

    def _locked(self) -> FolderLock:
        try:
            self._folder.mkdir(exist_ok=True)
        except OSError as error:
            raise self._no_folder(error) from None
        lock = FolderLock(self._folder)
        if not lock.take(wait=False):
            lock.release()
            raise InputError("a backup is under way already")
        return lock

    def _no_folder(self, error: OSError) -> InputError:
        return InputError(f"nothing can be written to {self._folder.name}/: {error.strerror}")

    def _check_room(self) -> None:
        if len(self.names()) >= MOST:
            raise InputError(f"there are {MOST} backups in {self._folder.name}/; remove some of the files first")
        workspace, store = self._workspace, self._workspace.store.disk_bytes()
        model = workspace.current_model()
        others = sum(measured(folder).bytes for folder in (workspace.pictures_dir, model) if folder is not None)
        needed, free = 2 * store + others, shutil.disk_usage(workspace.path).free
        if needed > free:
            raise InputError(f"a backup may need {needed:,} bytes, and the disk has {free:,} left")

    def _make(self, under: Under, lock: FolderLock) -> None:
        pace = Pace(TELL_EVERY_S)

        def progress(label: str, done: int, total: int) -> None:
            if self._ending.is_set():
                raise _EndedError
            if pace.due():
                self._tell(Under(under.name, under.begun, label, done, total))

        try:
            size = backup(self._workspace, self._folder / under.name, progress)
            self._tell(Under(under.name, under.begun, "done", size, size))
        except (_EndedError, InputError, StoreError, OSError) as error:
            why = "the service ended" if isinstance(error, _EndedError) else str(error)
            _log.warning("the backup %s was not made: %s", under.name, why)
            with contextlib.suppress(OSError):
                self._tell(Under(under.name, under.begun, "failed", why=why))
        finally:
            lock.release()

    def _tell(self, under: Under) -> None:
        write_whole(self._folder / STATE_FILE, json.dumps(asdict(under)) + "\n")


def made_at(name: str) -> str | None:
    """When a backup was made, by its name; None where somebody named it otherwise."""
    with contextlib.suppress(ValueError):
        moment = datetime.strptime(name.removesuffix(ENDING), "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=UTC)
        return rfc3339(int(moment.timestamp() * 1000))
    return None
