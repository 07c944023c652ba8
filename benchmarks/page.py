"""Page: the leaderboard as one self-contained HTML file, without scripts and without anything to load."""

from __future__ import annotations

import json
from collections.abc import Iterable
from html import escape

from benchmarks import plots
from benchmarks.board import Board, Row, source
from benchmarks.plots import Paint
from benchmarks.results import Result
from serendip.evaluation import drawing

STYLE = """
* { box-sizing: border-box; }
body { margin: 0; color: var(--ink); background: var(--band);
  font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main, header, footer { max-width: 1320px; margin: 0 auto; padding: 0 24px; }
header { padding-top: 44px; }
h1 { font-size: 30px; letter-spacing: -.02em; margin: 0 0 6px; }
h2 { font-size: 20px; margin: 0; letter-spacing: -.01em; }
p { margin: 8px 0; max-width: 84ch; }
.soft, .legend, dt, footer { color: var(--soft); }
nav { display: flex; flex-wrap: wrap; gap: 8px; margin: 20px 0 8px; }
nav a { color: var(--ink); text-decoration: none; background: var(--paper); border: 1px solid var(--grid);
  border-radius: 99px; padding: 3px 13px; font-size: 13px; }
nav a:hover, nav a:focus-visible { border-color: var(--c0); }
nav a.empty { color: var(--soft); border-style: dashed; }
section { background: var(--paper); border: 1px solid var(--grid); border-radius: 14px; padding: 24px; margin: 20px 0; }
.plots { display: grid; align-items: start; gap: 10px 20px;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 460px), 1fr)); }
.plots svg { width: 100%; height: auto; display: block; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; font-size: 13px; }
.legend span { display: inline-flex; align-items: center; gap: 6px; }
.scroll { overflow-x: auto; margin-top: 14px; }
table { border-collapse: collapse; width: 100%; font-size: 13px; font-variant-numeric: tabular-nums; }
th { text-align: right; font-weight: 600; color: var(--soft); font-size: 12.5px; white-space: nowrap; }
th, td { padding: 6px 8px; border-bottom: 1px solid var(--grid); }
td { text-align: right; white-space: nowrap; }
th:first-child, td:first-child, th.words, td.words { text-align: left; }
td small { display: block; max-width: 200px; white-space: normal; color: var(--soft); font-size: 11.5px; }
tr.quoted td { color: var(--soft); }
td.best { font-weight: 700; }
.interval { vertical-align: middle; margin-left: 8px; }
code { overflow-wrap: anywhere; font: 12.5px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
details { margin-top: 12px; font-size: 13px; }
summary { cursor: pointer; color: var(--soft); }
details table { font-size: 12.5px; }
details td { text-align: left; white-space: normal; vertical-align: top; }
ol { font-size: 13px; color: var(--soft); padding-left: 22px; margin: 10px 0 0; }
footer { padding-bottom: 44px; font-size: 13px; }
"""
INTRODUCTION = """
<p>Quality and cost of recommenders, measured on one kind of machine under protocols that are stated beside each
figure. Circles are models of Serendip, squares those of other libraries on the same split and evaluated by the same
code; hollow diamonds are published figures, which are quoted and were not measured here. Lines are 95&nbsp;% intervals
over people. A star stands for settings, which are in the table. A dash: no result is recorded.</p>
"""


def page(boards: list[Board]) -> str:
    """The whole file."""
    colours = plots.paint(row for board in boards for row in board.rows)
    links = "".join(
        f'<a href="#{_anchor(board)}"{"" if board.measured else " class=empty"}>{escape(board.case.name)}</a>'
        for board in boards
    )
    sections = "\n".join(_section(board, colours) for board in boards)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Serendip: leaderboard</title>
<style>{drawing.STYLE}{STYLE}</style>
</head>
<body>
<header><h1>Leaderboard</h1>{INTRODUCTION}<nav>{links}</nav></header>
<main>
{sections}
</main>
<footer><p>Written by <code>python -m benchmarks report</code> from <code>benchmarks/results</code>.</p></footer>
</body>
</html>
"""


def _section(board: Board, colours: Paint) -> str:
    case = board.case
    parts = [
        f'<section id="{_anchor(board)}">',
        f"<h2>{escape(case.name)}</h2>",
        f"<p>{escape(case.reading)}. <span class=soft>{escape(case.rules)}</span></p>",
    ]
    if board.measured:
        parts += [plots.legend(board, colours), _plots(board, colours)]
    else:
        parts.append("<p class=soft>No result is recorded yet.</p>")
    parts.append(_table(board, colours))
    if board.sources:
        parts.append(f"<ol>{''.join(f'<li>{escape(words)}</li>' for words in board.sources)}</ol>")
    if board.results:
        parts.append(_circumstances(board.results))
    return "\n".join([*parts, "</section>"])


def _anchor(board: Board) -> str:
    return board.case.name.replace("/", "-")


def _plots(board: Board, colours: Paint) -> str:
    name = board.case.name
    drawn = [plots.inline(plots.quality_and_time(board, colours), f"{name}: quality and time to fit")]
    if board.case.kind == "ranking":
        drawn.append(plots.inline(plots.accuracy_and_coverage(board, colours), f"{name}: accuracy and coverage"))
    for kind in board.slices:
        height = plots.slices_height(board, kind)
        drawn.append(plots.inline(plots.slices(board, kind, colours), f"{name}: by {kind}", height))
    return f'<div class="plots">\n{"".join(drawn)}\n</div>'


def _table(board: Board, colours: Paint) -> str:
    metrics = board.case.metrics
    heads = ["<th>model</th>", "<th class=words>from</th>", *(f"<th>{metric}</th>" for metric in metrics)]
    heads += ["<th>fit</th>", "<th>processor</th>", "<th>evaluate</th>", "<th>peak MB</th>", "<th>quoted</th>"]
    rows = "\n".join(_row(board, row, colours) for row in board.rows)
    return (
        f'<div class="scroll"><table><thead><tr>{"".join(heads)}</tr></thead>\n<tbody>\n{rows}\n</tbody></table></div>'
    )


def _row(board: Board, row: Row, colours: Paint) -> str:
    best = row.result is not None and row is board.measured[0]
    cells = [_cell(_model(row)), _cell(escape(row.provider or "-"), "words")]
    for place, metric in enumerate(board.case.metrics):
        figure = row.figure(metric)
        drawn = plots.interval(board, row, colours) if place == 0 else ""
        cells.append(
            _cell("-" if figure is None else f"{figure.mean:.4f}{drawn}", "best" if best and not place else "")
        )
    cells += map(_cell, _costs(row.result))
    kind = ' class="quoted"' if row.published else ""
    return f"<tr{kind}>{''.join(cells)}{_cell(_quoted(board, row))}</tr>"


def _model(row: Row) -> str:
    """The name, and settings below it."""
    name, _, settings = row.model.partition("?")
    below = "<wbr>&amp;".join(map(escape, settings.split("&")))
    return f"{escape(name)}<small>{below}</small>" if settings else escape(name)


def _cell(content: str, kind: str = "") -> str:
    return f'<td class="{kind}">{content}</td>' if kind else f"<td>{content}</td>"


def _costs(result: Result | None) -> list[str]:
    if result is None:
        return ["-"] * 4
    times = (result.fit_wall_s, result.fit_cpu_s, result.evaluate_wall_s)
    return [*map(plots.duration, times), f"{result.peak_mb:,.0f}"]


def _quoted(board: Board, row: Row) -> str:
    if row.published is None:
        return "-"
    figures = ", ".join(f"{escape(name)} {value:.4g}" for name, value in row.published.metrics.items())
    return f"{figures} <sup>{board.sources.index(source(row.published)) + 1}</sup>"


def _circumstances(results: Iterable[Result]) -> str:
    """Everything else that results say."""
    rows = "".join(
        f"<tr><td>{escape(result.model)} ({escape(result.provider)})</td>"
        f"<td><code>{escape(_settings(result))}</code></td>"
        f"<td>{escape(_where(result))}</td></tr>"
        for result in results
    )
    return (
        f"<details><summary>Settings and circumstances</summary>"
        f"<div class=scroll><table><tbody>{rows}</tbody></table></div></details>"
    )


def _settings(result: Result) -> str:
    return json.dumps(result.config, ensure_ascii=False)


def _where(result: Result) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in result.versions.items())
    seeds = ", ".join(map(str, result.seeds))
    return (
        f"{result.date}; seeds {seeds}; {result.threads} threads, {result.device}; {result.machine}; {versions}; "
        f"commit {result.commit}; split {result.split_hash}; data {result.data_hash}"
    )
