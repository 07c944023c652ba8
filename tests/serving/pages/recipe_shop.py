"""A small marketplace whose model knows which events it has learned, and some that came later."""

from __future__ import annotations

from pathlib import Path

from serendip.data import Tables
from serendip.pipeline import Pipeline, Recipe
from serendip.store import StoredEvent, Workspace
from serendip.training import FitOptions
from serendip.world import generate

LATE = 800
HOSTILE = "<img src=x onerror=alert(1)>"


def make_shop(folder: Path) -> Workspace:
    """120 items, 40 people, a model fitted before the last events; one person and one item have hostile names."""
    workspace = Workspace.create(folder)
    world = generate(seed=1, n_items=120, n_people=40, target_events=3_000)
    world.draw(workspace.path)
    tables = world.tables()
    workspace.store.import_tables(Tables(tables.events.head(len(tables.events) - LATE), tables.items, tables.users))
    ((first, attributes),) = workspace.store.page("items", 1)
    workspace.store.put("items", [(first, {**attributes, "title": HOSTILE, "title_zh": HOSTILE})])
    recipe = Recipe.named("default").model_copy(update={"description": HOSTILE})
    reading = workspace.read()
    workspace.adopt(Pipeline(recipe).fit(reading.dataset, FitOptions(seed=1, threads=1)), reading)
    workspace.store.import_tables(tables)
    workspace.store.append([StoredEvent(HOSTILE, first, "like")])
    hurried = workspace.settings.training.model_copy(update={"niceness": 0})
    workspace.settings = workspace.settings.model_copy(update={"training": hurried})
    workspace.settings.write(workspace.path / "settings.toml")
    return workspace
