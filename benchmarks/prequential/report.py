"""Report: docs/prequential.md and its picture, from the records and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.prequential.streams import STREAMS
from benchmarks.prequential.walk import WAYS
from benchmarks.service import record
from benchmarks.service.report import markdown
from serendip.evaluation import drawing
from serendip.evaluation.drawing import Box, Scale

FOLDER = Path(__file__).parents[1] / "results" / "prequential"
DOCS = record.REPOSITORY / "docs"
PAGE, PICTURE = "prequential.md", "images/prequential.svg"
TITLES = {"ml-100k": "MovieLens 100K, by time", "demo": "The demo world"}
SAYS = {
    "stale": "fitted once, histories of then",
    "live": "fitted once, histories of now",
    "update": "and learns new events",
    "refit": "and is fitted anew",
}
WIDTH, LEFT, RIGHT, ROW, GAP, TOP, BETWEEN = 860, 250, 840, 15, 12, 84, 64

INTRODUCTION = """# What keeps recommendations current?

<!-- Written by `python -m benchmarks prequential` from benchmarks/results/prequential; a test compares. -->

![Share of events that were foretold, four ways for each model](images/prequential.svg)

A shop can be up to date in three ways: it can look at what a person did a moment ago (a *live history*), it can teach
its models the new events (an *update*), or it can fit its models again from the start (a *refit*). They differ much in
cost. This page measures what each is worth.

The events of a log are gone through in the order of time. The first 70 % are there to learn from. Of the rest, each
event by which somebody wants an item that they had nothing to do with before is *foretold*: the person is listed ten
items out of the whole catalogue, and the event counts as a hit if its item is among them. Only then may the event be
learned. This is called prequential evaluation (Dawid, "Statistical theory: the prequential approach", Journal of the
Royal Statistical Society A 147, 1984); there is no way to look ahead.

- **stale**: the model and all histories stay as they were at the start;
- **live**: the model stays, but it is asked with the history of now, which is what this service always does;
- **update**: it also learns new events every few hundred, without a new fit (`models.Learns`);
- **refit**: it is also fitted anew, every thousand events.

What a person has met is listed in no way, and whoever has no preference yet is listed what is popular, so that the four
ways differ by taste alone. Brackets hold 95 % intervals over people.
"""


READING = """A live history is all that is known of newcomers. On MovieLens people come, rate for an hour and go, so
most of what is foretold is theirs, and to look at their history doubles the hits; of the few who were known before, it
adds more than a third. Nothing that is done to the models comes near it. In the demo world people stay: what they did
before the start says most of it already, and a live history is worth about as much as what the models learn meanwhile.

So: answer from live histories always, which costs nothing here; where people stay, and tastes or the catalogue move,
let models learn as well. An update every few hundred events gave what a refit every thousand gives, or a little more,
for it comes sooner. An update of `ease` took a third of a refit's time, one of `next_item` too, which solves everything
anew and saves the counting; `als` folds in everybody, so that at this size its update is no cheaper than a refit.

Seconds were taken on a machine that was busy with other work: they compare within a table, roughly, and not with other
machines. Where a way is missing, it was not measured.
"""


def page(folder: Path = FOLDER) -> str:
    """The page, from what is recorded."""
    tables = _tables(folder)
    return "\n".join([INTRODUCTION, _conclusion(tables), *(_part(name, table) for name, table in tables.items())])


def _tables(folder: Path) -> dict[str, dict[str, Any]]:
    found = {name: record.read(folder, name) for name in STREAMS}
    return {name: table for name, table in found.items() if table}


def _conclusion(tables: dict[str, dict[str, Any]]) -> str:
    """In words, each with the figures that it rests on."""
    lines = ["## What follows from it\n"]
    for name, table in tables.items():
        lines.append(f"{TITLES[name]}:\n")
        lines += [
            f"- {_ratio(table, 'live', 'stale')} for a live history instead of a stale one;",
            f"- {_ratio(table, 'update', 'live')} for learning new events on top of that;",
            f"- {_ratio(table, 'refit', 'live')} for fitting anew on top of that.\n",
        ]
    return "\n".join([*lines, READING] if tables else lines)


def _ratio(table: dict[str, Any], one: str, other: str) -> str:
    """Over the models that use histories and go both ways: hits of one way for each hit of the other, and how sure."""
    models = _personalised(table)
    ratios, sure = [], 0
    for row in table["differences"]:
        if row["model"] in models and (row["one"], row["other"]) == (one, other):
            base = _row(table, row["model"], other)["hit@10"]["mean"]
            ratios.append((base + row["hit@10"]["mean"]) / base)
            sure += row["hit@10"]["low"] > 0
    if not ratios:
        return "not measured yet"
    said = f"hits × {min(ratios):.2f} to × {max(ratios):.2f}"
    return f"{said} ({sure} of {len(ratios)} models surely more)"


def _personalised(table: dict[str, Any]) -> list[str]:
    return [model for model in _models(table) if not model.startswith("popular")]


def _models(table: dict[str, Any]) -> list[str]:
    return list(dict.fromkeys(row["model"] for row in table["rows"]))


def _row(table: dict[str, Any], model: str, way: str) -> dict[str, Any]:
    return next(row for row in table["rows"] if (row["model"], row["way"]) == (model, way))


def _part(name: str, table: dict[str, Any]) -> str:
    sizes, pace = table["stream"], table["pace"]
    share = sizes["of_known_people"] / sizes["foretold"]
    said = (
        f"{sizes['events']:,} events of {sizes['people']:,} people and {sizes['items']:,} items; {sizes['foretold']:,} "
        f"are foretold, {share:.0%} of them of people who had a preference at the start. Updates every "
        f"{pace['update']:,} events, refits every {pace['refit']:,}; {table['threads']} thread."
    )
    heads = ["model", "way", "hit@10", "NDCG@10", "hit@10, known people", "steps", "seconds a step"]
    rows = [
        [
            f"`{row['model']}`",
            row["way"],
            _figure(row["hit@10"]),
            _figure(row["ndcg@10"]),
            _figure(row["known people"]["hit@10"]),
            str(row.get("steps", "-")),
            f"{row['seconds_a_step']:.2f}" if "steps" in row else "-",
        ]
        for model in _models(table)
        for row in sorted((it for it in table["rows"] if it["model"] == model), key=lambda it: WAYS.index(it["way"]))
    ]
    heads_of_pairs = ["model", "difference", "hit@10", "NDCG@10"]
    pairs = [
        [f"`{it['model']}`", f"{it['one']} − {it['other']}", _signed(it["hit@10"]), _signed(it["ndcg@10"])]
        for it in table["differences"]
    ]
    around = "; ".join(dict.fromkeys(_sitting(table["sittings"][model]) for model in _models(table)))
    return (
        f"## {TITLES[name]}\n\n{said}\n\n{markdown(heads, rows)}\nPaired differences:\n\n"
        f"{markdown(heads_of_pairs, pairs)}\nMeasured {around}.\n"
    )


def _sitting(one: dict[str, Any]) -> str:
    return f"{one['date'][:10]}, commit `{(one['commit'] or 'unknown')[:12]}`, {one['machine']}"


def _figure(figure: dict[str, float]) -> str:
    return f"{figure['mean']:.4f} [{figure['low']:.4f}, {figure['high']:.4f}]"


def _signed(figure: dict[str, float]) -> str:
    return f"{figure['mean']:+.4f} [{figure['low']:+.4f}, {figure['high']:+.4f}]"


def picture(folder: Path = FOLDER) -> str:
    """Hits with their intervals, a line for each way of each model, one stream beneath the other."""
    parts = [drawing.text(12, 20, "Share of events that were foretold (hit@10)", "title")]
    for place, way in enumerate(WAYS):
        across = 12 + 210 * place
        parts += [drawing.circle(across + 4, 38, place, way), drawing.text(across + 14, 42, f"{way}: {SAYS[way]}")]
    top = 0.0
    for name, table in _tables(folder).items():
        drawn, height = _panel(name, table)
        parts.append(drawing.moved("\n".join(drawn), 0, top))
        top += height
    return drawing.document("\n".join(parts), WIDTH, TOP + top, "Prequential hits of four ways")


def _panel(name: str, table: dict[str, Any]) -> tuple[list[str], float]:
    models = _models(table)
    counts = [sum(row["model"] == model for row in table["rows"]) for model in models]
    height = sum(counts) * ROW + len(models) * GAP
    area = Box(LEFT, TOP, RIGHT - LEFT, height)
    scale = Scale(0, 1.05 * max(row["hit@10"]["high"] for row in table["rows"]), area.left, area.right)
    parts = [drawing.text(12, TOP - 8, TITLES[name], "title"), *drawing.vertical_grid(scale, area, "hit@10")]
    down = TOP + GAP / 2
    for model, count in zip(models, counts, strict=True):
        parts.append(drawing.text(LEFT - 10, down + count * ROW / 2 + 4, model, "label", "end"))
        for row in (it for it in table["rows"] if it["model"] == model):
            colour, y, figure = WAYS.index(row["way"]), down + ROW / 2, row["hit@10"]
            ends = ((scale(figure[end]), y) for end in ("low", "high"))
            parts.append(drawing.line(f"whisker s{colour}", *ends))
            hint = f"{model}, {row['way']}: {_figure(figure)}"
            parts.append(drawing.circle(scale(figure["mean"]), y, colour, hint))
            down += ROW
        down += GAP
    return parts, height + BETWEEN


def write(folder: Path = FOLDER, docs: Path = DOCS) -> list[Path]:
    """Write the page and its picture; the files written."""
    files = []
    for name, text in ((PAGE, page(folder)), (PICTURE, picture(folder))):
        file = docs / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        files.append(file)
    return files
