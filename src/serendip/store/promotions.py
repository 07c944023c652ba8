"""Promotions: which model answers since when, and who put it there, in a file beside the models."""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from serendip.data.times import rfc3339
from serendip.store.files import write_whole

FILE = "promotions.json"
MOST = 100
How = Literal["fit", "training", "recipe", "choice", "erasure"]
"""`fit`: by `serendip fit`. `training`: a round of it. `recipe`: another recipe over the same fit. `choice`: somebody
chose a model that was there. `erasure`: it forgot somebody."""


@dataclass(frozen=True)
class Deed:
    """What put a model in service."""

    how: How = "fit"
    by: str | None = None
    """The id of the key; None without one, as at the command line."""


@dataclass(frozen=True)
class Promotion:
    """A model was put in service."""

    version: str
    at: str
    """RFC 3339."""
    how: How
    by: str | None
    before: str | None
    """The version that answered until then."""
    recipe: str
    """As TOML; it stays when the model is gone."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def read(models: Path) -> list[Promotion]:
    """The latest, oldest first; none where the file is not there or cannot be read."""
    try:
        return [Promotion(**one) for one in json.loads((models / FILE).read_bytes())["promotions"]]
    except (OSError, ValueError, TypeError, KeyError):
        return []


def note(model: Path, before: Path | None, deed: Deed) -> None:
    """Write down that a model was put in service; only by who holds the shelf. What cannot be noted is done all the
    same."""
    with contextlib.suppress(OSError, ValueError):
        recipe = (model / "recipe.toml").read_text(encoding="utf-8") if (model / "recipe.toml").is_file() else ""
        at = rfc3339(time.time_ns() // 1_000_000)
        one = Promotion(model.name, at, deed.how, deed.by, before.name if before else None, recipe)
        known = [*read(model.parent), one][-MOST:]
        text = json.dumps({"promotions": [it.to_json() for it in known]}, indent=1, ensure_ascii=False)
        write_whole(model.parent / FILE, text + "\n")
