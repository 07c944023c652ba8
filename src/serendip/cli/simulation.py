"""The command that lets people of the demo world live with the service; `serendip.cli` registers it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from serendip.cli.commands import Seed
from serendip.errors import InputError

RESULT, PICTURE = "simulation.json", "simulation.svg"
EXAMPLE = "Example: serendip simulate lab --recipe default --recipe popular --recipe default=stale --days 10"


def simulate(
    folder: Annotated[
        Path, typer.Argument(metavar="WORKSPACE", help="An empty folder; a workspace for each recipe is made in it.")
    ],
    recipe: Annotated[
        list[str],
        typer.Option(
            help="A recipe, a model or a .toml file, the first being what others are compared with. NAME=stale: "
            "histories are never updated; NAME=seen: taste is not, but nothing that somebody met is shown again."
        ),
    ],
    days: Annotated[int, typer.Option(min=1, help="How long people live with it.")] = 10,
    people: Annotated[int, typer.Option(min=1, help="How many people.")] = 200,
    items: Annotated[int, typer.Option(min=1, help="How many items, those that arrive meanwhile among them.")] = 300,
    visits: Annotated[float, typer.Option(min=0, help="Lists a day, for each person.")] = 0.7,
    refit: Annotated[int, typer.Option(min=0, help="Fit again after so many days; 0: never.")] = 0,
    experiment: Annotated[
        bool, typer.Option("--experiment", help="Compare them in an experiment on one service, too.")
    ] = False,
    over_http: Annotated[
        bool, typer.Option("--http", help="Ask `serendip serve` in a process of its own, instead of within this one.")
    ] = False,
    seed: Seed = 0,
) -> None:
    """Let people of the demo world live with recipes, and tell what comes of it."""
    from serendip.cli.terminal import bars, say, show_json, show_table
    from serendip.serving.simulation.loop import live_apart
    from serendip.serving.simulation.outcome import told
    from serendip.serving.simulation.over_http import OverHttp
    from serendip.serving.simulation.plan import Plan, Way
    from serendip.serving.simulation.plots import picture
    from serendip.serving.simulation.service import Service
    from serendip.serving.simulation.together import live_together
    from serendip.world.living import Life

    ways = [Way.parse(text) for text in recipe]
    if len({way.name for way in ways}) < len(ways):
        raise InputError("--recipe: each can be named once")
    if experiment and len(ways) < 2:
        raise InputError("--experiment compares at least two recipes")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} is not an empty folder")
    kind = OverHttp if over_http else Service
    plan = Plan(seed, people, items, days=days, visits=visits, refit_every=refit)
    with bars() as progress:
        world = plan.world(progress)
        lived = {way.name: live_apart(plan, world, way, folder / way.name, progress, kind) for way in ways}
        looks = live_together(plan, world, ways, folder / "together", progress, kind) if experiment else []
    outcome = told(plan, Life(world, plan.past_days), ways, lived, looks)
    show_json(outcome, str(folder / RESULT))
    (folder / PICTURE).write_text(picture(outcome), encoding="utf-8")
    show_table(*_table(outcome))
    for name, verdict in outcome.get("experiment", {}).get("decided", {}).items():
        say(f"the experiment on {name}: {f'{verdict[0]} after {verdict[1]:,} lists' if verdict else 'not decided'}")
    say(f"wrote {folder / RESULT} and {folder / PICTURE}")


def _table(outcome: dict[str, Any]) -> tuple[list[str], list[list[str]], list[str]]:
    columns = ["way", "worth of a list", "against the first", "of the best", "Gini", "coverage", "new items"]
    rows = []
    for name, way in outcome["ways"].items():
        last, against = way["days"][-1], way["against_the_first"]
        rows.append(
            [
                name,
                _interval(way["gain"]),
                _interval(against) if against else "",
                f"{way['share_of_the_best']:.1%}",
                f"{last['gini']:.3f}",
                f"{last['coverage']:.1%}",
                f"{last['new_share']:.1%}",
            ]
        )
    return columns, rows, columns[1:]


def _interval(told: dict[str, float]) -> str:
    return f"{told['mean']:.3f} [{told['low']:.3f}, {told['high']:.3f}]"
