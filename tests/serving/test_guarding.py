"""A source that fails or hangs costs its own candidates, never the answer."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from serendip.data import InputError, Query
from serendip.pipeline.asking import unguarded
from serendip.serving import answering, guarding
from serendip.serving.answering import Answering
from serendip.serving.asked import Asked
from serendip.serving.engine import Engine
from serendip.serving.guarding import FAULTS, REST_S, SourceGuard
from serendip.store import StoreError

LIST = "/v1/recommendations"


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def fail() -> None:
    raise ZeroDivisionError


def test_a_fault_is_said_and_counted() -> None:
    faults: list[str] = []
    degraded: list[str] = []
    guard = SourceGuard(faults.append)
    assert guard("the source als", lambda: 7, degraded) == 7
    assert guard("the source als", fail, degraded) is None
    assert (faults, degraded) == (["the source als"], ["the source als failed"])
    with pytest.raises(ZeroDivisionError):
        unguarded("the source als", fail, degraded)


def test_a_request_without_sense_is_no_fault_of_the_source() -> None:
    def refuse() -> None:
        raise InputError("no")

    with pytest.raises(InputError):
        SourceGuard(pytest.fail)("the source als", refuse, [])


def test_a_source_that_keeps_failing_rests_and_comes_back() -> None:
    clock = Clock()
    guard = SourceGuard(lambda source: None, clock)
    asked: list[int] = []

    def work() -> int:
        asked.append(1)
        if clock.now_s < 1:
            raise ZeroDivisionError
        return 1

    for _ in range(FAULTS + 2):
        guard("s", work, [])
    assert len(asked) == FAULTS
    degraded: list[str] = []
    guard("s", work, degraded)
    assert degraded == ["s rests after faults"]
    clock.now_s = REST_S + 0.1
    assert guard("s", work, []) == 1


def test_a_source_rests_longer_each_time_that_it_does_not_recover() -> None:
    """A disc that stood still once costs half a second without histories, not five."""
    clock = Clock()
    guard = SourceGuard(lambda source: None, clock)
    rests = []
    for well in (False, False, False, False, False, True, False):
        guard.hangs("s")
        guard.hangs("s")  # others that were on their way
        rests.append(guard._resting["s"] - clock.now_s)
        clock.now_s = guard._resting["s"]
        if well:
            assert guard("s", lambda: 1, []) == 1
        else:
            guard("s", fail, [])
    assert rests == [0.5, 1, 2, 4, 5, 5, 0.5]


def test_what_was_asked_before_a_rest_says_nothing_of_recovery() -> None:
    """A source that takes too long every time would else never rest longer."""
    clock = Clock()
    guard = SourceGuard(lambda source: None, clock)

    def slow() -> int:
        guard.hangs("s")  # found out while it works
        clock.now_s += 3
        return 1

    rests = []
    for _ in range(6):
        assert guard("s", slow, []) == 1
        rests.append(round(guard._resting["s"] - clock.now_s + 3, 3))
        clock.now_s = max(clock.now_s, guard._resting["s"])
    assert rests == [0.5, 1, 2, 4, 5, 5]


def test_faults_now_and_then_make_nobody_rest() -> None:
    guard = SourceGuard(lambda source: None)
    for _ in range(10):
        guard("s", fail, [])
        assert guard("s", lambda: 1, []) == 1


def hanging(guard: SourceGuard, released: threading.Event) -> Callable[[], tuple[str, list[str]]]:
    """Work with two sources, the first of which hangs."""

    def work() -> tuple[str, list[str]]:
        degraded: list[str] = []
        first = guard("first", lambda: released.wait(60) and "first", degraded)
        return first or "second", degraded

    return work


def test_nobody_waits_for_a_source_that_hangs() -> None:
    released = threading.Event()
    guard = SourceGuard(lambda source: None)
    many = Answering(guard, threads=1, patience_s=0.05)

    async def ask() -> list[tuple[str, list[str]]]:
        return await asyncio.gather(*(many.run(hanging(guard, released)) for _ in range(5)))

    try:
        started_s = time.monotonic()
        for answer, degraded in asyncio.run(ask()):
            assert answer == "second"
            assert degraded == ["first rests after faults"]
        assert time.monotonic() - started_s < 30  # the source hangs for 60
        assert many.hanging >= 1
    finally:
        released.set()
    many.stop()
    deadline_s = time.monotonic() + 10
    while many.hanging and time.monotonic() < deadline_s:
        time.sleep(0.01)
    assert many.hanging == 0


def test_without_the_watch_everybody_waits() -> None:
    released = threading.Event()
    guard = SourceGuard(lambda source: None)
    blind = Answering(guard, threads=1, patience_s=60)

    async def ask() -> tuple[str, list[str]]:
        return await asyncio.wait_for(blind.run(hanging(guard, released)), 0.3)

    with pytest.raises(TimeoutError):
        asyncio.run(ask())
    released.set()
    blind.stop()


def test_what_hangs_outside_of_sources_is_given_up_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "LONGEST", 2)
    released = threading.Event()
    stuck = Answering(SourceGuard(lambda source: None), threads=1, patience_s=0.02)
    with pytest.raises(TimeoutError, match="in time"):
        asyncio.run(stuck.run(lambda: released.wait(60)))
    assert asyncio.run(stuck.run(lambda: 1)) == 1  # and the next one is answered
    released.set()
    stuck.stop()


def test_faults_of_the_work_reach_who_asked() -> None:
    plain = Answering(SourceGuard(lambda source: None), threads=1)
    with pytest.raises(ZeroDivisionError):
        asyncio.run(plain.run(fail))
    plain.stop()


# Through the door


@pytest.fixture
def served(shop, ask_of):
    client = ask_of(shop)
    engine: Engine = client.app.state.engine
    current = engine.deployment.current
    assert current is not None
    return client, engine, current


def listed(client: Any, **ask: Any) -> dict[str, Any]:
    answer = client.post(LIST, {"user_id": "u0", "include": ["reasons"], **ask})
    assert answer.status_code == 200, answer.text
    content: dict[str, Any] = answer.json()
    return content


def breaking(monkeypatch: pytest.MonkeyPatch, model: Any, method: str, work: Callable[..., Any]) -> None:
    monkeypatch.setattr(model, method, work, raising=True)


def test_each_source_in_turn_may_fail(served, monkeypatch: pytest.MonkeyPatch) -> None:
    client, _, current = served
    whole = listed(client)
    assert whole["degraded"] == []
    for name in list(current.pipeline._speakers):
        with monkeypatch.context() as patch:
            patch.setattr(current.pipeline._speakers[name], "opinions", lambda queries: fail())
            content = listed(client)
        assert content["degraded"] == [f"the source {name} of the model {current.version} failed"]
        assert content["items"]
        assert content["model_version"] == current.version
        assert all(item["source"] != name for item in content["items"])
    assert listed(client)["items"] == whole["items"]


def test_a_model_that_cannot_give_reasons_still_lists(served, monkeypatch: pytest.MonkeyPatch) -> None:
    client, _, current = served
    monkeypatch.setattr(current.pipeline.models["ease"], "contributions", lambda queries, rows: fail())
    content = listed(client)
    assert content["degraded"] == [f"the source ease of the model {current.version} failed"]
    for item in content["items"]:
        assert sum(reason["contribution"] for reason in item["reasons"]) == pytest.approx(item["score"], abs=1e-5)


def test_when_every_source_fails_the_popular_is_listed(served, monkeypatch: pytest.MonkeyPatch) -> None:
    client, _, current = served
    for speaker in current.pipeline._speakers.values():
        monkeypatch.setattr(speaker, "opinions", lambda queries: fail())
    content = listed(client)
    assert content["items"]
    assert content["model_version"] == "none"
    assert content["degraded"][-1] == "the list is by popularity alone"


def test_a_history_that_cannot_be_read_makes_a_stranger(served, monkeypatch: pytest.MonkeyPatch) -> None:
    client, engine, current = served

    def broken(user_id: str) -> None:
        raise StoreError("the disk is gone")

    monkeypatch.setattr(current.pipeline, "lookup", broken)
    content = listed(client)
    assert content["degraded"] == [f"the history of the model {current.version} failed"]
    assert content["items"]
    assert engine.store.history("u0")


def test_a_source_that_hangs_is_left_behind(served, monkeypatch: pytest.MonkeyPatch) -> None:
    client, engine, current = served
    released = threading.Event()
    engine.answering.patience_s = 0.05
    monkeypatch.setattr(current.pipeline._speakers["ease"], "opinions", lambda queries: released.wait(60))
    content = listed(client)
    assert content["items"]
    assert content["degraded"] == [f"the source ease of the model {current.version} rests after faults"]
    assert len([one for one in engine.exposures._waiting.values() if one.user_id == "u0"]) == 1  # shown once
    assert "serendip_source_faults_total 1.0" in client.get("/metrics").text
    released.set()


def test_when_nothing_comes_in_time_the_list_is_empty_and_says_so(served, monkeypatch: pytest.MonkeyPatch) -> None:
    client, engine, _ = served
    monkeypatch.setattr(answering, "LONGEST", 1)
    released = threading.Event()
    engine.answering.patience_s = 0.02
    monkeypatch.setattr(engine, "_found", lambda asked, arm: released.wait(60))
    content = listed(client)
    assert (content["items"], content["degraded"]) == ([], ["no answer was found in time"])
    released.set()


def test_a_rested_source_is_asked_again(served, monkeypatch: pytest.MonkeyPatch) -> None:
    client, engine, current = served
    monkeypatch.setattr(guarding, "REST_S", 0.0)
    engine.guard.hangs(f"the source ease of the model {current.version}")
    assert listed(client)["degraded"] == []


def test_the_calling_thread_gets_the_same_list(served) -> None:
    client, engine, _ = served
    here = engine.answer_here(Asked("recommendations", Query(user="u0")))
    assert [item["item_id"] for item in listed(client)["items"]] == here.found.item_ids
