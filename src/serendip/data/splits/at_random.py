"""Splits at random, which flatter: models learn from the future and from the very days they are asked about.

Kept to compare with the literature.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from serendip.data.dataset import Dataset
from serendip.data.splits.split import Split, check_share, divided, places_within
from serendip.errors import InputError


def random_per_user(dataset: Dataset, test_share: float = 0.2, seed: int = 0) -> Split:
    """A random `test_share` of each person's events, rounded, is the test.

    Raises:
        InputError: `test_share` is not between 0 and 1, or one side would be empty.
    """
    check_share("test_share", test_share)
    user_rows = dataset.events.user_rows
    counts = np.bincount(user_rows, minlength=dataset.n_users)
    place = places_within(user_rows, np.random.default_rng(seed).random(len(user_rows)))
    return divided(dataset, place < np.round(counts * test_share)[user_rows], "random-per-user")


def k_fold(dataset: Dataset, folds: int = 5, seed: int = 0) -> Iterator[Split]:
    """As many splits as there are `folds`, of even size: each event is tested once and learned from in all others.

    Made for ratings; `evaluation.evaluate_ratings` measures all folds together.

    Raises:
        InputError: there are fewer than 2 folds, or fewer events than folds.
    """
    _check_folds(dataset, folds)
    return (one_fold(dataset, folds, fold, seed) for fold in range(folds))


def one_fold(dataset: Dataset, folds: int = 5, fold: int = 0, seed: int = 0) -> Split:
    """One split of `k_fold`, counted from 0.

    Raises:
        InputError: there is no such fold, fewer than 2 of them, or fewer events than folds.
    """
    _check_folds(dataset, folds)
    if not 0 <= fold < folds:
        raise InputError(f"there is no fold {fold}; the {folds} folds are counted from 0")
    order = np.random.default_rng(seed).permutation(len(dataset.events))
    return divided(dataset, order % folds == fold, "k-fold")


def _check_folds(dataset: Dataset, folds: int) -> None:
    if not 2 <= folds <= len(dataset.events):
        raise InputError(
            f"{len(dataset.events):,} events cannot be divided into {folds} folds; there must be at least 2"
        )
