"""A process that writes to a store and tells what was acknowledged, until it is killed. Run by test_durability."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

import polars as pl

from serendip.data import Tables, event_frame
from serendip.store import StoredEvent, open_store, sqlite

THREADS = 3
NOTED = 150  # events of each thread whose changes of files are noted


def acknowledge(event_id: str) -> None:
    os.write(1, f"{event_id}\n".encode())


def append_for_ever(path: Path, life: str) -> None:
    store = open_store(path)

    def append(thread: int) -> None:
        for n in range(1_000_000):
            event_id = f"{life}-{thread}-{n}"
            store.append([StoredEvent("ann", "tea", "view", event_id=event_id)])
            acknowledge(event_id)

    for thread in range(THREADS):
        threading.Thread(target=append, args=(thread,)).start()


def acknowledge_too_early(path: Path, life: str) -> None:
    """The defect that the kill must bring to light: an answer before the commit."""
    store = open_store(path)
    for start in range(0, 1_000_000, 200):
        ids = [f"{life}-{n}" for n in range(start, start + 200)]
        for event_id in ids:
            acknowledge(event_id)
        store.append([StoredEvent("ann", "tea", "view", event_id=event_id) for event_id in ids])


def append_and_note(path: Path, life: str) -> None:
    """Large events by several threads, so that the log is carried over into the file now and then, and an erasure.

    What is acknowledged is written to a file beside the store; `life` is how the store synchronises.
    """
    sqlite.PRAGMAS["synchronous"] = life
    told = os.open(f"{path}-acknowledged", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    store = open_store(path)
    store.append([StoredEvent("cy", "tea", "view", event_id=f"cy-{n}") for n in range(9)])

    def append(thread: int) -> None:
        for n in range(NOTED):
            event_id = f"{thread}-{n}"
            store.append([StoredEvent("ann", "tea", "view", event_id=event_id, context={"note": "x" * 9_000})])
            os.write(told, f"{event_id}\n".encode())
            if thread == 0 and n == NOTED // 2:
                store.erase("cy")
                os.write(told, b"erased\n")

    threads = [threading.Thread(target=append, args=(thread,)) for thread in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.close()


def die_in_import(path: Path, life: str) -> None:
    def die(label: str, done: int, total: int) -> None:
        if label == "events" and done >= 20_000:
            os.kill(os.getpid(), signal.SIGKILL)

    events = event_frame({"user_id": ["ann"] * 30_000, "item_id": [f"{life}{n}" for n in range(30_000)]})
    open_store(path).import_tables(Tables(events, pl.DataFrame({"item_id": ["new"]})), die)


if __name__ == "__main__":
    globals()[sys.argv[1]](Path(sys.argv[2]), sys.argv[3])
