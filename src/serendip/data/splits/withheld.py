"""Splits that withhold whole people or whole items from training."""

from __future__ import annotations

import numpy as np

from serendip.data.arrays import BoolArray, IntArray
from serendip.data.dataset import Dataset
from serendip.data.splits.split import Split, check_share, divided, places_within
from serendip.errors import InputError

ORDERS = ("random", "time")


def user_split(
    dataset: Dataset, test_share: float = 0.2, fold_in: float = 0.8, by: str = "random", seed: int = 0
) -> Split:
    """Strong generalisation: nothing is learned from a random `test_share` of the people, who are asked.

    A share `fold_in` of each one's events, rounded, is their history, the rest is the test: a random one as in
    Liang, Krishnan, Hoffman, Jebara, "Variational Autoencoders for Collaborative Filtering", WWW 2018, or `by="time"`
    the earlier ones.

    Raises:
        InputError: a share is not between 0 and 1, `by` is unknown, or one side would be empty.
    """
    check_share("fold_in", fold_in)
    if by not in ORDERS:
        raise InputError(f"by is {by!r}; it can be {' or '.join(ORDERS)}")
    user_rows = dataset.events.user_rows
    generator = np.random.default_rng(seed)
    withheld = _withheld(user_rows, test_share, generator)
    place = places_within(user_rows, generator.random(len(user_rows)) if by == "random" else None)
    shown = place < np.round(np.bincount(user_rows, minlength=1) * fold_in)[user_rows]
    return divided(dataset, withheld & ~shown, "user-split", ~withheld, withheld & shown)


def cold_user(dataset: Dataset, test_share: float = 0.2, history: int = 3, seed: int = 0) -> Split:
    """Newcomers: nothing is learned from a random `test_share` of the people, whose first events are their history.

    Their first `history` events are shown, all later ones are the test.

    Raises:
        InputError: `test_share` is not between 0 and 1, `history` is below 1, or one side would be empty.
    """
    if history < 1:
        raise InputError(f"history is {history}; it must be at least 1: people without any are reported apart anyway")
    user_rows = dataset.events.user_rows
    withheld = _withheld(user_rows, test_share, np.random.default_rng(seed))
    shown = places_within(user_rows) < history
    return divided(dataset, withheld & ~shown, "cold-user", ~withheld, withheld & shown)


def cold_item(dataset: Dataset, test_share: float = 0.2, seed: int = 0) -> Split:
    """New things: every event on a random `test_share` of the items is the test, and nothing is learned from it.

    Raises:
        InputError: `test_share` is not between 0 and 1, or one side would be empty.
    """
    withheld = _withheld(dataset.events.item_rows, test_share, np.random.default_rng(seed))
    return divided(dataset, withheld, "cold-item")


def _withheld(rows: IntArray, share: float, generator: np.random.Generator) -> BoolArray:
    """Which events belong to a random share of the rows that occur, rounded, (E,)."""
    check_share("test_share", share)
    occurring = np.unique(rows)
    chosen = generator.permutation(occurring)[: round(len(occurring) * share)]
    return np.isin(rows, chosen)
