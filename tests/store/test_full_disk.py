"""A disk that is full or takes no writes: said as such, nothing lost, and writing goes on when it can."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from serendip.store import Store, StoredEvent, StoreError, StoreFullError, StoreReadOnlyError, open_store
from serendip.store.relational import kind_of
from serendip.store.sqlite import SqliteStore, open_sqlite
from tests.store.postgres_server import Server
from tests.store.small_disk import filled, small_disk


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", megabytes=4) as folder:
        yield folder


def append_until_it_fails(store: Store, name: str) -> list[str]:
    """The ids of the events that were acknowledged."""
    acknowledged: list[str] = []
    for n in range(10_000):
        batch = [StoredEvent("ann", "tea", "view", event_id=f"{name}-{n}-{m}", surface="x" * 200) for m in range(9)]
        try:
            store.append(batch)
        except StoreFullError:
            return acknowledged
        acknowledged += [str(event.event_id) for event in batch]
    raise AssertionError("the disk was never full")


def event_ids(store: Store) -> list[str]:
    return sorted(store.tables().events["event_id"].to_list())


def test_a_disk_that_fills_up_is_said_and_loses_nothing(disk: Path) -> None:
    store = open_sqlite(disk / "serendip.db")
    acknowledged = append_until_it_fails(store, "grown")
    assert acknowledged
    acknowledged += append_until_it_fails(store, "again")
    shutil.copytree(disk, elsewhere := disk.parent / "elsewhere")  # as the disk is now, log and all
    store.close()
    store = open_sqlite(elsewhere / "serendip.db")
    assert event_ids(store) == sorted(acknowledged)
    store.close()
    with contextlib.closing(sqlite3.connect(elsewhere / "serendip.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_writing_goes_on_when_there_is_room_again(disk: Path) -> None:
    store = open_sqlite(disk / "serendip.db")
    store.append([StoredEvent("bo", "tea", "view", event_id="first")])
    with filled(disk):
        acknowledged = append_until_it_fails(store, "full")
        assert event_ids(store) == sorted([*acknowledged, "first"])  # reading goes on
    assert store.append([StoredEvent("bo", "tea", "view", event_id="last")]).accepted == 1
    assert event_ids(store) == sorted([*acknowledged, "first", "last"])
    store.close()


def test_an_erasure_without_room_says_so_and_can_be_repeated(disk: Path) -> None:
    store = open_sqlite(disk / "serendip.db")
    for n in range(60):
        store.append([StoredEvent("bo", f"i{n}", "view", surface="x" * 200) for _ in range(9)])
    store.append([StoredEvent("canary-51", "tea", "view")])
    with filled(disk), pytest.raises(StoreFullError):
        store.erase("canary-51")
    store.erase("canary-51")
    assert len(store.history("bo", 10_000)) == 540
    assert not [file for file in disk.iterdir() if b"canary-51" in file.read_bytes()]
    store.close()


def test_a_store_that_takes_no_writes_is_said(tmp_path: Path) -> None:
    store = open_sqlite(tmp_path / "serendip.db")
    store.append([StoredEvent("ann", "tea", "view")])
    read_only(store, "ON")
    with pytest.raises(StoreReadOnlyError):
        store.append([StoredEvent("ann", "tea", "view")])
    assert len(store.history("ann")) == 1
    read_only(store, "OFF")
    assert store.append([StoredEvent("ann", "tea", "view")]).accepted == 1
    store.close()


def read_only(store: SqliteStore, how: str) -> None:
    store._writer.exec_driver_sql(f"PRAGMA query_only={how}")
    store._writer.rollback()


def test_postgresql_without_room_is_said_and_loses_nothing(postgres: Server, tmp_path: Path) -> None:
    with small_disk(postgres.data.parent / "small", megabytes=16) as disk:
        store = open_store(postgres.new_database(on=disk))
        with filled(disk):
            acknowledged = append_until_it_fails(store, "grown")
            assert event_ids(store) == sorted(acknowledged)
        assert store.append([StoredEvent("bo", "tea", "view")]).accepted == 1
        assert len(event_ids(store)) == len(acknowledged) + 1
        store.close()
        postgres.stop()
    postgres.start()


def test_postgresql_that_takes_no_writes_is_said(postgres: Server) -> None:
    url = postgres.new_database()
    open_store(url).close()
    name = url.partition("@/")[2].partition("?")[0]
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")  # type: ignore[arg-type]
    store = open_store(url)
    with pytest.raises(StoreReadOnlyError):
        store.append([StoredEvent("ann", "tea", "view")])
    assert store.history("ann") == []
    store.close()


def test_any_other_failure_is_of_no_kind() -> None:
    with contextlib.closing(sqlite3.connect(":memory:")) as database, pytest.raises(sqlite3.Error) as failed:
        database.execute("nonsense")
    assert kind_of(failed.value) is StoreError
    assert kind_of(None) is StoreError
