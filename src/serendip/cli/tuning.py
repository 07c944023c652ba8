"""The command that tunes a model; `serendip.cli` registers it beside the others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from serendip.cli.commands import AsJson, Folder, Seed, Threads, _dataset, _options
from serendip.errors import InputError

if TYPE_CHECKING:
    from serendip.data import Dataset
    from serendip.evaluation.tuning import TuningResult
    from serendip.training import FitOptions

EXAMPLE = "Example: serendip tune films --model ease --trials 30"


def tune(
    workspace: Folder,
    model: Annotated[str, typer.Option(metavar="NAME", help="The model to tune.")],
    trials: Annotated[int, typer.Option(min=1, help="Trials in all, with the defaults and those done before.")] = 30,
    protocol: Annotated[
        str, typer.Option(help="How the data is split, as in evaluate; its test part is never read.")
    ] = "global-time",
    liked_only: Annotated[
        bool, typer.Option("--liked-only", help="Leave out events that say nothing good, such as low ratings.")
    ] = False,
    json: AsJson = False,
    seed: Seed = 0,
    threads: Threads = 0,
) -> None:
    """Look for better settings of a model.

    They are chosen on validation data only and saved as a recipe. A run that was stopped goes on where it was.
    """
    from serendip.cli.terminal import bars, say, show_json
    from serendip.store import Workspace
    from serendip.store.files import write_whole

    with Workspace.open(workspace) as opened, bars() as progress:
        dataset = _dataset(opened, progress)
        dataset = dataset.liked() if liked_only else dataset
        study = opened.path / "tuning" / f"{model}.db"
        result = _tuned(dataset, model, protocol, trials, study, _options(seed, threads, progress))
    recipe = workspace / "recipes" / f"{model}-tuned.toml"
    recipe.parent.mkdir(exist_ok=True)
    write_whole(recipe, result.to_toml())
    if json:
        show_json(result.to_json() | {"recipe": str(recipe)})
        return
    _show(result)
    say(f"saved {recipe} (train it with `serendip fit {workspace} --recipe {recipe}`)")


def _tuned(dataset: Dataset, model: str, protocol: str, trials: int, study: Path, options: FitOptions) -> TuningResult:
    try:
        from serendip.evaluation.tuning import tune as search
    except ModuleNotFoundError as error:
        if error.name != "optuna":
            raise
        raise InputError("tuning needs the package optuna, which is not installed") from None
    return search(dataset, model, protocol, trials, study, options)


def _show(result: TuningResult) -> None:
    from serendip.cli.terminal import say, show_table

    best, default = result.best_config, result.trials[0].config
    rows = [(name, default[name], best[name]) for name in best]
    show_table(["setting", "default", "best"], rows, right=["default", "best"])
    before = "cannot be fitted" if result.default_value is None else f"reach {result.default_value:.4f}"
    say(
        f"{result.protocol.split}, validation only ({result.asked:,} people): {result.metric} {result.best_value:.4f} "
        f"is the best of {len(result.trials)} trials; the defaults {before}"
    )
    if result.gain is not None and not result.clear:
        interval = f"[{result.gain.low:+.4f}, {result.gain.high:+.4f}]"
        say(f"the gain, {result.gain.mean:+.4f} {interval}, may be luck: the defaults may do as well on new data")
