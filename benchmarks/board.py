"""Board: one case with everything measured and everything quoted, in order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from benchmarks.cases import CASES, Case, Published
from benchmarks.results import Result
from serendip.errors import InputError
from serendip.evaluation import Estimate

LOWER_IS_BETTER = ("rmse", "mae", "gini")
OURS = "serendip"
LONGEST_LABEL = 26


@dataclass(frozen=True)
class Row:
    """A model: measured, or quoted, or (neither) still without a result."""

    model: str
    result: Result | None = None
    published: Published | None = None

    @property
    def provider(self) -> str:
        return self.result.provider if self.result else "" if self.published else OURS

    @property
    def label(self) -> str:
        """The model, with the library it comes from where that is not ours."""
        return self.model if self.provider in ("", OURS) else f"{self.model} · {self.provider}"

    @property
    def short(self) -> str:
        """The label for a plot; a star stands for settings that are too long for it."""
        if len(self.label) <= LONGEST_LABEL or "?" not in self.label:
            return self.label
        name, _, rest = self.label.partition("?")
        return f"{name}*{rest[rest.index(' ·') :] if ' ·' in rest else ''}"

    def figure(self, metric: str) -> Estimate | None:
        """As measured here."""
        return self.result.metrics.get(metric) if self.result else None

    def quoted(self, metric: str) -> float | None:
        return self.published.metrics.get(metric) if self.published else None


@dataclass(frozen=True, eq=False)
class Board:
    case: Case
    rows: tuple[Row, ...]
    """From best to worst by the main metric, measured or quoted; models without a result last."""

    @property
    def main(self) -> str:
        return self.case.metrics[0]

    @property
    def measured(self) -> list[Row]:
        return [row for row in self.rows if row.figure(self.main)]

    @property
    def featured(self) -> list[Row]:
        """Of the measured: all of ours, and the best of each other library."""
        best = {row.provider: row for row in reversed(self.measured)}
        return [row for row in self.measured if row.provider == OURS or row is best[row.provider]]

    @property
    def results(self) -> list[Result]:
        return [row.result for row in self.rows if row.result]

    @property
    def quoted(self) -> list[Row]:
        """Those whose main metric is published."""
        return [row for row in self.rows if row.quoted(self.main) is not None]

    @cached_property
    def sources(self) -> list[str]:
        """Where the quoted figures come from, each once, to be numbered from 1."""
        return list(dict.fromkeys(source(row.published) for row in self.rows if row.published))

    @cached_property
    def slices(self) -> dict[str, list[str]]:
        """Kind of slice -> names of the metrics of its parts, in the order in which results have those."""
        found: dict[str, list[str]] = {}
        names = dict.fromkeys(name for result in self.results for name in result.metrics)
        for name in names:
            if name.startswith(f"{self.main} ["):
                found.setdefault(part_of(name).partition(":")[0], []).append(name)
        return dict(sorted(found.items()))


def source(published: Published) -> str:
    """With what may differ."""
    return f"{published.source} ({published.note})" if published.note else published.source


def part_of(metric: str) -> str:
    """`popularity: tail` of `ndcg@10 [popularity: tail]`."""
    return metric.partition("[")[2].rstrip("]")


def boards(results: Iterable[Result]) -> list[Board]:
    """One for each case, in their order.

    Raises:
        InputError: results of one case come from different data or different splits, so that they do not compare.
    """
    found: dict[str, list[Result]] = {name: [] for name in CASES}
    for result in results:
        if result.case not in found:
            raise InputError(
                f"there is a result of {result.provider} {result.model} on {result.case}, which is no case"
            )
        found[result.case].append(result)
    return [_board(CASES[name], of_case) for name, of_case in found.items()]


def _board(case: Case, results: list[Result]) -> Board:
    for name in ("split_hash", "data_hash"):
        if len({getattr(result, name) for result in results}) > 1:
            raise InputError(f"the results of {case.name} differ in {name}: they are not about the same data")
    rows = [Row(result.model, result) for result in results]
    here = {result.model for result in results if result.provider == OURS}
    rows += [Row(model) for model in case.models if model not in here]
    rows += [Row(published.model, published=published) for published in case.published]
    return Board(case, tuple(sorted(rows, key=lambda row: _place(case, row))))


def _place(case: Case, row: Row) -> tuple[float, str]:
    main = case.metrics[0]
    figure, quoted = row.figure(main), row.quoted(main)
    value = figure.mean if figure else quoted
    if value is None:
        return float("inf"), row.label
    return (value if main in LOWER_IS_BETTER else -value), row.label
