"""Splits that follow time."""

from __future__ import annotations

import numpy as np

from serendip.data.dataset import Dataset
from serendip.data.splits.split import Split, check_share, divided
from serendip.errors import InputError


def global_time(dataset: Dataset, test_share: float = 0.2) -> Split:
    """The last `test_share` of all events, by time, are the test: nothing learned is later than anything foretold.

    Events at the very time of the cut are all test events. Events without a time come first; where the cut falls
    among them, their original order decides.

    Raises:
        InputError: `test_share` is not between 0 and 1, or one side would be empty.
    """
    check_share("test_share", test_share)
    times_ms = dataset.events.times_ms
    if not len(times_ms):
        raise InputError("the global-time split needs events, and there are none")
    place = min(round(len(times_ms) * (1 - test_share)), len(times_ms) - 1)
    cut = int(np.searchsorted(times_ms, times_ms[place])) if times_ms[place] > 0 else place
    return divided(dataset, np.arange(len(times_ms)) >= cut, "global-time")


def leave_one_out(dataset: Dataset, validation: bool = False) -> Split:
    """Each person's last liked event is the test; what they did before it is for training.

    What a person did after their test event is on neither side, and so are their earlier events on the same item:
    it could not be foretold as something new. Other people's later events do stay in training: this split lets
    models see the future and exists to compare with the literature.

    Args:
        validation: Leave the test events out altogether and hold out each person's liked event before them.

    Raises:
        InputError: nobody liked anything.
    """
    if validation:
        dataset = leave_one_out(dataset).train
    events = dataset.events
    liked = np.flatnonzero(events.signals > 0)
    last = np.full(dataset.n_users, -1)
    last[events.user_rows[liked]] = liked  # the last write is the latest event
    own = last[events.user_rows]  # (E,), the test event of each event's person, -1 for none
    places = np.arange(len(events))
    before = (places < own) & (events.item_rows != events.item_rows[own])
    return divided(dataset, places == own, "leave-one-out", train=before | (own < 0))
