"""SQLite: what was acknowledged survives a power cut, which takes whatever is not synchronised."""

from __future__ import annotations

import contextlib
import functools
import random
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from serendip.data import InputError
from serendip.store import StoreError, open_store
from tests.store.power import Change, Disk, changes, environment, losing

CRASHING = Path(__file__).with_name("crashing.py")
SHARES = [1.0, 0.5, 0.05]  # of what is not synchronised, how much is lost


@pytest.fixture(scope="module")
def noted(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[Change]]:
    """The changes of files by a process that makes a store, writes to it and erases a person."""

    @functools.cache
    def note(synchronous: str) -> list[Change]:
        folder = tmp_path_factory.mktemp(f"noted-{synchronous}")
        store, journal = folder / "store" / "serendip.db", folder / "journal"
        store.parent.mkdir()
        command = [sys.executable, str(CRASHING), "append_and_note", str(store), synchronous]
        subprocess.run(command, env=environment(store, journal), check=True)
        return changes(journal)

    return note


def cuts(history: list[Change], n: int) -> Iterator[tuple[int, Disk]]:
    """`n` moments by chance, and as many right after an acknowledgement or a synchronisation, with the disk then."""
    chance = random.Random(n)
    telling = [place for place, change in enumerate(history, 1) if change.what in "SD" or "acknow" in change.name]
    moments = {*chance.sample(range(len(history)), n), *chance.sample(telling, n), len(history)}
    disk = Disk()
    for place, change in enumerate(history, 1):
        disk.apply(change)
        if place in moments:
            yield place, disk


def held(path: Path) -> tuple[list[str], list[str]]:
    """The ids of the events in a store, and what the database finds wrong with itself."""
    store = open_store(path)
    try:
        stored = store.tables().events["event_id"].to_list()
    finally:
        store.close()
    with contextlib.closing(sqlite3.connect(path)) as database:
        return stored, [said for (said,) in database.execute("PRAGMA integrity_check") if said != "ok"]


def faults(folder: Path, acknowledged: list[str]) -> list[str]:
    """What is wrong with a store after the power is back."""
    try:
        stored, found = held(folder / "serendip.db")
    except (InputError, StoreError, sqlite3.Error) as error:
        return [str(error)]
    if not all(isinstance(event_id, str) and event_id.partition("-")[2].isdigit() for event_id in stored):
        return [*found, "an event is spoilt, which is worse than that it is lost"]
    found += [f"{event_id} is lost" for event_id in sorted({*acknowledged} - {*stored, "erased"})]
    if len(stored) != len(set(stored)):
        found.append("an event is there twice")
    if "erased" in acknowledged and any(event_id.startswith("cy") for event_id in stored):
        found.append("who was erased is back")
    numbers: dict[str, list[int]] = {}
    for thread, number in (event_id.split("-") for event_id in stored):
        numbers.setdefault(thread, []).append(int(number))
    found += [f"{thread} has a hole" for thread, some in numbers.items() if sorted(some) != list(range(len(some)))]
    return found


def after_cuts(history: list[Change], n: int, folder: Path) -> list[str]:
    """The first fault after each cut that has one."""
    found = []
    for place, disk in cuts(history, n):
        for share in SHARES:
            disk.cut(folder, losing(share, seed=place))
            found += [f"cut at {place}, {share} lost: {fault}" for fault in faults(folder, disk.acknowledged)[:1]]
    return found


def test_a_power_cut_loses_nothing_acknowledged(noted: Callable[[str], list[Change]], tmp_path: Path) -> None:
    history = noted("FULL")
    assert any(change.what == "S" and change.name == "serendip.db" for change in history)  # the log was carried over
    assert after_cuts(history, 8, tmp_path / "back") == []


@pytest.mark.slow
def test_hundreds_of_power_cuts_lose_nothing_acknowledged(noted: Callable[[str], list[Change]], tmp_path: Path) -> None:
    assert after_cuts(noted("FULL"), 300, tmp_path / "back") == []


@pytest.mark.parametrize("synchronous", ["OFF", "NORMAL"])
def test_a_power_cut_finds_a_store_that_does_not_synchronise(
    noted: Callable[[str], list[Change]], tmp_path: Path, synchronous: str
) -> None:
    found = after_cuts(noted(synchronous), 4, tmp_path / "back")
    assert any("is lost" in fault for fault in found)


def test_what_a_kill_leaves_hides_that_nothing_was_synchronised(
    noted: Callable[[str], list[Change]], tmp_path: Path
) -> None:
    """Why cuts are needed: where nothing is lost of what was written, the same store looks well."""
    for _, disk in cuts(noted("OFF"), 4):
        disk.cut(tmp_path / "back", losing(0.0, seed=0))
        assert faults(tmp_path / "back", disk.acknowledged) == []
