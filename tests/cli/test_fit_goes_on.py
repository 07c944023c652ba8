"""A fit that is killed and started again ends as if nothing had happened."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from serendip.cli import main
from tests.cli.test_commands import write_log

RECIPE = """
name = "reader"
[[sources]]
model = "sasrec"
[sources.config]
embedding_size = 8
epochs = {epochs}
patience = 0
"""
PROGRAM = "import sys; from serendip.cli import main; sys.exit(main())"


def weights_of(workspace: Path) -> str:
    current = (workspace / "models" / "current").read_text(encoding="utf-8").strip()
    (config,) = (workspace / "models" / current).rglob("config.json")
    table = json.loads(config.read_text(encoding="utf-8"))
    return str(table["weights_sha256"])


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    assert main(["import", "csv", str(write_log(tmp_path / "events.csv")), str(tmp_path / "ws")]) == 0
    return tmp_path / "ws"


def test_killed_and_started_again_a_fit_ends_with_the_same_weights(workspace: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "reader.toml"
    recipe.write_text(RECIPE.format(epochs=60), encoding="utf-8")
    undisturbed = shutil.copytree(workspace, tmp_path / "undisturbed")
    assert main(["fit", str(undisturbed), "--recipe", str(recipe)]) == 0
    checkpoint = workspace / "checkpoints" / "sasrec.safetensors"
    fit = [sys.executable, "-c", PROGRAM, "fit", str(workspace), "--recipe", str(recipe)]
    with subprocess.Popen(fit, stdout=subprocess.DEVNULL) as running:
        while not checkpoint.exists():
            assert running.poll() is None, "it was over before it could be killed"
            time.sleep(0.01)
        running.send_signal(signal.SIGKILL)
    assert not (workspace / "models" / "current").exists()
    assert main(["fit", str(workspace), "--recipe", str(recipe)]) == 0
    assert weights_of(workspace) == weights_of(undisturbed)
    assert not (workspace / "checkpoints").exists()
    # Another course ends elsewhere, so the hashes above could differ.
    recipe.write_text(RECIPE.format(epochs=59), encoding="utf-8")
    assert main(["fit", str(workspace), "--recipe", str(recipe)]) == 0
    assert weights_of(workspace) != weights_of(undisturbed)
