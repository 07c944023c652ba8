"""Checkpoints: a course that was cut off goes on as if nothing had happened, from nothing but what it wrote itself."""

from __future__ import annotations

import json
import pickle
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.numpy import load_file
from torch import Tensor

from serendip.errors import DamagedArtifactError
from serendip.training import FitOptions
from serendip.training.checkpoints import NUMBERS, TENSORS
from serendip.training.loop import Course, Schedule, learn
from serendip.training.session import torch_session
from tests.training.lessons import Lesson, fresh, same, weights_of

ROOT = Path(__file__).parents[2]
SCHEDULE = Schedule(6, 0.05, patience=3, warmup=0.1, averaging=0.7)
OPTIONS = FitOptions(seed=3, threads=1)


def taught(lesson: Lesson, options: FitOptions, schedule: Schedule = SCHEDULE, label: str = "Line") -> Course:
    with torch_session(options):
        return learn(lesson, schedule, options, label)


def undisturbed(schedule: Schedule = SCHEDULE) -> tuple[dict[str, Tensor], Course]:
    lesson = fresh(OPTIONS)
    course = taught(lesson, OPTIONS, schedule)
    return weights_of(lesson.net), course


def cut_off(folder: Path, epochs: int, schedule: Schedule = SCHEDULE, **told: Any) -> FitOptions:
    """A course that ended in the middle, after so many epochs, and the options it had."""
    options = replace(OPTIONS, checkpoints=folder, **told)
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


def test_when_the_course_is_over_nothing_is_left(tmp_path: Path) -> None:
    taught(fresh(OPTIONS), replace(OPTIONS, checkpoints=tmp_path))
    assert list(tmp_path.iterdir()) == []


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
    assert lesson.n_epochs == 4  # step 10 of 4 an epoch is in the third, and two were kept


@pytest.mark.parametrize("other", [{"seed": 4}, {"schedule": replace(SCHEDULE, epochs=7)}, {"label": "Another"}])
def test_another_course_does_not_go_on_from_it(tmp_path: Path, other: dict[str, Any]) -> None:
    options = replace(cut_off(tmp_path, 3), seed=other.get("seed", OPTIONS.seed))
    schedule, label = other.get("schedule", SCHEDULE), other.get("label", "Line")
    lesson, alone = fresh(options), fresh(options)
    taught(lesson, options, schedule, label)
    taught(alone, replace(options, checkpoints=None), schedule, label)
    assert lesson.n_epochs == alone.n_epochs
    assert same(weights_of(lesson.net), weights_of(alone.net))


@pytest.mark.parametrize("file", [TENSORS, NUMBERS])
@pytest.mark.parametrize("damage", ["truncated", "emptied", "other"])
def test_a_damaged_one_is_refused_with_its_name(tmp_path: Path, file: str, damage: str) -> None:
    options = cut_off(tmp_path, 3)
    path = tmp_path / "line" / file
    content = path.read_bytes()
    path.write_bytes({"truncated": content[: len(content) // 2], "emptied": b"", "other": b"[1, 2]"}[damage])
    with pytest.raises(DamagedArtifactError, match=str(tmp_path / "line")):
        taught(fresh(options), options)


def test_without_its_tensors_it_is_refused(tmp_path: Path) -> None:
    options = cut_off(tmp_path, 3)
    (tmp_path / "line" / TENSORS).unlink()
    with pytest.raises(DamagedArtifactError, match="line"):
        taught(fresh(options), options)


class Died(BaseException):
    """What takes the place of a power cut."""


@pytest.mark.parametrize("moment", ["written", "half removed"])
def test_cut_off_while_one_takes_the_place_of_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """The new one is complete, the old one is there, or what is left of it: one of both is gone on from."""
    from serendip.training import checkpoints

    removed, real = 0, checkpoints.shutil.rmtree

    def dying(folder: Path, ignore_errors: bool = False) -> None:
        nonlocal removed
        removed += folder.suffix != ".new"
        if removed == 3:
            if moment == "half removed":
                (folder / TENSORS).unlink()
            raise Died
        real(folder, ignore_errors=ignore_errors)

    options = replace(OPTIONS, checkpoints=tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(checkpoints.shutil, "rmtree", dying)
        with pytest.raises(Died):
            taught(fresh(options), options)
    weights, course = undisturbed()
    lesson = fresh(options)
    assert taught(lesson, options) == course
    assert same(weights_of(lesson.net), weights)
    assert lesson.n_epochs <= 4


def test_cut_off_while_one_is_written_the_one_before_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from serendip.training import checkpoints

    real, written = checkpoints.save_file, 0

    def dying(tensors: dict[str, Tensor], path: Path) -> None:
        nonlocal written
        written += 1
        real(tensors, path)
        if written == 3:
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

    for module, names in (
        (pickle, ("dump", "dumps", "load", "loads", "Pickler", "Unpickler")),
        (torch, ("save", "load")),
    ):
        for name in names:
            monkeypatch.setattr(module, name, never)
    options = cut_off(tmp_path, 3)
    folder = tmp_path / "line"
    assert sorted(path.name for path in folder.iterdir()) == [NUMBERS, TENSORS]
    assert json.loads((folder / NUMBERS).read_text(encoding="utf-8"))["epoch"] == 3
    kept = load_file(folder / TENSORS)
    assert {name.partition(".")[0] for name in kept} == {"net", "best", "average", "optimizer"}
    taught(fresh(options), options)


def test_without_a_folder_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    taught(fresh(OPTIONS), OPTIONS)
    assert list(tmp_path.iterdir()) == []
