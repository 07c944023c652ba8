"""Report: the leaderboard as a Markdown page, as an HTML page and as a picture, from the results and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from benchmarks import plots
from benchmarks.board import Board, Row, boards, source
from benchmarks.cases import Case
from benchmarks.page import page
from benchmarks.results import Result
from serendip.evaluation import Estimate, drawing

DOCS = Path(__file__).parents[1] / "docs"
MARKDOWN, HTML, PICTURE = "leaderboard.md", "leaderboard.html", "images/leaderboard.svg"
PICTURE_COLUMNS = 2
PICTURE_CASES = (
    "ml-1m/leave-one-out", "amazon-beauty/leave-one-out", "lastfm/random-811", "gowalla/lightgcn-split",
    "ml-100k/global-time", "ml-1m/ratings-5fold",
)  # fmt: skip

INTRODUCTION = """# Leaderboard

<!-- Written by `python -m benchmarks report` from benchmarks/results and benchmarks/cases; a test compares. -->

![Quality against seconds to fit, one plot per case](images/leaderboard.svg)

[The same as a page with plots](leaderboard.html): intervals, slices, accuracy against coverage.

Each figure was measured by `python -m benchmarks run` (models of Serendip) or `python -m benchmarks peers` (models of
other libraries on the same split, evaluated by the same code). Metrics are defined in [protocols](protocols.md);
brackets hold 95 % intervals over people. Models run with their default settings unless settings follow their name. A
dash: no result is recorded. Figures in the column *quoted* are what others published for the case; they were not
measured here, and their time and memory do not compare.
"""


def pages(results: Iterable[Result]) -> dict[str, str]:
    """The text of each file of the leaderboard, by its path inside `docs`."""
    found = boards(results)
    return {
        MARKDOWN: "\n".join([INTRODUCTION, *map(markdown, found)]),
        HTML: page(found),
        PICTURE: picture(found),
    }


def write(results: Iterable[Result], docs: Path = DOCS) -> list[Path]:
    """Write the leaderboard into `docs`; the files written."""
    files = []
    for name, text in pages(results).items():
        file = docs / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        files.append(file)
    return files


def line(case: Case, result: Result) -> str:
    """One result for the terminal."""
    figures = ", ".join(f"{name} {result.metrics[name].mean:.4f}" for name in case.metrics if name in result.metrics)
    costs = f"fit {plots.duration(result.fit_wall_s)}, evaluate {plots.duration(result.evaluate_wall_s)}"
    return f"{result.model}: {figures}; {costs}, peak {result.peak_mb:,.0f} MB"


def markdown(board: Board) -> str:
    """One case."""
    case = board.case
    heads = ["model", "from", *case.metrics, "fit", "evaluate", "peak MB", "quoted"]
    rows = [heads, ["---", "---", *["---:"] * (len(heads) - 3), "---"], *(_cells(board, row) for row in board.rows)]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in rows)
    parts = [f"## {case.name}", f"{case.reading}. {case.rules}", table]
    if board.sources:
        parts.append("Quoted from: " + "; ".join(f"[{n}] {words}" for n, words in enumerate(board.sources, 1)) + ".")
    if board.results:
        parts.append(circumstances(board.results))
    return "\n\n".join(parts) + "\n"


def _cells(board: Board, row: Row) -> list[str]:
    first, *others = (row.figure(metric) for metric in board.case.metrics)
    cells = [f"`{row.model}`" if not row.published else row.model, row.provider or "-"]
    cells += [_with_interval(first), *("-" if figure is None else f"{figure.mean:.4f}" for figure in others)]
    if row.result is None:
        cells += ["-", "-", "-"]
    else:
        times = (row.result.fit_wall_s, row.result.evaluate_wall_s)
        cells += [*map(plots.duration, times), f"{row.result.peak_mb:,.0f}"]
    return [*cells, _quoted(board, row)]


def _with_interval(figure: Estimate | None) -> str:
    if figure is None:
        return "-"
    if figure.low is None:
        return f"{figure.mean:.4f}"
    return f"{figure.mean:.4f} [{figure.low:.4f}, {figure.high:.4f}]"


def _quoted(board: Board, row: Row) -> str:
    if row.published is None:
        return "-"
    figures = ", ".join(f"{name} {value:.4g}" for name, value in row.published.metrics.items())
    return f"{figures} [{board.sources.index(source(row.published)) + 1}]"


def circumstances(results: list[Result]) -> str:
    """On what and when, each value once."""
    machines = " or ".join(sorted({result.machine for result in results}))
    threads = " or ".join(sorted({str(result.threads) for result in results}))
    days = sorted({result.date[:10] for result in results})
    when = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    first = results[0]
    return (
        f"Measured {when} on {machines}, threads: {threads}; "
        f"split `{first.split_hash[:12]}`, data `{first.data_hash[:12]}`."
    )


def picture(found: list[Board]) -> str:
    """Quality against time of some cases side by side."""
    shown = {board.case.name: board for board in found if board.measured}
    chosen = [shown[name] for name in PICTURE_CASES if name in shown]
    colours = plots.paint(row for board in found for row in board.rows)
    top, gap = 62, 12
    parts = [drawing.text(20, 36, "Quality against seconds to fit", "heading")]
    for place, board in enumerate(chosen):
        down, across = divmod(place, PICTURE_COLUMNS)
        plot = plots.quality_and_time(board, colours, board.case.name)
        parts.append(drawing.moved(plot, 8 + across * (plots.WIDTH + gap), top + down * (plots.HEIGHT + gap)))
    n_rows = -(-len(chosen) // PICTURE_COLUMNS)
    width = PICTURE_COLUMNS * (plots.WIDTH + gap) + 8
    return drawing.document("\n".join(parts), width, top + n_rows * (plots.HEIGHT + gap), "Leaderboard")
