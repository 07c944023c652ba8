"""Books: what a store keeps of its own operation (keys, audit, imports), and what tells of its content at a glance."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager

from sqlalchemy import Connection

from serendip.store import audit, imports, keys
from serendip.store.records import AuditEntry, Imported, Key, Kind, Sample, TypeCount
from serendip.store.writing import GroupCommit


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Books(ABC):
    """A part of every store over SQL tables."""

    _commits: GroupCommit

    @abstractmethod
    def _reading(self) -> AbstractContextManager[Connection]: ...

    # Keys

    def add_key(self, key: Key) -> None:
        self._commits.run(lambda connection: keys.add(connection, key))

    def keys(self) -> list[Key]:
        with self._reading() as connection:
            return keys.read(connection)

    def revoke_key(self, id: str, keep_an_admin: bool = False) -> bool:
        return self._commits.run(lambda connection: keys.revoke(connection, id, now_ms(), keep_an_admin))

    def key_uses(self) -> dict[str, int]:
        with self._reading() as connection:
            return audit.uses(connection)

    # Audit

    def write_audit(self, entries: Sequence[AuditEntry], used: Mapping[str, int]) -> None:
        self._commits.run(lambda connection: audit.write(connection, entries, used))

    def audit_page(
        self, limit: int, before: int | None = None, *, key_id: str | None = None, actions: Sequence[str] = ()
    ) -> list[AuditEntry]:
        with self._reading() as connection:
            return audit.page(connection, limit, before, key_id, actions)

    # Imports, and what there is

    def add_import(self, imported: Imported) -> None:
        self._commits.run(lambda connection: imports.add(connection, imported))

    def import_page(self, limit: int, before: str | None = None) -> list[Imported]:
        with self._reading() as connection:
            return imports.page(connection, limit, before)

    def sample(self, kind: Kind, most: int) -> Sample:
        with self._reading() as connection:
            return imports.sample(connection, kind, most)

    def type_counts(self, window: int) -> list[TypeCount]:
        with self._reading() as connection:
            return imports.type_counts(connection, window)
