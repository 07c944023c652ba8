"""The latest lists and how events came in; the same for every engine."""

from __future__ import annotations

import time

from serendip.store import Exposure, Store, StoredEvent
from serendip.store.shown import MINUTE_MS


def exposure(request_id: str, time_ms: int, *item_ids: str, user_id: str | None = "ann") -> Exposure:
    items = tuple({"item_id": item_id, "rank": rank} for rank, item_id in enumerate(item_ids, 1))
    return Exposure(request_id, user_id, time_ms, "home", "m", "default", items)


def test_the_latest_lists_and_what_came_of_them(store: Store) -> None:
    store.log_exposures([exposure("old", 1, "tea"), exposure("new", 3, "tea", "pot"), exposure("mid", 2, "cup")])
    store.append(
        [
            StoredEvent("ann", "pot", "like", request_id="new"),
            StoredEvent("ann", "cup", "like", request_id="new"),  # the list did not show it
            StoredEvent("bob", "pot", "like", request_id="new"),  # not the person that it was for
            StoredEvent("ann", "tea", "like", request_id="old"),  # beyond the window
            StoredEvent("ann", "cup", "rating", value=2.0, request_id="mid"),
        ]
    )
    lists, outcomes = store.latest_lists(2)
    assert lists["request_id"].to_list() == ["new", "mid"]
    assert lists["item_ids"].to_list() == [["tea", "pot"], ["cup"]]
    assert outcomes.rows() == [("new", "pot", "like", None), ("mid", "cup", "rating", 2.0)]


def test_lists_of_nobody_and_without_items_are_lists(store: Store) -> None:
    store.log_exposures([exposure("r", 1, user_id=None)])
    lists, outcomes = store.latest_lists(10)
    assert lists.select("user_id", "item_ids").rows() == [(None, [])]
    assert outcomes.is_empty()


def test_events_by_the_minute_in_which_they_came_in(store: Store) -> None:
    assert store.arrivals(0, 10) == []
    before_ms = time.time_ns() // 1_000_000
    store.append([StoredEvent("ann", f"i{place}", "like", time_ms=5) for place in range(7)])
    minutes = store.arrivals(before_ms, 100)
    assert sum(count for _, count in minutes) == 7
    assert all(at % MINUTE_MS == 0 and at >= before_ms - MINUTE_MS for at, _ in minutes)
    assert sum(count for _, count in store.arrivals(before_ms, 4)) == 4
    assert store.arrivals(before_ms + 3_600_000, 100) == []
