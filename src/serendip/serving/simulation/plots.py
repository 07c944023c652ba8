"""Plots: a picture of an outcome, one small plot for each question, a line for each way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from serendip.evaluation import drawing
from serendip.evaluation.drawing import Box, Scale

AREA = Box(62, 34, 300, 170)
WIDTH, HEIGHT, ACROSS = 490.0, 262.0, 2
FAR_ABOVE = 0.5
"""From this share of the largest value on, the smallest is where a plot begins, instead of 0."""
NAMES_AT = 12.0
"""How far right of a plot the names of its lines stand."""


@dataclass(frozen=True)
class Panel:
    """What one plot shows of each day."""

    figure: str
    title: str
    unit: str


PANELS = (
    Panel("gain", "What a list was worth", "utility"),
    Panel("regret", "What the oracle's list was worth beyond it", "utility"),
    Panel("gini", "Concentration of what was shown", "Gini"),
    Panel("coverage", "Share of the catalogue that was shown", "share"),
    Panel("new_share", "Places that new items got", "share"),
    Panel("changed", "Lists that differ after somebody did something", "share"),
)


def picture(
    outcome: Mapping[str, Any], title: str = "Living with the service", panels: Sequence[Panel] = PANELS
) -> str:
    """All panels as one SVG."""
    ways = {name: way["days"] for name, way in outcome["ways"].items()}
    parts = [drawing.text(20, 36, title, "heading")]
    for place, panel in enumerate(panels):
        lines = {name: [day[panel.figure] for day in days] for name, days in ways.items()}
        down, across = divmod(place, ACROSS)
        parts.append(drawing.moved(plot(lines, panel.title, panel.unit), 8 + across * WIDTH, 56 + down * HEIGHT))
    rows = -(-len(panels) // ACROSS)
    return drawing.document("\n".join(parts), 16 + WIDTH * min(ACROSS, len(panels)), 60 + HEIGHT * rows, title)


def plot(lines: Mapping[str, Sequence[float | None]], title: str, unit: str, of: str = "day") -> str:
    """A line for each name over days, or whatever it is `of`, from 1; None is left out."""
    known = {name: [(day, one) for day, one in enumerate(line, 1) if one is not None] for name, line in lines.items()}
    values = [value for line in known.values() for _, value in line] or [0.0]
    low, high = min(values), max(*values, 1e-9)
    spare = 0.08 * (high - low or high)
    y = Scale(low - spare if low > FAR_ABOVE * high else min(low, 0.0), high + spare, AREA.bottom, AREA.top)
    x = Scale(1, max(2, *(len(line) for line in lines.values())), AREA.left, AREA.right)
    parts = [drawing.text(12, 18, title, "title"), *drawing.horizontal_grid(y, AREA, unit)]
    parts += drawing.vertical_grid(x, AREA, of)
    ends = []
    for place, (name, line) in enumerate(known.items()):
        points = [(x(day), y(value)) for day, value in line]
        parts += [drawing.line(f"whisker s{place % drawing.N_COLOURS}", *ends_) for ends_ in pairwise(points)]
        if points:
            parts.append(drawing.circle(*points[-1], place % drawing.N_COLOURS, f"{name}: {line[-1][1]:.3g}"))
            ends.append((points[-1][1], name))
    return "\n".join([*parts, *_names(ends)])


def _names(ends: list[tuple[float, str]]) -> list[str]:
    """At the right, each beside the end of its line."""
    ends = sorted(ends)
    places = drawing.spread([down for down, _ in ends], AREA.top + 7, AREA.bottom - 7)
    return [
        part
        for (down, name), place in zip(ends, places, strict=True)
        for part in (
            drawing.line("lead", (AREA.right + 5, down), (AREA.right + NAMES_AT - 2, place)),
            drawing.text(AREA.right + NAMES_AT, place + 4, name, "label"),
        )
    ]
