"""How time and memory grow with the data: each model fitted on ml-1m and on 2, 4 and 8 times as much.

`python -m benchmarks.growth --models popular,item_knn,als` writes benchmarks/results/speed/growth.json and
docs/images/growth.svg. Every rating counts as a preference. To grow k times, there are k copies of each person and of
each film, all with ids of their own, and each copy of a person meets a random copy of each film that the person rated
(seed 0): events, people and items grow k times, while histories stay as long and items as popular as they were, and
the copies are one catalogue, not k apart. Each fit runs in a process of its own, which is ended when it takes too long
or too much memory; larger sizes are then left out. Code is compiled, if it must be, by a small fit before the clock.

The slope is that of the logarithm of seconds (or of memory above what the data take) against that of events between
the two largest sizes: 1 is linear in events.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from math import log
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np
import polars as pl

from benchmarks.cases import data_root
from serendip.data import Dataset, Signals, Tables
from serendip.data.readers import read
from serendip.evaluation import drawing
from serendip.evaluation.drawing import Box, Scale
from serendip.evaluation.rankers import entrants
from serendip.evaluation.resources import commit, machine, measured, resident_mb
from serendip.models import names
from serendip.training import FitOptions

REPOSITORY = Path(__file__).parents[1]
FILE = Path(__file__).parent / "results" / "speed" / "growth.json"
PICTURE = REPOSITORY / "docs" / "images" / "growth.svg"
MODELS = "popular,item_knn,ease,als,next_item"
SIZES = (1, 2, 4, 8)
SUPERLINEAR = 1.25
"""A slope above this, measured and so never exactly 1, is called superlinear."""
WIDTH, HEIGHT = 560, 380
AREA = Box(62, 34, 370, 300)
LOOK_EVERY_S = 0.1
LEAST = 0.001
"""Seconds or megabytes below which nothing is told apart."""
Row = dict[str, Any]


def grown(tables: Tables, times: int) -> Tables:
    """`times` as many events, people and items; histories as long and items as popular as before."""
    generator = np.random.default_rng(0)
    events, items = [], []
    for copy in range(times):
        partners = pl.Series(generator.integers(0, times, tables.events.height)).cast(pl.String)
        named = pl.format("{}/{}", "user_id", pl.lit(copy)), pl.format("{}/{}", "item_id", partners)
        events.append(tables.events.with_columns(named[0].alias("user_id"), named[1].alias("item_id")))
        items.append(tables.items.with_columns(pl.format("{}/{}", "item_id", pl.lit(copy)).alias("item_id")))
    return Tables(pl.concat(events), pl.concat(items))


def material(times: int) -> Dataset:
    """Every rating is a preference: models of ratings and of likes learn from the same events."""
    return Dataset.from_tables(grown(read("movielens", data_root() / "ml-1m").tables, times), Signals(liked_from=0))


def fit_one(model: str, times: int, threads: int) -> Row:
    """Fit in this process."""
    dataset = material(times)
    dataset.matrix(), dataset.ratings(), dataset.histories().weights  # the same for every model
    options = FitOptions(threads=threads)
    entrants([model])[0].ranker.fit(dataset.with_events(np.arange(2_000)), options)
    ranker, before = entrants([model])[0].ranker, resident_mb()
    with measured() as use:
        ranker.fit(dataset, options)
    sizes = {"events": len(dataset.events), "people": dataset.n_users, "items": dataset.n_items}
    return {**sizes, "fit_wall_s": use.wall_s, "fit_cpu_s": use.cpu_s, "peak_mb": use.peak_mb, "data_mb": before}


def in_its_own_process(model: str, times: int, threads: int, limit_s: float, limit_mb: float) -> Row:
    """A row of the table; `ended` says why there are no figures."""
    command = [sys.executable, "-m", "benchmarks.growth", "--one", model, str(times), "--threads", str(threads)]
    row: Row = {"model": model, "times": times}
    with TemporaryFile("w+") as out, TemporaryFile("w+") as errors:
        with subprocess.Popen(command, cwd=REPOSITORY, stdout=out, stderr=errors) as process:
            ended = watched(process, limit_s, limit_mb)
        if ended:
            return row | {"ended": ended}
        out.seek(0)
        errors.seek(0)
        if process.returncode:
            said = errors.read().strip().splitlines()
            return row | {"ended": said[-1] if said else f"status {process.returncode}"}
        return row | json.loads(out.read())


def watched(process: subprocess.Popen[bytes], limit_s: float, limit_mb: float) -> str:
    """Wait for the end of `process`; ended by us where it goes beyond a limit, and then which one."""
    start = time.monotonic()
    while process.poll() is None:
        found = ""
        if time.monotonic() - start > limit_s:
            found = f"more than {limit_s:g} s"
        elif _resident_mb(process.pid) > limit_mb:
            found = f"more than {limit_mb:,.0f} MB"
        if found:
            process.kill()
            process.wait()
            return found
        time.sleep(LOOK_EVERY_S)
    return ""


def _resident_mb(process: int) -> float:
    """0 where the system does not say."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def measure(models: Sequence[str], sizes: Sequence[int], threads: int, limit_s: float, limit_mb: float) -> list[Row]:
    """All models at all sizes; after one that was ended, larger ones are left out."""
    rows: list[Row] = []
    for model in models:
        for size in sizes:
            rows.append(in_its_own_process(model, size, threads, limit_s, limit_mb))
            sys.stdout.write(f"{_said(rows[-1])}\n")
            sys.stdout.flush()
            if "ended" in rows[-1]:
                break
    return rows


def slope(rows: Sequence[Row], value: Callable[[Row], float]) -> float | None:
    """Of the logarithm of a value against that of events, between the two largest sizes; None of fewer than two."""
    known = sorted((row for row in rows if "ended" not in row), key=lambda row: row["times"])[-2:]
    if len(known) < 2:
        return None
    (low, high), (fewer, more) = ([max(value(row), LEAST) for row in known], [row["events"] for row in known])
    return log(high / low) / log(more / fewer)


def seconds(row: Row) -> float:
    return float(row["fit_wall_s"])


def megabytes(row: Row) -> float:
    """Above what the data take."""
    return float(row["peak_mb"] - row["data_mb"])


def summary(rows: Sequence[Row]) -> list[Row]:
    """The slopes of each model, and whether it is superlinear in events."""
    found = []
    for model in dict.fromkeys(row["model"] for row in rows):
        own = [row for row in rows if row["model"] == model]
        slopes = slope(own, seconds), slope(own, megabytes)
        above = any(it is not None and it > SUPERLINEAR for it in slopes)
        stopped = next((row["ended"] for row in own if "ended" in row), None)
        found.append(
            {"model": model, "slope_s": slopes[0], "slope_mb": slopes[1], "superlinear": above, "ended": stopped}
        )
    return found


def picture(rows: Sequence[Row]) -> str:
    """Seconds, and memory beneath, against events, a line for each model and a grey one that is linear."""
    parts = [
        _plot(rows, seconds, "Seconds to fit", "seconds"),
        drawing.moved(_plot(rows, megabytes, "Memory to fit, beside the data", "MB"), 0, HEIGHT),
    ]
    return drawing.document("\n".join(parts), WIDTH, 2 * HEIGHT, "Growth of time and memory with the data")


def _plot(rows: Sequence[Row], value: Callable[[Row], float], title: str, unit: str) -> str:
    known = [row for row in rows if "ended" not in row]
    models = list(dict.fromkeys(row["model"] for row in known))
    events, values = [row["events"] for row in known], [max(value(row), LEAST) for row in known]
    x = Scale(min(events) / 1.2, max(events) * 1.2, AREA.left, AREA.right, logarithmic=True)
    y = Scale(min(values) / 1.5, max(values) * 1.5, AREA.bottom, AREA.top, logarithmic=True)
    parts = [drawing.text(12, 18, title, "title"), *drawing.horizontal_grid(y, AREA, unit)]
    for count in sorted(set(events)):
        parts.append(drawing.line("grid", (x(count), AREA.top), (x(count), AREA.bottom)))
        parts.append(drawing.text(x(count), AREA.bottom + 15, f"{count / 1e6:.0f} million", anchor="middle"))
    parts.append(drawing.text((AREA.left + AREA.right) / 2, AREA.bottom + 33, "events", anchor="middle"))
    parts += _linear(x, y)
    ends = []
    for place, model in enumerate(models):
        colour = place % drawing.N_COLOURS
        marks = [(x(row["events"]), y(max(value(row), LEAST)), row) for row in known if row["model"] == model]
        for (left, up, _), (right, down, _) in pairwise(marks):
            parts.append(drawing.line(f"whisker s{colour}", (left, up), (right, down)))
        parts += [drawing.circle(across, down, colour, _said(row)) for across, down, row in marks]
        ends.append((marks[-1][1], marks[-1][0], model))
    return "\n".join([*parts, *_names(ends)])


def _linear(x: Scale, y: Scale) -> list[str]:
    """Grey lines of slope 1, cut off at the edges."""
    found = []
    for power in range(-6, 12):
        start = 10.0**power
        left = max(x.low, x.low * y.low / start)
        right = min(x.high, x.low * y.high / start)
        if left < right:
            ends = ((x(it), y(start * it / x.low)) for it in (left, right))
            found.append(drawing.line("lead", *ends))
    return found


def _names(ends: list[tuple[float, float, str]]) -> list[str]:
    """The names of models at the right, in the order of their last marks."""
    ends = sorted(ends)
    places = drawing.spread([down for down, _, _ in ends], AREA.top + 7, AREA.bottom - 7)
    parts = []
    for (down, across, model), place in zip(ends, places, strict=True):
        parts.append(drawing.line("lead", (across + 6, down), (AREA.right + 12, place)))
        parts.append(drawing.text(AREA.right + 15, place + 4, model, "label"))
    return parts


def _said(row: Row) -> str:
    if "ended" in row:
        return f"{row['model']}, {row['times']} times: {row['ended']}"
    size = f"{row['events']:,} events, {row['items']:,} items"
    return f"{row['model']}, {size}: {seconds(row):.2f} s, {megabytes(row):,.0f} MB"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--models", default=MODELS, help="names with commas between, `all`, or with settings")
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)))
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--limit-s", type=float, default=600, help="per fit, the reading of the data included")
    parser.add_argument("--limit-mb", type=float, default=8_000)
    parser.add_argument("--json", type=Path, default=FILE)
    parser.add_argument("--svg", type=Path, default=PICTURE)
    parser.add_argument("--one", nargs=2, metavar=("MODEL", "TIMES"), help="fit one and print what it took")
    arguments = parser.parse_args()
    if arguments.one:
        model, times = arguments.one
        sys.stdout.write(json.dumps(fit_one(model, int(times), arguments.threads)) + "\n")
        return
    chosen = names() if arguments.models == "all" else arguments.models.split(",")
    entrants(chosen)  # unknown ones are refused before anything runs
    sizes = sorted(map(int, arguments.sizes.split(",")))
    rows = measure(chosen, sizes, arguments.threads, arguments.limit_s, arguments.limit_mb)
    around = {"machine": machine(), "commit": commit(), "date": datetime.now(UTC).isoformat(timespec="seconds")}
    report = {"data": "ml-1m, grown", "threads": FitOptions(threads=arguments.threads).n_threads, **around}
    write(arguments.json, arguments.svg, report, rows)


def write(file: Path, svg: Path, report: Row, rows: Sequence[Row]) -> None:
    """Both files, whole: the picture shows what the table says."""
    file.parent.mkdir(parents=True, exist_ok=True)
    table = report | {"models": summary(rows), "fits": list(rows)}
    file.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    if any("ended" not in row for row in rows):
        svg.parent.mkdir(parents=True, exist_ok=True)
        svg.write_text(picture(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
