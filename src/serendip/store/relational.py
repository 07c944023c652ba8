"""A store over SQL tables: everything that engines share."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from serendip.data import InputError, Past, Progress, Signals, Tables, event_frame, silent
from serendip.store import bulk, entities, experiments, keys, log, people, rules, shown
from serendip.store.contract import StoreError, StoreFullError, StoreReadOnlyError
from serendip.store.lately import Lately
from serendip.store.records import (
    Attributes,
    Changes,
    Erasure,
    Experiment,
    Exposure,
    Key,
    Kind,
    Mark,
    Receipt,
    StoredEvent,
    StoredRule,
)
from serendip.store.schema import (
    HEAD,
    ID_COLUMN,
    OLDEST,
    alembic_version,
    events,
    exposures,
    items,
    meta,
    metadata,
    relations,
    users,
)
from serendip.store.writing import GroupCommit

COPIED_AT_ONCE = 10_000  # rows
KINDS: dict[int | str | None, type[StoreError]] = {
    sqlite3.SQLITE_FULL: StoreFullError,
    sqlite3.SQLITE_READONLY: StoreReadOnlyError,
    "53100": StoreFullError,  # disk_full
    "25006": StoreReadOnlyError,  # read_only_sql_transaction
}
"""By the code of SQLite or the state of PostgreSQL."""


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class RelationalStore(Lately):
    """The `Store` contract over one engine: a connection that writes, and a pool of connections that read."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._closed = False
        self._writer = writing(engine)
        self._commits = GroupCommit(self._transaction)

    # Events

    def append(self, events: Sequence[StoredEvent]) -> Receipt:
        places, rows, rejected = log.prepare(events, now_ms())
        return self._commits.run(lambda connection: log.append(connection, places, rows, rejected))

    def history(self, user_id: str, limit: int = 1000, until: int | None = None) -> Past:
        with self._reading() as connection:
            return log.history(connection, user_id, limit, until)

    def event_page(
        self,
        limit: int,
        after: int = 0,
        *,
        user_id: str | None = None,
        item_id: str | None = None,
        type: str | None = None,
    ) -> list[tuple[int, StoredEvent]]:
        with self._reading() as connection:
            return log.page(connection, limit, after, user_id, item_id, type)

    def changes(self, after: int) -> Changes:
        with self._reading() as connection:
            return log.changes(connection, after)

    def popular(self, n: int, signals: Signals) -> list[tuple[str, int]]:
        with self._reading() as connection:
            return log.popular(connection, n, signals)

    # Whole tables

    def import_tables(self, tables: Tables, progress: Progress = silent) -> Receipt:
        tables = replace(tables, events=event_frame(tables.events))
        bulk.check(tables)
        with self._commits.alone(), self._transaction() as connection:
            return bulk.write(connection, tables, now_ms(), progress)

    def tables(self) -> Tables:
        return self.marked_tables()[0]

    def marked_tables(self) -> tuple[Tables, Mark]:
        with self._reading() as connection:
            return bulk.read(connection), people.mark(connection)

    def mark(self) -> Mark:
        with self._reading() as connection:
            return people.mark(connection)

    # Items and users

    def put(self, kind: Kind, rows: Sequence[tuple[str, Attributes]]) -> int:
        written = [self._entity(kind, id_, attributes) for id_, attributes in rows]
        self._commits.run(lambda connection: entities.write(connection, kind, written))
        return len(written)

    def patch(self, kind: Kind, id: str, attributes: Attributes) -> Attributes | None:
        self._entity(kind, id, attributes)

        def work(connection: Connection) -> Attributes | None:
            known = entities.read(connection, kind, [id]).get(id)
            if known is None:
                return None
            entities.write(connection, kind, [self._entity(kind, id, entities.merged(known, attributes))])
            return entities.read(connection, kind, [id])[id]

        return self._commits.run(work)

    def get(self, kind: Kind, id: str) -> Attributes | None:
        with self._reading() as connection:
            return entities.read(connection, kind, [id]).get(id)

    def delete(self, kind: Kind, id: str) -> bool:
        if kind == "users":
            return any(self.erase(id).values())
        return self._commits.run(lambda connection: entities.delete(connection, kind, id))

    def page(self, kind: Kind, limit: int, after: str | None = None) -> list[tuple[str, Attributes]]:
        with self._reading() as connection:
            return entities.page(connection, kind, limit, after)

    def attributes(self, item_ids: Sequence[str]) -> dict[str, Attributes]:
        with self._reading() as connection:
            return entities.read(connection, "items", item_ids)

    def catalogue_version(self) -> int:
        with self._reading() as connection:
            query = sa.select(meta.c.value).where(meta.c.name == "catalogue_version")
            return int(connection.execute(query).scalar_one())

    @staticmethod
    def _entity(kind: Kind, id_: str, attributes: Attributes) -> dict[str, Any]:
        try:
            log.check_text(ID_COLUMN[kind], id_)
        except ValueError as error:
            raise InputError(f"{kind}: {error}") from None
        if ID_COLUMN[kind] in attributes:
            raise InputError(f"{kind} {id_!r}: the attribute {ID_COLUMN[kind]!r} is the id and cannot be set")
        return entities.row(kind, id_, attributes, f"{kind} {id_!r}")

    # Answers

    def log_exposures(self, exposures: Sequence[Exposure]) -> None:
        rows = [people.exposure_row(one) for one in exposures]
        if rows:
            self._commits.run(lambda connection: people.log_exposures(connection, rows))

    def exposure(self, request_id: str) -> Exposure | None:
        with self._reading() as connection:
            return people.exposure(connection, request_id)

    def latest_lists(self, limit: int) -> tuple[pl.DataFrame, pl.DataFrame]:
        with self._reading() as connection:
            return shown.latest(connection, limit)

    def arrivals(self, since_ms: int, limit: int) -> list[tuple[int, int]]:
        with self._reading() as connection:
            return shown.arrivals(connection, since_ms, limit)

    # Experiments

    def start_experiment(self, experiment: Experiment) -> Experiment:
        return self._commits.run(lambda connection: experiments.start(connection, experiment))

    def experiments(self, running: bool = False) -> list[Experiment]:
        with self._reading() as connection:
            return experiments.read(connection, running)

    def stop_experiment(self, id: str, why: str) -> bool:
        return self._commits.run(lambda connection: experiments.stop(connection, id, now_ms(), why))

    def experiment_log(self, id: str) -> tuple[pl.DataFrame, pl.DataFrame]:
        with self._reading() as connection:
            return experiments.lists(connection, id), experiments.outcomes(connection, id)

    def exploration_log(self, since_ms: int) -> tuple[pl.DataFrame, pl.DataFrame]:
        with self._reading() as connection:
            return experiments.draws(connection, since_ms), experiments.outcomes_of_draws(connection, since_ms)

    # Rules of the shop

    def add_rule(self, rule: StoredRule) -> None:
        self._commits.run(lambda connection: rules.add(connection, rule))

    def rules(self) -> list[StoredRule]:
        with self._reading() as connection:
            return rules.read(connection)

    def replace_rule(self, rule: StoredRule) -> bool:
        return self._commits.run(lambda connection: rules.replace(connection, rule))

    def delete_rule(self, id: str) -> bool:
        return self._commits.run(lambda connection: rules.delete(connection, id))

    def rules_version(self) -> int:
        with self._reading() as connection:
            return rules.version(connection)

    # One person

    def erase(self, user_id: str) -> dict[str, int]:
        removed = self.take_out(user_id).removed
        self.scrub()
        return removed

    def take_out(self, user_id: str) -> Erasure:
        return self._commits.run(lambda connection: people.erase(connection, user_id))

    def scrub(self) -> None:
        with self._commits.alone():
            self._check_open()
            self._scrub()

    def export(self, user_id: str) -> dict[str, Any]:
        with self._reading() as connection:
            return people.export(connection, user_id)

    def _scrub(self) -> None:
        """Clear what the files still hold of deleted rows; nobody else writes meanwhile."""

    # Keys

    def add_key(self, key: Key) -> None:
        self._commits.run(lambda connection: keys.add(connection, key))

    def keys(self) -> list[Key]:
        with self._reading() as connection:
            return keys.read(connection)

    def revoke_key(self, id: str) -> bool:
        return self._commits.run(lambda connection: keys.revoke(connection, id, now_ms()))

    def copy_to(self, path: Path) -> None:
        target = sa.create_engine(sa.URL.create("sqlite", database=str(path)))
        with self._reading() as connection, target.begin() as copy:
            metadata.create_all(copy)
            for table in metadata.sorted_tables:
                found = connection.execution_options(yield_per=COPIED_AT_ONCE).execute(sa.select(table))
                for rows in found.mappings().partitions():
                    copy.execute(sa.insert(table), [dict(row) for row in rows])
        target.dispose()

    # All of it

    def counts(self) -> dict[str, int]:
        people = sa.union(sa.select(events.c.user_id), sa.select(users.c.id)).subquery()
        tables = {"events": events, "items": items, "users": people, "relations": relations, "exposures": exposures}
        with self._reading() as connection:
            return {
                name: connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
                for name, table in tables.items()
            }

    def writes_waiting(self) -> int:
        return len(self._commits)

    def close(self) -> None:
        self._commits.finish(self._let_go)

    def _let_go(self) -> None:
        if not self._closed:
            self._closed = True
            self._writer.close()
            self._engine.dispose()

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        """The connection that writes, in a transaction; only with the writer's lock."""
        self._check_open()
        with store_errors(), self._writer.begin():
            yield self._writer

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """A connection of one's own, seeing the store as it is now until it is given back."""
        self._check_open()
        with store_errors(), self._engine.connect() as connection:
            yield connection

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError("the store is closed")


def writing(engine: Engine) -> Connection:
    """A connection whose transactions write, one at a time among all processes."""
    connection = engine.connect()
    if engine.dialect.name != "sqlite":  # who writes must see what was written before its turn came
        connection = connection.execution_options(isolation_level="READ COMMITTED")
    return connection.execution_options(writing=True)


@contextmanager
def store_errors() -> Iterator[None]:
    """What the database says is wrong, without the data it was asked to store."""
    try:
        yield
    except DBAPIError as error:
        # What PostgreSQL says may repeat the values of the call, so only the kind of failure is told.
        said = type(error.orig).__name__ if hasattr(error.orig, "sqlstate") else error.orig
        raise kind_of(error.orig)(f"the store failed: {said}") from error


def kind_of(error: BaseException | None) -> type[StoreError]:
    """What kind of failure the driver of SQLite or of PostgreSQL reports."""
    extended: int | None = getattr(error, "sqlite_errorcode", None)  # the primary code is its last byte
    code = extended & 0xFF if extended is not None else getattr(error, "sqlstate", None)
    return KINDS.get(code, StoreError)


def prepare(engine: Engine, name: str) -> None:
    """Make the tables in an empty database; bring those of an older version up to date.

    Raises:
        InputError: the database is not a store, or one of a newer Serendip.
    """
    with engine.connect() as connection:
        if _revision(connection, name) == HEAD:
            return
    with writing(engine) as connection, connection.begin():
        revision = _revision(connection, name)  # another process may have been first
        if revision is None:
            metadata.create_all(connection)
            connection.execute(sa.insert(meta), {"name": "catalogue_version", "value": 0})
            connection.execute(sa.insert(alembic_version), {"version_num": HEAD})
        elif revision != HEAD:
            _upgrade(connection, revision, name)


def _revision(connection: Connection, name: str) -> str | None:
    """Which version of the tables there is; None: no tables at all."""
    tables = sa.inspect(connection).get_table_names()
    if not tables:
        return None
    if alembic_version.name in tables:
        revision: str | None = connection.execute(sa.select(alembic_version.c.version_num)).scalar()
    else:
        revision = OLDEST if meta.name in tables and _unnumbered(connection) else None
    if revision is None:
        raise InputError(f"{name} is a database, but not a Serendip store")
    return revision


def _unnumbered(connection: Connection) -> bool:
    """Whether it is a store of the first version, which kept its number among other facts."""
    return connection.execute(sa.select(meta.c.value).where(meta.c.name == "schema_version")).scalar() == 1


def _upgrade(connection: Connection, revision: str, name: str) -> None:
    from serendip.store import migrations  # slow to import, rarely needed

    if revision not in migrations.revisions():
        raise InputError(f"{name} was written by a newer Serendip (schema {revision}, this one reads up to {HEAD})")
    if revision == OLDEST and not sa.inspect(connection).has_table(alembic_version.name):
        alembic_version.create(connection)
        connection.execute(sa.insert(alembic_version), {"version_num": OLDEST})
    migrations.upgrade(connection)
