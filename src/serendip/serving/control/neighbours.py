"""Neighbours: people who want what a person wants, found through the items that they share.

The likeness of two people is the cosine of the sets of items that they want: shared / sqrt(mine * theirs). It is read
from the log as it stands, in bounded windows, and no model has a part in it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import sqrt

from serendip.data import Past, Signals
from serendip.serving.control.tastes import wanted
from serendip.store import Store

OWN_ITEMS = 100
"""The latest items that the person wants lead to others."""
PER_ITEM = 200
"""The latest events on each of these are looked at."""
COMPARED = 60
"""Of so many people, those with most in common, everything is compared."""
HISTORY = 500
"""The latest events of each person that are compared."""


@dataclass(frozen=True)
class Neighbour:
    """Somebody alike."""

    user_id: str
    likeness: float
    """The cosine of both sets of wanted items, 0..1."""
    wanted: int
    """Items that they want."""
    shared: tuple[str, ...]
    """Those that both want, what the person wanted last first."""


@dataclass(frozen=True)
class Neighbourhood:
    """The people most like one, and what was looked at to find them."""

    wanted: int
    """Items that the person wants."""
    events: int
    """On these, by others."""
    met: int
    """People who want at least one of them."""
    neighbours: tuple[Neighbour, ...]
    """The most alike first."""


class Neighbourhoods:
    """Finds neighbours in a store."""

    def __init__(self, store: Store, signals: Signals) -> None:
        self._store, self._signals = store, signals

    def of(self, user_id: str, n: int) -> Neighbourhood:
        """The `n` people most like one; none for somebody who wants nothing yet."""
        mine = self._wanted(self._store.history(user_id, HISTORY))
        events = self._store.latest_of_each(mine[:OWN_ITEMS], PER_ITEM)
        signals = events.select(self._signals.expression())["signal"].to_numpy()
        met = Counter(person for person, _ in wanted(events["user_id"], events["item_id"], signals))
        met.pop(user_id, None)
        likely = sorted(met, key=lambda other: (-met[other], other))[:COMPARED]
        found = (self._compared(mine, other) for other in likely)
        alike = sorted((one for one in found if one.shared), key=lambda one: (-one.likeness, one.user_id))
        return Neighbourhood(len(mine), events.height, len(met), tuple(alike[:n]))

    def _wanted(self, past: Past) -> list[str]:
        """What a history says that its person wants, the latest first."""
        signals = self._signals.of(past.types, past.values)
        found = [item_id for _, item_id in wanted([""] * len(past), past.item_ids, signals)]
        return found[::-1]

    def _compared(self, mine: list[str], other: str) -> Neighbour:
        theirs = set(self._wanted(self._store.history(other, HISTORY)))
        shared = tuple(item_id for item_id in mine if item_id in theirs)
        likeness = len(shared) / sqrt(len(mine) * len(theirs)) if shared else 0.0
        return Neighbour(other, likeness, len(theirs), shared)
