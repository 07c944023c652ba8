"""The newest events and answers of one person, one item or everybody, the same for every engine."""

from __future__ import annotations

from serendip.store import Exposure, Store, StoredEvent

HOSTILE = 'a%_"\\/é'


def events(store: Store, *told: tuple[str, str, int | None]) -> None:
    rows = [
        StoredEvent(user, item, "like", time_ms=time_ms, event_id=f"e{n}")
        for n, (user, item, time_ms) in enumerate(told)
    ]
    assert store.append(rows).accepted == len(rows)


def exposure(request_id: str, user_id: str | None, time_ms: int, *item_ids: str) -> Exposure:
    items = tuple(
        {"item_id": item_id, "rank": rank, "score": 1.0, "source": "s", "propensity": 1.0}
        for rank, item_id in enumerate(item_ids, 1)
    )
    return Exposure(request_id, user_id, time_ms, "home", "v", "r", items)


def test_a_timeline_turns_the_history_round_page_by_page(store: Store) -> None:
    events(store, ("ann", "a", 10), ("bo", "x", 15), ("ann", "b", 30), ("ann", "c", 20), ("ann", "d", 20))
    found, before = [], None
    while page := store.timeline("ann", 2, before):
        found += [event.item_id for _, event in page]
        before = (page[-1][1].time_ms, page[-1][0])
    assert found == ["b", "d", "c", "a"]
    assert found == [event.item_id for event in store.history("ann")][::-1]
    assert store.timeline("nobody", 2) == []


def test_events_without_a_time_end_a_timeline(store: Store) -> None:
    from tests.store.test_store_contract import small_tables

    store.import_tables(small_tables())
    first = store.timeline("ann", 2)
    assert [event.item_id for _, event in first] == ["tea", "tea"]
    (last,) = store.timeline("ann", 2, (first[-1][1].time_ms, first[-1][0]))
    assert (last[1].item_id, last[1].time_ms) == ("cup", None)
    assert store.timeline("ann", 2, (None, last[0])) == []


def test_the_latest_events_on_an_item(store: Store) -> None:
    events(store, ("ann", "a", 30), ("bo", "b", 20), ("cy", "a", 10), ("di", "a", 40))
    first = store.latest_on("a", 2)
    assert [event.user_id for _, event in first] == ["di", "cy"]
    assert [event.user_id for _, event in store.latest_on("a", 2, first[-1][0])] == ["ann"]


def test_the_latest_events_of_everybody_are_in_order(store: Store) -> None:
    events(store, ("ann", "a", 30), ("bo", "b", 20), ("cy", "a", 10))
    assert store.latest(2).select("user_id", "item_id", "time_ms").rows() == [("bo", "b", 20), ("cy", "a", 10)]
    assert store.latest_of_each(["a", "b", "none"], 1)["user_id"].to_list() == ["bo", "cy"]
    assert store.latest_of_each([], 1).is_empty()


def test_the_answers_that_a_person_got(store: Store) -> None:
    store.log_exposures([exposure(name, "ann", time_ms, "a") for name, time_ms in (("p", 5), ("q", 7), ("r", 7))])
    store.log_exposures([exposure("s", "bo", 9, "a"), exposure("t", None, 9, "a")])
    first = store.requests("ann", 2)
    assert [one.request_id for one in first] == ["r", "q"]
    assert first[0] == exposure("r", "ann", 7, "a")
    assert [one.request_id for one in store.requests("ann", 2, (7, "q"))] == ["p"]


def test_what_was_shown_of_an_item_and_what_came_of_it(store: Store) -> None:
    store.log_exposures(
        [
            exposure("old", "ann", 1, "tea"),
            exposure("p", "ann", 5, "cup", "tea"),
            exposure("q", None, 6, "TEA"),
            exposure("r", "bo", 7, "tea"),
        ]
    )
    named = [("ann", "tea", "p"), ("cy", "tea", "r"), ("bo", "cup", "r"), ("bo", "tea", "old"), ("bo", "tea", None)]
    store.append([StoredEvent(user, item, "like", request_id=request) for user, item, request in named])
    found = store.showings(3, "tea")
    assert (found.exposures, found.since_ms) == (3, 5)
    assert found.shown.select("request_id", "user_id", "rank").rows() == [("r", "bo", 1), ("p", "ann", 2)]
    assert found.answers.select("request_id", "item_id").rows() == [("p", "tea")]  # of its person, in the window
    everything = store.showings(3)
    assert everything.shown["item_id"].to_list() == ["tea", "TEA", "cup", "tea"]
    assert everything.answers.select("request_id", "item_id").rows() == [("p", "tea"), ("r", "cup")]
    assert store.showings(0).exposures == 0


def test_an_event_answers_a_list_of_nobody_whoever_it_is(store: Store) -> None:
    store.log_exposures([exposure("q", None, 6, "tea")])
    store.append([StoredEvent("ann", "tea", "like", request_id="q")])
    assert store.showings(9, "tea").answers.height == 1


def test_ids_are_no_patterns(store: Store) -> None:
    store.log_exposures([exposure("p", "ann", 5, HOSTILE), exposure("q", "ann", 6, "axy")])
    assert store.showings(9, HOSTILE).shown["request_id"].to_list() == ["p"]
    assert store.showings(9, "a%").shown.is_empty()
