"""PostgreSQL: what is left in the server's files of a person who was erased."""

from __future__ import annotations

import polars as pl
import psycopg
import pytest

from serendip.data import Tables, event_frame
from serendip.store import Exposure, Store, StoredEvent, open_store
from serendip.store.postgres import PostgresStore
from tests.store.postgres_server import Server

CANARY = "canary-c0ffee"
COLLATIONS = (
    "SELECT DISTINCT collname FROM pg_attribute JOIN pg_collation ON attcollation = pg_collation.oid "
    "WHERE attrelid IN ('exposures'::regclass, 'relations'::regclass)"
)


def filled(url: str) -> Store:
    """The canary in every table, most common among the values that the server keeps statistics of."""
    store = open_store(url)
    friends = pl.DataFrame({"head": [CANARY], "relation": ["friend"], "tail": ["bo"]})
    store.import_tables(Tables(event_frame({"user_id": ["bo"], "item_id": ["tea"]}), relations=friends))
    store.append([StoredEvent(CANARY, f"i{n}", "view", context={"of": CANARY}) for n in range(300)])
    store.put("users", [(CANARY, {"name": CANARY}), ("bo", {})])
    store.log_exposures([Exposure(f"r{n}", CANARY, 0, "home", "m", "default", ()) for n in range(50)])
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ANALYZE")  # as the server does by itself now and then
    return store


def holders(postgres: Server) -> set[str]:
    """The folders of the server whose files hold the canary."""
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute("CHECKPOINT")
    files = [file for file in postgres.data.rglob("*") if file.is_file() and CANARY.encode() in file.read_bytes()]
    return {file.relative_to(postgres.data).parts[0] for file in files}


def test_only_the_servers_log_holds_who_was_erased(postgres: Server) -> None:
    store = filled(postgres.new_database())
    assert holders(postgres) == {"base", "pg_wal"}
    assert store.erase(CANARY) == {"events": 300, "users": 1, "exposures": 50, "relations": 1}
    held = store.export(CANARY)
    assert not any(held[table] for table in ("attributes", "events", "exposures", "relations"))
    assert holders(postgres) <= {"pg_wal"}  # its administrator's to expire, as the documents say
    assert len(store.history("bo")) == 1
    with store._reading() as reading:  # type: ignore[attr-defined]
        types = reading.exec_driver_sql(COLLATIONS).all()
    assert types == [("C",)]  # also of a table that was emptied
    store.close()


def test_without_the_scrub_the_tables_hold_them(postgres: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PostgresStore, "_scrub", lambda self: None)
    store = filled(postgres.new_database())
    store.erase(CANARY)
    assert "base" in holders(postgres)
    store.close()
