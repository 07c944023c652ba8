"""Seconds and memory of a piece of work, and where it ran."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from serendip.evaluation import resources
from serendip.evaluation.resources import commit, machine, measured, resident_mb, versions


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="left out: the peak of a part is known on Linux only")
def test_memory_is_that_of_the_work_and_not_of_what_came_before() -> None:
    before = np.ones(40_000_000)  # 320 MB
    large = resident_mb()
    del before
    with measured() as use:
        held = np.ones(10_000_000)  # 80 MB
        time.sleep(0.05)
        del held
    assert use.peak_mb > resident_mb() + 60
    assert use.peak_mb < large - 100


def test_seconds_are_told_even_when_the_work_fails() -> None:
    def fails() -> None:
        time.sleep(0.02)
        raise RuntimeError

    with measured() as use, pytest.raises(RuntimeError):
        fails()
    assert use.wall_s >= 0.02
    assert use.cpu_s < use.wall_s + 0.02


def test_where_the_present_memory_is_unknown_the_peak_stands_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: (_ for _ in ()).throw(OSError))
    assert resources.resident_mb() > 10


def test_versions_and_machine() -> None:
    assert {"serendip", "python", "numpy"} <= set(versions())
    assert "cores" in machine()


def test_the_commit_is_that_of_a_repository_which_tracks_the_code(tmp_path: Path) -> None:
    assert commit(tmp_path) is None

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=tmp_path, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q")
    (tmp_path / "code.py").write_text("", encoding="utf-8")
    assert commit(tmp_path) is None  # somebody's repository, which does not track it
    git("add", "code.py")
    git("-c", "user.name=n", "-c", "user.email=e@x", "commit", "-q", "-m", "first")
    assert commit(tmp_path) == git("rev-parse", "HEAD")
    (tmp_path / "code.py").write_text("changed", encoding="utf-8")
    assert commit(tmp_path) == git("rev-parse", "HEAD") + "-dirty"
