"""Simulation: the days of the log, one after the other. Everything within a sitting happens at once, in arrays."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from serendip.data import Progress, track
from serendip.data.arrays import FloatArray, IntArray
from serendip.world.behaviour import Behaviour, Reactions
from serendip.world.catalogue import Catalogue
from serendip.world.goods import CATEGORIES
from serendip.world.laws import DAY_MS, START_MS, Laws
from serendip.world.people import People
from serendip.world.shop import FRONT, Shop, race
from serendip.world.taste import Taste

EVENTS_PER_VISIT = 5.0
"""A first guess; from then on it is counted."""
MOST_LOOKED_UP = 6
LOOKING_UP_AFTER_MS = 600_000
SATURDAY = 0
"""The log starts on a Saturday."""
WEEKEND = 1.35
"""How many visits a day of the weekend has, against another day."""
PICKINESS = 1.2
"""How strongly interest decides which category's page somebody opens."""


@dataclass(frozen=True, eq=False)
class Log:
    """What was written down, with rows instead of ids."""

    events: pl.DataFrame  # user_row, item_row, type, value, time_ms; in order of time
    exposures: pl.DataFrame  # slate, user_row, item_row, position, time_ms, page, clicked


class Simulation:
    """Lets people visit day after day until about `target_events` events have happened."""

    def __init__(self, catalogue: Catalogue, people: People, taste: Taste, laws: Laws) -> None:
        self._catalogue, self._people, self._taste, self._laws = catalogue, people, taste, laws
        self._behaviour = Behaviour(taste, laws)
        self._shop = Shop(catalogue, len(people), laws)
        self._events: list[pl.DataFrame] = []
        self._exposures: list[pl.DataFrame] = []
        self._n_visits = self._n_events = 0

    def run(self, n_days: int, target_events: int, rng: np.random.Generator, progress: Progress) -> Log:
        rhythm = np.array([WEEKEND if (day + SATURDAY) % 7 < 2 else 1.0 for day in range(n_days)])
        for day in track(range(n_days), "living through the days", n_days, progress):
            share = rhythm[day] / rhythm[day:].sum()
            self._live(day, share * max(target_events - self._n_events, 0), rng)
            self._shop.close_day()
        end_ms = START_MS + n_days * DAY_MS
        events = pl.concat(self._events).filter(pl.col("time_ms") < end_ms).sort("time_ms", maintain_order=True)
        return Log(events, pl.concat(self._exposures))

    def _live(self, day: int, wanted_events: float, rng: np.random.Generator) -> None:
        per_visit = self._n_events / self._n_visits if self._n_visits > 200 else EVENTS_PER_VISIT
        for user_rows in sittings(self._people, day, math.ceil(wanted_events / per_visit), rng):
            self._sit(user_rows, day, rng)

    def _sit(self, user_rows: IntArray, day: int, rng: np.random.Generator) -> None:
        """One visit of each of `user_rows`: a slate, then what they look up themselves."""
        hours = np.clip(rng.normal(19, 4, len(user_rows)) % 24, 0, 23.5)
        starts_ms = START_MS + day * DAY_MS + (hours * DAY_MS / 24).astype(np.int64)
        pages = self._pages(user_rows, rng)
        slates = self._shop.slates(user_rows, pages, day, rng)
        shown = self._behaviour.react(user_rows, slates, day, rng)
        self._write(shown, starts_ms, rng)
        self._exposures.append(self._exposed(shown, pages, starts_ms))
        found = self._found(user_rows, day, rng)
        looked_up = self._behaviour.look_up(user_rows, found, day, rng)
        self._write(looked_up, starts_ms + LOOKING_UP_AFTER_MS, rng)
        self._n_visits += len(user_rows)

    def _write(self, reactions: Reactions, starts_ms: IntArray, rng: np.random.Generator) -> None:
        events = reactions.events(starts_ms, rng)
        self._shop.notice(reactions)
        self._events.append(events)
        self._n_events += events.height

    def _pages(self, user_rows: IntArray, rng: np.random.Generator) -> IntArray:
        """Which page each person opens: the front page or that of a category they care for."""
        interest = PICKINESS * self._people.category_interest[user_rows]
        categories = np.argmax(interest + rng.gumbel(size=interest.shape), axis=1)
        return np.where(rng.random(len(user_rows)) < self._laws.front_page, FRONT, categories)

    def _found(self, user_rows: IntArray, day: int, rng: np.random.Generator) -> IntArray:
        """What each person looks up, (B, MOST_LOOKED_UP), -1 beyond the number they look up today."""
        wanted = np.exp(self._laws.search_slope * self._taste.utility(day, user_rows))
        known = self._shop.pull() * self._shop.open_to(user_rows, day)
        found = race(wanted * known, MOST_LOOKED_UP, rng)
        numbers = rng.poisson(self._laws.searches, len(user_rows))
        return np.where(np.arange(found.shape[1]) < numbers[:, None], found, -1)

    def _exposed(self, shown: Reactions, pages: IntArray, starts_ms: IntArray) -> pl.DataFrame:
        who, place = np.nonzero(shown.item_rows >= 0)
        return pl.DataFrame(
            {
                "slate": self._n_visits + who,
                "user_row": shown.user_rows[who].astype(np.int64),
                "item_row": shown.item_rows[who, place].astype(np.int64),
                "position": place + 1,
                "time_ms": starts_ms[who],
                "page": pages[who],
                "clicked": shown.clicked[who, place],
            }
        )


def sittings(people: People, day: int, n_visits: int, rng: np.random.Generator) -> Iterator[IntArray]:
    """Who visits: groups in which nobody occurs twice, drawn by activity from those who have joined."""
    joined = np.flatnonzero(people.joined_days <= day)
    most = -(-2 * len(joined) // 3)
    while n_visits > 0 and most > 0:
        size = min(n_visits, most)
        yield joined[race(people.activity[joined][None, :], size, rng)[0]]
        n_visits -= size


def page_names(pages: FloatArray | IntArray) -> list[str]:
    """`front`, or the name of the category."""
    names = ["front", *(category.name.en for category in CATEGORIES)]
    return [names[page + 1] for page in pages.tolist()]
