"""Report: figures with everything that is needed to believe them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from math import isfinite
from typing import Any

from serendip.data.arrays import FloatArray, IntArray
from serendip.evaluation.protocol import Protocol
from serendip.evaluation.significance import Estimate


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
    per_person: dict[str, FloatArray] = field(default_factory=dict, repr=False)
    """Values (B,) in the order of `Report.user_rows`, of each metric that is a mean over people; not in the JSON."""

    def to_json(self) -> dict[str, Any]:
        kept = {name: value for name, value in vars(self).items() if name != "per_person"}
        figures = {"metrics": _figures(self.metrics), "new_people": _figures(self.new_people)}
        return kept | figures | {"seeds": list(self.seeds)}


@dataclass(frozen=True)
class Comparison:
    """The best model against another, paired by person."""

    metric: str
    better: str
    worse: str
    difference: Estimate
    p: float
    """Two-sided bootstrap p-value, corrected by Holm's procedure over the comparisons of the report."""


@dataclass(frozen=True, eq=False)
class Report:
    """The models of one evaluation, asked the same questions."""

    protocol: Protocol
    sizes: dict[str, int]
    """Events on each side, people and items; people asked, new, and with nothing relevant in the test part."""
    results: list[Result]
    comparisons: list[Comparison]
    user_rows: IntArray = field(repr=False)
    """Whose values `Result.per_person` holds, in order."""

    def __getitem__(self, model: str) -> Result:
        """The result of the model of that name."""
        return next(result for result in self.results if result.model == model)

    def to_json(self) -> dict[str, Any]:
        return {
            "protocol": self.protocol.to_json(),
            "sizes": self.sizes,
            "results": [result.to_json() for result in self.results],
            "comparisons": [asdict(comparison) for comparison in self.comparisons],
        }

    def table(self, metrics: Sequence[str] | None = None) -> list[list[str]]:
        """Rows of text, the header first, then the models from best to worst by the first of `metrics`."""
        k = primary_cutoff(self.protocol.cutoffs)
        chosen = metrics or [f"{name}@{k}" for name in ("ndcg", "recall", "hit_rate", "mrr", "coverage")]
        rows = [["model", *chosen, "fit s", "evaluate s", "peak MB"]]
        for result in sorted(self.results, key=lambda result: -result.metrics[chosen[0]].mean):
            cells = [_cell(result.metrics[name]) for name in chosen]
            costs = [f"{result.fit_wall_s:.2f}", f"{result.evaluate_wall_s:.2f}", f"{result.peak_mb:,.0f}"]
            rows.append([result.model, *cells, *costs])
        return rows

    def heading(self) -> str:
        """The protocol and the sizes in one line, to stand above the table."""
        sizes = self.sizes
        return (
            f"{self.protocol.split}, full ranking of {sizes['items']:,} items, seen items {self.protocol.seen}: "
            f"{sizes['asked']:,} people asked; {sizes['new']:,} new people apart"
        )

    def __str__(self) -> str:
        rows = self.table()
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([self.heading(), *lines])


def primary_cutoff(cutoffs: Sequence[int]) -> int:
    """10 where it is measured, else the nearest."""
    return min(cutoffs, key=lambda k: (abs(k - 10), k))


def _figures(estimates: dict[str, Estimate]) -> dict[str, dict[str, float | None]]:
    """JSON knows no NaN: what has no value, such as the novelty of empty lists, is null."""
    return {
        name: {key: value if value is None or isfinite(value) else None for key, value in asdict(it).items()}
        for name, it in estimates.items()
    }


def _cell(figure: Estimate) -> str:
    if figure.low is None or figure.high is None:
        return f"{figure.mean:.3f}"
    return f"{figure.mean:.3f} [{figure.low:.3f}, {figure.high:.3f}]"
