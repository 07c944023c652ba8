"""SQLite: what was acknowledged survives, what is erased is gone, what is not a store is refused."""

from __future__ import annotations

import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from serendip.data import InputError, Tables, event_frame
from serendip.store import Exposure, StoredEvent, StoreError, open_store, sqlite
from serendip.store.schema import HEAD
from serendip.store.sqlite import SqliteStore

CRASHING = Path(__file__).with_name("crashing.py")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "serendip.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    opened = sqlite.open_sqlite(path)
    yield opened
    opened.close()


def event_ids(path: Path) -> list[str]:
    """What a store holds, in order of arrival."""
    store = open_store(path)
    try:
        return store.tables().events["event_id"].to_list()
    finally:
        store.close()


# Killed at any moment


def life(path: Path, what: str, name: str, seconds: float) -> list[str]:
    """What a process acknowledged before it was killed, `seconds` after its first word."""
    command = [sys.executable, str(CRASHING), what, str(path), name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        words = (first + process.stdout.read()).splitlines(keepends=True)
    return [word.strip() for word in words if word.endswith("\n")]


def lost_and_doubled(path: Path, acknowledged: list[str]) -> tuple[set[str], int]:
    stored = event_ids(path)
    return set(acknowledged) - set(stored), len(stored) - len(set(stored))


def survive(path: Path, rounds: int) -> None:
    moments = random.Random(rounds)
    acknowledged: list[str] = []
    for n in range(rounds):
        acknowledged += life(path, "append_for_ever", str(n), moments.uniform(0, 0.3))
        assert lost_and_doubled(path, acknowledged) == (set(), 0)
    assert len(acknowledged) > rounds


def test_a_kill_loses_nothing_acknowledged(path: Path) -> None:
    survive(path, 5)


@pytest.mark.slow
def test_two_hundred_kills_lose_nothing_acknowledged(path: Path) -> None:
    survive(path, 200)


def test_a_kill_finds_an_acknowledgement_before_its_commit(path: Path) -> None:
    lives = (life(path, "acknowledge_too_early", str(n), 0.01 * n) for n in range(5))
    assert any(lost_and_doubled(path, acknowledged)[0] for acknowledged in lives)


def test_a_kill_in_an_import_leaves_the_store_as_it_was(path: Path) -> None:
    store = open_store(path)
    store.append([StoredEvent("bo", "tea", "view", event_id="before")])
    killed = subprocess.run([sys.executable, str(CRASHING), "die_in_import", str(path), "i"], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert store.counts() == {"events": 1, "items": 0, "users": 1, "relations": 0, "exposures": 0}
    assert store.catalogue_version() == 0
    assert store.append([StoredEvent("bo", "tea", "view")]).accepted == 1
    store.close()
    assert event_ids(path)[0] == "before"


# A torn log


def torn(path: Path, folder: Path, batches: int, step: int) -> set[int]:
    """Cut the log at every `step` bytes; how many batches there were after each cut."""
    open_store(path).close()  # the tables are in the file, the log is gone
    store = open_store(path)
    written: list[list[str]] = []
    for batch in range(batches):
        written.append([f"{batch}-{n}" for n in range(batch + 1)])
        store.append([StoredEvent("ann", "tea", "view", event_id=event_id) for event_id in written[-1]])
    database, log = path.read_bytes(), Path(f"{path}-wal").read_bytes()
    store.close()
    prefixes = [[event_id for batch in written[:n] for event_id in batch] for n in range(batches + 1)]
    found = set()
    copy = folder / "copy.db"
    for length in (*range(0, len(log), step), len(log)):
        Path(f"{copy}-shm").unlink(missing_ok=True)
        copy.write_bytes(database)
        Path(f"{copy}-wal").write_bytes(log[:length])
        found.add(prefixes.index(event_ids(copy)))
    return found


def test_a_torn_log_opens_as_a_prefix(path: Path, tmp_path: Path) -> None:
    assert torn(path, tmp_path, batches=2, step=97) == {0, 1, 2}


@pytest.mark.slow
def test_a_log_torn_at_any_byte_opens_as_a_prefix(path: Path, tmp_path: Path) -> None:
    assert torn(path, tmp_path, batches=2, step=1) == {0, 1, 2}


def test_a_flipped_bit_in_the_log_is_found(path: Path, tmp_path: Path) -> None:
    open_store(path).close()
    store = open_store(path)
    for n in range(3):
        store.append([StoredEvent("ann", "tea", "view", event_id=str(n))])
    database, log = path.read_bytes(), Path(f"{path}-wal").read_bytes()
    store.close()
    copy = tmp_path / "copy.db"
    for place in random.Random(0).sample(range(32, len(log)), 40):
        Path(f"{copy}-shm").unlink(missing_ok=True)
        copy.write_bytes(database)
        Path(f"{copy}-wal").write_bytes(log[:place] + bytes([log[place] ^ 1]) + log[place + 1 :])
        assert event_ids(copy) in ([], ["0"], ["0", "1"])


# Synchronised, and said to be


def test_the_writer_synchronises_at_each_commit(store: SqliteStore) -> None:
    for connection in (store._writer, store._engine.connect()):
        with connection.begin():
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
            assert connection.exec_driver_sql("PRAGMA secure_delete").scalar() == 1
    connection.close()


def test_another_writer_is_waited_for(store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_S", 0.05)
    impatient = open_store(path)
    with store._writer.begin(), pytest.raises(StoreError, match="locked"):
        impatient.append([StoredEvent("ann", "tea", "view")])
    assert impatient.append([StoredEvent("ann", "tea", "view")]).accepted == 1
    impatient.close()


def test_a_full_disk_is_said_and_loses_nothing(store: SqliteStore) -> None:
    store.append([StoredEvent("ann", "tea", "view", event_id="kept")])
    pages = store._writer.exec_driver_sql("PRAGMA page_count").scalar_one()
    store._writer.exec_driver_sql(f"PRAGMA max_page_count={pages}")
    store._writer.rollback()
    with pytest.raises(StoreError, match="full"):
        store.append([StoredEvent("ann", "x" * 200, "view") for _ in range(200)])
    assert store.counts()["events"] == 1
    store._writer.exec_driver_sql(f"PRAGMA max_page_count={pages * 100}")
    store._writer.rollback()
    assert store.append([StoredEvent("ann", "x" * 200, "view") for _ in range(200)]).accepted == 200


# Erased


CANARY = "canary-7c1f0a"


def fill(store: SqliteStore) -> None:
    """Many people in random order, so that pages split, and the canary among them everywhere."""
    order = random.Random(0)
    people = [CANARY, *(f"person-{n}" for n in range(50))]
    users = [order.choice(people) for _ in range(3_000)]
    store.import_tables(Tables(event_frame({"user_id": users, "item_id": [f"i{order.random()}" for _ in users]})))
    for n in range(30):
        store.append([StoredEvent(CANARY, "tea", "view", context={"of": CANARY}), StoredEvent("bo", "tea", "view")])
        store.put("users", [(CANARY, {"name": CANARY * n}), (f"person-{n}", {"name": "x" * 50 * n})])
    store.log_exposures([Exposure(f"r{n}", CANARY, 0, "home", "m", "default", ()) for n in range(50)])


def holds_canary(path: Path) -> bool:
    return any(CANARY.encode() in file.read_bytes() for file in path.parent.iterdir())


def test_the_files_forget_who_is_erased(store: SqliteStore, path: Path) -> None:
    fill(store)
    assert holds_canary(path)
    store.erase(CANARY)
    assert not holds_canary(path)
    assert store.counts()["users"] == 51


@pytest.mark.parametrize("guard", ["overwriting and rewriting", "emptying the log"])
def test_without_scrubbing_the_files_remember(path: Path, guard: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if guard == "emptying the log":
        monkeypatch.setattr(SqliteStore, "_scrub", lambda self: None)
    else:
        monkeypatch.setitem(sqlite.PRAGMAS, "secure_delete", "OFF")
        monkeypatch.setattr(SqliteStore, "_scrub", lambda self: checkpoint(self))
    store = sqlite.open_sqlite(path)
    fill(store)
    store.erase(CANARY)
    assert holds_canary(path)
    store.close()


def checkpoint(store: SqliteStore) -> None:
    database = store._writer.connection.driver_connection
    assert database is not None
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def test_an_erasure_that_a_reader_holds_up_says_so(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_S", 0.05)
    store = sqlite.open_sqlite(path)
    fill(store)
    with store._reading() as reader:
        reader.execute(sa.text("select count(*) from events"))
        with pytest.raises(StoreError, match="try again"):
            store.erase(CANARY)
    assert store.erase(CANARY)["events"] == 0
    assert not holds_canary(path)
    store.close()


# Refused


def damage(path: Path, change: Callable[[sqlite3.Connection], object]) -> None:
    database = sqlite3.connect(path)
    change(database)
    database.commit()
    database.close()


def test_a_newer_store_is_refused(path: Path) -> None:
    open_store(path).close()
    damage(path, lambda database: database.execute("update alembic_version set version_num = '9999'"))
    with pytest.raises(InputError, match=f"newer Serendip .schema 9999, this one reads up to {HEAD}"):
        open_store(path)


def test_a_database_of_somebody_else_is_refused_and_left_alone(path: Path) -> None:
    damage(path, lambda database: database.execute("create table books (title text)"))
    with pytest.raises(InputError, match="not a Serendip store"):
        open_store(path)
    tables: list[tuple[str]] = []
    damage(path, lambda database: tables.extend(database.execute("select name from sqlite_master")))
    assert tables == [("books",)]


@pytest.mark.parametrize("content", [b"user,item\nann,tea\n" * 100, b"SQLite format 3\0" + b"\xff" * 4096])
def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"serendip\.db cannot be opened as a store"):
        open_store(path)
    assert path.read_bytes() == content


def test_a_damaged_store_is_refused(path: Path) -> None:
    open_store(path).close()
    path.write_bytes(path.read_bytes()[:4096] + b"\x55" * (path.stat().st_size - 4096))
    with pytest.raises(InputError, match=r"serendip\.db cannot be opened as a store"):
        open_store(path)


def test_a_place_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be opened"):
        open_store(tmp_path / "nowhere" / "serendip.db")


def test_an_older_copy_opens(path: Path, tmp_path: Path) -> None:
    store = open_store(path)
    store.append([StoredEvent("ann", "tea", "view", event_id="e")])
    store.close()
    shutil.copy(path, tmp_path / "copy.db")
    assert event_ids(tmp_path / "copy.db") == ["e"]
