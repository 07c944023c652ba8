"""Drafts: files on their way into a workspace, each in a folder of its own, and what was found in them.

Every process of the service sees the same drafts: all that is known of one lies in its folder. What becomes of a
stranger's file is decided by a process of its own (`data.sifting`) that is watched and ended when it takes too much.
Drafts go after a day, or when there are too many; rows that were refused stay for a month after the import, to be
looked at and sent again.
"""

from __future__ import annotations

import csv
import json
import re
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from serendip.data import InputError
from serendip.data.sifting import ANSWER, FILE, REJECTED, TABLES, TASK
from serendip.serving.background import resident_mb
from serendip.store.files import FolderLock, write_whole

DAY_S = 86_400.0
DRAFTS_KEPT_S = DAY_S
REFUSED_KEPT_S = 30 * DAY_S
MOST_DRAFTS = 8
MOST_BYTES = 1 << 30  # of all drafts together
MOST_REFUSED_FILES = 200
SIFT_WITHIN_S = 45.0
MOST_MEMORY_MB = 4_096
LOOK_EVERY_S = 0.05
DRAFT_FILE = "draft.json"

Stage = Literal["received", "checked", "importing"]
_ID = re.compile(r"\d{8}T\d{6}\.\d{6}Z-[0-9a-f]{4}")
_RUN = (sys.executable, "-m", "serendip.data.sifting")


@dataclass(frozen=True)
class Draft:
    """A file that was received."""

    id: str
    name: str
    """What its owner calls it; it is no path."""
    bytes: int
    sha256: str
    received_ms: int
    stage: Stage = "received"
    guess: dict[str, Any] = field(default_factory=dict)
    """`choice`, `headers` and `sample`, see `data.readers.chosen`."""
    choice: dict[str, Any] | None = None
    """What it was checked as."""
    report: dict[str, Any] | None = None
    done: int = 0
    """Rows that were written, of `total`."""
    total: int = 0
    why: str = ""
    """What ended the last attempt to import it."""


class Drafts:
    """The drafts of a workspace, and the rows that were refused of what was imported."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def new(self) -> tuple[str, Path]:
        """The id of a new draft and the file to write it to."""
        self.sweep()
        for oldest in self.all()[MOST_DRAFTS - 1 :]:
            if not self.is_held(oldest.id):
                self.discard(oldest.id)
        id_ = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{secrets.token_hex(2)}"
        (self._folder / id_).mkdir(parents=True)
        return id_, self._folder / id_ / FILE

    def write(self, draft: Draft) -> None:
        write_whole(self.folder_of(draft.id) / DRAFT_FILE, json.dumps(asdict(draft)) + "\n")

    def read(self, id_: str) -> Draft | None:
        """None where there is no such draft, or not any more."""
        if not is_id(id_):
            return None
        try:
            draft = Draft(**json.loads((self.folder_of(id_) / DRAFT_FILE).read_bytes()))
        except (OSError, ValueError, TypeError):
            return None
        if draft.stage == "importing" and not self.is_held(id_):
            return replace(draft, stage="checked", why="the process that imported it ended; nothing was imported")
        return draft

    def all(self) -> list[Draft]:
        """The latest first."""
        found = (self.read(id_) for id_ in sorted(self._ids(), reverse=True))
        return [draft for draft in found if draft is not None]

    def folder_of(self, id_: str) -> Path:
        return self._folder / id_

    def refused_of(self, id_: str) -> Path | None:
        """The rows of a draft, or of what was imported, that could not be used."""
        path = self._folder / id_ / REJECTED
        return path if is_id(id_) and path.is_file() else None

    def sift(self, draft: Draft, task: Mapping[str, Any]) -> dict[str, Any]:
        """What a process of its own says of a draft.

        Raises:
            InputError: the file cannot be used, or takes too much; the sentence says why.
        """
        folder = self.folder_of(draft.id)
        (folder / ANSWER).unlink(missing_ok=True)
        write_whole(folder / TASK, json.dumps({"name": draft.name, **task}))
        fault = _watched(folder)
        try:
            answer: dict[str, Any] = json.loads((folder / ANSWER).read_bytes())
        except (OSError, ValueError):
            raise InputError(fault or f"{draft.name} could not be read") from None
        if "fault" in answer:
            raise InputError(answer["fault"])
        return answer

    def hold(self, id_: str) -> FolderLock:
        """A lock on a draft, for whoever works on it.

        Raises:
            InputError: somebody works on it already, or it is gone.
        """
        try:
            lock = FolderLock(self.folder_of(id_))
        except OSError:
            raise InputError("this file is not here any more") from None
        if not lock.take(wait=False):
            lock.release()
            raise InputError("this file is being read or imported already")
        return lock

    def is_held(self, id_: str) -> bool:
        """Whether somebody works on a draft."""
        try:
            lock = FolderLock(self.folder_of(id_))
        except OSError:  # it is gone
            return False
        try:
            return not lock.take(wait=False)
        finally:
            lock.release()

    def settle(self, id_: str, keep_refused: bool) -> None:
        """The draft was imported: what is left are the rows that were refused."""
        folder = self.folder_of(id_)
        goes = (DRAFT_FILE, FILE, TASK, ANSWER) if keep_refused else (REJECTED,)
        for name in goes:
            (folder / name).unlink(missing_ok=True)
        shutil.rmtree(folder / TABLES if keep_refused else folder, ignore_errors=True)

    def discard(self, id_: str) -> None:
        shutil.rmtree(self.folder_of(id_), ignore_errors=True)

    def forget(self, user_id: str) -> None:
        """Somebody was erased: no file on its way in stays, and no refused row that may tell of them."""
        for id_ in self._ids():
            refused = self.refused_of(id_)
            if refused is None or (self._folder / id_ / DRAFT_FILE).exists() or _names(refused, user_id):
                self.discard(id_)

    def sweep(self) -> None:
        """Remove what is too old or too much."""
        now_s, room, refused = time.time(), MOST_BYTES, MOST_REFUSED_FILES
        for id_ in sorted(self._ids(), reverse=True):
            draft, age_s = self.read(id_), now_s - _made_s(id_)
            if draft is None:
                refused -= 1
                dead = age_s > DRAFTS_KEPT_S and self.refused_of(id_) is None  # it never became one
                old = dead or age_s > REFUSED_KEPT_S or refused < 0
            else:
                room -= draft.bytes
                old = age_s > DRAFTS_KEPT_S or room < 0
            if old and not self.is_held(id_):
                self.discard(id_)

    def _ids(self) -> Iterator[str]:
        if self._folder.is_dir():
            yield from (path.name for path in self._folder.iterdir() if is_id(path.name))


def is_id(text: str) -> bool:
    """Whether this can be the id of a draft or of an import, and so is no other path."""
    return _ID.fullmatch(text) is not None


def _made_s(id_: str) -> float:
    return datetime.strptime(id_[:23], "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=UTC).timestamp()


def _names(refused: Path, user_id: str) -> bool:
    """Whether a row may be about a person; of a line that could not be read nobody can say."""
    with refused.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        unread = "line" in next(rows, [])
        return unread or any(user_id in cell for row in rows for cell in row)


def _watched(folder: Path) -> str:
    """Read the file of a draft in a process that is ended when it takes too much; why that was, else nothing."""
    started_s = time.monotonic()
    quiet = subprocess.DEVNULL
    with subprocess.Popen([*_RUN, str(folder)], stdin=quiet, stdout=quiet, stderr=quiet) as process:
        while process.poll() is None:
            time.sleep(LOOK_EVERY_S)
            if resident_mb(process.pid) > MOST_MEMORY_MB:
                process.kill()
                return f"reading the file takes more than {MOST_MEMORY_MB:,} MB of memory; use `serendip import`"
            if time.monotonic() - started_s > SIFT_WITHIN_S:
                process.kill()
                return f"reading the file takes more than {SIFT_WITHIN_S:g} seconds; use `serendip import`"
    return ""
