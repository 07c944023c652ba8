"""The parts behind the routes: recent histories, the exposure log, the deployment's view of the catalogue."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from serendip.data import HistoryEvent
from serendip.serving.exposures import ExposureLog
from serendip.serving.histories import RecentHistories
from serendip.store import Exposure


def events(*item_ids: str) -> list[HistoryEvent]:
    return [HistoryEvent(item_id=item_id) for item_id in item_ids]


def test_histories_are_read_once_until_they_change() -> None:
    reads: list[str] = []

    def read(user_id: str) -> list[HistoryEvent]:
        reads.append(user_id)
        return events(*reads)

    histories = RecentHistories(read, seconds_kept=1_000)
    assert len(histories("ann")) == len(histories("ann")) == 1
    histories.forget(["ann"])
    assert len(histories("ann")) == 2
    assert reads == ["ann", "ann"]


def test_histories_grow_old() -> None:
    reads: list[str] = []
    histories = RecentHistories(lambda user_id: reads.append(user_id) or (), seconds_kept=0)
    histories("ann")
    histories("ann")
    assert len(reads) == 2


def test_the_least_recent_history_goes_first() -> None:
    reads: list[str] = []
    histories = RecentHistories(lambda user_id: reads.append(user_id) or (), most=2, seconds_kept=1_000)
    for user_id in ("ann", "bo", "ann", "cy", "ann", "bo"):
        histories(user_id)
    assert reads == ["ann", "bo", "cy", "bo"]


def test_most_events_are_a_bound_too() -> None:
    reads: list[str] = []

    def read(user_id: str) -> list[HistoryEvent]:
        reads.append(user_id)
        return events(*"ab")

    histories = RecentHistories(read, most_events=5, seconds_kept=1_000)
    for user_id in ("ann", "bo", "cy", "ann"):
        histories(user_id)
        assert histories.events <= 5
    assert reads == ["ann", "bo", "cy", "ann"]
    assert (len(histories), histories.events) == (2, 4)
    histories.forget(["ann", "nobody"])
    assert (len(histories), histories.events) == (1, 2)
    histories.forget_all()
    assert (len(histories), histories.events) == (0, 0)


def test_a_history_larger_than_the_bound_is_read_and_not_kept() -> None:
    histories = RecentHistories(lambda user_id: events(*"abc"), most_events=2, seconds_kept=1_000)
    assert len(histories("ann")) == 3
    assert (len(histories), histories.events) == (0, 0)


def test_the_size_of_a_history_is_what_the_caller_says() -> None:
    histories = RecentHistories(lambda user_id: events("a"), size=lambda held: 10 * len(held), seconds_kept=1_000)
    histories("ann")
    assert histories.events == 10


def test_a_read_that_fails_leaves_nothing_behind() -> None:
    def read(user_id: str) -> list[HistoryEvent]:
        raise OSError("no disk")

    histories = RecentHistories(read)
    with pytest.raises(OSError, match="no disk"):
        histories("ann")
    assert not histories._reading
    assert not len(histories)


def test_an_event_of_one_does_not_hinder_the_keeping_of_another() -> None:
    reads: list[str] = []

    def read(user_id: str) -> list[HistoryEvent]:
        reads.append(user_id)
        histories.forget(["bo"])
        return []

    histories = RecentHistories(read, seconds_kept=1_000)
    histories("ann")
    histories("ann")
    assert reads == ["ann"]


def test_threads_that_read_and_forget_keep_the_books_right() -> None:
    stored = {f"u{n}": 1 for n in range(20)}
    histories = RecentHistories(lambda user_id: events(*["i"] * stored[user_id]), most=10, most_events=60)

    def ask(seed: int) -> None:
        generator = random.Random(seed)
        for _ in range(500):
            user_id = f"u{generator.randrange(20)}"
            if generator.random() < 0.1:
                stored[user_id] += 1
                histories.forget([user_id])
            else:
                histories(user_id)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(ask, range(4)))
    assert len(histories) <= 10
    assert histories.events == sum(entry.size for entry in histories._kept.values()) <= 60
    assert not histories._reading
    for user_id, entry in list(histories._kept.items()):
        assert len(entry.events) == stored[user_id]


def test_a_history_that_was_read_before_an_event_is_not_kept_after_it() -> None:
    stored = events("i1")
    histories: RecentHistories

    def read(user_id: str) -> list[HistoryEvent]:
        before = list(stored)
        if len(stored) == 1:  # an event arrives between the read and the keeping
            stored.extend(events("i2"))
            histories.forget([user_id])
        return before

    histories = RecentHistories(read, seconds_kept=1_000)
    assert len(histories("ann")) == 1
    assert len(histories("ann")) == 2


def exposure(request_id: str) -> Exposure:
    return Exposure(request_id, "u", 1, "default", "v", "r", ())


class Shelf:
    """A store that keeps exposures in memory, and can refuse or wait."""

    def __init__(self) -> None:
        self.kept: dict[str, Exposure] = {}
        self.open = threading.Event()
        self.open.set()
        self.broken = False

    def log_exposures(self, exposures: Any) -> None:
        self.open.wait(10)
        if self.broken:
            raise OSError("disk full")
        self.kept |= {one.request_id: one for one in exposures}

    def exposure(self, request_id: str) -> Exposure | None:
        return self.kept.get(request_id)


def test_exposures_are_written_behind_and_can_be_read_at_once() -> None:
    shelf, dropped = Shelf(), []
    log = ExposureLog(shelf, dropped.append)  # type: ignore[arg-type]
    log.start()
    shelf.open.clear()
    for number in range(100):
        log.put(exposure(f"r{number}"))
    assert log.get("r99") == exposure("r99")
    assert "r99" not in shelf.kept
    shelf.open.set()
    log.stop()
    assert len(shelf.kept) == 100
    assert log.get("r99") == exposure("r99")
    assert not dropped


def test_a_full_queue_drops_and_says_so() -> None:
    shelf, dropped = Shelf(), []
    log = ExposureLog(shelf, dropped.append, most=3)  # type: ignore[arg-type]
    for number in range(5):
        log.put(exposure(f"r{number}"))
    assert sum(dropped) == 2
    log.flush()
    assert sorted(shelf.kept) == ["r0", "r1", "r2"]


def test_a_store_that_refuses_does_not_end_the_log() -> None:
    shelf, dropped = Shelf(), []
    log = ExposureLog(shelf, dropped.append)  # type: ignore[arg-type]
    shelf.broken = True
    log.put(exposure("lost"))
    log.flush()
    shelf.broken = False
    log.put(exposure("kept"))
    log.flush()
    assert sum(dropped) == 1
    assert list(shelf.kept) == ["kept"]


def test_a_log_can_be_started_again() -> None:
    shelf = Shelf()
    log = ExposureLog(shelf, lambda count: None)  # type: ignore[arg-type]
    for number in range(2):
        log.start()
        log.put(exposure(f"r{number}"))
        log.stop()
    assert sorted(shelf.kept) == ["r0", "r1"]
