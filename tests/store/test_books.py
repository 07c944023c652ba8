"""What a store keeps of its own operation, the same for every engine."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise

import polars as pl
import pytest

from serendip.data import InputError, Tables, event_frame
from serendip.store import AuditEntry, Imported, Store, keys
from serendip.store.keys import DAY_MS

Reopen = Callable[[], Store]


def entry(time_ms: int, key_id: str | None = "k1", action: str = "POST /v1/keys", status: int = 200) -> AuditEntry:
    return AuditEntry(time_ms, key_id, action, f"target {time_ms}", status, f"r{time_ms}")


# Keys


def test_the_last_admin_stays_where_one_is_to_be_kept(store: Store) -> None:
    first, _ = keys.make("first", ["admin"])
    reader, _ = keys.make("reader", ["recommend:read"])
    for key in (first, reader):
        store.add_key(key)
    with pytest.raises(InputError, match=f"{first.id} is the last one with the scope admin"):
        store.revoke_key(first.id, keep_an_admin=True)
    assert store.keys()[0].revoked_ms is None
    assert store.revoke_key(reader.id, keep_an_admin=True)
    second, _ = keys.make("second", ["admin"])
    store.add_key(second)
    assert store.revoke_key(first.id, keep_an_admin=True)
    assert store.revoke_key(first.id, keep_an_admin=True)  # it is no admin any more
    assert store.revoke_key(second.id)  # the command line may


def test_an_admin_that_has_expired_is_none(store: Store) -> None:
    now_ms = time.time_ns() // 1_000_000
    gone, _ = keys.make("gone", ["admin"], days=-1)
    last, _ = keys.make("last", ["admin"])
    assert gone.expires_ms is not None
    assert gone.expires_ms < now_ms - DAY_MS / 2
    for key in (gone, last):
        store.add_key(key)
    with pytest.raises(InputError):
        store.revoke_key(last.id, keep_an_admin=True)
    assert store.revoke_key(gone.id, keep_an_admin=True)


# Audit


def test_the_audit_comes_back_latest_first_a_page_at_a_time(store: Store, reopen: Reopen) -> None:
    entries = [entry(n) for n in range(5)] + [AuditEntry(9, None, "DELETE /v1/x", None, 403, None, {"events": 3})]
    store.write_audit(entries[:2], {})
    store.write_audit(entries[2:], {})
    other = reopen()
    first = other.audit_page(4)
    assert [one.time_ms for one in first] == [9, 4, 3, 2]
    assert first[0].detail == {"events": 3}
    assert first[0].key_id is None
    assert [one.time_ms for one in other.audit_page(4, first[-1].seq)] == [1, 0]
    other.close()


def test_the_audit_of_one_key_or_of_some_actions(store: Store) -> None:
    store.write_audit([entry(1), entry(2, "k2"), entry(3, action="DELETE /v1/users/{user_id}")], {})
    assert [one.time_ms for one in store.audit_page(9, key_id="k2")] == [2]
    assert [one.time_ms for one in store.audit_page(9, actions=("DELETE /v1/users/{user_id}", "none"))] == [3]


def test_of_the_uses_of_a_key_the_latest_stays(store: Store, reopen: Reopen) -> None:
    assert store.key_uses() == {}
    store.write_audit([], {"k1": 5, "k2": 7})
    store.write_audit([], {"k1": 4, "k2": 8})
    other = reopen()
    assert other.key_uses() == {"k1": 5, "k2": 8}
    other.close()


# Imports


def test_imports_come_back_latest_first(store: Store) -> None:
    for n in range(3):
        store.add_import(Imported(f"2026-{n}", n, {"rows": n, "name": "<b>ünï</b>"}))
    assert [one.time_ms for one in store.import_page(2)] == [2, 1]
    assert store.import_page(2, "2026-1") == [Imported("2026-0", 0, {"rows": 0, "name": "<b>ünï</b>"})]


# What there is


def test_a_sample_is_spread_over_all_rows(store: Store) -> None:
    assert store.sample("items", 10).total == 0
    ids = [f"i{n}" for n in range(1_000)]
    store.import_tables(Tables(items=pl.DataFrame({"item_id": ids, "n": range(1_000)})))
    some = store.sample("items", 101)
    assert some.total == 1_000
    assert len({id_ for id_, _ in some.rows}) == 101
    assert {"i0", "i999"} <= {id_ for id_, _ in some.rows}
    numbers = sorted(attributes["n"] for _, attributes in some.rows)
    assert max(later - before for before, later in pairwise(numbers)) <= 11
    assert [id_ for id_, _ in store.sample("items", 1).rows] == ["i0"]
    for id_ in ids[:500]:
        store.delete("items", id_)
    assert 95 <= len(store.sample("items", 101).rows) <= 101
    assert len(store.sample("items", 500).rows) == store.sample("items", 500).total == 500


def test_types_are_counted_among_the_latest_events(store: Store) -> None:
    assert store.type_counts(10) == []
    types = ["view"] * 6 + ["rating"] * 3 + ["like"]
    values = [None] * 6 + [4.0, None, 3.0] + [None]
    frame = event_frame(
        {"user_id": ["u"] * 10, "item_id": list("abcdefghij"), "type": types, "value": values, "time_ms": range(10)}
    )
    store.import_tables(Tables(frame))
    told = [(one.type, one.events, one.with_value, one.latest_ms) for one in store.type_counts(100)]
    assert told == [("view", 6, 0, 5), ("rating", 3, 2, 8), ("like", 1, 0, 9)]
    assert [(one.type, one.events) for one in store.type_counts(4)] == [("rating", 3), ("like", 1)]


def test_the_store_says_what_it_takes_on_the_disk(store: Store) -> None:
    before = store.disk_bytes()
    ids = [f"i{n}" for n in range(5_000)]
    store.import_tables(Tables(items=pl.DataFrame({"item_id": ids, "text": ["x" * 400] * 5_000})))
    assert store.disk_bytes() > before + 1_000_000
