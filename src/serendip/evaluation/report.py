"""Report: figures with everything that is needed to believe them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import isfinite
from typing import Any, Protocol

from serendip.data.arrays import FloatArray, IntArray
from serendip.evaluation.leakage import Finding
from serendip.evaluation.significance import Estimate

LESS_IS_BETTER = ("rmse", "mae", "calibration")


class Claim(Protocol):
    """What a report must know of the protocol of its figures."""

    @property
    def columns(self) -> list[str]:
        """The metrics of a table; the first is the one by which models are compared."""
        ...

    def heading(self, sizes: Mapping[str, int]) -> str: ...

    def to_json(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Slice:
    """A model's figures for a part of the people, or for a part of the catalogue."""

    by: str
    name: str
    people: int
    metrics: dict[str, Estimate]


@dataclass(frozen=True)
class Gap:
    """How much better a metric is in the best served slice than in the worst."""

    by: str
    metric: str
    best: str
    worst: str
    difference: Estimate


@dataclass(frozen=True, eq=False)
class Result:
    """One model under one protocol; `to_json` has one shape for every model and every library."""

    case: str
    model: str
    config: dict[str, Any]
    metrics: dict[str, Estimate]
    new_people: dict[str, Estimate]
    """The same metrics for those without a history, who are not part of `metrics`; empty where there are none."""
    fit_cpu_s: float
    fit_wall_s: float
    evaluate_wall_s: float
    peak_mb: float
    """Largest resident memory of the whole process while fitting and ranking."""
    threads: int
    device: str
    seeds: tuple[int, ...]
    machine: str
    versions: dict[str, str]
    split_hash: str
    data_hash: str
    commit: str | None
    date: str
    provider: str = "serendip"
    slices: list[Slice] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    """Between the slices; from the same resamples of people."""
    per_person: dict[str, FloatArray] = field(default_factory=dict, repr=False)
    """Values (B,) in the order of `Report.user_rows`, of each metric that is a mean over people; not in the JSON."""

    def to_json(self) -> dict[str, Any]:
        kept = {name: value for name, value in vars(self).items() if name != "per_person"}
        figures = {"metrics": _figures(self.metrics), "new_people": _figures(self.new_people)}
        slices = [vars(one) | {"metrics": _figures(one.metrics)} for one in self.slices]
        gaps = [vars(one) | {"difference": _figure(one.difference)} for one in self.gaps]
        return kept | figures | {"slices": slices, "gaps": gaps, "seeds": list(self.seeds)}


@dataclass(frozen=True)
class Comparison:
    """The best model against another, paired by person; where less is better, the difference is below 0."""

    metric: str
    better: str
    worse: str
    difference: Estimate
    p: float
    """Two-sided bootstrap p-value, corrected by Holm's procedure over the comparisons of the report."""

    def __str__(self) -> str:
        gain = self.difference
        interval = "" if gain.low is None else f" [{gain.low:+.4f}, {gain.high:+.4f}]"
        return f"{self.better} over {self.worse}: {self.metric} {gain.mean:+.4f}{interval}, p = {self.p:.3f} (Holm)"


@dataclass(frozen=True, eq=False)
class Report:
    """The models of one evaluation, asked the same questions."""

    protocol: Claim
    sizes: dict[str, int]
    """Events on each side, people and items; people asked, new, and with nothing relevant in the test part."""
    results: list[Result]
    comparisons: list[Comparison]
    user_rows: IntArray = field(repr=False)
    """Whose values `Result.per_person` holds, in order."""
    findings: list[Finding] = field(default_factory=list)
    """Leaks between what was learned from and what was foretold; a report that has any is not to be trusted."""

    def __getitem__(self, model: str) -> Result:
        """The result of the model of that name."""
        return next(result for result in self.results if result.model == model)

    def to_json(self) -> dict[str, Any]:
        return {
            "protocol": self.protocol.to_json(),
            "sizes": self.sizes,
            "results": [result.to_json() for result in self.results],
            "comparisons": [asdict(comparison) for comparison in self.comparisons],
            "findings": [asdict(finding) for finding in self.findings],
        }

    def table(self, metrics: Sequence[str] | None = None) -> list[list[str]]:
        """Rows of text, the header first, then the models from best to worst by the first of `metrics`."""
        chosen = metrics or self.protocol.columns
        rows = [["model", *chosen, "fit s", "evaluate s", "peak MB"]]
        for result in self._ranked(chosen[0]):
            cells = [_cell(result.metrics[name]) for name in chosen]
            costs = [f"{result.fit_wall_s:.2f}", f"{result.evaluate_wall_s:.2f}", f"{result.peak_mb:,.0f}"]
            rows.append([result.model, *cells, *costs])
        return rows

    def slice_table(self, by: str, metric: str | None = None) -> list[list[str]]:
        """Rows of text, the header first: a row for each slice, a column for each model, best first; then the gap."""
        metric = metric or self.protocol.columns[0]
        ranked = self._ranked(self.protocol.columns[0])
        rows = [[f"{metric} by {by}", "people", *(result.model for result in ranked)]]
        for slices in zip(*([one for one in result.slices if one.by == by] for result in ranked), strict=True):
            rows.append([slices[0].name, f"{slices[0].people:,}", *(_cell(one.metrics[metric]) for one in slices)])
        gaps = [[one for one in result.gaps if (one.by, one.metric) == (by, metric)] for result in ranked]
        if all(gaps):
            rows.append(["gap, best to worst", "", *(_cell(found[0].difference) for found in gaps)])
        return rows

    def heading(self) -> str:
        """The protocol and the sizes in one line, to stand above the table; leaks, where there are any, below it."""
        return "\n".join([self.protocol.heading(self.sizes), *map(str, self.findings)])

    def __str__(self) -> str:
        rows = self.table()
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([self.heading(), *lines])

    def _ranked(self, metric: str) -> list[Result]:
        return sorted(self.results, key=lambda result: better_first(metric, result.metrics[metric].mean))


def better_first(metric: str, mean: float) -> float:
    """A number that is smaller for the better mean; what is no number comes last."""
    less = metric.removeprefix("sampled_").partition("@")[0] in LESS_IS_BETTER
    return float("inf") if not isfinite(mean) else mean if less else -mean


def _figures(estimates: dict[str, Estimate]) -> dict[str, dict[str, float | None]]:
    return {name: _figure(it) for name, it in estimates.items()}


def _figure(it: Estimate) -> dict[str, float | None]:
    """JSON knows no NaN: what has no value, such as the novelty of empty lists, is null."""
    return {key: value if value is None or isfinite(value) else None for key, value in asdict(it).items()}


def _cell(figure: Estimate) -> str:
    if figure.low is None or figure.high is None:
        return f"{figure.mean:.3f}"
    return f"{figure.mean:.3f} [{figure.low:.3f}, {figure.high:.3f}]"
