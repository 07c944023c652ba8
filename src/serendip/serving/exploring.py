"""Exploring: what came of places that were given by chance, learned from the log, and the guard that stops it.

Everything is read from exposures and events, so processes agree and a restart forgets nothing: while the log says that
exploration surely costs more than the recipe allows, no process explores.
"""

from __future__ import annotations

import logging
import time

import polars as pl

from serendip.data import Signals
from serendip.evaluation.experiments import cost
from serendip.pipeline import Pipeline
from serendip.pipeline.exploring import Tried
from serendip.serving.deployment import Deployment
from serendip.serving.watching import Watcher
from serendip.store import Store

LOOK_EVERY_S = 5.0
AT_MOST = 0.05
"""The share of its time that the thread reads."""
WINDOW_MS = 30 * 86_400_000
"""How far back the log is read: what is older says nothing any more, for or against."""

_log = logging.getLogger(__name__)


class Exploring(Watcher):
    """Tells the pipelines in service what came of what they tried, again and again, in a thread of its own."""

    def __init__(self, store: Store, deployment: Deployment, signals: Signals) -> None:
        self._store, self._deployment, self._signals = store, deployment, signals
        super().__init__("exploring", LOOK_EVERY_S)

    def look(self) -> None:
        """Read the log, where a pipeline explores."""
        exploring = [one.pipeline for one in self._deployment.in_service() if one.pipeline.recipe.exploration.places]
        if not exploring:
            return
        try:
            draws = self._draws()
        except Exception as error:
            _log.warning("what came of exploration cannot be read: %s", error)
            return
        tried = _tried(draws)
        for pipeline in exploring:
            pipeline.tried = tried
            self._guard(pipeline, draws)

    def _draws(self) -> pl.DataFrame:
        """Each draw of the last while, with whether something positive came of it."""
        draws, outcomes = self._store.exploration_log(time.time_ns() // 1_000_000 - WINDOW_MS)
        positive = outcomes.filter(self._signals.expression() > 0).select("request_id", "item_id").unique()
        wanted = positive.with_columns(pl.lit(True).alias("wanted"))
        return draws.join(wanted, on=["request_id", "item_id"], how="left").with_columns(
            pl.col("wanted").fill_null(False)
        )

    def _guard(self, pipeline: Pipeline, draws: pl.DataFrame) -> None:
        allowed = pipeline.recipe.exploration.most_loss
        found = cost(draws.filter(pl.col("recipe") == pipeline.recipe.name), allowed)
        too_much = found.high is not None and found.high < -allowed
        if too_much and pipeline.exploring:
            _log.warning(
                "the recipe %s explores no more: it costs %.1f %% of showings", pipeline.name, -100 * found.mean
            )
        pipeline.exploring = not too_much

    def _watch(self) -> None:
        wait_s = 0.0
        while not self._ended.wait(wait_s):
            started_s = time.monotonic()
            self.look()
            wait_s = max(LOOK_EVERY_S, (time.monotonic() - started_s) / AT_MOST)


def _tried(draws: pl.DataFrame) -> Tried:
    items = draws.group_by("item_id").agg(pl.len().alias("shown"), pl.col("wanted").sum()).sort("item_id")
    shown, wanted = (items[name].cast(pl.Float64).to_numpy() for name in ("shown", "wanted"))
    return Tried(tuple(items["item_id"].to_list()), shown, wanted)
