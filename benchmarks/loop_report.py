"""The tables of docs/closed_loop.md and its picture, from benchmarks/results/loop/closed_loop.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from serendip.evaluation import drawing
from serendip.serving.simulation import plots

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "loop" / "closed_loop.json"
PAGE, PICTURE = ROOT / "docs" / "closed_loop.md", ROOT / "docs" / "images" / "loop.svg"
MARKS = ("<!-- loop: generated -->", "<!-- loop: end -->")
Told = Mapping[str, Any]
PANELS = (
    ("memory", "gain", "What a list was worth", "utility"),
    ("memory", "regret", "What the oracle's list was worth beyond it", "utility"),
    ("memory", "changed", "Lists that differ after an event", "share"),
    ("concentration", "gini", "Concentration, fitted every day", "Gini"),
    ("concentration", "coverage", "Share of the catalogue shown in a day", "share"),
    ("new items, dialled", "gain", "New items: what a list was worth", "utility"),
    ("new items, dialled", "new_share", "New items: the share of places they got", "share"),
)


def write() -> list[Path]:
    """The page and the picture; which files were written."""
    told = json.loads(RESULTS.read_text(encoding="utf-8"))
    before, rest = PAGE.read_text(encoding="utf-8").split(MARKS[0])
    after = rest.split(MARKS[1])[1]
    PAGE.write_text(f"{before}{MARKS[0]}\n{page(told)}\n{MARKS[1]}{after}", encoding="utf-8")
    PICTURE.write_text(picture(told), encoding="utf-8")
    return [PAGE, PICTURE]


def picture(told: Told) -> str:
    """All plots, two in a row, and the bandit at the end."""
    drawn = [_panel(told[question], figure, title, unit) for question, figure, title, unit in PANELS]
    drawn.append(_bandit(told["bandit"]))
    parts = [drawing.text(20, 36, "Living with the service", "heading")]
    for place, plot in enumerate(drawn):
        down, across = divmod(place, plots.ACROSS)
        parts.append(drawing.moved(plot, 8 + across * plots.WIDTH, 56 + down * plots.HEIGHT))
    width, height = 16 + plots.WIDTH * plots.ACROSS, 60 + plots.HEIGHT * -(-len(drawn) // plots.ACROSS)
    return drawing.document("\n".join(parts), width, height, "Living with the service")


def _panel(question: Told, figure: str, title: str, unit: str) -> str:
    lines = {name: [day[figure] for day in way["days"]] for name, way in question["ways"].items()}
    return plots.plot(lines, title, unit)


def _bandit(told: Told) -> str:
    lines = {name: told[name]["mean"]["regret"] for name in ("learns", "never")}
    return plots.plot(lines, "One place: clicks lost, all in all", "clicks", "hundredths of the rounds")


def page(told: Told) -> str:
    """What was asked, and the answers."""
    plan = told["memory"]["plan"]
    size = f"{plan['people']} people, {plan['items']} items, {plan['days']} days, seed {plan['seed']}"
    parts = [
        f"{size[0].upper()}{size[1:]} unless said otherwise; figures are means over people with 95 % intervals. "
        "Worth is given as the difference to the first line.",
        _section("Taste, and whether it is kept up", told["memory"]),
        _section("Taste in a world of 500 people who come more often", told["memory, more visits"]),
        _section(
            "A loop that feeds on itself: fitted every morning on what came of its own lists", told["concentration"]
        ),
        _section("New items: half of the catalogue arrives during the log, fitted every morning", told["new items"]),
        _new_places(told["new items"]),
        _section("The same, where little known items are moved up", told["new items, dialled"]),
        _new_places(told["new items, dialled"]),
        _experiments(told),
        _one_place(told["bandit"]),
    ]
    return "\n\n".join(parts)


def _section(title: str, question: Told) -> str:
    rows = [
        f"### {title}\n",
        "| way | worth of a list | of the oracle's | Gini, first and last day | coverage, first and last day |",
        "|---|---|---|---|---|",
    ]
    for name, way in question["ways"].items():
        first, last = way["days"][0], way["days"][-1]
        gain, against = way["gain"], way["against_the_first"]
        worth = f"{gain['mean']:.3f}" if against is None else f"{against['mean']:+.3f} {_between(against)}"
        rows.append(
            f"| {name} | {worth} | {way['share_of_the_best']:.1%} | {first['gini']:.3f}, {last['gini']:.3f} | "
            f"{first['coverage']:.1%}, {last['coverage']:.1%} |"
        )
    return "\n".join(rows)


def _between(told: Told) -> str:
    return f"[{told['low']:+.3f}, {told['high']:+.3f}]"


def _new_places(question: Told) -> str:
    """What became of places that were given to new items."""
    lines, places = [], question["plan"]["places"]
    for name, way in question["ways"].items():
        lists = sum(day["lists"] for day in way["days"])
        share, gain, all_gain = (
            sum(day["lists"] * day[figure] for day in way["days"]) / lists
            for figure in ("new_share", "new_gain", "gain")
        )
        worth = f"; one is worth {gain / share / places:.3f}, any place {all_gain / places:.3f}" if share else ""
        lines.append(f"- {name}: new items get {share:.1%} of all places{worth}.")
    return "\n".join(lines)


def _experiments(told: Told) -> str:
    lines = ["### Is a broken recipe caught?\n"]
    for question, arm in (("broken", "stale"), ("the same", "again")):
        found = told[question]["experiment"]
        verdict, lists = found["decided"][arm], found["looks"][-1]["lists"]
        said = f"`{verdict[0]}` after {verdict[1]:,} lists" if verdict else f"not decided after {lists:,} lists"
        names = " against ".join(told[question]["experiment"]["looks"][-1]["arms"][n]["name"] for n in (1, 0))
        lines.append(f"- an experiment on {names}, read every evening: {said}.")
    return "\n".join(lines)


def _one_place(told: Told) -> str:
    rows = [
        "### Does exploration stop losing?\n",
        f"One place, {told['items']} unknown items, {told['rounds']:,} visitors, "
        f"{len(told['learns']['seeds'])} worlds. The slope tells how the loss against the best item grows, "
        "in logarithms: 0.5 is the square root of time, 1 is never to learn.\n",
        "| policy | slope of the mean | verdict | slopes of each world |",
        "|---|---|---|---|",
    ]
    for name, words in (("learns", "Thompson sampling"), ("never", "the same, never looking at what came of it")):
        slopes = ", ".join(f"{slope:.2f}" for slope in told[name]["seeds"])
        mean = told[name]["mean"]
        rows.append(f"| {words} | {mean['slope']:.2f} | {mean['verdict']} | {slopes} |")
    return "\n".join(rows)
