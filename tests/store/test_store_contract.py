"""The contract of a store, the same for every engine (see conftest)."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import polars as pl
import pytest

from serendip.data import Dataset, InputError, Signals, Tables, event_frame
from serendip.store import Exposure, Receipt, Store, StoredEvent, StoreError

Reopen = Callable[[], Store]
LIKE = StoredEvent("ann", "tea", "like", value=1.5, time_ms=1_700_000_000_000, event_id="e1")


def told(store: Store, user_id: str = "ann") -> list[tuple[str, str, float | None, int | None]]:
    return [(event.item_id, event.type, event.value, event.timestamp) for event in store.history(user_id)]


def small_tables() -> Tables:
    events = event_frame(
        {
            "user_id": ["ann", "bo", "ann", "ann"],
            "item_id": ["tea", "tea", "cup", "tea"],
            "type": ["view", "like", "rating", "view"],
            "value": [None, None, 4.5, None],
            "time_ms": [2_000, 1_000, None, 2_000],
        }
    )
    items = pl.DataFrame(
        {
            "item_id": ["tea", "cup"],
            "title": ["Tea 茶", None],
            "category": [["drink", "hot"], ["ware"]],
            "price": [2.5, 4.0],
            "year": [1999, 2001],
            "hidden": [False, True],
        }
    )
    users = pl.DataFrame({"user_id": ["ann"], "age": [33]})
    relations = pl.DataFrame({"head": ["tea", "ann"], "relation": ["maker", "friend"], "tail": ["Lin", "bo"]})
    return Tables(events, items, users, relations)


# Events


def test_appended_events_are_the_history_of_their_person(store: Store) -> None:
    receipt = store.append([LIKE, StoredEvent("bo", "cup", "view", time_ms=5)])
    assert receipt == Receipt(2, 0)
    assert told(store) == [("tea", "like", 1.5, 1_700_000_000_000)]
    assert told(store, "nobody") == []


def test_pages_of_events_go_through_the_log_in_order_of_arrival(store: Store) -> None:
    whole = dataclasses.replace(LIKE, request_id="r", position=3, surface="home", context={"a": [1]})
    later = [StoredEvent("bo", "tea", "view", time_ms=9, event_id="e2"), StoredEvent("ann", "cup", "view", time_ms=5)]
    store.append([whole, *later])
    pages, after = [], 0
    while page := store.event_page(2, after):
        pages.append([event for _, event in page])
        after = page[-1][0]
    assert [len(page) for page in pages] == [2, 1]
    assert pages[0] == [whole, later[0]]
    assert dataclasses.replace(pages[1][0], event_id=None) == later[1]
    assert [event.item_id for _, event in store.event_page(9, user_id="ann")] == ["tea", "cup"]
    assert [event.user_id for _, event in store.event_page(9, item_id="tea")] == ["ann", "bo"]
    assert [event.event_id for _, event in store.event_page(9, item_id="tea", type="view")] == ["e2"]
    assert store.event_page(9, user_id="' or 1=1 --") == []


def test_small_times_are_not_read_as_seconds(store: Store) -> None:
    store.append([StoredEvent("ann", "tea", "view", time_ms=5_000)])
    assert told(store)[0][3] == 5_000


def test_an_event_without_time_happens_when_it_arrives(store: Store) -> None:
    import time

    before = time.time_ns() // 1_000_000
    store.append([StoredEvent("ann", "tea", "view")])
    assert before <= (told(store)[0][3] or 0) <= time.time_ns() // 1_000_000


def test_the_same_event_again_is_a_duplicate(store: Store, reopen: Reopen) -> None:
    untimed = StoredEvent("ann", "cup", "view", event_id="e2", context={"a": 1, "b": {"c": 2, "d": 3}})
    assert store.append([LIKE, untimed, LIKE]) == Receipt(2, 1)
    again = dataclasses.replace(untimed, context={"b": {"d": 3, "c": 2}, "a": 1})
    assert store.append([LIKE, again]) == Receipt(0, 2)
    other = reopen()
    assert other.append([LIKE]) == Receipt(0, 1)
    other.close()
    assert store.counts()["events"] == 2


@pytest.mark.parametrize(
    "change",
    [
        {"user_id": "bo"},
        {"item_id": "cup"},
        {"type": "view"},
        {"value": 2.0},
        {"value": None},
        {"time_ms": 1},
        {"time_ms": None},
        {"request_id": "r"},
        {"position": 1},
        {"surface": "home"},
        {"context": {"a": 1}},
    ],
)
def test_the_same_id_with_another_body_is_a_conflict(store: Store, change: dict[str, object]) -> None:
    store.append([LIKE])
    receipt = store.append([StoredEvent("bo", "cup", "view"), dataclasses.replace(LIKE, **change)])
    assert (receipt.accepted, receipt.duplicates) == (1, 0)
    assert [(one.index, one.type) for one in receipt.rejected] == [(1, "conflict")]
    assert "'e1'" in receipt.rejected[0].detail
    assert told(store) == [("tea", "like", 1.5, 1_700_000_000_000)]


def test_a_conflict_within_one_call_keeps_the_first(store: Store) -> None:
    receipt = store.append([LIKE, dataclasses.replace(LIKE, item_id="cup")])
    assert receipt.accepted == 1
    assert receipt.rejected[0].index == 1
    assert told(store)[0][0] == "tea"


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"user_id": ""}, "user_id"),
        ({"item_id": "é" * 129}, "item_id"),
        ({"item_id": "\ud800"}, "Unicode"),
        ({"type": ""}, "type"),
        ({"event_id": ""}, "event_id"),
        ({"value": float("nan")}, "value"),
        ({"value": float("inf")}, "value"),
        ({"time_ms": -1}, "time_ms"),
        ({"position": -1}, "position"),
        ({"context": {"a": float("nan")}}, "not JSON compliant"),
        ({"context": {"a": object()}}, "JSON"),
    ],
)
def test_what_cannot_be_stored_is_rejected_and_the_rest_is_kept(
    store: Store, change: dict[str, object], word: str
) -> None:
    receipt = store.append([dataclasses.replace(LIKE, **change), StoredEvent("bo", "cup", "view")])
    assert receipt.accepted == 1
    assert [(one.index, one.type) for one in receipt.rejected] == [(0, "invalid")]
    assert word in receipt.rejected[0].detail


@pytest.mark.parametrize("id_", ["a/b?c#d", "'; drop table events; --", "茶 🍵", " ", "%00", "é" * 128])
def test_ids_are_any_text(store: Store, id_: str) -> None:
    store.append([StoredEvent(id_, id_, "like", event_id=id_)])
    store.put("items", [(id_, {"title": id_})])
    assert [event.item_id for event in store.history(id_)] == [id_]
    assert store.get("items", id_) == {"title": id_}
    assert store.append([StoredEvent(id_, id_, "like", event_id=id_)]) == Receipt(0, 1)
    assert store.erase(id_)["events"] == 1


def test_history_is_ordered_by_time_then_arrival_and_keeps_the_latest(store: Store) -> None:
    for item, time_ms in [("d", 30), ("b", 20), ("a", 10), ("c", 20)]:
        store.append([StoredEvent("ann", item, "view", time_ms=time_ms)])
    assert [event.item_id for event in store.history("ann")] == ["a", "b", "c", "d"]
    assert [event.item_id for event in store.history("ann", 2)] == ["c", "d"]


def test_history_has_the_order_of_the_dataset(store: Store) -> None:
    store.import_tables(small_tables())
    store.append([StoredEvent("ann", "pot", "view", time_ms=0), StoredEvent("ann", "lid", "view", time_ms=2_000)])
    dataset = Dataset.from_tables(store.tables())
    row = dataset.users.vocabulary.row("ann")
    expected = dataset.items.vocabulary.ids(dataset.events.item_rows[dataset.events.user_rows == row])
    assert [event.item_id for event in store.history("ann")] == expected == ["cup", "pot", "tea", "tea", "lid"]


def test_threads_append_at_once_and_everything_acknowledged_is_there_once(store: Store) -> None:
    start = threading.Barrier(8)

    def append(thread: int) -> int:
        start.wait()
        given = [StoredEvent(f"u{thread}", f"i{n}", "view", event_id=f"{n % 30}") for n in range(40)]
        receipts = [store.append([event]) for event in given]
        assert all(receipt.accepted + receipt.duplicates + len(receipt.rejected) == 1 for receipt in receipts)
        store.history(f"u{thread}")
        return sum(receipt.accepted for receipt in receipts)

    with ThreadPoolExecutor(8) as pool:
        accepted = sum(pool.map(append, range(8)))
    assert accepted == store.counts()["events"] == 30
    assert sorted(store.tables().events["event_id"]) == sorted(str(n) for n in range(30))


# Whole tables


def test_an_import_comes_back_as_it_was(store: Store) -> None:
    given = small_tables()
    assert store.import_tables(given) == Receipt(4, 0)
    back = store.tables()
    assert back.events.drop("event_id").equals(given.events.drop("event_id"))
    assert back.events["event_id"].n_unique() == 4
    assert back.items.equals(given.items)
    assert back.users.equals(given.users)
    assert back.relations.equals(given.relations)


def test_an_empty_store_gives_empty_tables(store: Store) -> None:
    back = store.tables()
    assert (back.events.schema, back.items.schema, back.users.schema, back.relations.schema) == tuple(
        frame.schema for frame in (Tables().events, Tables().items, Tables().users, Tables().relations)
    )
    assert store.counts() == {"events": 0, "items": 0, "users": 0, "relations": 0, "exposures": 0}
    assert store.import_tables(Tables()) == Receipt(0, 0)


def test_the_same_import_again_adds_nothing(store: Store) -> None:
    store.import_tables(small_tables())
    before = store.counts()
    assert store.import_tables(small_tables()) == Receipt(0, 4)
    assert store.import_tables(store.tables()) == Receipt(0, 4)
    assert store.counts() == before
    assert before == {"events": 4, "items": 2, "users": 2, "relations": 2, "exposures": 0}


def test_repeated_events_of_one_file_are_all_kept_in_any_order(store: Store) -> None:
    events = event_frame({"user_id": ["a"] * 5, "item_id": ["x", "x", "y", "x", "y"]})
    assert store.import_tables(Tables(events)) == Receipt(5, 0)
    assert store.import_tables(Tables(events.reverse())) == Receipt(0, 5)


def test_contents_that_read_alike_are_kept_apart(store: Store) -> None:
    events = event_frame({"user_id": ["a", "a1:b", "a1"], "item_id": ["1:bc", "c", ":bc"]})
    assert store.import_tables(Tables(events)) == Receipt(3, 0)


def test_live_events_survive_an_import_of_their_own_export(store: Store) -> None:
    store.append([LIKE, StoredEvent("bo", "cup", "view", request_id="r", position=3, context={"a": 1})])
    assert store.import_tables(store.tables()) == Receipt(0, 2)


def test_an_import_says_which_named_events_conflict(store: Store) -> None:
    store.append([LIKE])
    events = event_frame({"user_id": ["bo", "bo"], "item_id": ["cup", "cup"], "event_id": ["e0", "e1"]})
    receipt = store.import_tables(Tables(events))
    assert (receipt.accepted, receipt.duplicates) == (1, 0)
    assert [(one.index, one.type) for one in receipt.rejected] == [(1, "conflict")]


def bad_tables() -> dict[str, tuple[Tables, str]]:
    good = small_tables()
    nowhere = good.events.with_columns(item_id=pl.Series(["tea", "", "cup", "tea"]))
    nobody = good.events.with_columns(user_id=pl.Series(["ann", "bo", None, "bo"]))
    endless = good.events.with_columns(value=pl.Series([None, None, 4.5, float("inf")]))
    unnamed = good.events.with_columns(event_id=pl.Series(["e1", None, "", "e2"]))
    numbered = pl.DataFrame({"item_id": [1, 2]})
    priceless = good.items.with_columns(price=pl.Series([1.0, float("nan")]))
    return {
        "empty id": (dataclasses.replace(good, events=nowhere), "events row 2: the item_id is missing"),
        "no id": (dataclasses.replace(good, events=nobody), "events row 3: the user_id is missing"),
        "empty event id": (dataclasses.replace(good, events=unnamed), "events row 3: the event_id is missing"),
        "ids that are numbers": (
            dataclasses.replace(good, items=numbered),
            "items: there is no column item_id of texts",
        ),
        "infinite value": (dataclasses.replace(good, events=endless), "events row 4: the value"),
        "NaN price": (dataclasses.replace(good, items=priceless), "items row 2 ('cup'): the attribute 'price'"),
    }


@pytest.mark.parametrize("case", bad_tables())
def test_a_bad_row_is_named_and_nothing_is_imported(store: Store, case: str) -> None:
    tables, message = bad_tables()[case]
    with pytest.raises(InputError) as error:
        store.import_tables(tables)
    assert message in str(error.value)
    assert sum(store.counts().values()) == 0


def many_events(n: int) -> Tables:
    return Tables(event_frame({"user_id": ["ann"] * n, "item_id": [f"i{k}" for k in range(n)]}))


def interrupt(label: str, done: int, total: int) -> None:
    if done >= 20_000:
        raise KeyboardInterrupt


def test_an_interrupted_import_leaves_the_store_as_it_was(store: Store) -> None:
    store.append([LIKE])
    tables = dataclasses.replace(small_tables(), events=many_events(30_000).events)
    before, version = store.counts(), store.catalogue_version()
    with pytest.raises(KeyboardInterrupt):
        store.import_tables(tables, interrupt)
    assert store.counts() == before
    assert store.catalogue_version() == version
    assert store.append([dataclasses.replace(LIKE, event_id="e2")]).accepted == 1


def test_an_import_in_pieces_would_have_left_pieces(store: Store) -> None:
    """The test above can fail: the same interruption between smaller imports leaves a part."""

    def import_in_pieces() -> None:
        for done, part in enumerate(many_events(30_000).events.iter_slices(10_000), 1):
            store.import_tables(Tables(part))
            interrupt("events", done * 10_000, 30_000)

    with pytest.raises(KeyboardInterrupt):
        import_in_pieces()
    assert store.counts()["events"] == 20_000


def test_an_import_tells_its_progress(store: Store) -> None:
    said: list[tuple[str, int, int]] = []
    store.import_tables(
        dataclasses.replace(small_tables(), events=many_events(15_000).events), lambda *words: said.append(words)
    )
    assert said == [
        ("items", 2, 2),
        ("users", 1, 1),
        ("relations", 2, 2),
        ("events", 10_000, 15_000),
        ("events", 15_000, 15_000),
    ]


# Items and users


def test_put_replaces_and_patch_merges(store: Store) -> None:
    assert store.put("items", [("tea", {"title": "Tea", "price": 2, "tags": ["hot"]}), ("cup", {})]) == 2
    assert store.patch("items", "tea", {"price": None, "year": 1999}) == {"title": "Tea", "tags": ["hot"], "year": 1999}
    assert store.put("items", [("tea", {"title": "茶"})]) == 1
    assert store.get("items", "tea") == {"title": "茶"}
    assert store.get("items", "pot") is None
    assert store.patch("items", "pot", {"price": 1}) is None
    assert store.get("users", "tea") is None
    assert store.put("items", []) == 0


@pytest.mark.parametrize("value", [float("nan"), [1.0, float("inf")], {"deep": float("nan")}, b"x", "\ud800"])
def test_attributes_that_have_no_place_in_json_are_refused(store: Store, value: object) -> None:
    store.put("items", [("tea", {"price": 1})])
    with pytest.raises(InputError, match=r"items 'cup': the attribute 'odd'"):
        store.put("items", [("pot", {}), ("cup", {"fine": 1, "odd": value})])
    with pytest.raises(InputError, match=r"items 'tea': the attribute 'odd'"):
        store.patch("items", "tea", {"odd": value})
    assert store.page("items", 10) == [("tea", {"price": 1})]


@pytest.mark.parametrize(("id_", "attributes"), [("", {}), ("x" * 257, {}), ("tea", {"item_id": "cup"})])
def test_impossible_ids_are_refused(store: Store, id_: str, attributes: dict[str, object]) -> None:
    with pytest.raises(InputError, match="item_id"):
        store.put("items", [(id_, attributes)])


def test_pages_go_through_all_ids_in_order(store: Store) -> None:
    ids = ["b", "a", "ä", "Z", "茶", "10", "9"]
    store.put("users", [(id_, {"n": n}) for n, id_ in enumerate(ids)])
    seen: list[str] = []
    while page := store.page("users", 3, seen[-1] if seen else None):
        assert len(page) <= 3
        seen += [id_ for id_, _ in page]
    assert seen == sorted(ids)  # the order of code points is that of UTF-8 bytes


def test_attributes_of_many_items(store: Store) -> None:
    store.put("items", [(f"i{n}", {"n": n}) for n in range(1200)])
    asked = [f"i{n}" for n in range(0, 1300)]
    assert store.attributes(asked) == {f"i{n}": {"n": n} for n in range(1200)}
    assert store.attributes([]) == {}


def test_deleting_an_item_keeps_its_events(store: Store) -> None:
    store.import_tables(small_tables())
    assert store.delete("items", "tea")
    assert not store.delete("items", "tea")
    assert store.get("items", "tea") is None
    assert store.counts()["events"] == 4


def test_every_change_of_items_is_a_new_version_of_the_catalogue(store: Store, reopen: Reopen) -> None:
    versions = [store.catalogue_version()]
    for change in (
        lambda: store.put("items", [("tea", {})]),
        lambda: store.patch("items", "tea", {"price": 1}),
        lambda: store.delete("items", "tea"),
        lambda: store.import_tables(small_tables()),
    ):
        change()
        versions.append(store.catalogue_version())
    assert versions == sorted(set(versions))
    for no_change in (
        lambda: store.put("users", [("ann", {})]),
        lambda: store.patch("items", "nothing", {}),
        lambda: store.delete("items", "nothing"),
        lambda: store.append([LIKE]),
    ):
        no_change()
    other = reopen()
    assert other.catalogue_version() == versions[-1]
    other.close()


def test_the_one_character_that_no_id_may_hold(store: Store) -> None:
    """PostgreSQL has no place for NUL, so no engine takes it."""
    (rejected,) = store.append([StoredEvent("a\0b", "tea", "like")]).rejected
    assert (rejected.type, rejected.detail) == ("invalid", "user_id holds a NUL character")
    with pytest.raises(InputError, match="NUL"):
        store.put("items", [("a\0b", {})])
    with pytest.raises(InputError, match="events row 2: the item_id holds a NUL"):
        store.import_tables(Tables(event_frame({"user_id": ["ann", "ann"], "item_id": ["tea", "a\0b"]})))
    store.put("items", [("tea", {"title": "a\0b"})])  # an attribute may
    assert store.get("items", "tea") == {"title": "a\0b"}


# Answers


def exposure(request_id: str = "r1", user_id: str | None = "ann") -> Exposure:
    shown = ({"item_id": "tea", "rank": 1, "score": 0.5, "source": "ease", "propensity": 1.0},)
    return Exposure(request_id, user_id, 1_700_000_000_000, "home", "m1", "default", shown)


def test_exposures_come_back(store: Store) -> None:
    store.log_exposures([exposure(), exposure("r2", None)])
    store.log_exposures([exposure("r2", "bo")])
    store.log_exposures([])
    assert store.exposure("r1") == exposure()
    assert store.exposure("r2") == exposure("r2", None)
    assert store.exposure("r3") is None
    assert store.counts()["exposures"] == 2


def test_popular_counts_people_not_events(store: Store) -> None:
    store.append(
        [
            *[StoredEvent("ann", "cup", "view")] * 5,
            StoredEvent("ann", "tea", "like"),
            StoredEvent("bo", "tea", "view"),
            StoredEvent("bo", "pot", "skip"),
            StoredEvent("bo", "pan", "rating", value=3.0),
            StoredEvent("bo", "lid", "rating", value=4.0),
            StoredEvent("bo", "jar", "rating"),
            StoredEvent("bo", "mat", "unheard-of"),
            StoredEvent("bo", "tin", "hide"),
        ]
    )
    assert store.popular(10, Signals()) == [("tea", 2), ("cup", 1), ("jar", 1), ("lid", 1)]
    assert store.popular(1, Signals()) == [("tea", 2)]
    store.put("items", [("tea", {"hidden": True})])
    assert store.popular(1, Signals()) == [("cup", 1)]
    store.patch("items", "tea", {"hidden": None})
    assert store.popular(1, Signals()) == [("tea", 2)]


# One person


def test_erasing_a_person_leaves_the_others(store: Store) -> None:
    store.import_tables(small_tables())
    store.log_exposures([exposure(), exposure("r2", "bo")])
    assert store.erase("ann") == {"events": 3, "users": 1, "exposures": 1, "relations": 1}
    assert store.erase("ann") == {"events": 0, "users": 0, "exposures": 0, "relations": 0}
    assert store.counts() == {"events": 1, "items": 2, "users": 1, "relations": 1, "exposures": 1}
    assert told(store, "bo") == [("tea", "like", None, 1_000)]


def test_erasing_a_person_spares_the_thing_of_the_same_name(store: Store) -> None:
    facts = pl.DataFrame({"head": ["ann", "bo"], "relation": ["maker", "friend"], "tail": ["ann", "ann"]})
    store.import_tables(Tables(relations=facts))
    assert store.erase("ann")["relations"] == 1
    assert store.tables().relations.rows() == [("ann", "maker", "ann")]


def test_deleting_a_user_erases(store: Store) -> None:
    store.append([LIKE])
    assert store.delete("users", "ann")
    assert told(store) == []
    assert not store.delete("users", "ann")


def test_export_holds_everything_of_one_person(store: Store) -> None:
    store.import_tables(small_tables())
    store.append([dataclasses.replace(LIKE, context={"device": "phone"})])
    store.log_exposures([exposure(), exposure("r2", "bo")])
    told_of = store.export("ann")
    assert told_of["attributes"] == {"age": 33}
    assert [event["item_id"] for event in told_of["events"]] == ["tea", "cup", "tea", "tea"]
    assert told_of["events"][-1]["context"] == {"device": "phone"}
    assert [shown["request_id"] for shown in told_of["exposures"]] == ["r1"]
    assert told_of["exposures"][0]["items"][0]["item_id"] == "tea"
    assert told_of["relations"] == [{"head": "ann", "relation": "friend", "tail": "bo"}]
    assert store.export("nobody")["events"] == []


# All of it


def test_two_openers_see_each_other(store: Store, reopen: Reopen) -> None:
    other = reopen()
    store.append([LIKE])
    assert told(other) == told(store)
    other.append([StoredEvent("ann", "cup", "view")])
    assert len(told(store)) == 2
    other.close()


def test_everything_is_there_after_reopening(reopen: Reopen) -> None:
    first = reopen()
    first.import_tables(small_tables())
    first.log_exposures([exposure()])
    counts = first.counts()
    first.close()
    second = reopen()
    assert second.counts() == counts
    second.close()


def test_a_closed_store_says_so(reopen: Reopen) -> None:
    opened = reopen()
    opened.close()
    opened.close()
    for call in (lambda: opened.append([LIKE]), lambda: opened.history("ann"), lambda: opened.erase("ann")):
        with pytest.raises(StoreError, match="closed"):
            call()
