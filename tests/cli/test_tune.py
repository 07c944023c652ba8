"""The command `tune`: what it prints and writes, what `fit` makes of it, and what survives a kill."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
import pytest

from serendip import models
from serendip.cli import main
from serendip.pipeline import Pipeline, Recipe

TUNE = "import sys; from serendip.cli import main; sys.exit(main(sys.argv[1:]))"
PATIENCE_S = 30


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Even people read books, odd people buy boots."""
    folder = tmp_path_factory.mktemp("tune")
    generator = np.random.default_rng(5)
    lines = ["user_id,item_id,type,timestamp"]
    for step in range(900):
        person = int(generator.integers(50))
        item = min(int(generator.geometric(0.1)), 30)
        lines.append(f"p{person},{('book', 'boot')[person % 2]}-{item},like,{1_700_000_000 + 60 * step}")
    (folder / "events.csv").write_text("\n".join(lines), encoding="utf-8")
    assert main(["import", "csv", str(folder / "events.csv"), str(folder / "ws")]) == 0
    return folder / "ws"


@pytest.fixture
def workspace(imported: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(imported, tmp_path / "ws"))


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main(arguments)
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def tuned(capsys: pytest.CaptureFixture[str], workspace: Path, trials: int) -> dict[str, object]:
    options = ["--model", "ease", "--trials", str(trials), "--threads", "1", "--json"]
    code, out, err = run(capsys, "tune", str(workspace), *options)
    assert (code, err) == (0, "")
    found: dict[str, object] = json.loads(out)
    return found


def test_it_shows_the_settings_and_saves_a_recipe_that_fit_takes(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, "tune", str(workspace), "--model", "item_knn", "--trials", "3", "--threads", "1")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == ["setting", *models.load("item_knn").Config.model_fields]
    recipe = workspace / "recipes" / "item_knn-tuned.toml"
    assert f"serendip fit {workspace} --recipe {recipe}" in " ".join(err.split())
    assert "validation only (" in err
    assert recipe.read_text(encoding="utf-8").startswith("# Tuned ")
    code, out, _ = run(capsys, "fit", str(workspace), "--recipe", str(recipe), "--json")
    assert code == 0
    (saved,) = (workspace / "models").glob(f"{json.loads(out)['model_version']}*")
    assert Pipeline.load(saved).recipe == Recipe.read(recipe)


def test_json_is_all_there_is_on_standard_output(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = tuned(capsys, workspace, 2)
    assert Recipe.read(Path(str(found["recipe"]))).sources[0].config == found["best_config"]
    assert found["protocol"]["split"] == "global-time"  # type: ignore[index]
    values = [trial["value"] for trial in found["trials"]]  # type: ignore[attr-defined]
    assert len(values) == 2
    assert (found["default_value"], found["best_value"]) == (values[0], max(values))


def finished(study: Path) -> int:
    """How many trials a file holds; 0 as long as there is no such file or table."""
    if not study.exists():
        return 0
    with closing(sqlite3.connect(study)) as opened:
        try:
            (count,) = opened.execute("select count(*) from trials where state = 'COMPLETE'").fetchone()
        except sqlite3.OperationalError:
            return 0
        return int(count)


def test_killed_and_started_again_it_goes_on(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = Path(shutil.copytree(workspace, workspace.with_name("whole")))
    study = workspace / "tuning" / "ease.db"
    words = ["tune", str(workspace), "--model", "ease", "--trials", "5000", "--threads", "1"]
    with subprocess.Popen([sys.executable, "-c", TUNE, *words], stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + PATIENCE_S
        while finished(study) < 3 and time.monotonic() < deadline:
            time.sleep(0.02)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert not (workspace / "recipes").exists()
    done = finished(study)
    assert done >= 3
    resumed = tuned(capsys, workspace, done + 2)
    assert finished(study) == done + 2
    without_path = {"recipe": None}
    assert resumed | without_path == tuned(capsys, whole, done + 2) | without_path


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--model", "nobody"], "no model 'nobody'"),
        (["--model", "../ease"], "no model '../ease'"),
        (["--model", "ease", "--protocol", "by-moon"], "no protocol 'by-moon'"),
        (["--model", "ease", "--trials", "0"], "--trials"),
        ([], "--model"),
    ],
)
def test_wrong_words_are_one_sentence(
    workspace: Path, capsys: pytest.CaptureFixture[str], options: list[str], words: str
) -> None:
    code, out, err = run(capsys, "tune", str(workspace), *options)
    assert (code, out) == (2, "")
    assert words in err
    assert len(err.strip().splitlines()) == 1
    assert not (workspace / "tuning").exists()


def test_without_optuna_it_says_what_is_missing(
    workspace: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "serendip.evaluation.tuning", raising=False)
    monkeypatch.setitem(sys.modules, "optuna", None)
    code, _, err = run(capsys, "tune", str(workspace), "--model", "ease")
    assert (code, err) == (2, "serendip: tuning needs the package optuna, which is not installed\n")


def test_a_bar_on_a_terminal_shows_how_far_it_is(workspace: Path) -> None:
    reader, writer = os.openpty()
    words = ["tune", str(workspace), "--model", "popular", "--trials", "3"]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen([sys.executable, "-c", TUNE, *words], stderr=writer, stdout=writer, env=environment):
        os.close(writer)
        shown = "".join(pieces(reader))
    assert re.search(r"tuning popular.*3/3", shown)


def pieces(terminal: int) -> Iterator[str]:
    """What is written to a terminal until its last writer leaves it."""
    with suppress(OSError):
        while piece := os.read(terminal, 4096):
            yield piece.decode(errors="replace")
    os.close(terminal)
