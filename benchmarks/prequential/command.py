"""`python -m benchmarks prequential`: foretells each event before it is learned, and records how often it was right."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.prequential import figures, report, streams
from benchmarks.prequential.streams import Stream
from benchmarks.prequential.walk import Pace, made, walk, ways_of
from benchmarks.service import record
from serendip.evaluation.resources import machine, versions
from serendip.training import FitOptions

MODELS = "popular,popular?half_life_days=30,item_knn,ease,als,next_item?updatable_items=2000"


def prequential(
    stream: Annotated[str, typer.Option(help=f"Some of {', '.join(streams.STREAMS)}.")] = ",".join(streams.STREAMS),
    models: Annotated[
        str, typer.Option(help="Names with commas between, with settings where they have some.")
    ] = MODELS,
    ways: Annotated[str, typer.Option(help="Some of stale,live,update,refit; a model goes those that it can.")] = "",
    update: Annotated[int, typer.Option(min=1, help="Models learn after so many new events.")] = 250,
    refit: Annotated[int, typer.Option(min=1, help="Models are fitted anew after so many new events.")] = 1_000,
    threads: Annotated[int, typer.Option(min=0, help="0: all cores.")] = 1,
    json: Annotated[Path | None, typer.Option(help="The folder to record in.")] = None,
) -> None:
    """Foretell each event before it is learned: stale, live, learning, and fitted anew.

    What is recorded of other models of the same stream is kept. It takes about half an hour on one core.
    """
    pace, options = Pace(update, refit), FitOptions(threads=threads)
    names, chosen = _listed(models), _listed(ways)
    for name in names:
        made(name)  # unknown ones are refused before anything runs
    for each in _listed(stream):
        found = streams.stream(each)
        for name in names:
            table = measured(found, name, chosen, pace, options)
            _say(f"wrote {add(json or report.FOLDER, found, table, pace, options)}")
    if json is None:
        for file in report.write():
            _say(f"wrote {file}")


def measured(stream: Stream, name: str, chosen: list[str], pace: Pace, options: FitOptions) -> dict[str, Any]:
    """The rows of one model."""
    walked = {}
    for way in ways_of(name):
        if not chosen or way in chosen:
            walked[way] = walk(stream, name, way, pace, options)
            _say(f"{stream.name}: {name} {way}: hit@10 {walked[way].hits.mean():.4f}")
    return {
        "rows": figures.rows(stream, name, walked),
        "differences": figures.differences(stream, name, walked),
    }


def add(folder: Path, stream: Stream, table: dict[str, Any], pace: Pace, options: FitOptions) -> Path:
    """Put the rows of a model into the record of a stream, in the place of those that it had."""
    known = record.read(folder, stream.name) or {"rows": [], "differences": []}
    models = {row["model"] for row in table["rows"]}
    merged = {
        part: [row for row in known[part] if row["model"] not in models] + table[part]
        for part in ("rows", "differences")
    }
    now = {
        "commit": record.code_commit(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": versions(),
    }
    around = {
        "stream": _sizes(stream),
        "pace": {"update": pace.update, "refit": pace.refit},
        "threads": options.n_threads,
        "sittings": {**known.get("sittings", {}), **dict.fromkeys(models, now)},
    }
    return record.write(folder, stream.name, around | merged)


def _sizes(stream: Stream) -> dict[str, Any]:
    asked = stream.dataset.events.user_rows[stream.asked]
    return {
        "name": stream.name,
        "events": len(stream.dataset.events),
        "people": stream.dataset.n_users,
        "items": stream.dataset.n_items,
        "start": stream.start,
        "foretold": len(asked),
        "of_known_people": int(stream.known_people[asked].sum()),
    }


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
