"""What lists show, whoever they are for: how much of the catalogue, how evenly, how well known.

Every function takes the listed item `rows` (B, K), best first, -1 where a list is shorter; such places are left out.
"""

from __future__ import annotations

import numpy as np

from serendip.data.arrays import BoolArray, FloatArray, IntArray


def coverage(rows: IntArray, n_items: int) -> float:
    """Distinct items listed, divided by `n_items`, the whole catalogue that could have been listed.

    Dividing by the items that occur in training instead makes a catalogue full of new things look well covered.
    """
    return np.count_nonzero(times_listed(rows, n_items)) / n_items


def gini(rows: IntArray, n_items: int) -> float:
    """How unevenly the catalogue is listed: 0 where every item is listed equally often, 1 - 1/N where one has it all.

    With p_(j) the shares of all listings in ascending order, zeros included, j = 1..N:
    sum over j of (2j - N - 1) p_(j), divided by N. NaN where nothing is listed.
    (Some divide by N - 1; then one item that has it all gives 1.)
    """
    counts = np.sort(times_listed(rows, n_items))
    if not counts[-1]:
        return float("nan")
    places = 2 * np.arange(1, n_items + 1) - n_items - 1
    return float(places @ counts / counts.sum() / n_items)


def average_popularity(rows: IntArray, counts: IntArray) -> FloatArray:
    """Mean over each list of `counts` (N,), how many people each item has in training; (B,), NaN for an empty list.

    Abdollahpouri, Burke, Mobasher, "Managing Popularity Bias in Recommender Systems with Personalized Re-ranking",
    FLAIRS 2019 (there: ARP).
    """
    return _mean_over_list(rows, counts.astype(np.float64))


def novelty(rows: IntArray, counts: IntArray, n_users: int) -> FloatArray:
    """Mean over each list of -log2(n_i / U): how surprising it is to know the item, in bits; (B,), NaN if empty.

    n_i are the `counts` (N,) of people in training, U is `n_users`. An item nobody knows would be infinitely novel,
    so n_i is at least 1. Zhou et al., "Solving the apparent diversity-accuracy dilemma of recommender systems",
    PNAS 107(10), 2010 (there: self-information).
    """
    return _mean_over_list(rows, -np.log2(np.maximum(counts, 1) / n_users))


def tail_items(counts: IntArray, head_share: float = 0.2) -> BoolArray:
    """Which items belong to the long tail, (N,) bool: all but the `head_share` of items with the largest `counts`.

    Equals of the last of the head belong to the head too; an item nobody has in training is tail.
    """
    n_head = max(1, round(len(counts) * head_share))
    last = -np.partition(-counts, n_head - 1)[n_head - 1]
    return np.asarray(counts < max(last, 1))


def tail_share(rows: IntArray, tail: BoolArray) -> FloatArray:
    """Share of each list that is tail, (B,), NaN for an empty list.

    Abdollahpouri, Burke, Mobasher, FLAIRS 2019 (there: APLT).
    """
    return _mean_over_list(rows, tail.astype(np.float64))


def times_listed(rows: IntArray, n_items: int) -> IntArray:
    """How often each item is listed, (N,)."""
    return np.bincount(rows[rows >= 0], minlength=n_items)


def _mean_over_list(rows: IntArray, values: FloatArray) -> FloatArray:
    listed = rows >= 0
    total = np.where(listed, values[rows], 0.0).sum(axis=1)
    length = listed.sum(axis=1)
    return np.where(length > 0, total / np.maximum(length, 1), np.nan)
