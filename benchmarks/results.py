"""Results: one JSON object per model and case, the same for ours and for other libraries."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from serendip.errors import InputError
from serendip.evaluation import Estimate

FOLDER = Path(__file__).parent / "results"
SECONDS = ("fit_cpu_s", "fit_wall_s", "evaluate_wall_s")

Figures = dict[str, Estimate]


@dataclass(frozen=True)
class Result:
    """What one model reached on one case, what it took, and where."""

    case: str
    model: str
    """With its settings, where they are not the defaults: `ease?l2=500`."""
    provider: str
    """`serendip`, or the library that the model comes from."""
    seeds: list[int]
    """Metrics and costs are means over the fits with these."""
    metrics: Figures
    """Slices too, as `ndcg@10 [tail items]`."""
    fit_cpu_s: float
    fit_wall_s: float
    evaluate_wall_s: float
    """To rank for everybody asked, without the metrics; of ratings, to predict them."""
    peak_mb: float
    """Largest resident memory of the process, the data included, in millions of bytes."""
    threads: int
    device: str
    machine: str
    versions: dict[str, str]
    split_hash: str
    data_hash: str
    config: dict[str, Any]
    commit: str | None
    date: str

    @property
    def key(self) -> tuple[str, str, str]:
        """A result replaces an earlier one of the same key."""
        return self.case, self.provider, self.model

    @classmethod
    def of(cls, table: dict[str, Any], where: str) -> Result:
        """From one JSON object.

        Raises:
            InputError: a field is missing or unknown, or there is no metric; the sentence says `where`.
        """
        names = [field.name for field in fields(cls)]
        for name in names:
            if name not in table:
                raise InputError(f"{where}: the field {name!r} is missing")
        if unknown := sorted(set(table) - set(names)):
            raise InputError(f"{where}: there is no field {unknown[0]!r}")
        if not table["metrics"]:
            raise InputError(f"{where}: there are no metrics")
        return cls(**table | {"metrics": {name: Estimate(**figure) for name, figure in table["metrics"].items()}})


def read(file: Path) -> list[Result]:
    """The results of one file.

    Raises:
        InputError: the file is not a list of results.
    """
    try:
        tables = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{file} is not JSON: {error}") from None
    if not isinstance(tables, list):
        raise InputError(f"{file} holds no list of results")
    return [Result.of(table, f"{file}, result {place}") for place, table in enumerate(tables, 1)]


def read_all(folder: Path = FOLDER) -> list[Result]:
    """The results of all files in `folder`; of several with one key the latest counts."""
    found = [result for file in sorted(folder.glob("*.json")) for result in read(file)]
    return list({result.key: result for result in sorted(found, key=lambda result: result.date)}.values())


def write(file: Path, new: Iterable[Result]) -> None:
    """Add results to `file`; one with the key of an earlier result takes its place."""
    kept = {result.key: result for result in (read(file) if file.exists() else [])}
    kept |= {result.key: result for result in new}
    ordered = sorted(kept.values(), key=lambda result: result.key)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(to_json(ordered) + "\n", encoding="utf-8")


def earlier(file: Path, case: str, model: str) -> Result | None:
    """Ours in `file`, if it is there.

    Raises:
        InputError: the file is not a list of results.
    """
    ours = {result.key: result for result in (read(file) if file.exists() else [])}
    return ours.get((case, "serendip", model))


def together(one: Result, other: Result) -> Result:
    """Of the seeds of both; where, when and at which commit are of the later one.

    Raises:
        InputError: a seed is in both, or they are not of the same case, model, settings, data and threads.
    """
    for what in ("key", "split_hash", "data_hash", "threads", "device"):
        if getattr(one, what) != getattr(other, what):
            raise InputError(f"{one.model} on {one.case}: seeds of results that differ in {what} do not go together")
    check_settings(one, other.config)
    if both := set(one.seeds) & set(other.seeds):
        raise InputError(f"{one.model} on {one.case}: seed {min(both)} is in both results")
    runs = [one] * len(one.seeds) + [other] * len(other.seeds)
    costs = {what: sum(getattr(run, what) for run in runs) / len(runs) for what in SECONDS}
    return replace(
        max(one, other, key=lambda result: result.date),
        seeds=sorted([*one.seeds, *other.seeds]),
        metrics=averaged([run.metrics for run in runs]),
        peak_mb=max(one.peak_mb, other.peak_mb),
        config=one.config | other.config,
        **costs,
    )


def check_settings(known: Result, config: dict[str, Any]) -> None:
    """Whether other seeds with `config` go with those of a result; a setting that came later changes nothing unnamed.

    Raises:
        InputError: a setting that both know is another one.
    """
    for name, value in known.config.items():
        if name in config and config[name] != value:
            raise InputError(
                f"{known.model} on {known.case}: it was recorded with {name} = {value}, now {config[name]}"
            )


def averaged(runs: Sequence[Figures]) -> Figures:
    """Mean figures, and mean ends of intervals, of runs with several seeds."""
    return {name: _mean_of([run[name] for run in runs]) for name in runs[0]}


def _mean_of(figures: list[Estimate]) -> Estimate:
    mean = float(np.mean([figure.mean for figure in figures]))
    lows = [figure.low for figure in figures if figure.low is not None]
    highs = [figure.high for figure in figures if figure.high is not None]
    return Estimate(mean, float(np.mean(lows)), float(np.mean(highs))) if lows and highs else Estimate(mean)


def to_json(results: Iterable[Result]) -> str:
    """A list that `read` reads."""
    return json.dumps([asdict(result) for result in results], indent=1, ensure_ascii=False)
