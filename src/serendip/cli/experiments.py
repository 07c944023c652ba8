"""The commands that start, stop and read experiments; `serendip.cli` registers them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from serendip.cli.commands import AsJson, Folder
from serendip.errors import InputError

if TYPE_CHECKING:
    from serendip.evaluation.significance import Estimate
    from serendip.store import Arm, Experiment, Workspace

app = typer.Typer(
    name="experiment",
    help="Compare models on the people of a service.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Which = Annotated[str, typer.Argument(metavar="EXPERIMENT", help="Its id or its name.")]


@app.command(
    epilog="Example: serendip experiment start shop words --arm control=current --arm new=20260101T120000Z-1a2b"
)
def start(
    workspace: Folder,
    name: Annotated[str, typer.Argument(help="What it is about, in your words.")],
    arm: Annotated[
        list[str],
        typer.Option(
            help="NAME=MODEL, the control first; MODEL is a version that `fit --aside` printed, or current. "
            "NAME=MODEL=SHARE gives it a share of the people other than 1."
        ),
    ],
    kind: Annotated[
        Literal["split", "interleaving"],
        typer.Option(help="split: each person sees one arm; interleaving: everybody sees both in one list."),
    ] = "split",
    traffic: Annotated[float, typer.Option(min=0, max=1, help="The share of people who take part.")] = 1.0,
    worth: Annotated[
        float, typer.Option(min=0, max=1, help="The smallest difference worth knowing, as a share of lists.")
    ] = 0.01,
    surface: Annotated[str | None, typer.Option(help="Lists of this surface alone.")] = None,
) -> None:
    """Start an experiment; running services take it up within seconds."""
    from serendip.cli.terminal import out, say
    from serendip.serving.experiments import begin
    from serendip.store import Workspace

    arms = [_arm(text) for text in arm]
    with Workspace.open(workspace) as opened:
        begun = begin(opened, name, arms, kind, traffic, worth, surface)
    say(f"the experiment {name} runs; read it with: serendip experiment results {workspace} {begun.id}")
    out.file.write(begun.id + "\n")


@app.command(epilog="Example: serendip experiment stop shop words --why decided")
def stop(
    workspace: Folder, experiment: Which, why: Annotated[str, typer.Option(help="For those who read it later.")] = ""
) -> None:
    """End an experiment; everybody is answered by the current model again."""
    from serendip.cli.terminal import say
    from serendip.store import Workspace

    with Workspace.open(workspace) as opened:
        found = _found(opened, experiment)
        if not opened.store.stop_experiment(found.id, why):
            raise InputError(f"the experiment {found.name!r} was stopped before")
    say(f"the experiment {found.name} is stopped")


@app.command("list", epilog="Example: serendip experiment list shop")
def list_experiments(workspace: Folder, json: AsJson = False) -> None:
    """All experiments there ever were."""
    from dataclasses import asdict

    from serendip.cli.terminal import show_json, show_table
    from serendip.data.times import rfc3339
    from serendip.store import Workspace

    with Workspace.open(workspace) as opened:
        known = opened.store.experiments()
    if json:
        show_json([asdict(one) for one in known])
        return
    rows = [
        (
            one.id,
            one.name,
            one.kind,
            ", ".join(f"{arm.name} ({arm.model_version or 'current'})" for arm in one.arms),
            f"{one.traffic:.0%}",
            rfc3339(one.started_ms),
            "runs" if one.stopped_ms is None else f"stopped: {one.stopped_why or rfc3339(one.stopped_ms)}",
        )
        for one in known
    ]
    show_table(["id", "name", "kind", "arms", "people", "started", "state"], rows)


@app.command(epilog="Example: serendip experiment results shop words")
def results(workspace: Folder, experiment: Which, json: AsJson = False) -> None:
    """What an experiment says so far; look as often as you like."""
    from serendip.cli.terminal import say, show_json, show_table
    from serendip.serving.experiments import read
    from serendip.store import Workspace

    with Workspace.open(workspace) as opened:
        found = read(opened, _found(opened, experiment))
    if json:
        show_json(found.to_json())
        return
    rows = [
        (arm.name, f"{arm.people:,}", f"{arm.lists:,}", _share(arm.wanted), _share(arm.gain) if arm.gain else "control")
        for arm in found.arms
    ]
    show_table(["arm", "people", "lists", "wanted", "gain"], rows, right=["people", "lists"])
    for arm in found.arms:
        if arm.advice is not None:
            say(f"{arm.name}: {arm.advice.verdict}; {arm.advice.why}")


def _arm(text: str) -> Arm:
    from serendip.store import Arm

    name, _, rest = text.partition("=")
    version, _, share = rest.partition("=")
    try:
        weight = float(share or 1.0)
    except ValueError:
        weight = 0.0
    if not name or not version or not weight > 0:
        raise InputError(f"--arm: {text!r} is not NAME=MODEL or NAME=MODEL=SHARE")
    return Arm(name, None if version == "current" else version, weight)


def _found(workspace: Workspace, id_or_name: str) -> Experiment:
    from serendip.serving.experiments import find

    experiment = find(workspace, id_or_name)
    if experiment is None:
        raise InputError(f"there is no experiment {id_or_name!r}")
    return experiment


def _share(told: Estimate) -> str:
    """A share of lists with its interval."""
    if told.low is None or told.high is None:
        return f"{told.mean:.2%} (too few to tell)"
    return f"{told.mean:.2%} [{told.low:.2%}, {told.high:.2%}]"
