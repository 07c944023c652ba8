"""The embedded engine: one SQLite file, written ahead and synchronised at each commit."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DatabaseError

from serendip.data import InputError, Past
from serendip.data.words import LATEST_SAID
from serendip.store import log
from serendip.store.contract import StoreError
from serendip.store.relational import RelationalStore, kind_of, prepare

MOST_READERS = 64  # connections at once; a thread that finds none free waits
BUSY_TIMEOUT_S = 30.0  # how long a call waits for another process that writes
PRAGMAS = {
    "journal_mode": "WAL",  # readers never wait for the writer
    "synchronous": "FULL",  # a commit returns after its log is on the disk
    "secure_delete": "ON",  # what is deleted is overwritten
}

_HISTORY = """
SELECT item_id, type, value, time_ms, seq FROM events WHERE user_id = ? AND item_id <> '' AND (? IS NULL OR seq <= ?)
ORDER BY time_ms DESC, seq DESC LIMIT ?
"""  # nulls come last as it is
_SAID = f"""
SELECT item_id, type, value, time_ms, text, seq FROM events
WHERE user_id = ? AND text IS NOT NULL AND (? IS NULL OR seq <= ?)
ORDER BY time_ms DESC, seq DESC LIMIT {LATEST_SAID}
"""


@contextlib.contextmanager
def _one_moment(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """All that is read within is of one moment."""
    connection.execute("BEGIN")
    try:
        yield connection
    finally:
        connection.rollback()


class SqliteStore(RelationalStore):
    """A store in one file (and its `-wal` and `-shm` beside it); several processes may open it."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._threads = threading.local()
        self._of_threads: list[sqlite3.Connection] = []

    def history(self, user_id: str, limit: int = 1000, until: int | None = None) -> Past:
        """By a connection of the thread's own: a request that asks for nothing else need not wait for a pool."""
        self._check_open()
        try:
            with _one_moment(self._own()) as own:
                done = own.execute(_HISTORY, (user_id, until, until, limit)).fetchall()
                said = own.execute(_SAID, (user_id, until, until)).fetchall()
        except sqlite3.Error as error:
            raise StoreError(f"the store failed: {error}") from error
        return log.past(done, said)

    def _own(self) -> sqlite3.Connection:
        """A connection that reads."""
        own: sqlite3.Connection | None = getattr(self._threads, "connection", None)
        if own is None:
            own = sqlite3.connect(str(self._engine.url.database), timeout=BUSY_TIMEOUT_S, check_same_thread=False)
            self._threads.connection = own
            self._of_threads.append(own)
        return own

    def _let_go(self) -> None:
        super()._let_go()
        while self._of_threads:
            self._of_threads.pop().close()

    def copy_to(self, path: Path) -> None:
        self._check_open()
        with contextlib.closing(sqlite3.connect(str(self._engine.url.database), timeout=BUSY_TIMEOUT_S)) as database:
            try:
                database.execute("VACUUM INTO ?", [str(path)])
            except sqlite3.Error as error:
                raise kind_of(error)(f"the store could not be copied: {error}") from error

    def disk_bytes(self) -> int:
        database = str(self._engine.url.database)
        files = (Path(database + ending) for ending in ("", "-wal", "-shm"))
        return sum(file.stat().st_size for file in files if file.exists())

    def _scrub(self) -> None:
        # secure_delete clears cells where they lie, but a page that was split or repacked can keep stale copies of
        # them, so the file is written anew; then the log, which holds the old pages, is emptied.
        database: sqlite3.Connection = self._writer.connection.driver_connection  # type: ignore[assignment]
        try:
            database.execute("VACUUM")
            (busy, _, _) = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.Error as error:
            said = f"the rows are erased, but the file could not be written anew: {error}"
            raise kind_of(error)(said) from error
        if busy:
            raise StoreError("the rows are erased, but another process reads the log, so it was not emptied: try again")


def open_sqlite(path: Path) -> SqliteStore:
    """The store in the file `path`, which is made if it is not there.

    Raises:
        InputError: the file is not a store, is damaged, or was written by a newer Serendip.
    """
    engine = _engine(path)
    try:
        prepare(engine, str(path))
        return SqliteStore(engine)
    except DatabaseError as error:
        engine.dispose()
        raise InputError(f"{path} cannot be opened as a store: {error.orig}") from None
    except InputError:
        engine.dispose()
        raise


def _engine(path: Path) -> Engine:
    # Without an isolation level the driver leaves transactions to `_begin`.
    arguments = {"isolation_level": None, "check_same_thread": False, "timeout": BUSY_TIMEOUT_S}
    url = sa.URL.create("sqlite", database=str(path))
    engine = sa.create_engine(url, connect_args=arguments, pool_size=MOST_READERS, max_overflow=0)
    sa.event.listen(engine, "connect", _configure)
    sa.event.listen(engine, "begin", _begin)
    return engine


def _configure(database: sqlite3.Connection, _record: Any) -> None:
    for name, value in PRAGMAS.items():
        database.execute(f"PRAGMA {name}={value}")


def _begin(connection: Connection) -> None:
    # A writer takes its turn at once: a reader that turns writer halfway can be refused without waiting.
    writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
