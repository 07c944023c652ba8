"""Handover: a case's parts as files that any Python can read, and what comes back.

`train.csv` holds every event that is told, in the order of time: user_row, item_row, weight (what the event counts once
repeats are collapsed, 0 where it counts nothing), value (a rating, or NaN) and time_ms. `seen.csv` holds the pairs that
stay out of the lists, `asked.npy` the people to list for or `pairs.npy` the pairs to rate, `task.json` the rest.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl

from benchmarks.cases import Fold
from benchmarks.peers.libraries import FOLDER
from serendip.data import Dataset
from serendip.data.arrays import IntArray
from serendip.data.signals import effective
from serendip.evaluation.resources import Use

WORKER = FOLDER / "worker.py"
LAST_LINES = 3
THREADS = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "NUMBA", "RAYON", "LK")
"""Each of these reads its number of threads from the environment."""


@dataclass(frozen=True)
class Question:
    """What is asked of a peer, beside the data."""

    model: str
    settings: dict[str, Any]
    k: int
    seed: int
    threads: int
    rates: bool = False


@dataclass(frozen=True, eq=False)
class Answer:
    values: np.ndarray[Any, Any]
    """Item rows (B, K), or predicted ratings (E,)."""
    config: dict[str, Any]
    versions: dict[str, str]
    fit: Use
    answering: Use


class PeerError(RuntimeError):
    """The peer's process ended with an error; the message ends with the last lines that it wrote."""


def told(fold: Fold) -> pl.DataFrame:
    """What a peer is fitted on: the histories shown of those who are asked, and what is learned from other people.

    Most libraries know a history only by learning from it, so all of them learn from the histories. Where a case
    shows more than it lets models learn from (leave-one-out shows the validation items), peers have the advantage.
    """
    if fold.shown is fold.learn:
        return _events(fold.learn)
    shown = np.bincount(fold.shown.events.user_rows, minlength=fold.shown.n_users) > 0
    others = fold.learn.with_events(~shown[fold.learn.events.user_rows])
    return pl.concat([_events(others), _events(fold.shown)]).sort("time_ms", maintain_order=True)


def _events(dataset: Dataset) -> pl.DataFrame:
    events = dataset.events
    return pl.DataFrame(
        {
            "user_row": events.user_rows,
            "item_row": events.item_rows,
            "weight": effective(events.user_rows, events.item_rows, events.signals),
            "value": events.values,
            "time_ms": events.times_ms,
        }
    )


def write(folder: Path, fold: Fold, asked: IntArray, question: Question, seen: bool = True) -> None:
    """Everything a worker needs.

    Args:
        asked: User rows (B,), or pairs of user and item rows (E, 2) to rate.
        seen: Whether known items stay out of the lists.
    """
    told(fold).write_csv(folder / "train.csv", null_value="nan")
    pairs = _events(fold.known).select("user_row", "item_row").unique(maintain_order=True)
    (pairs if seen else pairs.clear()).write_csv(folder / "seen.csv")
    np.save(folder / ("pairs.npy" if question.rates else "asked.npy"), asked)
    task = {
        "model": question.model,
        "config": question.settings,
        "n_users": fold.learn.n_users,
        "n_items": fold.learn.n_items,
        "k": question.k,
        "seed": question.seed,
        "threads": question.threads,
        "rates": question.rates,
    }
    (folder / "task.json").write_text(json.dumps(task), encoding="utf-8")


def ask(python: Path, adapter: Path, fold: Fold, asked: IntArray, question: Question, seen: bool = True) -> Answer:
    """Fit and answer in a process of `python`.

    Raises:
        PeerError: the process ended with an error.
    """
    with TemporaryDirectory(prefix="peer-") as name:
        folder = Path(name)
        write(folder, fold, asked, question, seen)
        command = [str(python), str(WORKER), str(adapter), name]
        done = subprocess.run(command, cwd=name, env=_environment(question.threads), capture_output=True, text=True)
        if done.returncode:
            raise PeerError("\n".join((done.stderr or done.stdout).strip().splitlines()[-LAST_LINES:]))
        return _read(folder)


def _environment(threads: int) -> dict[str, str]:
    """Ours without our own paths, and with the number of threads."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return kept | few_threads(threads)


def few_threads(threads: int) -> dict[str, str]:
    """Variables that libraries read; threads that wait are not to spin, which on a busy machine costs tenfold."""
    return {f"{name}_NUM_THREADS": str(threads) for name in THREADS} | {"OMP_WAIT_POLICY": "PASSIVE"}


def _read(folder: Path) -> Answer:
    said = json.loads((folder / "said.json").read_text(encoding="utf-8"))
    return Answer(
        np.load(folder / "answer.npy"),
        said["config"],
        said["versions"],
        Use(said["fit_wall_s"], said["fit_cpu_s"], said["peak_mb"]),
        Use(said["evaluate_wall_s"], peak_mb=said["peak_mb"]),
    )
