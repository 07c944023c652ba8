"""World: a generated marketplace whose truth is known."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

from serendip.data import InputError, Progress, Tables, event_frame, silent
from serendip.data.arrays import FloatArray, IntArray
from serendip.world.behaviour import Behaviour
from serendip.world.catalogue import Catalogue, make_catalogue
from serendip.world.facts import relations
from serendip.world.laws import Laws
from serendip.world.people import People, make_people
from serendip.world.simulation import Log, Simulation, page_names
from serendip.world.taste import Taste


@dataclass(frozen=True, eq=False)
class World:
    """People, items and what happened. `tables()` is what a shop would know; the rest is for tests and simulations.

    User and item rows are places in `people.user_ids` and `catalogue.items`, in the order of the tables.
    """

    catalogue: Catalogue
    people: People
    taste: Taste
    behaviour: Behaviour
    log: Log
    n_days: int

    def tables(self) -> Tables:
        """Events, items, users and relations, without the truth."""
        ids = [self._user_ids(self.log.events["user_row"]), self._item_ids(self.log.events["item_row"])]
        events = event_frame(self.log.events.with_columns(*ids))
        return Tables(events, self.catalogue.frame(), self.people.frame(), relations(self.catalogue, self.people))

    def utility(self, day: float | None = None, user_rows: IntArray | None = None) -> FloatArray:
        """How much each person wants each item on a day (default: as the log closes), (U, N) float32.

        With `user_rows` (B,), only theirs: (B, N). The ground truth; it stands in no table.
        """
        return self.taste.utility(self.n_days if day is None else day, user_rows)

    @cached_property
    def exposures(self) -> pl.DataFrame:
        """What was shown: `slate`, `user_id`, `item_id`, `position` (1 is the first), `time_ms`, `page`, `clicked`."""
        shown = self.log.exposures
        return shown.select(
            "slate",
            self._user_ids(shown["user_row"]),
            self._item_ids(shown["item_row"]),
            "position",
            "time_ms",
            pl.Series("page", page_names(shown["page"].to_numpy())),
            "clicked",
        )

    def draw(self, folder: Path, progress: Progress = silent) -> None:
        """Draw the picture of each item into the workspace `folder`, where its `image` column says."""
        from serendip.world.pictures import draw_all

        draw_all(self.catalogue.items, folder, progress)

    def _user_ids(self, rows: pl.Series) -> pl.Series:
        return pl.Series("user_id", self.people.user_ids).gather(rows)

    def _item_ids(self, rows: pl.Series) -> pl.Series:
        return pl.Series("item_id", [item.item_id for item in self.catalogue.items]).gather(rows)


def generate(
    seed: int = 0,
    n_items: int = 2_000,
    n_people: int = 1_000,
    n_days: int = 90,
    target_events: int = 100_000,
    progress: Progress = silent,
    laws: Laws | None = None,
) -> World:
    """A marketplace drawn from `seed`: the same arguments, the same world.

    The number of events comes within a few per cent of `target_events`. `docs/demo_world.md` says the formulas.

    Raises:
        InputError: a size is below 1.
    """
    sizes = {"n_items": n_items, "n_people": n_people, "n_days": n_days, "target_events": target_events}
    for name, size in sizes.items():
        if size < 1:
            raise InputError(f"a world needs {name} of at least 1, not {size}")
    laws = laws or Laws()
    # One stream per part: a law that changes one part leaves the draws of the others as they are.
    of_items, of_people, of_days = np.random.default_rng(seed).spawn(3)
    catalogue = make_catalogue(n_items, n_days, laws, of_items)
    people = make_people(n_people, n_days, laws, of_people)
    taste = Taste(people, catalogue, laws)
    log = Simulation(catalogue, people, taste, laws).run(n_days, target_events, of_days, progress)
    return World(catalogue, people, taste, Behaviour(taste, laws), log, n_days)
