"""Exams: how models on the shelf did when they were asked to foretell events, in a file of the workspace."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from serendip.store.files import write_whole

FILE = "exams.json"


def read(folder: Path) -> dict[str, dict[str, Any]]:
    """The last exam of each version; none where the file is not there or cannot be read."""
    try:
        found: dict[str, dict[str, Any]] = json.loads((folder / FILE).read_bytes())["exams"]
        return dict(found)
    except (OSError, ValueError, TypeError, KeyError):
        return {}


def keep(folder: Path, version: str, exam: dict[str, Any], there: Collection[str]) -> None:
    """Keep the exam of a version in the place of its last one, and those of versions that are there."""
    known = {name: one for name, one in read(folder).items() if name in there}
    write_whole(folder / FILE, json.dumps({"exams": {**known, version: exam}}, indent=1) + "\n")
