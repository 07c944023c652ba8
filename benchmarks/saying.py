"""What are a person's past words worth? `python -m benchmarks.saying [--asked 0.3] [--memory none,30]`.

The demo world has no searches in its log, so they are made: before a share of the first things that somebody does with
an item that they want, they type a request for it (`world.requests`), half of these in words that the catalogue does
not use. Foretold is the last thing that each person came to want, of all items that they had not met; known are what
they did before it and, where words count, what they said until then. `two_tower` is fitted with and without the words,
where nothing fades and where the latest counts most, and each of the two is asked with and without them, with all that
people did and with the latest five events alone. Told is hit@10 with its 95 % interval over people, apart for those
whose last words were the request for the very item, and for all others. Written to results/search/past_words.json.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from serendip import models
from serendip.data import Dataset, Queries, event_frame
from serendip.data.arrays import BoolArray, FloatArray
from serendip.data.query import NO_ITEM
from serendip.evaluation.resources import commit, machine, versions
from serendip.metrics import wilson
from serendip.models import Model
from serendip.training import FitOptions
from serendip.world import World, generate
from serendip.world.requests import requests

FILE = Path(__file__).parent / "results" / "search" / "past_words.json"
LISTED = 10
FEW = 5
"""Events that are known of somebody who is new."""
BEFORE_MS = 60_000
"""So long before they find a thing, people ask for it."""


def with_searches(world: World, share: float, generator: np.random.Generator) -> Dataset:
    """The world's log, in which a `share` of the first wishes for an item come after a request for it."""
    tables = world.tables()
    plain = Dataset.from_tables(tables)
    texts = [_texts(world, generator, paraphrased) for paraphrased in (False, True)]
    rows = []
    for place in _first_wishes(plain):
        item = plain.events.item_rows[place]
        text = texts[generator.integers(2)].get(plain.items.vocabulary.ids()[item])
        if text is not None and generator.random() < share:
            user_id = plain.users.vocabulary.ids()[plain.events.user_rows[place]]
            rows.append((user_id, NO_ITEM, "search", int(plain.events.times_ms[place]) - BEFORE_MS, text))
    said = event_frame(pl.DataFrame(rows, ("user_id", "item_id", "type", "time_ms", "text"), orient="row"))
    return Dataset.from_tables(replace(tables, events=pl.concat([tables.events, said])))


def _texts(world: World, generator: np.random.Generator, paraphrased: bool) -> dict[str, str]:
    """A request for each item that one can be told by."""
    items = world.catalogue.items
    return {items[row].item_id: text for text, row in requests(items, len(items), "en", generator, paraphrased)}


def _first_wishes(dataset: Dataset) -> list[int]:
    """Where in the log each person first wanted each item."""
    events = dataset.events
    wanted = np.flatnonzero(events.signals > 0)
    pairs = events.user_rows[wanted].astype(np.int64) << 32 | events.item_rows[wanted]
    first: list[int] = np.sort(wanted[np.unique(pairs, return_index=True)[1]]).tolist()
    return first


class Exam:
    """The last item that each of some people came to want, withheld."""

    def __init__(self, dataset: Dataset, people: int) -> None:
        events = dataset.events
        last = {int(events.user_rows[place]): place for place in _first_wishes(dataset)}
        chosen = dict(list(sorted(last.items()))[:people])
        until = np.full(dataset.n_users, np.iinfo(np.int64).max)
        until[list(chosen)] = events.times_ms[list(chosen.values())]
        self.user_rows, self.targets = np.array(list(chosen)), events.item_rows[list(chosen.values())]
        self.known = dataset.with_events(events.times_ms < until[events.user_rows])
        until_then = dataset.said["time_ms"].to_numpy() <= until[dataset.said["user_row"].to_numpy()]
        self.known = replace(self.known, said=dataset.said.filter(until_then))
        self.queries = self.known.histories(self.user_rows)
        said, _ = self.queries.spoken(None)
        latest = dict(zip(said.owners.tolist(), said.times_ms.tolist(), strict=True))
        at = until[self.user_rows] - BEFORE_MS
        self.asked_for = np.array([latest.get(place) == at[place] for place in range(len(at))])

    def latest(self, n: int) -> Queries:
        """Of each the latest `n` events, and all words."""
        from_end = np.repeat(self.queries.offsets[1:], np.diff(self.queries.offsets)) - np.arange(
            len(self.queries.item_rows)
        )
        kept, whole = from_end <= n, self.queries
        offsets = np.concatenate([[0], np.cumsum(kept)])[whole.offsets]
        some = Queries(offsets, whole.item_rows[kept], whole.times_ms[kept], whole.signals[kept])
        return some.having_said(whole.said)

    def hits(self, model: Model, queries: Queries) -> BoolArray:
        """Whether each target is among the first, (B,)."""
        scores: FloatArray = model.score(queries)
        scores[self.queries.matrix(self.known.n_items).nonzero()] = -np.inf
        wanted = np.take_along_axis(scores, self.targets[:, None], axis=1)
        return np.asarray((scores > wanted).sum(axis=1) < LISTED)


def measure(exam: Exam, settings: dict[str, Any], options: FitOptions) -> list[dict[str, Any]]:
    nothing = exam.known.said.clear()
    runs = []
    for learned in (False, True):
        dataset = exam.known if learned else replace(exam.known, said=nothing)
        model = models.make("two_tower", settings).fit(dataset, options)
        for latest, told in itertools.product((None, FEW), (False, True)):
            queries = exam.queries if latest is None else exam.latest(latest)
            hits = exam.hits(model, queries if told else queries.having_said(None))
            groups = {"everybody": np.ones(len(hits), bool), "asked_for": exam.asked_for, "others": ~exam.asked_for}
            run: dict[str, Any] = {**settings, "learned_with_words": learned}
            run |= {"latest_events": latest, "asked_with_words": told}
            runs.append(run | {name: _rate(hits[group]) for name, group in groups.items()})
            sys.stdout.write(f"{runs[-1]}\n")
            sys.stdout.flush()
    return runs


def _rate(hits: BoolArray) -> dict[str, float]:
    low, high = wilson(int(hits.sum()), len(hits))
    return {"people": len(hits), f"hit@{LISTED}": float(hits.mean()), "low": low, "high": high}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--asked", type=float, default=0.3, help="the share of wishes that people ask for")
    parser.add_argument("--people", type=int, default=1_000)
    parser.add_argument("--contents", default="attributes", help="what two_tower reads")
    parser.add_argument("--memory", default="none,30", help="its memory in events, one or more")
    chosen = parser.parse_args()
    dataset = with_searches(generate(), chosen.asked, np.random.default_rng(0))
    exam = Exam(dataset, chosen.people)
    around: dict[str, Any] = {"machine": machine(), "versions": versions(), "commit": commit()}
    around |= {"date": datetime.now(UTC).isoformat(timespec="seconds"), "searches": dataset.said.height}
    memories = [None if one == "none" else float(one) for one in chosen.memory.split(",")]
    each = [{"contents": chosen.contents, "memory": memory} for memory in memories]
    around["runs"] = [run for settings in each for run in measure(exam, settings, FitOptions(threads=1))]
    around["asked"] = chosen.asked
    FILE.write_text(json.dumps(around, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
