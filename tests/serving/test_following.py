"""Histories are kept until somebody writes: this process, another, or one that erases."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from serendip.data import HistoryEvent
from serendip.serving import histories as histories_module
from serendip.serving.engine import Engine
from serendip.serving.following import Follower
from serendip.serving.histories import RecentHistories
from serendip.store import Changes, Store, StoredEvent, StoreError, Workspace, open_store

DEADLINE_S = 10.0  # what takes milliseconds; a busy machine takes its time


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[tuple[Store, Store]]:
    """One store, opened twice as two processes would."""
    both = open_store(tmp_path / "serendip.db"), open_store(tmp_path / "serendip.db")
    yield both
    for store in both:
        store.close()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """The monotonic time of the histories stands still until it is moved on."""
    now_s = [1000.0]
    monkeypatch.setattr(histories_module.time, "monotonic", lambda: now_s[0])

    def move(seconds: float) -> None:
        now_s[0] += seconds

    return move


def liked(user_id: str, item_id: str) -> list[StoredEvent]:
    return [StoredEvent(user_id, item_id, "like")]


def items(history: Sequence[HistoryEvent]) -> list[str]:
    return [event.item_id for event in history]


def wait_until(true: Callable[[], bool]) -> bool:
    ends_s = time.perf_counter() + DEADLINE_S
    while not true() and time.perf_counter() < ends_s:
        threading.Event().wait(0.005)
    return true()


def test_an_event_of_another_process_counts_after_a_look(stores: tuple[Store, Store]) -> None:
    ours, theirs = stores
    kept = RecentHistories(ours.history, seconds_kept=1_000)
    follower = Follower(ours.changes, kept)
    follower.look()
    assert items(kept("ann")) == items(kept("bo")) == []
    theirs.append(liked("ann", "tea"))
    assert items(kept("ann")) == []  # without the follower it is not seen
    follower.look()
    assert items(kept("ann")) == ["tea"]


def test_only_those_who_did_something_are_read_again(stores: tuple[Store, Store]) -> None:
    ours, theirs = stores
    reads: list[str] = []

    def read(user_id: str) -> list[HistoryEvent]:
        reads.append(user_id)
        return ours.history(user_id)

    kept = RecentHistories(read, seconds_kept=1_000)
    follower = Follower(ours.changes, kept)
    follower.look()
    for event in (liked("ann", "tea"), liked("cy", "tea")):
        for user_id in ("ann", "bo"):
            kept(user_id)
        theirs.append(event)
        follower.look()
    assert reads == ["ann", "bo", "ann"]


def test_an_erasure_of_another_process_counts_after_a_look(stores: tuple[Store, Store]) -> None:
    ours, theirs = stores
    theirs.append(liked("bo", "tea") + liked("ann", "tea"))
    kept = RecentHistories(ours.history, seconds_kept=1_000)
    follower = Follower(ours.changes, kept)
    follower.look()
    assert items(kept("ann")) == ["tea"]
    theirs.erase("ann")
    theirs.append(liked("bo", "coffee"))  # takes the place in the log that has become free
    assert items(kept("ann")) == ["tea"]
    follower.look()
    assert items(kept("ann")) == []
    assert items(kept("bo")) == ["tea", "coffee"]


def test_a_crowd_is_forgotten_as_a_whole(stores: tuple[Store, Store], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serendip.store.log.MOST_CHANGES", 3)
    ours, theirs = stores
    kept = RecentHistories(ours.history, seconds_kept=1_000)
    follower = Follower(ours.changes, kept)
    follower.look()
    kept("bo")
    theirs.append([one for n in range(4) for one in liked("ann", f"i{n}")])
    follower.look()
    assert not len(kept)
    assert len(kept("ann")) == 4


class Failing:
    """A log of events whose store can be away."""

    def __init__(self) -> None:
        self.latest, self.user_ids = 0, frozenset[str]()
        self.away = False
        self.asked: list[int] = []

    def __call__(self, after: int) -> Changes:
        self.asked.append(after)
        if self.away:
            raise StoreError("the store failed: OperationalError")
        return Changes(self.latest, 0, self.user_ids)


def test_histories_grow_old_while_the_store_fails(
    clock: Callable[[float], None], caplog: pytest.LogCaptureFixture
) -> None:
    reads: list[str] = []
    kept = RecentHistories(lambda user_id: reads.append(user_id) or ())
    log = Failing()
    follower = Follower(log, kept)
    for _ in range(5):  # followed: kept for as long as it lasts
        follower.look()
        kept("ann")
        clock(0.9)
    assert len(reads) == 1
    log.away = True
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            follower.look()
            kept("ann")
            clock(0.9)
    assert len(caplog.records) == 1
    assert len(reads) == 3  # every second look, as if there were no follower
    log.away, log.latest, log.user_ids = False, 7, frozenset({"ann"})
    follower.look()
    kept("ann")
    assert len(reads) == 4  # what came meanwhile is seen at once
    follower.look()
    assert log.asked[-2:] == [0, 7]  # it went on from where it was


def test_nothing_is_kept_for_long_before_the_first_look(clock: Callable[[float], None]) -> None:
    reads: list[str] = []
    kept = RecentHistories(lambda user_id: reads.append(user_id) or ())
    kept("ann")
    clock(0.9)
    kept("ann")
    clock(0.2)
    kept("ann")
    assert len(reads) == 2


def test_what_was_kept_before_the_first_look_is_forgotten_by_it(stores: tuple[Store, Store]) -> None:
    ours, theirs = stores
    kept = RecentHistories(ours.history, seconds_kept=1_000)
    kept("ann")
    theirs.append(liked("ann", "tea"))
    Follower(ours.changes, kept).look()
    assert items(kept("ann")) == ["tea"]


def test_a_running_service_sees_what_another_process_writes(tmp_path: Path) -> None:
    with Workspace.create(tmp_path) as workspace:
        engine, theirs = Engine(workspace), open_store(tmp_path / "serendip.db")
        engine.histories._seconds_kept = 1_000  # so that only the follower can have seen it
        engine.start()
        assert wait_until(lambda: engine.follower._seen is not None)
        assert items(engine.histories("ann")) == []
        theirs.append(liked("ann", "tea"))
        assert wait_until(lambda: items(engine.histories("ann")) == ["tea"])
        engine.stop()
        theirs.append(liked("ann", "coffee"))
        assert items(engine.histories("ann")) == ["tea"]  # nobody follows any more
        theirs.close()


def test_a_follower_can_be_started_again() -> None:
    log = Failing()
    follower = Follower(log, RecentHistories(lambda user_id: ()))
    for _ in range(2):
        follower.start()
        asked = len(log.asked)
        assert wait_until(lambda asked=asked: len(log.asked) > asked)
        follower.stop()
    stopped = len(log.asked)
    assert not [thread for thread in threading.enumerate() if thread.name == "following"]
    assert len(log.asked) == stopped
