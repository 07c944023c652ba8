"""The commands, one function each. Heavy rooms are imported where they are used, so that `--help` is quick."""

from __future__ import annotations

import gc
import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from serendip.errors import InputError

if TYPE_CHECKING:
    from serendip.data import Dataset
    from serendip.store import Workspace
    from serendip.training import FitOptions

HOST = "127.0.0.1"
PORT = 8000
HOURS = {"m": 1 / 60, "h": 1.0, "d": 24.0}

app = typer.Typer(
    help="A recommender system around large models: from a click log to live answers with reasons.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Folder = Annotated[Path, typer.Argument(metavar="WORKSPACE", help="The folder that holds the workspace.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="The port to serve on.")]
Host = Annotated[str, typer.Option(help="The address to serve on; other than this machine's own needs --insecure.")]
Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same result.")]
Threads = Annotated[int, typer.Option(min=0, help="Threads to use; 0 is all cores.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print only JSON.")]
RecipeName = Annotated[str, typer.Option(help="A recipe that comes with the package, or a .toml file.")]
Column = Annotated[str | None, typer.Option(help="The column to read it from, where the guess is wrong.")]


@app.callback(invoke_without_command=True)
def version(
    context: typer.Context, show: Annotated[bool, typer.Option("--version", help="Print the version.")] = False
) -> None:
    if show:
        from serendip.version import __version__

        typer.echo(__version__)
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(2)


@app.command(epilog="Example: serendip demo shop --port 8080")
def demo(
    workspace: Annotated[Path, typer.Argument(help="The folder to make the workspace in.")] = Path("demo"),
    serve: Annotated[bool, typer.Option(help="Serve it when it is ready.")] = True,
    host: Host = HOST,
    port: Port = PORT,
    seed: Seed = 0,
) -> None:
    """Make a generated marketplace and serve it."""
    from serendip.cli.marketplace import make_marketplace
    from serendip.cli.terminal import say
    from serendip.serving import check_address

    if serve:
        check_address(host, port)
    make_marketplace(workspace, seed)
    if serve:
        _serve(workspace, host, port)
    else:
        say(f"ready: serendip serve {workspace}")


@app.command("import", epilog="Example: serendip import movielens ml-latest-small.zip films")
def import_(
    format: Annotated[
        Literal["movielens", "csv", "parquet", "jsonl", "sequences", "gorse"],
        typer.Argument(metavar="FORMAT", help="movielens, csv, parquet, jsonl, sequences or gorse."),
    ],
    path: Annotated[Path, typer.Argument(help="A file or folder (for movielens also the official zip).")],
    workspace: Folder,
    items: Annotated[Path | None, typer.Option(help="A file of items beside the events.")] = None,
    users: Annotated[Path | None, typer.Option(help="A file of people beside the events.")] = None,
    relations: Annotated[Path | None, typer.Option(help="A file of facts (head, relation, tail).")] = None,
    user_column: Column = None,
    item_column: Column = None,
    type_column: Column = None,
    value_column: Column = None,
    time_column: Column = None,
    event_id_column: Column = None,
    text_column: Annotated[
        str | None, typer.Option(help="The column of searches or reviews; it is read only where it is named.")
    ] = None,
    event_type: Annotated[str | None, typer.Option(help="The type of events that do not say theirs.")] = None,
    skip_bad_rows: Annotated[bool, typer.Option(help="Leave out rows that cannot be read, and count them.")] = False,
) -> None:
    """Read a log and a catalogue into a workspace."""
    from serendip.cli.terminal import bars, say
    from serendip.data.cleaning import canonical
    from serendip.data.readers import read
    from serendip.store import Workspace

    given = {
        "items": items,
        "users": users,
        "relations": relations,
        "user_column": user_column,
        "item_column": item_column,
        "type_column": type_column,
        "value_column": value_column,
        "time_column": time_column,
        "event_id_column": event_id_column,
        "text_column": text_column,
        "event_type": event_type,
        "skip_bad_rows": skip_bad_rows or None,
    }
    result = read(format, path, **{name: value for name, value in given.items() if value is not None})
    for note in result.notes:
        say(note)
    tables, spelling = canonical(result.tables)
    if spelling.examples:
        say(str(spelling))
    with Workspace.create(workspace) as opened, bars() as progress:
        receipt = opened.store.import_tables(tables, progress)
    say(f"read {tables}")
    say(f"imported {receipt.accepted:,} events into {workspace}; {receipt.duplicates:,} were there already")
    if receipt.rejected:
        first = receipt.rejected[0]
        say(f"{len(receipt.rejected):,} events were left out; the first, event {first.index + 1}: {first.detail}")


@app.command(epilog="Example: serendip check films")
def check(workspace: Folder, json: AsJson = False) -> None:
    """Say what is wrong with the data."""
    from serendip.cli.terminal import say, show_json, show_table
    from serendip.data.checks import check as find
    from serendip.data.cleaning import clean
    from serendip.store import Workspace

    with Workspace.open(workspace) as opened:
        tables = opened.store.tables()
        findings = find(tables, opened.settings.events)
        _, report = clean(tables, opened.settings.cleaning)
    if json:
        show_json(
            {"findings": [asdict(finding) for finding in findings], "cleaning": [asdict(step) for step in report.steps]}
        )
    else:
        rows = [(one.level, one.name, one.detail, ", ".join(one.examples)) for one in findings]
        show_table(["level", "check", "found", "examples"], rows)
        say(str(report))
    if any(finding.level == "FAIL" for finding in findings):
        raise typer.Exit(1)


@app.command(epilog="Example: serendip fit films --recipe default")
def fit(
    workspace: Folder,
    recipe: RecipeName = "",
    aside: Annotated[bool, typer.Option("--aside", help="Put it beside the current model, for an experiment.")] = False,
    seed: Seed = 0,
    threads: Threads = 0,
    json: AsJson = False,
) -> None:
    """Train a recipe and put it in place; of a recipe that is named here, rounds of training make newer versions."""
    from serendip.cli.terminal import bars, say, show_json
    from serendip.pipeline import Pipeline, Recipe
    from serendip.store import Workspace, choice

    with Workspace.open(workspace) as opened:
        chosen = Recipe.find(recipe or opened.settings.recipe)
        with bars() as progress:
            reading = opened.read(progress)
            if reading.report.removed:
                say(str(reading.report))
            options = replace(
                _options(seed, threads, progress),
                checkpoints=opened.checkpoints_dir,
                vectors=opened.text_vectors,
                pictures=opened.path,
            )
            pipeline = Pipeline(chosen).fit(reading.dataset, options)
        if recipe:
            pipeline.card |= choice.chosen(opened.settings.recipe)  # rounds of training fit it from now on
        version = opened.adopt(pipeline, reading, aside)
        erased = opened.store.mark().erasures - reading.mark.erasures
    if erased:
        say(f"people erased while it was fitted: {erased:,} (fit again, so that it forgets them)")
    if json:
        show_json({"model_version": version, **pipeline.card})
        return
    seconds = ", ".join(f"{name} {spent:.1f} s" for name, spent in pipeline.card["fit_seconds"].items())
    say(f"fitted {chosen.name} ({seconds}; peak {pipeline.card['peak_mb']:.0f} MB) as {version}")


@app.command(epilog="Example: serendip evaluate films --models popular,ease,default --protocol global-time --json -")
def evaluate(
    workspace: Folder,
    models: Annotated[
        str, typer.Option(help="Names separated by commas: models, with settings such as ease?l2=500, or recipes.")
    ] = "popular,item_knn,ease,als",
    protocol: Annotated[
        str,
        typer.Option(
            help="How the data is split, with settings such as global-time?test_share=0.1: global-time, "
            "leave-one-out, random-per-user, user-split, cold-item, cold-user or k-fold."
        ),
    ] = "global-time",
    slices: Annotated[
        str, typer.Option(help="Show figures by history, popularity or attributes too, separated by commas.")
    ] = "",
    cutoffs: Annotated[str, typer.Option(help="Lengths of list to measure at, separated by commas.")] = "5,10,20",
    liked_only: Annotated[
        bool, typer.Option("--liked-only", help="Leave out events that say nothing good, such as low ratings.")
    ] = False,
    json: Annotated[str | None, typer.Option(metavar="FILE", help="Write JSON to FILE; - prints only JSON.")] = None,
    seed: Seed = 0,
    threads: Threads = 0,
) -> None:
    """Measure models, with intervals."""
    from serendip.cli.terminal import bars, say, show_json, show_table
    from serendip.evaluation import evaluate as measure
    from serendip.store import Workspace

    contenders = [_contender(name) for name in listed(models)]
    if not contenders:
        raise InputError("--models: name at least one model or recipe")
    if json and not Path(json).parent.is_dir():
        raise InputError(f"--json: there is no folder {Path(json).parent}")
    with Workspace.open(workspace) as opened, bars() as progress:
        dataset = _dataset(opened, progress)
        dataset = dataset.liked() if liked_only else dataset
        options = _options(seed, threads, progress)
        report = measure(dataset, contenders, protocol, options, progress, _lengths(cutoffs), listed(slices))
    if json:
        show_json(report.to_json(), json)
    if json != "-":
        say(report.heading())
        for columns, *rows in (report.table(), *(report.slice_table(by) for by in listed(slices))):
            show_table(columns, rows, right=columns[1:])
        for comparison in report.comparisons:
            say(str(comparison))


@app.command(epilog="Example: serendip serve films --port 8080")
def serve(
    workspace: Folder,
    host: Host = HOST,
    port: Port = PORT,
    insecure: Annotated[bool, typer.Option("--insecure", help="Serve other machines although no key is set.")] = False,
    origin: Annotated[
        list[str] | None,
        typer.Option(help="Let pages of this origin, such as https://shop.example, ask; may be repeated."),
    ] = None,
    log: Annotated[
        Literal["quiet", "text", "json"],
        typer.Option(help="A line per request on standard error, as text or json; quiet writes only what goes wrong."),
    ] = "quiet",
    processes: Annotated[int, typer.Option(min=1, max=256, help="So many answer side by side, a core for each.")] = 1,
    train_every: Annotated[
        str | None, typer.Option(help="Train anew beside it, so often: 30m, 6h, 1d; 0h never. See settings.toml.")
    ] = None,
    handed: Annotated[str | None, typer.Option(hidden=True)] = None,
) -> None:
    """Answer over HTTP, with the page to play on."""
    every_h = None if train_every is None else _hours(train_every)
    shared = {"processes": processes, "train_every_h": every_h, "handed": handed}
    _serve(workspace, host, port, insecure=insecure, origins=origin or (), log=log, **shared)


def _serve(folder: Path, host: str, port: int, **options: Any) -> None:
    gc.disable()  # a start makes no garbage; the service enables it once its model is in place
    from serendip.serving import serve as run
    from serendip.store import Workspace

    def announce(address: str) -> None:
        from serendip.cli.terminal import say

        say(f"serving {folder} on {address} (stop with Ctrl-C)")

    with Workspace.open(folder) as opened:
        run(opened, host=host, port=port, announce=announce, **options)


def _dataset(workspace: Workspace, progress: Any) -> Dataset:
    from serendip.cli.terminal import say

    dataset, report = workspace.dataset(progress)
    if report.removed:
        say(str(report))
    return dataset


def _options(seed: int, threads: int, progress: Any) -> FitOptions:
    from serendip.training import FitOptions

    return FitOptions(seed=seed, threads=threads, progress=progress)


def listed(text: str) -> list[str]:
    """The parts of a list separated by commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def _hours(text: str) -> float:
    """Hours in a text such as 6h, 30m or 1d."""
    number, unit = text[:-1], HOURS.get(text[-1:])
    if unit is None or not re.fullmatch(r"\d{1,6}(\.\d{1,6})?", number):
        raise InputError(f"--train-every: {text!r} is not a time such as 30m, 6h or 1d")
    return float(number) * unit


def _lengths(text: str) -> tuple[int, ...]:
    lengths = listed(text)
    if not lengths or not all(length.isdecimal() and int(length) for length in lengths):
        raise InputError(f"--cutoffs: {text!r} is not a list of lengths such as 5,10,20")
    return tuple(int(length) for length in lengths)


def _contender(name: str) -> Any:
    """A model by name, or a whole recipe."""
    from serendip import models
    from serendip.pipeline import Pipeline, Recipe

    if name.partition("?")[0] in models.names():
        return name
    if name not in Recipe.names() and not name.endswith(".toml"):
        known = ", ".join([*models.names(), *Recipe.names()])
        raise InputError(f"there is no model or recipe {name!r}; there are {known}")
    return Pipeline(Recipe.find(name))
