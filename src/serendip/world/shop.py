"""Shop: the pages that chose what people saw while the log was written. It does not know what people want."""

from __future__ import annotations

import numpy as np

from serendip.data.arrays import BoolArray, FloatArray, IntArray
from serendip.world.behaviour import Reactions
from serendip.world.catalogue import Catalogue
from serendip.world.laws import Laws

FRONT = -1
"""The page that shows all categories."""
FORGETTING = 0.93
"""What is left each day of the clicks that made an item popular."""
NEW_DAYS = 10.0
NEW_BOOST = 3.0
"""How much more often an item is shown in its first NEW_DAYS days."""
SEEN_AGAIN = 0.25
"""How much less often an item is shown to someone who opened it before."""


def race(weights: FloatArray, k: int, rng: np.random.Generator) -> IntArray:
    """`k` items for each row, drawn one after the other in proportion to weights (B, N); (B, min(k, N)), -1: none left.

    Each item arrives after an exponential time with its weight as rate; the first k are a Plackett-Luce sample
    (Yellott, 1977), in the order in which they were drawn.
    """
    k = min(k, weights.shape[1])
    times = rng.standard_exponential(weights.shape, dtype=np.float32)
    possible = weights > 0
    np.divide(times, weights, out=times, where=possible, casting="same_kind")
    times[~possible] = np.inf
    rows = np.argpartition(times, k - 1, axis=1)[:, :k]
    times = np.take_along_axis(times, rows, axis=1)
    order = np.argsort(times, axis=1, kind="stable")
    rows, times = np.take_along_axis(rows, order, axis=1), np.take_along_axis(times, order, axis=1)
    return np.where(np.isfinite(times), rows, -1)


class Shop:
    """Shows what is popular of late and what is new, by chance; never what somebody bought or hid."""

    def __init__(self, catalogue: Catalogue, n_people: int, laws: Laws) -> None:
        self._catalogue, self._laws = catalogue, laws
        self._clicks = np.zeros(len(catalogue))
        self._seen = np.zeros((n_people, len(catalogue)), dtype=bool)
        self._done = np.zeros((n_people, len(catalogue)), dtype=bool)

    def slates(self, user_rows: IntArray, pages: IntArray, day: float, rng: np.random.Generator) -> IntArray:
        """What each of `user_rows` (B,) sees on their page (B,), a category's row or FRONT; (B, slate_size)."""
        age = day - self._catalogue.arrival_days
        shown = self.pull() * np.where(age < NEW_DAYS, NEW_BOOST, 1.0)
        on_page = (pages[:, None] == FRONT) | (pages[:, None] == self._catalogue.category_rows)
        again = np.where(self._seen[user_rows], np.float32(SEEN_AGAIN), np.float32(1.0))
        weights = shown.astype(np.float32) * on_page * again * self.open_to(user_rows, day)
        return race(weights, self._laws.slate_size, rng)

    def pull(self) -> FloatArray:
        """How present each item is, (N,): its fame, and what was clicked lately."""
        return np.asarray(self._catalogue.fame * (1 + self._clicks) ** self._laws.herding)

    def open_to(self, user_rows: IntArray, day: float) -> BoolArray:
        """Which items each person could get today, (B, N): those that have arrived and are not bought or hidden."""
        return (self._catalogue.arrival_days <= day) & ~self._done[user_rows]

    def notice(self, reactions: Reactions) -> None:
        """Remember what people did."""
        for happened, memory in (
            (reactions.opened, self._seen),
            (reactions.purchased | reactions.hidden, self._done),
        ):
            who, place = np.nonzero(happened)
            memory[reactions.user_rows[who], reactions.item_rows[who, place]] = True
        clicked = reactions.item_rows[reactions.clicked]
        self._clicks += np.bincount(clicked, minlength=len(self._clicks))

    def close_day(self) -> None:
        self._clicks *= FORGETTING
