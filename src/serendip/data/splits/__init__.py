"""Splits: which events may be learned from, and which must be foretold.

All sides share people, items and their rows. Events keep the stable order of (time, original row).
"""

from __future__ import annotations

from collections.abc import Callable

from serendip.data.splits.at_random import k_fold, one_fold, random_per_user
from serendip.data.splits.by_time import global_time, leave_one_out
from serendip.data.splits.hashing import data_hash
from serendip.data.splits.published import given
from serendip.data.splits.split import Split, hash_of, places_within
from serendip.data.splits.withheld import cold_item, cold_user, user_split

SPLITS: dict[str, Callable[..., Split]] = {
    "global-time": global_time,
    "leave-one-out": leave_one_out,
    "random-per-user": random_per_user,
    "k-fold": one_fold,
    "user-split": user_split,
    "cold-item": cold_item,
    "cold-user": cold_user,
}
"""What divides a dataset, by the name under which a result is reported; `given` ones come divided."""

__all__ = [
    "SPLITS",
    "Split",
    "cold_item",
    "cold_user",
    "data_hash",
    "given",
    "global_time",
    "hash_of",
    "k_fold",
    "leave_one_out",
    "one_fold",
    "places_within",
    "random_per_user",
    "user_split",
]
