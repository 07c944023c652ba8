"""The commands for models in service: train, list what is there, go back; `serendip.cli` registers them."""

from __future__ import annotations

from typing import Annotated

import typer

from serendip.cli.commands import AsJson, Folder, Seed

TRAIN = "Example: serendip train shop"
MODELS = "Example: serendip models shop"
PROMOTE = "Example: serendip promote shop 20261130T063000.000000Z-1a2b"


def train(
    workspace: Folder,
    seed: Seed = 0,
    recipe: Annotated[str, typer.Option(help="What to fit: a recipe by name or .toml file; else the one due.")] = "",
    anyway: Annotated[bool, typer.Option("--anyway", help="Promote it although it is not better.")] = False,
    json: AsJson = False,
    why: Annotated[str, typer.Option(hidden=True)] = "at the command line",
    by: Annotated[str | None, typer.Option(hidden=True)] = None,
    lifeline: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Fit a new model, compare it with the one in service on the latest events, and promote it if it is not worse."""
    from serendip.cli.terminal import say, show_json
    from serendip.pipeline import Recipe
    from serendip.serving import background
    from serendip.serving.trainer import Order
    from serendip.serving.trainer import train as run
    from serendip.store import Workspace

    if lifeline is not None:
        background.end_with(lifeline)
    with Workspace.open(workspace) as opened:
        background.stand_back(opened.settings.training)
        one = run(opened, say, seed, Order(Recipe.find(recipe) if recipe else None, anyway, by, why))
    if json:
        show_json(one.to_json())
        return
    say(f"{one.outcome}{f' {one.version}' if one.version else ''}: {one.why}")


def models(workspace: Folder, json: AsJson = False) -> None:
    """The models that can answer, and what came of the latest rounds of training."""
    from serendip.cli.terminal import show_json, show_table
    from serendip.store import Workspace, rounds

    with Workspace.open(workspace) as opened:
        current = opened.current_model()
        versions = [
            {"version": version, "current": current is not None and version == current.name}
            for version in opened.versions()
        ]
        known = [one.to_json() for one in rounds.read(opened.path)]
    if json:
        show_json({"versions": versions, "rounds": known})
        return
    show_table(["version", ""], [(one["version"], "current" if one["current"] else "") for one in versions])
    show_table(["began", "outcome", "why"], [(one["started_at"], one["outcome"], one["why"]) for one in known[-10:]])


def promote(workspace: Folder, version: Annotated[str, typer.Argument(help="One of `serendip models`.")]) -> None:
    """Put a model that is there in service at once, such as the one before."""
    from serendip.cli.terminal import say
    from serendip.store import Workspace

    with Workspace.open(workspace) as opened:
        opened.promote(version)
    say(f"{version} is the current model; services take it up within a second")
