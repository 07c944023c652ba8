"""How data sets become folds: the divisions of papers, where they differ from the protocols of `serendip evaluate`."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.cases.case import Fold
from serendip.data import Dataset
from serendip.data.arrays import IntArray
from serendip.data.splits import Split, cold_item, global_time, leave_one_out, one_fold, random_per_user, user_split
from serendip.errors import InputError

SPLIT_SEED = 0
"""Of random splits: part of the case, so that every model and library is asked the same."""


def leave_last_out(dataset: Dataset) -> Fold:
    """The last item of each person is the test, the one before it is for validation.

    Models are fitted without both, and are shown everything before the last when asked: Kang and McAuley,
    "Self-attentive sequential recommendation", ICDM 2018, section IV. (`serendip evaluate` with `leave-one-out` fits
    on the validation items too.)
    """
    last = leave_one_out(dataset)
    learn = leave_one_out(last.train).train
    return Fold.of(Split(learn, last.test, "leave-one-out", folded_in=last.train))


def random_811(dataset: Dataset) -> Fold:
    """Of each person's events a random tenth is the test and another tenth is for validation, both rounded.

    As in RecBole models are fitted on and shown the remaining eight tenths, and validation items are not listed.
    """
    outer = random_per_user(dataset, 0.1, SPLIT_SEED)
    learn = random_per_user(outer.train, 1 / 9, SPLIT_SEED).train
    return Fold(learn, shown=learn, known=outer.train, test=outer.test)


def listed_apart(dataset: Dataset, file: Path) -> Fold:
    """The test are the events whose person and item are in a tab-separated file without a header.

    Raises:
        InputError: the file names a pair that is not in the data.
    """
    pairs = pl.read_csv(gzip.decompress(file.read_bytes()), separator="\t", has_header=False, infer_schema=False)
    users, items = dataset.users.vocabulary, dataset.items.vocabulary
    wanted = _keys(users.rows(pairs.to_series(0)), items.rows(pairs.to_series(1)), dataset.n_items)
    events = dataset.events
    test = np.isin(_keys(events.user_rows, events.item_rows, dataset.n_items), wanted)
    if np.count_nonzero(test) != len(wanted):
        raise InputError(f"{file} lists {len(wanted):,} events, of which the data have {np.count_nonzero(test):,}")
    return Fold.of(Split(dataset.with_events(~test), dataset.with_events(test), "given"))


def _keys(user_rows: IntArray, item_rows: IntArray, n_items: int) -> IntArray:
    """One number per pair, (E,)."""
    return user_rows.astype(np.int64) * n_items + item_rows


def validation_between(fold: Fold) -> Fold:
    """For settings to be chosen by: what is shown at the test or left out of its lists, but not learned from."""
    learn, known = fold.learn, fold.known
    held = ~np.isin(_pairs(known), _pairs(learn))
    return Fold(learn, shown=learn, known=learn, test=known.with_events(held))


def validation_by_time(fold: Fold) -> Fold:
    """For settings to be chosen by: the last fifth of what is learned from."""
    return Fold.of(global_time(fold.learn))


def validation_of_each_person(fold: Fold) -> Fold:
    """For settings to be chosen by: a random tenth of what is learned from, of each person."""
    return Fold.of(random_per_user(fold.learn, 0.1, SPLIT_SEED))


def validation_of_ratings(fold: Fold) -> Fold:
    """For settings to be chosen by: a random tenth of the ratings learned from."""
    return Fold.of(one_fold(fold.learn, 10, 0, SPLIT_SEED))


def validation_of_items(fold: Fold) -> Fold:
    """For settings to be chosen by: a random tenth of the items learned from, as if nobody had met them."""
    return Fold.of(cold_item(fold.learn, 0.1, SPLIT_SEED + 1))


def validation_of_people(fold: Fold) -> Fold:
    """For settings to be chosen by: a random fifth of the people learned from, as if they were strangers."""
    return Fold.of(user_split(fold.learn, seed=SPLIT_SEED + 1))


def _pairs(dataset: Dataset) -> IntArray:
    return _keys(dataset.events.user_rows, dataset.events.item_rows, dataset.n_items)
