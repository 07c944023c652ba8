"""Imports: from a draft that was checked to the store, all of it or nothing, beside the requests."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from threading import Thread
from typing import Any

import polars as pl

from serendip.data import InputError, Progress, Tables
from serendip.data.checks import EXAMPLES
from serendip.data.readers.chosen import Choice, TableKind
from serendip.data.sifting import written
from serendip.serving.drafts import Draft, Drafts
from serendip.serving.engine import Engine
from serendip.serving.pacing import Pace
from serendip.serving.watching import Watcher
from serendip.store import Imported, Receipt, StoreError
from serendip.store.files import FolderLock

SWEEP_EVERY_S = 600.0
TELL_EVERY_S = 0.5
MOST_ITEMS_COMPARED = 10_000

_log = logging.getLogger(__name__)


class _EndedError(Exception):
    """The service ends."""


class Imports(Watcher):
    """Reads drafts and imports them."""

    def __init__(self, engine: Engine) -> None:
        super().__init__("imports", SWEEP_EVERY_S)
        self._engine, self._store = engine, engine.store
        self.drafts = Drafts(engine.workspace.imports_dir)
        self._threads: list[Thread] = []

    def look(self) -> None:
        self.drafts.sweep()

    def stop(self) -> None:
        """Cut off what is under way; nothing of it is imported."""
        super().stop()
        for thread in self._threads:
            thread.join()

    def received(self, id_: str, name: str, size: int, sha256: str) -> Draft:
        """A file has arrived; what it seems to be.

        Raises:
            InputError: it cannot be read.
        """
        draft = Draft(id_, name, size, sha256, time.time_ns() // 1_000_000)
        draft = replace(draft, guess=self.drafts.sift(draft, {}))
        self.drafts.write(draft)
        return draft

    def guess(self, draft: Draft, kind: TableKind, delimiter: str | None) -> Draft:
        """The same, where somebody knows better what kind of table it is."""
        task = {"kind": kind, "delimiter": delimiter}
        return self._worked_on(draft, lambda now: replace(now, guess=self.drafts.sift(now, task), stage="received"))

    def check(self, draft: Draft, choice: Choice) -> Draft:
        """Read all of it as it was chosen, and see what is wrong.

        Raises:
            InputError: it cannot be read that way.
        """
        return self._worked_on(draft, lambda now: self._checked(now, choice))

    def accept(self, draft: Draft, anyway: bool, key_id: str | None) -> Draft:
        """Begin to import what was checked; `GET /v1/imports/{id}` tells how far it is.

        Raises:
            InputError: it was not checked, or a check failed and it is not wanted anyway.
        """
        lock = self.drafts.hold(draft.id)
        try:
            now = self.drafts.read(draft.id) or draft
            _check_accepted(now, anyway)
            begun = replace(now, stage="importing", done=0, total=now.report["kept"] if now.report else 0, why="")
            self.drafts.write(begun)
        except BaseException:
            lock.release()
            raise
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        self._threads.append(Thread(target=self._import, args=(begun, key_id, lock), name="import"))
        self._threads[-1].start()
        return begun

    def _worked_on(self, draft: Draft, work: Callable[[Draft], Draft]) -> Draft:
        lock = self.drafts.hold(draft.id)
        try:
            now = self.drafts.read(draft.id) or draft
            done = work(replace(now, report=None, choice=None, why=""))
            self.drafts.write(done)
        finally:
            lock.release()
        return done

    def _checked(self, draft: Draft, choice: Choice) -> Draft:
        signals = self._engine.workspace.settings.events
        task = {
            "choice": choice.model_dump(),
            "signals": signals.model_dump(),
            "first": not self._store.type_counts(1),
        }
        report = self.drafts.sift(draft, task)
        if choice.kind == "events":
            report["findings"].insert(-1, self._unknown_items(written(self.drafts.folder_of(draft.id)).events))
        return replace(draft, stage="checked", choice=choice.model_dump(), report=report)

    def _unknown_items(self, events: pl.DataFrame) -> dict[str, Any]:
        """As `serendip check` has it, of the most frequent items of the file."""
        frequent = events["item_id"].value_counts(sort=True).head(MOST_ITEMS_COMPARED)["item_id"].to_list()
        finding = {"level": "PASS", "name": "unknown items", "count": 0, "examples": []}
        if not self._store.page("items", 1):
            return {**finding, "detail": "there is no table of items to compare with"}
        known = self._store.attributes(frequent)
        unknown = [item_id for item_id in frequent if item_id not in known]
        compared = f"of the {len(frequent):,} most frequent items of the file"
        if not unknown:
            return {**finding, "detail": f"every one {compared} is in the table of items"}
        detail = f"{compared} not in the table of items: {len(unknown):,}"
        return {**finding, "level": "WARN", "detail": detail, "count": len(unknown), "examples": unknown[:EXAMPLES]}

    # Into the store

    def _import(self, draft: Draft, key_id: str | None, lock: FolderLock) -> None:
        try:
            started_s = time.monotonic()
            tables = written(self.drafts.folder_of(draft.id))
            receipt = self._store.import_tables(tables, self._progress(draft))
            body = _body(draft, tables, receipt, key_id, time.monotonic() - started_s)
            self._store.add_import(Imported(draft.id, time.time_ns() // 1_000_000, body))
            self._engine.deployment.items_changed()
            self.drafts.settle(draft.id, keep_refused=bool(body["refused"]))
        except (_EndedError, InputError, StoreError, OSError) as error:
            why = "the service ended" if isinstance(error, _EndedError) else str(error)
            _log.warning("the file %s was not imported: %s", draft.id, type(error).__name__)  # `why` may name somebody
            with contextlib.suppress(OSError):  # it may be gone: somebody in it was erased
                self.drafts.write(replace(draft, stage="checked", why=why))
        finally:
            lock.release()

    def _progress(self, draft: Draft) -> Progress:
        pace = Pace(TELL_EVERY_S)

        def progress(label: str, done: int, total: int) -> None:
            if self._ended.is_set():
                raise _EndedError
            if pace.due():
                self.drafts.write(replace(draft, done=done, total=total))

        return progress


def _check_accepted(draft: Draft, anyway: bool) -> None:
    if draft.stage != "checked" or draft.report is None:
        raise InputError("the file must be checked before it is imported")
    failed = [one["name"] for one in draft.report["findings"] if one["level"] == "FAIL"]
    if not draft.report["kept"]:
        raise InputError("there is no row that can be imported")
    if failed and not anyway:
        raise InputError(f"a check fails ({', '.join(failed)}); say `anyway` to import it nevertheless")


def _body(draft: Draft, tables: Tables, receipt: Receipt, key_id: str | None, seconds: float) -> dict[str, Any]:
    """What is kept of an import: no row of it, and nobody's name."""
    assert draft.report is not None
    assert draft.choice is not None
    return {
        "name": draft.name,
        "kind": draft.choice["kind"],
        "format": draft.choice["format"],
        "bytes": draft.bytes,
        "sha256": draft.sha256,
        "rows": draft.report["rows"],
        "refused": draft.report["refused"],
        "accepted": receipt.accepted,
        "duplicates": receipt.duplicates,
        "conflicts": len(receipt.rejected),
        "items": tables.items.height,
        "users": tables.users.height,
        "findings": _without_examples(draft.report["findings"]),
        "seconds": round(seconds, 2),
        "key_id": key_id,
    }


def _without_examples(findings: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in one.items() if name != "examples"} for one in findings]
