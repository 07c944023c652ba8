"""Running: one model on one case, in a process of its own so that its memory is its own.

`python -m benchmarks.running CASE MODEL --seeds 0 1 2 --threads 0` prints one result as JSON.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import ratings
from benchmarks.cases import Case, Fold, Material, caches, data_root, find
from benchmarks.cases.folds import validation_between
from benchmarks.results import Figures, Result, averaged
from benchmarks.sitting import Sitting
from serendip.data.splits import Split
from serendip.errors import InputError
from serendip.evaluation.rankers import entrants
from serendip.evaluation.rating_exam import RatingExam
from serendip.evaluation.resources import Use, commit, machine, measured, versions
from serendip.training import FitOptions

REPOSITORY = Path(__file__).parents[1]
REFUSED = 2
"""Exit status where the input is wrong; the last line of the error stream says what."""
VALIDATION = " (validation)"
"""Ends the name of a case whose test part was not looked at; there is no leaderboard of these."""


@dataclass
class Costs:
    """Of all fits of one run."""

    fits: list[Use]
    answers: list[Use]

    def to_json(self, n_runs: int) -> dict[str, Any]:
        """Of one run: with several folds, the sum over them."""
        return {
            "fit_cpu_s": sum(use.cpu_s for use in self.fits) / n_runs,
            "fit_wall_s": sum(use.wall_s for use in self.fits) / n_runs,
            "evaluate_wall_s": sum(use.wall_s for use in self.answers) / n_runs,
            "peak_mb": max(use.peak_mb for use in (*self.fits, *self.answers)),
        }


def measure(
    case: Case,
    model: str,
    seeds: Sequence[int],
    options: FitOptions,
    root: Path | None = None,
    validation: bool = False,
) -> Result:
    """Fit and evaluate in this process; for `validation` on a part of what may be learned from, the test unseen.

    Raises:
        InputError: the data set is not there, or there is no such model for this kind of case.
    """
    trial = _rank if case.kind == "ranking" else _rate
    material = case.material(root, validation)
    options = prepared(case, options, root)
    figures, costs = trial(case, material, model, [_with_seed(options, seed) for seed in seeds])
    return Result(
        case=f"{case.name}{VALIDATION}" if validation else case.name,
        model=model,
        provider="serendip",
        seeds=list(seeds),
        metrics=figures,
        **costs.to_json(len(seeds)),
        **circumstances(material, options),
        config=configuration(case, model),
    )


def prepared(case: Case, options: FitOptions, root: Path | None = None) -> FitOptions:
    """`options` that know where what encoders said is kept, and where the pictures of the case are."""
    options = replace(options, vectors=caches() / "texts.sqlite")
    if case.pictures is None:
        return options
    return replace(options, pictures=case.pictures((root or data_root()) / case.folder))


def configuration(case: Case, model: str) -> dict[str, Any]:
    """All settings of `model`, as JSON has them.

    Raises:
        InputError: there is no such model for this kind of case.
    """
    config = entrants([model])[0].config if case.kind == "ranking" else ratings.rater(model)[1]
    return dict(json.loads(json.dumps(config)))


def circumstances(material: Material, options: FitOptions) -> dict[str, Any]:
    """What a result says beside figures and costs, the same for every model and library."""
    return {
        "threads": options.n_threads,
        "device": options.device,
        "machine": machine(),
        "versions": versions(),
        "split_hash": material.split_hash,
        "data_hash": material.data_hash,
        "commit": commit(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _with_seed(options: FitOptions, seed: int) -> FitOptions:
    return replace(options, seed=seed)


def _rank(case: Case, material: Material, model: str, runs: list[FitOptions]) -> tuple[Figures, Costs]:
    sitting, beside = Sitting(case, material.folds[0]), _beside(case, material.folds[0])
    sitting.people, sitting.exam.seen  # noqa: B018  # found out before the clock runs, the same for every model
    costs, listed, validated = Costs([], []), [], []
    for options in runs:
        ranker = entrants([model])[0].ranker
        with measured() as fit:
            ranker.fit(sitting.fold.learn, options)
        with measured() as answers:
            asked = sitting.lists(ranker, sitting.exam.asked, options.progress)
        listed.append(np.concatenate([asked, sitting.lists(ranker, sitting.exam.strangers)]))
        validated += [beside.lists(ranker, beside.people)] if beside else []
        costs.fits.append(fit)
        costs.answers.append(answers)
    figures = sitting.figures(listed)
    if beside:
        main = case.metrics[0]
        figures[f"{main}{VALIDATION}"] = beside.figures(validated)[main]
    return figures, costs


def _beside(case: Case, fold: Fold) -> Sitting | None:
    """What settings are chosen by, where the same fit can be asked for it: the validation part is not learned from."""
    if case.validation is not validation_between or fold.known is fold.learn:
        return None
    return Sitting(case, case.validation(fold))


def _rate(case: Case, material: Material, model: str, runs: list[FitOptions]) -> tuple[Figures, Costs]:
    exam = RatingExam([Split(fold.learn, fold.test, case.name, folded_in=fold.shown) for fold in material.folds])
    costs, found = Costs([], []), []
    for options in runs:
        predicted = []
        for place, fold in enumerate(material.folds):
            rater, _ = ratings.rater(model)
            with measured() as fit:
                rater.fit(fold.learn, options)
            with measured() as answers:
                predicted.append(exam.foretold(rater, place))
            costs.fits.append(fit)
            costs.answers.append(answers)
        found.append(ratings.figures(material.folds, predicted))
    return averaged(found), costs


def in_its_own_process(case: str, model: str, seeds: Sequence[int], threads: int, validation: bool = False) -> Result:
    """The same as `measure`, in a fresh Python.

    Raises:
        InputError: what `measure` refuses.
        RuntimeError: the process failed otherwise; what it said is on the error stream.
    """
    command = [sys.executable, "-m", "benchmarks.running", case, model]
    command += ["--seeds", *map(str, seeds), "--threads", str(threads), *(["--validation"] if validation else [])]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    if done.returncode == REFUSED:
        raise InputError(done.stderr.strip().splitlines()[-1])
    if done.returncode:
        raise RuntimeError(f"{model} on {case} ended with status {done.returncode}:\n{done.stderr.strip()}")
    return Result.of(json.loads(done.stdout), f"{model} on {case}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.running")
    parser.add_argument("case")
    parser.add_argument("model")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--validation", action="store_true")
    arguments = parser.parse_args()
    options = FitOptions(threads=arguments.threads)
    try:
        case = find(arguments.case)
        result = measure(case, arguments.model, arguments.seeds, options, validation=arguments.validation)
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(REFUSED)
    sys.stdout.write(json.dumps(asdict(result)) + "\n")


if __name__ == "__main__":
    main()
