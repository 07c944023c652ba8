"""`python -m benchmarks`: list the cases, run models on one, run other libraries, write the leaderboard."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from benchmarks import cases, report, results, running
from benchmarks.prequential import report as prequential_report
from benchmarks.prequential.command import prequential
from benchmarks.service import report as service_report
from benchmarks.service.command import service
from serendip.errors import InputError

app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)
out = Console()


@app.command("list")
def list_cases() -> None:
    """The cases, whether their data are here, and how many published models are quoted."""
    root = cases.data_root()
    table = Table(Column("case", no_wrap=True), "measures", "data set", "quoted", box=None)
    missing = False
    for case in cases.CASES.values():
        here = (root / case.folder).is_dir()
        missing = missing or not here
        folder = case.folder if here else f"{case.folder} (missing)"
        table.add_row(case.name, case.metrics[0], folder, str(len(case.published) or "-"))
    out.print(table)
    if missing:
        out.print(f"The missing ones are not in {root}; set SERENDIP_DATA to the folder that holds the data sets.")


@app.command()
def run(
    case: Annotated[str, typer.Argument(help="A case of `list`.")],
    models: Annotated[str, typer.Option(help="Names with commas between; by default those of the case.")] = "",
    seeds: Annotated[int, typer.Option(min=1, help="Fit so many times, with seeds 0, 1, ...")] = 1,
    keep_seeds: Annotated[
        bool, typer.Option("--keep-seeds", help="A seed that a row of the file was fitted with is not fitted again.")
    ] = False,
    threads: Annotated[int, typer.Option(min=0, help="0: all cores.")] = 0,
    validation: Annotated[
        bool, typer.Option("--validation", help="To choose settings by: the test part is not looked at.")
    ] = False,
    json: Annotated[Path | None, typer.Option(help="Add the results to this file; - prints them as JSON.")] = None,
) -> None:
    """Fit and evaluate models, each in a process of its own."""
    chosen = cases.find(case)
    printed = json == Path("-")
    told = Console(stderr=True) if printed else out  # the output is JSON and nothing else
    if keep_seeds and (json is None or printed):
        raise InputError("--keep-seeds needs a file of earlier results: --json FILE")
    name = f"{case}{running.VALIDATION}" if validation else case
    found = []
    for model in map(str.strip, filter(None, models.split(",")) if models else chosen.models):
        known = results.earlier(json, name, model) if keep_seeds and json is not None else None
        with told.status(f"{model} on {case}"):
            found.append(_fitted(known, case, model, range(seeds), threads, validation))
        if json is not None and not printed:
            results.write(json, found)
        told.print(report.line(chosen, found[-1]), highlight=False)
    if printed:
        out.print_json(results.to_json(found))


def _fitted(
    known: results.Result | None, case: str, model: str, seeds: Sequence[int], threads: int, validation: bool
) -> results.Result:
    """With those of the `seeds` that are not known yet, and what is known counted in."""
    if known is None:
        return running.in_its_own_process(case, model, seeds, threads, validation)
    missing = [seed for seed in seeds if seed not in known.seeds]
    if not missing:
        return known
    results.check_settings(known, running.configuration(cases.find(case), model))  # before hours are spent
    return results.together(known, running.in_its_own_process(case, model, missing, threads, validation))


@app.command("report")
def write_report() -> None:
    """Write the leaderboard (page, HTML, picture), service_speed.md and prequential.md from benchmarks/results."""
    for file in (*report.write(results.read_all()), service_report.write(), *prequential_report.write()):
        out.print(f"wrote {os.path.relpath(file)}")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def peers(context: typer.Context) -> None:
    """The same cases through other libraries; `peers --help` says more."""
    if importlib.util.find_spec("benchmarks.peers") is None:
        raise InputError("benchmarks/peers is not there")
    module = importlib.import_module("benchmarks.peers")
    module.main(context.args)


app.command()(service)
app.command()(prequential)


def main() -> None:
    try:
        app(prog_name="python -m benchmarks")
    except InputError as error:
        sys.exit(f"{error}")


if __name__ == "__main__":
    main()
