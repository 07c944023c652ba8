"""Living: people of a world from a day on, with lists that somebody else makes; and the oracle, who knows their wishes.

What a list is worth is known exactly, so that no luck is in it: each place counts with the chance that it is looked
at, times the chance that the item is opened, times how much it is wanted. Nobody opens again what they opened or hid.
The oracle lists what is worth most of all that has arrived and that the person did not open or hide; nobody can do
better, as earlier places are looked at more often. What is lost against the oracle is regret.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl

from serendip.data import Tables
from serendip.data.arrays import BoolArray, FloatArray, IntArray
from serendip.world.behaviour import Reactions
from serendip.world.laws import DAY_MS, START_MS
from serendip.world.marketplace import World
from serendip.world.simulation import sittings

OF_VISITS, OF_REACTIONS = 0, 1
"""Streams of chance; the same people come at the same times whatever they were shown."""
MET = ("view", "click", "hide")


class Life:
    """A world from `first_day` on; of its log only what came before is kept."""

    def __init__(self, world: World, first_day: int, seed: int = 0) -> None:
        self.world, self.first_day = world, first_day
        self._laws, self._seed = world.behaviour.laws, seed
        self._met = np.zeros((len(world.people), len(world.catalogue)), bool)
        before = self._before(world.log.events).filter(pl.col("type").is_in(MET))
        self._met[before["user_row"].to_numpy(), before["item_row"].to_numpy()] = True
        self.came_late: BoolArray = world.catalogue.arrival_days > first_day
        """Which items were not there on the first day, (N,)."""

    def _before(self, events: pl.DataFrame) -> pl.DataFrame:
        return events.filter(pl.col("time_ms") < moment_ms(self.first_day))

    def past(self) -> Tables:
        """What a shop knows on the morning of the first day."""
        tables = self.world.tables()
        items = tables.items.filter(~pl.Series(self.came_late))
        users = tables.users.filter(pl.col("joined_ms") <= moment_ms(self.first_day))
        there = pl.concat([items["item_id"], users["user_id"]])
        relations = tables.relations.filter(pl.col("head").is_in(there.implode()))
        return Tables(self._before(tables.events), items, users, relations)

    def arrivals(self, day: int) -> list[tuple[str, dict[str, Any]]]:
        """The items that are new on a day after the first, with their attributes."""
        days = self.world.catalogue.arrival_days
        frame = self.world.catalogue.frame().filter(pl.Series((days > day - 1) & (days <= day)))
        records = frame.drop("item_id").to_dicts()
        known = ({name: value for name, value in record.items() if value is not None} for record in records)
        return list(zip(frame["item_id"].to_list(), known, strict=True))

    def sittings(self, day: int, n_visits: int) -> Iterator[tuple[IntArray, np.random.Generator]]:
        """Who visits, in groups in which nobody occurs twice, each with the luck of what they will do."""
        rng = np.random.default_rng([self._seed, day, OF_VISITS])
        for number, user_rows in enumerate(sittings(self.world.people, day, n_visits, rng)):
            yield user_rows, np.random.default_rng([self._seed, day, OF_REACTIONS, number])

    def react(self, user_rows: IntArray, slates: IntArray, day: int, rng: np.random.Generator) -> Reactions:
        """What people (B,) do with lists (B, K); what they know already they pass over."""
        fresh = np.where(self._knows(user_rows, slates), -1, slates)
        reactions = self.world.behaviour.react(user_rows, fresh, day, rng)
        who, place = np.nonzero(reactions.opened | reactions.hidden)
        self._met[user_rows[who], fresh[who, place]] = True
        return reactions

    def _knows(self, user_rows: IntArray, slates: IntArray) -> BoolArray:
        return np.asarray(self._met[user_rows[:, None], np.maximum(slates, 0)] & (slates >= 0))

    def gain(self, user_rows: IntArray, slates: IntArray, day: int) -> FloatArray:
        """What each place of lists (B, K) is worth to people (B,), (B, K); call it before they react."""
        worth = np.take_along_axis(self._worth(user_rows, day), np.maximum(slates, 0), axis=1)
        counted = (slates >= 0) & ~self._knows(user_rows, slates)
        return np.where(counted, worth, 0.0) * self.world.behaviour.examination(slates.shape[1])

    def best(self, user_rows: IntArray, day: int, n_places: int) -> FloatArray:
        """What the list of the oracle is worth to each, (B,)."""
        open_to = (self.world.catalogue.arrival_days <= day) & ~self._met[user_rows]
        worth = np.maximum(np.where(open_to, self._worth(user_rows, day), 0.0), 0.0)
        best = -np.sort(-worth, axis=1)[:, :n_places]
        return np.asarray(best @ self.world.behaviour.examination(best.shape[1]))

    def _worth(self, user_rows: IntArray, day: int) -> FloatArray:
        """Of each item once it is looked at, (B, N): the chance that it is opened, times how much it is wanted."""
        utility = self.world.taste.utility(day, user_rows)
        return np.asarray(self._laws.click.chance(utility) * utility)


def moment_ms(day: float) -> int:
    """When a day begins."""
    return START_MS + int(day * DAY_MS)
