"""The demo: a generated marketplace in a workspace, imported, checked, cleaned and trained."""

from __future__ import annotations

from pathlib import Path

from serendip.cli.terminal import bars, say
from serendip.data import Progress
from serendip.data.checks import check
from serendip.pipeline import Pipeline, Recipe
from serendip.store import Workspace
from serendip.training import FitOptions
from serendip.world import World, generate


def make_marketplace(folder: Path, seed: int) -> None:
    """Fill `folder` with the marketplace of `seed`; what a former run finished is kept."""
    with Workspace.create(folder) as workspace, bars() as progress:
        if workspace.current_model() is None:
            world = generate(seed, progress=progress)
            _fill(workspace, world, progress)
            _train(workspace, seed, progress)


def _fill(workspace: Workspace, world: World, progress: Progress) -> None:
    tables = world.tables()
    world.draw(workspace.path, progress)
    workspace.store.import_tables(tables, progress)
    findings = check(tables, workspace.settings.events)
    levels = [finding.level for finding in findings]
    counts = ", ".join(f"{levels.count(level)} {level}" for level in ("PASS", "WARN", "FAIL"))
    say(f"generated {tables}; checks: {counts}")


def _train(workspace: Workspace, seed: int, progress: Progress) -> None:
    reading, recipe = workspace.read(progress), Recipe.find(workspace.settings.recipe)
    say(str(reading.report))
    pipeline = Pipeline(recipe).fit(reading.dataset, FitOptions(seed=seed, progress=progress, pictures=workspace.path))
    say(f"trained {recipe.name} as {workspace.adopt(pipeline, reading)}")
