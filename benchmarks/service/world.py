"""World: a generated shop in a workspace, imported and fitted as a user would, and kept for the next run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.service import shop
from benchmarks.service.process import SERENDIP, surroundings
from benchmarks.service.shop import SIZES, Size
from serendip.data import InputError
from serendip.pipeline import Recipe
from serendip.store import Workspace

STAMP = "world.json"


@dataclass(frozen=True)
class World:
    """A workspace that is ready to be served."""

    name: str
    size: Size
    folder: Path
    facts: dict[str, Any]
    """What was made, how long it took, by which recipe; goes into the results."""

    def copy(self, to: Path) -> Path:
        """The workspace again, to write into: the store is copied, models are shared (they never change)."""
        shutil.rmtree(to, ignore_errors=True)
        shutil.copytree(self.folder / "models", to / "models", copy_function=os.link, symlinks=True)
        for file in self.folder.iterdir():
            if file.is_file() and not file.name.endswith(("-shm", "-wal")) and file.name != STAMP:
                shutil.copy2(file, to / file.name)
        (to / "vectors").mkdir()
        return to


def prepared(name: str, root: Path, recipe: str, say: Callable[[str], None], refit: bool = False) -> World:
    """The world of that name under `root`, made now as far as it is not there yet.

    Args:
        recipe: a name, or a TOML file; a world fitted by another one is fitted again.

    Raises:
        InputError: there is no such world or recipe, or it cannot be fitted.
    """
    if name not in SIZES:
        raise InputError(f"there is no world {name!r}; there are {', '.join(SIZES)}")
    size, folder = SIZES[name], root / name
    wanted = {"size": asdict(size), "version": shop.VERSION}
    facts = _facts(folder)
    if {key: facts.get(key) for key in wanted} != wanted:
        say(f"{name}: making {size.items:,} items, {size.people:,} people and about {size.events:,} events")
        facts = wanted | _imported(folder, size)
        _stamp(folder, facts)
    chosen = Recipe.find(recipe)
    if refit or facts.get("recipe") != chosen.to_toml():
        say(f"{name}: fitting the recipe {chosen.name}")
        facts |= {"recipe": chosen.to_toml(), "recipe_name": chosen.name} | _fitted(folder, recipe)
        _stamp(folder, facts)
    return World(name, size, folder, {key: value for key, value in facts.items() if key != "version"})


def _facts(folder: Path) -> dict[str, Any]:
    file = folder / STAMP
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else {}


def _stamp(folder: Path, facts: dict[str, Any]) -> None:
    (folder / STAMP).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


def _imported(folder: Path, size: Size) -> dict[str, Any]:
    shutil.rmtree(folder, ignore_errors=True)
    tables = shop.generated(size)
    started_s = time.perf_counter()
    with Workspace.create(folder) as workspace:
        receipt = workspace.store.import_tables(tables)
    return {"events": receipt.accepted, "import_s": round(time.perf_counter() - started_s, 1)}


def _fitted(folder: Path, recipe: str) -> dict[str, Any]:
    """By the command, in a process of its own, as a user would; only the newest model stays."""
    started_s = time.perf_counter()
    command = [*SERENDIP, "fit", str(folder), "--recipe", recipe, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, env=surroundings())
    if done.returncode:
        raise InputError(f"{folder} cannot be fitted: {done.stderr.strip().splitlines()[-1]}")
    card = json.loads(done.stdout)
    kept = {"model_version": card["model_version"], "fit_seconds": card["fit_seconds"], "fit_peak_mb": card["peak_mb"]}
    return {"fit_s": round(time.perf_counter() - started_s, 1), **kept}


def main() -> None:
    """`python -m benchmarks.service.world NAME FOLDER RECIPE`: make one world."""
    name, root, recipe, *refit = sys.argv[1:]
    say = lambda line: print(line, file=sys.stderr, flush=True)  # noqa: E731, T201
    world = prepared(name, Path(root), recipe, say, refit=bool(refit))
    sys.stdout.write(json.dumps(world.facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
