"""Plots of a board: quality and time, accuracy and coverage, slices."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from benchmarks.board import LOWER_IS_BETTER, OURS, Board, Row, part_of
from serendip.evaluation import Estimate, drawing
from serendip.evaluation.drawing import Box, Point, Scale

WIDTH, HEIGHT = 560, 340
AREA = Box(62, 34, 484, 262)
QUOTED_WIDTH = 186.0
"""Room at the right for what is quoted, which has no comparable time."""
BELOW = HEIGHT - AREA.bottom
SHORTEST_S = 0.001
MOST_LABELS = 12
SLICES = {
    "history": "By history: items known of the person",
    "popularity": "By popularity: only head, tail or new items count as right",
}
Paint = dict[str, int]


def paint(rows: Iterable[Row]) -> Paint:
    """Kind of model -> its colour, the same in all plots of a page; ours come first."""
    kinds = sorted({(row.provider != OURS, kind_of(row)) for row in rows if row.result})
    return {kind: place % drawing.N_COLOURS for place, kind in enumerate(dict.fromkeys(kind for _, kind in kinds))}


def kind_of(row: Row) -> str:
    """`ease` of `ease?l2=500`, whichever the library."""
    return row.model.partition("?")[0]


def inline(body: str, title: str, height: float = HEIGHT) -> str:
    """A plot inside a page that has the style of `drawing`."""
    return f'<svg viewBox="0 0 {WIDTH} {height:g}" role="img" aria-label="{escape(title)}">\n{body}\n</svg>'


def quality_and_time(board: Board, colours: Paint, title: str = "Quality and time to fit") -> str:
    """Main metric with its interval against seconds of fitting; what is quoted stands at the right."""
    area = Box(AREA.left, AREA.top, AREA.width - (QUOTED_WIDTH if board.quoted else 0), AREA.height)
    seconds = [_seconds(row) for row in board.measured]
    low, high = min(seconds) / 2, max(seconds) * 4
    x = Scale(low, max(high, low * 100), area.left, area.right, logarithmic=True)
    y = _quality(board, [row.quoted(board.main) or 0.0 for row in board.quoted])
    parts = [_title(title), *drawing.vertical_grid(x, area, "seconds to fit")]
    parts += drawing.horizontal_grid(y, area, _named(board.main))
    points = []
    named = _labelled(board)
    for row in board.measured:
        figure, across = _figure(row, board.main), x(_seconds(row))
        if figure.low is not None and figure.high is not None and row.short in named:
            kind = f"whisker s{colours[kind_of(row)]}"
            parts.append(drawing.line(kind, (across, y(figure.low)), (across, y(figure.high))))
        points.append(Point(across, y(figure.mean), row.short))
    for row, point in _named_last(board.measured, points, named):
        parts.append(_mark(row, point.x, point.y, colours, _said(row, board.main)))
    parts += drawing.labels(points, area, named)
    return "\n".join(parts + (_quotes(board, y, area.right + 8) if board.quoted else []))


def accuracy_and_coverage(board: Board, colours: Paint) -> str:
    """Main metric against the share of the catalogue that is listed for somebody."""
    name = f"coverage@{board.main.partition('@')[2]}"
    rows = [row for row in board.measured if row.figure(name)]
    x = Scale(0, max([0.05, *(_figure(row, name).mean for row in rows)]) * 1.1, AREA.left, AREA.right)
    y = _quality(board)
    points = [Point(x(_figure(row, name).mean), y(_figure(row, board.main).mean), row.short) for row in rows]
    parts = [_title("Accuracy and coverage"), *drawing.vertical_grid(x, AREA, f"{name}: share of the catalogue listed")]
    parts += drawing.horizontal_grid(y, AREA, _named(board.main))
    named = _labelled(board)
    for row, point in _named_last(rows, points, named):
        parts.append(_mark(row, point.x, point.y, colours, f"{_said(row, board.main)}; {_said(row, name)}"))
    return "\n".join(parts + drawing.labels(points, AREA, named))


def slices(board: Board, kind: str, colours: Paint) -> str:
    """Main metric for parts of the people or of the items: a band for each part, a line for each featured model."""
    names = board.slices[kind]
    figures = [figure for row in board.featured for name in names if (figure := row.figure(name))]
    area = Box(AREA.left + 66, AREA.top, AREA.width - 66, slices_height(board, kind) - AREA.top - BELOW)
    names_width = drawing.LETTER * max(len(row.short) for row in board.featured) + 14
    x = Scale(0, max(figure.high or figure.mean for figure in figures) or 1.0, area.left, area.right - names_width)
    height = area.height / len(names)
    bands = [Box(area.left, area.top + place * height, area.width, height) for place in range(len(names))]
    parts = [_title(SLICES.get(kind, kind))]
    parts += [f'<rect class="band" x="12" y="{it.top:.1f}" width="534" height="{height:.1f}"/>' for it in bands[::2]]
    parts += drawing.vertical_grid(x, area, _named(board.main))
    for name, band in zip(names, bands, strict=True):
        part = part_of(name).partition(": ")[2]
        parts.append(drawing.text(area.left - 10, band.top + height / 2 + 4, part, "label", "end"))
        parts += _marks_of_slice(board.featured, name, band, x, colours)
    return "\n".join(parts)


def slices_height(board: Board, kind: str) -> float:
    """Of the whole plot: a line for each model in each part."""
    lines = len(board.slices[kind]) * (len(board.featured) + 1)
    return max(HEIGHT, AREA.top + lines * drawing.LINE + BELOW)


def _marks_of_slice(rows: Sequence[Row], name: str, band: Box, x: Scale, colours: Paint) -> list[str]:
    found = [(row, figure) for row in rows if (figure := row.figure(name))]
    gap = band.height / (len(found) + 1)
    parts = []
    for place, (row, figure) in enumerate(found, 1):
        down, end = band.top + place * gap, figure.mean
        if figure.low is not None and figure.high is not None:
            end = figure.high
            kind = f"whisker s{colours[kind_of(row)]}"
            parts.append(drawing.line(kind, (x(figure.low), down), (x(end), down)))
        parts.append(_mark(row, x(figure.mean), down, colours, _said(row, name)))
        parts.append(drawing.text(x(end) + 9, down + 4, row.short))
    return parts


def _named_last(rows: Sequence[Row], points: Sequence[Point], named: set[str]) -> list[tuple[Row, Point]]:
    """Marks with names lie above the others."""
    return sorted(zip(rows, points, strict=True), key=lambda pair: pair[1].name in named)


def _labelled(board: Board) -> set[str]:
    """Whose names and intervals are drawn beside their marks; the others' show under the pointer."""
    rows = board.measured if len(board.measured) <= MOST_LABELS else board.featured
    return {row.short for row in rows}


def legend(board: Board, colours: Paint) -> str:
    """Colours of the kinds of models, as HTML."""
    sample = '<svg viewBox="0 0 14 14" width="14" height="14" aria-hidden="true">{}</svg>'
    kinds = sorted({kind_of(row) for row in board.measured}, key=lambda kind: (colours[kind], kind))
    items = [f"<span>{sample.format(drawing.circle(7, 7, colours[kind], kind))}{escape(kind)}</span>" for kind in kinds]
    return f'<p class="legend">{"".join(items)}</p>'


def interval(board: Board, row: Row, colours: Paint) -> str:
    """The main metric and its interval as a line of a table; empty where nothing is measured."""
    figure = row.figure(board.main)
    if figure is None or figure.low is None or figure.high is None:
        return ""
    y = _quality(board, [row.quoted(board.main) or 0.0 for row in board.quoted])
    x = Scale(y.low, y.high, 5, 79)
    whisker = drawing.line(f"whisker s{colours[kind_of(row)]}", (x(figure.low), 8), (x(figure.high), 8))
    mark = _mark(row, x(figure.mean), 8, colours, _said(row, board.main))
    return f'<svg class="interval" viewBox="0 0 84 16" width="84" height="16">{whisker}{mark}</svg>'


def duration(seconds: float) -> str:
    """`8 ms`, `0.14 s`, `12 s`, `3.1 min`."""
    if seconds >= 99.5:
        return f"{seconds / 60:.1f} min"
    if seconds < 0.0995:
        return f"{1_000 * seconds:.0f} ms" if seconds >= 0.001 else "< 1 ms"
    return f"{seconds:.2f} s" if seconds < 9.95 else f"{seconds:.0f} s"


def _figure(row: Row, metric: str) -> Estimate:
    figure = row.figure(metric)
    assert figure is not None
    return figure


def _seconds(row: Row) -> float:
    assert row.result is not None
    return max(row.result.fit_wall_s, SHORTEST_S)


def _quality(board: Board, others: Sequence[float] = ()) -> Scale:
    """Of the main metric, better upwards; from 0 unless all values are far above."""
    figures = [_figure(row, board.main) for row in board.measured]
    values = [*others, *(end for it in figures for end in (it.mean, it.low, it.high) if end is not None)]
    low, high = min(values), max(values)
    spare = (high - low or high or 1.0) * 0.08
    low = 0.0 if low < 0.4 * high else low - spare
    ends = (AREA.top, AREA.bottom) if board.main in LOWER_IS_BETTER else (AREA.bottom, AREA.top)
    return Scale(low, high + spare, *ends)


def _title(words: str) -> str:
    return drawing.text(12, 18, words, "title")


def _named(metric: str) -> str:
    return f"{metric} (less is better)" if metric in LOWER_IS_BETTER else metric


def _said(row: Row, metric: str) -> str:
    figure = _figure(row, metric)
    ends = "" if figure.low is None else f" [{figure.low:.4f}, {figure.high:.4f}]"
    return f"{row.label}: {metric} {figure.mean:.4f}{ends}, fitted in {duration(_seconds(row))}"


def _mark(row: Row, x: float, y: float, colours: Paint, hint: str) -> str:
    """A circle for ours, a square for other libraries."""
    shape = drawing.circle if row.provider == OURS else drawing.square
    return shape(x, y, colours[kind_of(row)], hint)


def _quotes(board: Board, y: Scale, left: float) -> list[str]:
    """Published figures on a band of their own, with hollow marks."""
    width = AREA.right + 8 - left
    parts = [f'<rect class="band" x="{left}" y="{AREA.top}" width="{width}" height="{AREA.height}" rx="6"/>']
    parts.append(drawing.text(left + width / 2, AREA.bottom + 15, "quoted, not measured here", anchor="middle"))
    marks = sorted(((y(row.quoted(board.main) or 0.0), row) for row in board.quoted), key=lambda mark: mark[0])
    places = drawing.spread([down for down, _ in marks], AREA.top + 7, AREA.bottom - 7)
    for (down, row), place in zip(marks, places, strict=True):
        parts.append(drawing.diamond(left + 12, down, f"{row.model}: {board.main} {row.quoted(board.main)}, quoted"))
        parts.append(drawing.line("lead", (left + 18, down), (left + 27, place)))
        parts.append(drawing.text(left + 30, place + 4, row.model))
    return parts
