"""Checkpoints: a course that was cut off goes on as if nothing had happened, from nothing but what it wrote itself."""

from __future__ import annotations

import pickle
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from torch import Tensor

from serendip.errors import DamagedArtifactError
from serendip.training import FitOptions, checkpoints
from serendip.training.loop import Course, Schedule, learn
from serendip.training.session import torch_session
from tests.training.lessons import Lesson, fresh, same, weights_of

ROOT = Path(__file__).parents[2]
FILE = "line.safetensors"
SCHEDULE = Schedule(6, 0.05, patience=3, warmup=0.1, averaging=0.7)
OPTIONS = FitOptions(seed=3, threads=1)


def taught(lesson: Lesson, options: FitOptions, schedule: Schedule = SCHEDULE, **told: Any) -> Course:
    with torch_session(options):
        return learn(lesson, schedule, options, told.get("label", "Line"), told.get("about", "these data"))


def undisturbed(schedule: Schedule = SCHEDULE) -> tuple[dict[str, Tensor], Course]:
    lesson = fresh(OPTIONS)
    course = taught(lesson, OPTIONS, schedule)
    return weights_of(lesson.net), course


def cut_off(folder: Path, epochs: int, schedule: Schedule = SCHEDULE) -> FitOptions:
    """A course that ended in the middle, after so many epochs, and the options it had."""
    options = replace(OPTIONS, checkpoints=folder)
    with pytest.raises(KeyboardInterrupt):
        taught(fresh(options, stop_before=epochs), options, schedule)
    return options


@pytest.mark.parametrize("epochs", range(1, 6))
@pytest.mark.parametrize("schedule", [SCHEDULE, Schedule(6, 0.05, weight_decay=0.1)])
def test_cut_off_after_any_epoch_it_ends_with_the_same_weights(tmp_path: Path, epochs: int, schedule: Schedule) -> None:
    weights, course = undisturbed(schedule)
    options = cut_off(tmp_path, epochs, schedule)
    lesson = fresh(replace(options, seed=99))  # where it starts is nothing to it, since there is a checkpoint
    assert taught(lesson, options, schedule) == course
    assert same(weights_of(lesson.net), weights)
    assert lesson.n_epochs == 6 - epochs


def test_cut_off_before_the_first_epoch_was_over_it_starts_anew(tmp_path: Path) -> None:
    options, (weights, course) = cut_off(tmp_path, 0), undisturbed()
    lesson = fresh(options)
    assert taught(lesson, options) == course
    assert same(weights_of(lesson.net), weights)


def test_cut_off_twice_it_ends_with_the_same_weights(tmp_path: Path) -> None:
    options, (weights, course) = cut_off(tmp_path, 2), undisturbed()
    with pytest.raises(KeyboardInterrupt):
        taught(fresh(options, stop_before=2), options)
    lesson = fresh(options)
    assert taught(lesson, options) == course
    assert same(weights_of(lesson.net), weights)
    assert lesson.n_epochs == 2


def test_cut_off_when_it_was_tired_it_learns_nothing_more(tmp_path: Path) -> None:
    """Killed between the last examination and the end: what was best is kept, and nothing is taught again."""
    grades = [0.1, 0.9, 0.2, 0.3]
    schedule, options = replace(SCHEDULE, patience=2), replace(OPTIONS, checkpoints=tmp_path)
    first = fresh(options, grades=grades)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoints.Checkpoint, "forget", lambda self: None)
        taught(first, options, schedule)
    again = fresh(options, grades=grades)
    assert taught(again, options, schedule).grades == grades
    assert again.n_epochs == 0
    assert same(weights_of(again.net), first.seen[1])


def test_when_the_course_is_over_nothing_is_left(tmp_path: Path) -> None:
    taught(fresh(OPTIONS), replace(OPTIONS, checkpoints=tmp_path / "deep" / "folder"))
    assert list((tmp_path / "deep" / "folder").iterdir()) == []


SCRIPT = """
import os, signal, sys
from dataclasses import replace
from pathlib import Path
from tests.training.test_checkpoints import OPTIONS, fresh, taught

def killing(label, done, total):
    if done == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)

options = replace(OPTIONS, checkpoints=Path(sys.argv[1]), progress=killing)
taught(fresh(options), options)
"""


def test_killed_in_the_middle_of_an_epoch_it_ends_with_the_same_weights(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SCRIPT, str(tmp_path), "10"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    options, (weights, course) = replace(OPTIONS, checkpoints=tmp_path), undisturbed()
    lesson = fresh(options)
    assert taught(lesson, options) == course
    assert same(weights_of(lesson.net), weights)
    assert lesson.n_epochs == 4  # step 10, at 4 an epoch, is in the third; two were kept


OTHERS: list[dict[str, Any]] = [
    {"seed": 4},
    {"schedule": replace(SCHEDULE, epochs=7)},
    {"label": "Another"},
    {"about": "other data"},
]


@pytest.mark.parametrize("other", OTHERS)
def test_another_course_does_not_go_on_from_it(tmp_path: Path, other: dict[str, Any]) -> None:
    options = replace(cut_off(tmp_path, 3), seed=other.get("seed", OPTIONS.seed))
    schedule = other.get("schedule", SCHEDULE)
    lesson, alone = fresh(options), fresh(options)
    taught(lesson, options, schedule, **other_words(other))
    taught(alone, replace(options, checkpoints=None), schedule, **other_words(other))
    assert lesson.n_epochs == alone.n_epochs == schedule.epochs
    assert same(weights_of(lesson.net), weights_of(alone.net))


def other_words(other: dict[str, Any]) -> dict[str, Any]:
    return {name: word for name, word in other.items() if name in ("label", "about")}


@pytest.mark.parametrize("damage", ["truncated", "emptied", "of something else"])
def test_a_damaged_one_is_refused_with_its_name(tmp_path: Path, damage: str) -> None:
    options = cut_off(tmp_path, 3)
    path = tmp_path / FILE
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2] if damage == "truncated" else b"")
    if damage == "of something else":
        save_file({"a": np.zeros(3)}, path)
    with pytest.raises(DamagedArtifactError, match=re.escape(str(path))):
        taught(fresh(options), options)
    path.unlink()  # as the sentence says
    assert taught(fresh(options), options) == undisturbed()[1]


class Died(BaseException):
    """What takes the place of a power cut."""


@pytest.mark.parametrize("whole", [True, False])
def test_cut_off_while_one_is_written_the_one_before_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: bool
) -> None:
    written, real = 0, checkpoints.save_file

    def dying(tensors: dict[str, Tensor], path: Path, metadata: dict[str, str]) -> None:
        nonlocal written
        written += 1
        real(tensors, path, metadata)
        if written == 3:
            path.write_bytes(path.read_bytes()[: None if whole else 100])
            raise Died

    options = replace(OPTIONS, checkpoints=tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "save_file", dying)
        with pytest.raises(Died):
            taught(fresh(options), options)
    weights, course = undisturbed()
    lesson = fresh(options)
    assert taught(lesson, options) == course
    assert same(weights_of(lesson.net), weights)
    assert lesson.n_epochs == 4


def test_there_is_no_pickle_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*arguments: object, **told: object) -> None:
        raise AssertionError("pickle")

    for name in ("dump", "dumps", "load", "loads", "Pickler", "Unpickler"):
        monkeypatch.setattr(pickle, name, never)
    for name in ("save", "load"):
        monkeypatch.setattr(torch, name, never)
    options = cut_off(tmp_path, 3)
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
    kept = load_file(tmp_path / FILE)
    assert {name.partition(".")[0] for name in kept} == {"net", "best", "average", "optimizer"}
    taught(fresh(options), options)


def test_without_a_folder_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    taught(fresh(OPTIONS), OPTIONS)
    assert list(tmp_path.iterdir()) == []
