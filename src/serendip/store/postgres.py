"""PostgreSQL: one database for several services; who writes takes turns across all of them."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import ArgumentError, DBAPIError

from serendip.data import InputError
from serendip.store.relational import RelationalStore, prepare, store_errors
from serendip.store.schema import events, exposures, relations, users

SCHEMES = ("postgresql://", "postgres://")
MOST_READERS = 16  # connections of one process at once; a thread that finds none free waits
WAIT_S = 30  # how long one statement, and a wait for another writer, may take
WRITERS = 7_301_974_051  # the advisory lock that writers of all processes take in turn


class PostgresStore(RelationalStore):
    """A store in a database of its own; any number of processes may open it.

    Writers take turns, so that events become visible in the order of their numbers, as in SQLite.
    """

    def disk_bytes(self) -> int:
        with self._reading() as connection:
            return int(connection.execute(sa.text("SELECT pg_database_size(current_database())")).scalar_one())

    def _scrub(self) -> None:
        # Rows that are deleted stay in the pages until these are written anew, and the most common values, ids among
        # them, in the planner's statistics; backups and logs of the server are its administrator's to expire.
        with store_errors(), self._engine.connect() as connection:
            outside = connection.execution_options(isolation_level="AUTOCOMMIT")
            outside.execute(sa.text("SET statement_timeout = 0"))  # it takes what it takes
            for table in (events, users, exposures, relations):
                outside.execute(sa.text(f"VACUUM (FULL, ANALYZE) {table.name}"))
                _forget_statistics_of_nothing(outside, table)
            outside.execute(sa.text("VACUUM (FULL) pg_statistic"))
            connection.invalidate()  # no other call shall have this connection without its limit


def _forget_statistics_of_nothing(connection: Connection, table: sa.Table) -> None:
    """An empty table keeps its former statistics; giving columns the type that they have removes these."""
    if connection.execute(sa.select(sa.exists(sa.select(table)))).scalar():
        return
    changes = [
        f"ALTER COLUMN {column.name} TYPE {column.type.compile(connection.dialect)}"
        for column in table.columns
        if isinstance(column.type, sa.Text)
    ]
    connection.execute(sa.text(f"ALTER TABLE {table.name} {', '.join(changes)}"))


def is_postgres(where: str) -> bool:
    """Whether `where` is the address of a PostgreSQL database."""
    return where.startswith(SCHEMES)


def open_postgres(url: str) -> PostgresStore:
    """The store in the database at `url`, whose tables are made if it is empty.

    A password may stand in the address, in `PGPASSWORD` or in `~/.pgpass`.

    Raises:
        InputError: the database cannot be reached, is not a store, or was written by a newer Serendip; the message
            never holds a password.
    """
    engine = _engine(url)
    name = engine.url.render_as_string(hide_password=True)
    try:
        prepare(engine, name)
        return PostgresStore(engine)
    except DBAPIError as error:
        engine.dispose()
        raise InputError(f"{name} cannot be opened as a store: {type(error.orig).__name__}") from None
    except InputError:
        engine.dispose()
        raise


def _engine(url: str) -> Engine:
    try:
        address = sa.make_url(url).set(drivername="postgresql+psycopg")
    except ArgumentError:
        raise InputError("the address of the store is no address of a PostgreSQL database") from None
    options = {
        "statement_timeout": f"{WAIT_S}s",
        "idle_in_transaction_session_timeout": f"{10 * WAIT_S}s",
        "synchronous_commit": "on",  # a commit returns after its log is on the disk, whatever the server's default
        "timezone": "UTC",
    }
    arguments = {"options": " ".join(f"-c {name}={value}" for name, value in options.items()), "connect_timeout": 10}
    try:
        engine = sa.create_engine(
            address,
            connect_args=arguments,
            isolation_level="REPEATABLE READ",  # who reads sees one moment
            pool_size=MOST_READERS,
            max_overflow=1,  # the connection that writes
            pool_pre_ping=True,
        )
    except ModuleNotFoundError:
        raise InputError("a store in PostgreSQL needs the package psycopg: pip install 'serendip[postgres]'") from None
    sa.event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: Connection) -> None:
    if connection.get_execution_options().get("writing", False):
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": WRITERS})
