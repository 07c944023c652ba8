"""Vector cache: what encoders said, kept on disk by what it was said of, so that nothing is encoded twice.

A vector is found by the hash of the encoder's identity and of the content, so that another encoder, another weight or
another word is another vector. One SQLite file holds them: several processes may use it, and one that is killed leaves
it whole.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path

import numpy as np

from serendip.data.arrays import FloatArray
from serendip.errors import InputError
from serendip.features.encoders import Encoder

AT_ONCE = 500
"""Keys of one question."""
WAIT_S = 60.0


class VectorCache:
    """Encodes what is not known yet and remembers it; without a `file` it only encodes."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file

    def encode(self, encoder: Encoder, values: Sequence[str]) -> FloatArray:
        """What `encoder.encode(values)` says, (n, D) float32.

        Raises:
            InputError: the file is no cache of vectors.
        """
        if self._file is None:
            return encoder.encode(values)
        keys = [sha256(f"{encoder.identity}\0{value}".encode()).digest() for value in values]
        with self._open() as connection:
            found = dict(_found(connection, list(set(keys))))
            missing = {key: value for key, value in zip(keys, values, strict=True) if key not in found}
            if missing:
                encoded = np.ascontiguousarray(encoder.encode(list(missing.values())), np.float32)
                new = dict(zip(missing, (row.tobytes() for row in encoded), strict=True))
                connection.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", new.items())
                connection.commit()
                found |= new
        rows = [np.frombuffer(found[key], np.float32) for key in keys]
        return np.stack(rows) if rows else encoder.encode([])

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        assert self._file is not None
        self._file.parent.mkdir(parents=True, exist_ok=True)
        try:
            with closing(sqlite3.connect(self._file, timeout=WAIT_S)) as connection:
                _log_ahead(connection)
                connection.execute(
                    "CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB NOT NULL) WITHOUT ROWID"
                )
                yield connection
        except sqlite3.DatabaseError as error:
            raise InputError(f"{self._file} is no cache of vectors ({error}); delete it to have it made anew") from None


def _log_ahead(connection: sqlite3.Connection) -> None:
    """Readers and one writer side by side. Who changes that is not made to wait for others, but refused at once."""
    until_s = time.monotonic() + WAIT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until_s:
                raise
            time.sleep(0.01)
        else:
            return


def _found(connection: sqlite3.Connection, keys: Sequence[bytes]) -> Iterator[tuple[bytes, bytes]]:
    for start in range(0, len(keys), AT_ONCE):
        some = keys[start : start + AT_ONCE]
        marks = ",".join("?" * len(some))
        yield from connection.execute(f"SELECT key, vector FROM vectors WHERE key IN ({marks})", some)
