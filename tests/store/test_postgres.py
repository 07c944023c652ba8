"""What is particular to PostgreSQL: other processes, a server that dies, passwords, what is left in its files."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from serendip.data import InputError
from serendip.store import Settings, Store, StoredEvent, StoreError, Workspace, open_store
from tests.store.postgres_server import Server, find_binaries


@pytest.fixture
def server() -> Iterator[Server]:
    """One to be killed."""
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    with Server(binaries) as server:
        yield server


def events(count: int, start: int = 0) -> list[StoredEvent]:
    return [StoredEvent("ann", f"i{n}", "like", event_id=f"e{n}", time_ms=n) for n in range(start, start + count)]


def append_until_it_works(store: Store, batch: list[StoredEvent]) -> None:
    for _ in range(5):
        try:
            store.append(batch)
            return
        except StoreError:
            continue
    raise AssertionError("the store never came back")


def test_what_was_acknowledged_is_there_after_the_server_died(server: Server) -> None:
    url = server.new_database()
    store = open_store(url)
    for start in range(0, 50, 10):
        assert store.append(events(10, start)).accepted == 10
    server.stop("immediate")
    with pytest.raises(StoreError):
        store.append(events(1, 100))
    server.start()
    append_until_it_works(store, events(60))  # the connections come back by themselves, nothing is applied twice
    assert len(store.history("ann")) == 60
    assert store.counts()["events"] == 60
    store.close()


def test_processes_that_write_the_same_events_store_each_once_and_in_one_order(postgres: Server) -> None:
    url = postgres.new_database()
    open_store(url).close()
    program = (
        "import sys; from serendip.store import open_store, StoredEvent\n"
        "store = open_store(sys.argv[1])\n"
        "for n in range(40):\n"
        "    store.append([StoredEvent('ann', f'i{k}', 'like', event_id=f'e{k}', time_ms=k) for k in (n, 79 - n)])\n"
    )
    command = [sys.executable, "-c", program, url]
    with ThreadPoolExecutor(3) as threads:
        done = list(threads.map(lambda _: subprocess.run(command, capture_output=True, text=True), range(3)))
    assert [one.returncode for one in done] == [0, 0, 0], done
    store = open_store(url)
    assert store.counts()["events"] == 80
    store.close()


def test_two_that_start_at_once_make_the_tables_once(postgres: Server) -> None:
    url = postgres.new_database()
    with ThreadPoolExecutor(4) as threads:
        stores = list(threads.map(lambda _: open_store(url), range(4)))
    stores[0].append(events(1))
    assert [store.counts()["events"] for store in stores] == [1, 1, 1, 1]
    for store in stores:
        store.close()


def test_a_commit_waits_for_the_disk_whatever_the_server_prefers(postgres: Server) -> None:
    url = postgres.new_database()
    name = url.split("/")[3].split("?")[0]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")  # type: ignore[arg-type]
    with psycopg.connect(url) as connection:
        assert connection.execute("SHOW synchronous_commit").fetchone() == ("off",)
    store = open_store(url)
    with store._reading() as reading:  # type: ignore[attr-defined]
        assert reading.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
    store.close()


def test_a_database_of_something_else_is_refused(postgres: Server) -> None:
    url = postgres.new_database()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE accounts (id int)")
    with pytest.raises(InputError, match="not a Serendip store"):
        open_store(url)


@pytest.mark.parametrize("address", ["postgresql://ann:s3cret@127.0.0.1:1/shop", "postgresql://ann:s3cret@[/shop"])
def test_passwords_are_not_repeated(address: str) -> None:
    with pytest.raises(InputError) as refused:
        open_store(address)
    assert "s3cret" not in str(refused.value)


def test_a_failure_does_not_repeat_what_was_to_be_stored(postgres: Server) -> None:
    url = postgres.new_database()
    store = open_store(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER TABLE events ADD CONSTRAINT no_tea CHECK (item_id <> 'secret-tea')")
    with pytest.raises(psycopg.errors.CheckViolation, match="secret-tea"), psycopg.connect(url) as connection:
        connection.execute(  # what the server itself says
            "INSERT INTO events (event_id, user_id, item_id, type, received_ms) VALUES ('x', 'a', 'secret-tea', 'b', 1)"
        )
    with pytest.raises(StoreError) as failed:
        store.append([StoredEvent("ann", "secret-tea", "like")])
    assert "secret-tea" not in str(failed.value)
    store.append(events(1))
    store.close()


def test_erasing_leaves_nothing_in_the_tables_files(postgres: Server) -> None:
    store = open_store(postgres.new_database())
    store.append([StoredEvent("canary-8121", "tea", "like"), StoredEvent("bo", "tea", "like")])
    with store._reading() as reading:  # type: ignore[attr-defined]
        path = reading.exec_driver_sql("SELECT pg_relation_filepath('events')").scalar()
        reading.rollback()
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute("CHECKPOINT")
    assert b"canary-8121" in (postgres.data / str(path)).read_bytes()
    assert store.erase("canary-8121")["events"] == 1
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute("CHECKPOINT")
    files = [file for file in (postgres.data / "base").rglob("*") if file.is_file()]
    assert not [file for file in files if b"canary-8121" in file.read_bytes()]
    assert len(store.history("bo")) == 1
    store.close()


def test_a_workspace_keeps_its_store_where_its_settings_say(
    postgres: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "shop"
    Workspace.create(folder).close()
    (folder / "serendip.db").unlink()
    Settings(store=postgres.new_database()).write(folder / "settings.toml")
    with Workspace.open(folder) as workspace:
        workspace.store.append(events(3))
    with Workspace.open(folder) as workspace:
        assert len(workspace.store.history("ann")) == 3
    assert not (folder / "serendip.db").exists()
    monkeypatch.setenv("SERENDIP_STORE", postgres.new_database())
    with Workspace.open(folder) as workspace:
        assert workspace.store.history("ann") == []


def test_an_address_that_is_none_is_refused_without_repeating_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Workspace.create(tmp_path).close()
    (tmp_path / "settings.toml").write_text('store = "mysql://ann:s3cret@host/shop"')
    with pytest.raises(InputError, match="'store'") as refused:
        Workspace.open(tmp_path)
    assert "s3cret" not in str(refused.value)
    (tmp_path / "settings.toml").write_text("")
    monkeypatch.setenv("SERENDIP_STORE", "ann:s3cret@host")
    with pytest.raises(InputError, match="SERENDIP_STORE") as refused:
        Workspace.open(tmp_path)
    assert "s3cret" not in str(refused.value)
