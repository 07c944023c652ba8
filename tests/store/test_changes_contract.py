"""Following the log of events, the same for every engine: whose history changed since a position."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from serendip.data import Tables, event_frame
from serendip.store import Changes, Store, StoredEvent, open_store
from serendip.store.schema import ERASURES, meta

Reopen = Callable[[], Store]


def view(user_id: str, item_id: str = "tea", event_id: str | None = None) -> StoredEvent:
    return StoredEvent(user_id, item_id, "view", event_id=event_id)


def test_an_empty_log_is_at_its_beginning(store: Store) -> None:
    assert store.changes(0) == Changes(0, 0, frozenset())


def test_changes_name_who_did_something_since(store: Store) -> None:
    store.append([view("ann"), view("bo"), view("ann")])
    first = store.changes(0)
    assert first.user_ids == {"ann", "bo"}
    assert store.changes(first.latest) == Changes(first.latest, 0, frozenset())
    store.append([view("cy")])
    second = store.changes(first.latest)
    assert second.user_ids == {"cy"}
    assert second.latest > first.latest


def test_duplicates_change_nothing(store: Store) -> None:
    store.append([view("ann", event_id="e1")])
    before = store.changes(0)
    store.append([view("ann", event_id="e1")])
    assert store.changes(before.latest) == Changes(before.latest, 0, frozenset())


def test_an_import_shows_too(store: Store) -> None:
    store.import_tables(Tables(event_frame({"user_id": ["ann"], "item_id": ["tea"], "type": ["view"]})))
    assert store.changes(0).user_ids == {"ann"}


def test_many_changes_are_not_named(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serendip.store.log.MOST_CHANGES", 10)
    store.append([view("ann") for _ in range(10)])
    assert store.changes(0).user_ids == {"ann"}
    store.append([view("ann")])
    assert store.changes(0).user_ids is None
    assert store.changes(1).user_ids == {"ann"}


def test_a_position_that_the_log_never_had_is_no_reason_to_trust_it(store: Store) -> None:
    store.append([view("ann")])
    assert store.changes(1_000).user_ids is None  # such as after a restore of an older backup


def test_an_erasure_is_counted(store: Store, reopen: Reopen) -> None:
    store.append([view("bo"), view("ann")])
    before = store.changes(0)
    other = reopen()
    other.erase("ann")
    assert store.changes(before.latest).erasures == before.erasures + 1
    other.delete("users", "bo")
    assert store.changes(before.latest).erasures == before.erasures + 2
    other.close()


def test_a_place_that_an_erasure_set_free_is_taken_again_so_erasures_must_be_counted(tmp_path: Path) -> None:
    store = open_store(tmp_path / "serendip.db")  # PostgreSQL gives no number twice
    store.append([view("bo"), view("ann")])
    before = store.changes(0)
    store.erase("ann")
    store.append([view("bo")])
    after = store.changes(before.latest)
    assert after.latest == before.latest
    assert after.user_ids == frozenset()  # nothing of it shows in the numbers
    assert after.erasures > before.erasures
    store.close()


def test_a_store_from_before_erasures_were_counted_starts_at_none(store: Store) -> None:
    store.append([view("ann"), view("bo")])
    with store._transaction() as connection:  # type: ignore[attr-defined]
        connection.execute(sa.delete(meta).where(meta.c.name == ERASURES))
    assert store.changes(0).erasures == 0
    store.erase("ann")
    assert store.changes(0).erasures == 1


def test_whoever_follows_misses_nobody_while_several_write(store: Store, reopen: Reopen) -> None:
    writers = [reopen() for _ in range(3)]

    def write(number: int) -> None:
        for n in range(40):
            writers[number].append([view(f"u{number}-{n}"), view(f"v{number}-{n}")])

    threads = [threading.Thread(target=write, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    seen, latest = set[str](), 0
    while any(thread.is_alive() for thread in threads) or store.changes(latest).latest > latest:
        changes = store.changes(latest)
        assert changes.user_ids is not None
        seen |= changes.user_ids
        latest = changes.latest
    assert seen == {f"{letter}{number}-{n}" for letter in "uv" for number in range(3) for n in range(40)}
    for writer in writers:
        writer.close()
