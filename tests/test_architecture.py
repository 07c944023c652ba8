"""The house keeps its shape: who may import whom, how large things may grow, what the public door shows."""

from __future__ import annotations

import ast
import importlib
import inspect
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import serendip
from serendip import models

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "serendip"
FILES = sorted(SOURCE.rglob("*.py"))

MOST_LINES = 400
MOST_LINES_OF_A_FUNCTION = 60
MEDIAN_LINES_OF_A_FUNCTION = 12


def functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{path.relative_to(SOURCE)}:{node.name}", (node.end_lineno or 0) - node.lineno + 1


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    script = Path(sys.executable).parent / "lint-imports"
    return subprocess.run([script, "--no-cache"], cwd=root, capture_output=True, text=True, check=False)


def test_the_import_contracts_hold() -> None:
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        ("data/vocabulary.py", "from serendip import pipeline", "data flows one way"),
        ("data/vocabulary.py", "def late():\n    import serendip.store.workspace", "data flows one way"),
        ("models/ease.py", "from serendip.models import item_knn", "a model knows no other model"),
        ("pipeline/pipeline.py", "import fastapi", "nothing below serving"),
        ("pipeline/pipeline.py", "from serendip.models.ease import Ease", "models are reached by name"),
        ("store/workspace.py", "import torch", "torch stays in the rooms that learn"),
        ("evaluation/report.py", "import serendip.store", "data flows one way"),
    ],
)
def test_each_contract_bites(tmp_path: Path, file: str, line: str, contract: str) -> None:
    """Add the forbidden import to a copy and see the contract meant for it break."""
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / "src/serendip" / file).open("a") as source:
        source.write(f"\n{line}\n")
    program = (
        "import sys; sys.path.insert(0, 'src'); "
        "from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    broken = [text for text in done.stdout.splitlines() if "BROKEN" in text]
    assert any(contract in text for text in broken), done.stdout + done.stderr


def test_files_and_functions_stay_short() -> None:
    long_files = {str(path): len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert not {name: lines for name, lines in long_files.items() if lines > MOST_LINES}
    sizes = dict(item for path in FILES for item in functions(path))
    assert not {name: lines for name, lines in sizes.items() if lines > MOST_LINES_OF_A_FUNCTION}
    assert statistics.median(sizes.values()) <= MEDIAN_LINES_OF_A_FUNCTION


def test_there_is_no_drawer_for_odds_and_ends() -> None:
    assert not [path for path in FILES if path.stem in {"utils", "util", "common", "core", "helpers", "misc"}]


def test_the_public_door_shows_what_it_says() -> None:
    assert sorted(serendip.__all__) == dir(serendip)
    for name in serendip.__all__:
        assert getattr(serendip, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = serendip.nonsense


def test_the_public_door_is_light() -> None:
    """`import serendip` and the command line's help load none of the heavy libraries."""
    program = (
        "import sys, serendip.cli; "
        "heavy = {'numpy', 'polars', 'scipy', 'torch', 'fastapi', 'sqlalchemy', 'PIL', 'implicit'}; "
        "sys.exit(' '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_each_package_says_what_it_is() -> None:
    for path in FILES:
        if path.read_text(encoding="utf-8").strip():
            assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), path


@pytest.mark.parametrize("name", models.names())
def test_each_hyper_parameter_is_documented(name: str) -> None:
    config = models.load(name).Config
    assert not [field for field, info in config.model_fields.items() if not info.description]
    assert inspect.getdoc(importlib.import_module(f"serendip.models.{name}"))


def test_nothing_is_pickled_or_evaluated() -> None:
    for path in FILES:
        names = {
            node.id for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Name)
        }
        assert not names & {"pickle", "joblib", "eval", "exec", "marshal"}, path
