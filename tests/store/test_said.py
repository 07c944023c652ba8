"""What people say, in a store: beside what they do, handed out with it, and gone with it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from serendip.data import InputError, Signals, Tables, event_frame
from serendip.data.query import MOST_TEXT, NO_ITEM
from serendip.data.words import LATEST_SAID
from serendip.store import Store, StoredEvent, open_store, sqlite

Reopen = Callable[[], Store]
SECRET = "a ring for somebody who must not know"


def search(text: str, user_id: str = "ann", time_ms: int = 5, event_id: str | None = None) -> StoredEvent:
    return StoredEvent(user_id, NO_ITEM, "search", time_ms=time_ms, event_id=event_id, text=text)


def test_a_search_is_said_and_not_done(store: Store) -> None:
    store.append([StoredEvent("ann", "tea", "like", time_ms=4), search(SECRET)])
    past = store.history("ann")
    assert past.item_ids == ("tea",)
    assert [(one.text, one.type, one.item_id, one.timestamp) for one in past.said] == [(SECRET, "search", NO_ITEM, 5)]
    assert store.popular(5, Signals()) == [("tea", 1)]
    assert store.latest(5)["item_id"].to_list() == ["tea"]
    assert [event.text for _, event in store.timeline("ann", 5)] == [SECRET, None]


def test_a_review_is_both(store: Store) -> None:
    store.append([StoredEvent("ann", "tea", "rating", 5.0, 4, text="the best")])
    past = store.history("ann")
    assert (past.item_ids, [one.item_id for one in past.said]) == (("tea",), ["tea"])


def test_the_latest_words_are_read_oldest_first_as_of_a_position(store: Store) -> None:
    store.append([search(f"word {place}", time_ms=place) for place in range(LATEST_SAID + 5)])
    texts = [one.text for one in store.history("ann").said]
    assert texts == [f"word {place}" for place in range(5, LATEST_SAID + 5)]
    assert store.history("ann").position == LATEST_SAID + 5
    assert [one.text for one in store.history("ann", until=2).said] == ["word 0", "word 1"]


def test_words_are_a_change_and_count_once(store: Store) -> None:
    assert store.append([search(SECRET, event_id="e1")]).accepted == 1
    assert store.changes(0).user_ids == {"ann"}
    assert store.append([search(SECRET, event_id="e1")]).duplicates == 1
    conflict = store.append([search("something else", event_id="e1")])
    assert [one.type for one in conflict.rejected] == ["conflict"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("x" * (MOST_TEXT + 1), "text has 1 to 2,000 characters; this has 2,001"),
        ("a\0b", "cannot be stored"),
        ("", "1 to"),
    ],
)
def test_a_text_that_cannot_be_kept_is_refused_with_one_sentence(store: Store, text: str, why: str) -> None:
    receipt = store.append([search(text), search("this one can")])
    assert receipt.accepted == 1
    assert why in receipt.rejected[0].detail
    assert store.append([search("x" * MOST_TEXT)]).accepted == 1
    with pytest.raises(InputError, match="events row 1: the text"):
        store.import_tables(Tables(event_frame({"user_id": ["ann"], "item_id": ["tea"], "text": [text]})))


def test_without_words_an_event_needs_an_item(store: Store) -> None:
    assert (
        store.append([StoredEvent("ann", NO_ITEM, "search")]).rejected[0].detail
        == "item_id must be a text that is not empty"
    )
    with pytest.raises(InputError, match="events row 1: the item_id is missing"):
        store.import_tables(Tables(event_frame({"user_id": ["ann"], "item_id": [""]})))


def test_an_import_comes_back_and_adds_nothing_the_second_time(store: Store) -> None:
    columns = {"user_id": ["ann"] * 3, "item_id": ["tea", "", ""], "text": ["good", SECRET, "a coat"]}
    tables = Tables(event_frame({**columns, "type": ["rating", "search", "search"]}))
    assert store.import_tables(tables).accepted == 3
    assert store.import_tables(tables).duplicates == 3
    assert store.tables().events["text"].to_list() == ["good", SECRET, "a coat"]


def test_an_export_has_them_and_an_erasure_leaves_none(reopen: Reopen, tmp_path: Path) -> None:
    store = reopen()
    store.append([search(SECRET), search("mine", "bo")])
    told = store.export("ann")["events"]
    assert [(one["text"], one["type"], "item_id" in one) for one in told] == [(SECRET, "search", False)]
    store.erase("ann")
    assert not store.history("ann")
    assert [one.text for one in store.history("bo").said] == ["mine"]
    store.close()
    assert not any(SECRET.encode() in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_without_clearing_the_files_the_words_would_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(tmp_path / "serendip.db")
    store.append([search(SECRET)])
    monkeypatch.setattr(type(store), "_scrub", lambda self: None)
    store.erase("ann")
    left = [path for path in tmp_path.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    store.close()
    assert left


def test_the_items_of_a_history_are_read_from_the_index_alone(tmp_path: Path) -> None:
    """A history of a thousand events must not look up a thousand rows for the few that have words."""
    open_store(tmp_path / "serendip.db").close()
    with closing(sqlite3.connect(tmp_path / "serendip.db")) as database:
        for query, index in ((sqlite._HISTORY, "COVERING INDEX events_of_user"), (sqlite._SAID, "INDEX events_said")):
            plan = database.execute("EXPLAIN QUERY PLAN " + query, [1] * query.count("?")).fetchall()
            assert index in str(plan)
            assert "SCAN" not in str(plan)
