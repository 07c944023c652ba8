"""Rounds: what came of each round of training, in a file of the workspace that every process reads."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from serendip.store.files import write_whole

FILE = "training.json"
MOST = 50
Outcome = Literal["promoted", "held", "skipped", "failed"]


@dataclass(frozen=True)
class Round:
    """One round: a new model was fitted and took over, was held back, was not needed, or could not be made."""

    outcome: Outcome
    why: str
    started_at: str
    """RFC 3339."""
    seconds: float
    events_to: int
    """The number of the last event of the log when it began."""
    champion: str | None = None
    """The version that was in service."""
    version: str | None = None
    """The new version, where it took over."""
    peak_mb: float | None = None
    verdict: dict[str, Any] | None = field(default=None)
    """How both did on the most recent events, see `evaluation.judging`."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def read(folder: Path) -> list[Round]:
    """The latest rounds, oldest first; none where the file is not there or cannot be read."""
    try:
        return [Round(**one) for one in json.loads((folder / FILE).read_bytes())["rounds"]]
    except (OSError, ValueError, TypeError, KeyError):
        return []


def add(folder: Path, one: Round) -> None:
    """Write a round behind those before it; only the latest are kept."""
    rounds = [*read(folder), one][-MOST:]
    write_whole(folder / FILE, json.dumps({"rounds": [it.to_json() for it in rounds]}, indent=1) + "\n")
