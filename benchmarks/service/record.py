"""Record: what was measured, as one JSON file for each measurement, with where and on what."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from serendip.evaluation.resources import commit, machine, versions
from serendip.training.options import usable_cores

FOLDER = Path(__file__).parents[1] / "results" / "service"
REPOSITORY = Path(__file__).parents[2]
CODE = ("src", "benchmarks", ":!benchmarks/results")
"""What decides the figures: results, documents and tests may be changed between two measurements."""
LIBRARIES = (
    "fastapi",
    "starlette",
    "uvicorn",
    "httptools",
    "uvloop",
    "granian",
    "pydantic",
    "sqlalchemy",
    "orjson",
    "msgspec",
)


def circumstances(quick: bool) -> dict[str, Any]:
    """Beside every figure. The load of the machine is that of the minutes before."""
    found = {name: version(name) for name in LIBRARIES if importlib.util.find_spec(name)}
    return {
        "commit": code_commit(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "threads": usable_cores(),
        "load_before": load_before(),
        "versions": versions() | found,
        **({"quick": True} if quick else {}),
    }


def load_before() -> list[float]:
    """Of the machine over 1, 5 and 15 minutes: far from 0 means that others were at work."""
    return [round(one, 2) for one in os.getloadavg()]


def code_commit() -> str | None:
    """The commit, with `-dirty` where code was changed since."""
    known = commit()
    if known is None:
        return None
    changed = subprocess.run(
        ["git", "status", "--porcelain", "--", *CODE], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    return known.removesuffix("-dirty") + ("-dirty" if changed.stdout.strip() else "")


def write(folder: Path, name: str, table: dict[str, Any]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.json"
    file.write_text(json.dumps(table, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return file


def read(folder: Path, name: str) -> dict[str, Any] | None:
    """What was recorded under that name, None where nothing was."""
    file = folder / f"{name}.json"
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else None


def is_done(folder: Path, name: str) -> bool:
    """Whether this very code was measured already."""
    known, now = read(folder, name), code_commit()
    return known is not None and now is not None and not now.endswith("-dirty") and known["commit"] == now
