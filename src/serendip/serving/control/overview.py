"""Overview: how a service fares, from what it counts and from the latest lists and events in its store."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from threading import Lock
from typing import Any

import numpy as np
import polars as pl

from serendip.data.arrays import IntArray
from serendip.data.times import rfc3339
from serendip.evaluation.experiments import Tally, rate
from serendip.metrics import exposure
from serendip.serving.control.reading import Reading
from serendip.serving.engine import Engine

LATEST_LISTS = 5_000
"""So many say how much of the catalogue is shown, and what comes of it."""
LATEST_EVENTS = 200_000
DAY_MS = 86_400_000
KEPT_S = {"counts": 10.0, "lists": 5.0, "arrivals": 1.0}
"""What is read from the store holds so long, however many look."""
WORTH = 0.05
"""Where intervals of rates are tightest: where a difference of so much shows."""
PAGES = ("/", "/room", "/room/{screen}", "/static", "none")


class Overview:
    """Reads when it is asked, the store at most once in `KEPT_S`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._kept: dict[str, tuple[float, Any]] = {}
        self._lock = Lock()

    def read(self, metrics: bytes) -> dict[str, Any]:
        """All of it; `metrics` is the text of what all processes count."""
        reading, engine = Reading(metrics), self._engine
        answers = reading.counts("answers", "by")
        return {
            "counts": self._once("counts", engine.store.counts),
            "arrivals": self._once("arrivals", self._arrivals),
            "routes": self._routes(reading),
            "effect": next((one.to_json() for one in reading.times("event_effect")), None),
            "answers": answers,
            "model": self._model(),
            **self._once("lists", self._lists),
        }

    def _once(self, name: str, read: Callable[[], Any]) -> Any:
        with self._lock:
            at_s, found = self._kept.get(name, (float("-inf"), None))
            if time.monotonic() - at_s >= KEPT_S[name]:
                found = read()
                self._kept[name] = time.monotonic(), found
        return found

    def _arrivals(self) -> dict[str, Any]:
        since_ms = time.time_ns() // 1_000_000 - DAY_MS
        minutes = self._engine.store.arrivals(since_ms, LATEST_EVENTS)
        told = [{"minute": rfc3339(at), "events": count} for at, count in minutes]
        return {"since": rfc3339(since_ms), "most": LATEST_EVENTS, "minutes": told}

    def _routes(self, reading: Reading) -> list[dict[str, Any]]:
        """The busiest first; pages and their files are left out."""
        found = {}
        for one in reading.times("request", "method", "route"):
            if one.labels["route"] not in PAGES:
                found[one.labels["method"], one.labels["route"]] = {**one.to_json(), "refused": 0, "failed": 0}
        for one in reading.times("request", "method", "route", "status"):
            known = found.get((one.labels["method"], one.labels["route"]))
            if known and (status := int(one.labels["status"])) >= 400:
                known["failed" if status >= 500 else "refused"] += one.count
        return sorted(found.values(), key=lambda route: -route["count"])

    def _model(self) -> dict[str, Any] | None:
        served = self._engine.deployment.current
        if served is None:
            return None
        fitted = rfc3339(int(served.trained_s * 1000))
        return {"version": served.version, "recipe": served.pipeline.recipe.name, "fitted_at": fitted}

    def _lists(self) -> dict[str, Any]:
        self._engine.exposures.flush()
        found = self._engine.store.showings(LATEST_LISTS)
        return {
            "lists": found.exposures,
            "lists_since": None if found.since_ms is None else rfc3339(found.since_ms),
            "exposure": self._exposure(found.shown["item_id"]),
            "surfaces": self._surfaces(found.shown, found.answers),
        }

    def _exposure(self, shown: pl.Series) -> dict[str, Any] | None:
        """How the latest lists share out the catalogue, and how much of them no model has learned yet."""
        served = self._engine.deployment.current
        if served is None or not len(shown):
            return None
        catalogue = served.pipeline.catalogue
        n_offered = int(catalogue.listable.sum())
        rows = catalogue.vocabulary.rows(shown.to_list()).reshape(1, -1)
        learned = served.pipeline.learned
        fresh = sum(1 for item_id in shown if item_id not in learned)
        return {
            "items": n_offered,
            "coverage": exposure.coverage(rows, len(catalogue)) * len(catalogue) / n_offered if n_offered else None,
            "gini": _gini(rows, catalogue.listable.nonzero()[0], len(catalogue)),
            "fresh_share": fresh / len(shown),
        }

    def _surfaces(self, shown: pl.DataFrame, answers: pl.DataFrame) -> list[dict[str, Any]]:
        """The share of lists that led to something wanted of them; the people are the draws."""
        signal = self._engine.workspace.settings.events.expression()
        wanted = answers.filter(signal > 0).join(shown, on=["request_id", "item_id"], how="semi")
        led = wanted.select("request_id").unique().with_columns(wanted=pl.lit(1.0))
        person = pl.coalesce("user_id", "request_id").alias("person")
        lists = shown.select("request_id", "surface", person).unique().join(led, on="request_id", how="left")
        people = lists.group_by("surface", "person").agg(pl.len().alias("lists"), pl.col("wanted").sum())
        found = []
        for (surface,), mine in people.sort("surface", "person").group_by("surface", maintain_order=True):
            tally = Tally(mine["wanted"].to_numpy(), mine["lists"].cast(pl.Float64).to_numpy())
            n_lists = int(mine["lists"].sum())
            told = {"people": mine.height, "lists": n_lists, **asdict(rate(tally, WORTH))}
            found.append({"surface": surface, **told, "mean": tally.sums.sum() / n_lists})
        return sorted(found, key=lambda one: -one["lists"])


def _gini(rows: IntArray, offered: IntArray, n_items: int) -> float | None:
    """Over what is on offer: items that may not be listed are not listed unfairly."""
    place = np.full(n_items + 1, -1)  # the last is where -1 points
    place[offered] = np.arange(len(offered))
    found = exposure.gini(place[rows], len(offered)) if len(offered) else float("nan")
    return None if np.isnan(found) else found
