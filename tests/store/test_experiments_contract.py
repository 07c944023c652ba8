"""Experiments in a store, the same for every engine: people in one at a time, outcomes from the two logs alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from serendip.data import InputError
from serendip.store import Arm, Drawn, Experiment, Exposure, Store, StoredEvent
from serendip.store.experiments import room

ARMS = (Arm("control"), Arm("new", "20260101T000000.000000Z-0001", 2.0))
TRIAL = Experiment("x1", "new recipe", "split", ARMS, 0.4, 0.01, started_ms=1_000, surface="home")


def shown(request_id: str, user_id: str | None, arm: str | None, *items: dict[str, Any], time_ms: int = 5) -> Exposure:
    return Exposure(request_id, user_id, time_ms, "home", "m", "default", items, experiment="x1", arm=arm)


def item(item_id: str, arm: str | None = None) -> dict[str, Any]:
    told = {"item_id": item_id, "rank": 1, "score": 1.0, "source": "s", "propensity": 1.0}
    return told if arm is None else {**told, "arm": arm}


def test_an_experiment_comes_back_and_ends_once(store: Store) -> None:
    assert store.start_experiment(TRIAL) == TRIAL
    assert store.experiments() == store.experiments(running=True) == [TRIAL]
    assert store.stop_experiment("x1", "decided")
    assert not store.stop_experiment("x1", "again")
    assert not store.stop_experiment("nothing", "")
    (ended,) = store.experiments()
    assert (ended.stopped_why, ended.arms) == ("decided", ARMS)
    assert ended.stopped_ms is not None
    assert store.experiments(running=True) == []


def test_nobody_is_in_two_that_run(store: Store) -> None:
    store.start_experiment(TRIAL)
    second = store.start_experiment(replace(TRIAL, id="x2", name="two", traffic=0.5))
    assert second.begins == pytest.approx(0.4)
    with pytest.raises(InputError, match="20% of the people are wanted, but other experiments leave 10%"):
        store.start_experiment(replace(TRIAL, id="x3", name="three", traffic=0.2))
    with pytest.raises(InputError, match="'two' runs already"):
        store.start_experiment(replace(second, id="x4", traffic=0.01))
    store.stop_experiment("x1", "done")
    assert store.start_experiment(replace(TRIAL, id="x3", name="three", traffic=0.2)).begins == 0.0


def test_two_that_start_at_once_do_not_take_the_same_people(store: Store) -> None:
    def begin(number: int) -> float | None:
        try:
            return store.start_experiment(replace(TRIAL, id=f"y{number}", name=f"n{number}", traffic=0.25)).begins
        except InputError:
            return None

    with ThreadPoolExecutor(6) as pool:
        begins = [found for found in pool.map(begin, range(6)) if found is not None]
    assert sorted(begins) == [0.0, 0.25, 0.5, 0.75]


def test_room_is_found_between_others() -> None:
    assert room([], 1.0) == 0.0
    assert room([(0.0, 0.2), (0.5, 0.5)], 0.3) == 0.2
    assert room([(0.5, 0.5)], 0.5) == 0.0
    with pytest.raises(InputError, match="leave 30% side by side"):
        room([(0.0, 0.2), (0.5, 0.2)], 0.31)


def test_outcomes_are_events_of_the_person_on_what_the_list_showed(store: Store) -> None:
    store.log_exposures(
        [
            shown("r1", "ann", "control", item("tea"), item("cup")),
            shown("r2", "bo", "new", time_ms=6),
            shown("r3", "cy", None, item("tea", "new"), item("cup", "control"), time_ms=7),
            replace(shown("r4", "di", "new", item("tea")), experiment=None),
        ]
    )
    events = [
        StoredEvent("ann", "cup", "like", request_id="r1"),
        StoredEvent("ann", "pot", "like", request_id="r1"),  # not in the list
        StoredEvent("eve", "tea", "like", request_id="r1"),  # somebody else's list
        StoredEvent("ann", "tea", "like"),  # about no list
        StoredEvent("cy", "tea", "rating", 4.5, request_id="r3"),
        StoredEvent("di", "tea", "like", request_id="r4"),  # in no experiment
    ]
    store.append(events)
    lists, outcomes = store.experiment_log("x1")
    assert lists.rows() == [
        ("r1", "ann", "control", False),
        ("r2", "bo", "new", True),
        ("r3", "cy", None, False),
    ]
    assert outcomes.rows() == [("r1", "cup", "like", None, "control"), ("r3", "tea", "rating", 4.5, "new")]
    empty_lists, nothing = store.experiment_log("none")
    assert empty_lists.schema == lists.schema
    assert nothing.schema == outcomes.schema
    assert empty_lists.height == nothing.height == 0


def test_who_is_erased_is_in_no_experiment_any_more(store: Store) -> None:
    store.log_exposures([shown("r1", "ann", "control", item("tea")), shown("r2", "bo", "new", item("tea"))])
    store.append([StoredEvent("ann", "tea", "like", request_id="r1")])
    store.erase("ann")
    lists, outcomes = store.experiment_log("x1")
    assert lists["user_id"].to_list() == ["bo"]
    assert outcomes.height == 0


def test_an_exposure_tells_its_experiment(store: Store) -> None:
    told = shown("r1", "ann", "new", item("tea"))
    store.log_exposures([told])
    assert store.exposure("r1") == told


def test_what_was_drawn_and_what_came_of_it(store: Store) -> None:
    drawn = (Drawn("pot", True, 0.1), Drawn("cup", False, 0.25))
    told = replace(shown("r1", "ann", None, item("tea"), item("pot"), item("cup"), time_ms=50), drawn=drawn)
    old = replace(told, request_id="r0", time_ms=10)
    store.log_exposures([told, old, shown("r2", "ann", None, item("tea"), time_ms=60)])
    for item_id in ("pot", "tea"):
        store.append([StoredEvent("ann", item_id, "like", request_id="r1")])
    store.append([StoredEvent("eve", "pot", "like", request_id="r1")])
    assert store.exposure("r1") == told
    draws, outcomes = store.exploration_log(since_ms=20)
    assert draws.rows() == [("r1", "ann", "default", "pot", True, 0.1), ("r1", "ann", "default", "cup", False, 0.25)]
    assert outcomes.rows() == [("r1", "pot", "like", None)]
    assert store.exploration_log(0)[0].height == 4
    assert store.exploration_log(100)[0].schema == draws.schema
