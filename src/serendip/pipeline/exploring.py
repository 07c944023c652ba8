"""Exploration: some places of a list are given by chance to items of which little is known yet.

What nobody is shown, nobody can want: without exploration a new item stays unknown. In each of the places that a
recipe names, either the item stays that would stand there, or another takes its place: one that may be listed, is not
in the list, and could fare best there as far as anybody knows. With the method `thompson` each of them, and the item
that would stand there, is given the place with the chance that it is the best of them, were its share of wanted
showings drawn from what is believed of it, a beta distribution (Thompson, Biometrika 25, 1933; Chapelle, Li, "An
empirical evaluation of Thompson sampling", NIPS 2011, algorithm 2). With `epsilon` all of them have the same chance.

The chances are computed first and the item is drawn from them, so the logged propensity is the very chance of the
draw, and no estimate of it. Places do not share candidates and are drawn on their own, and items outside these places
are fixed, so the chance of an item in its place does not depend on what the other places show. `share` caps the chance
that a place is given to another item than the one that would stand there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import betainc

from serendip.data import Vocabulary
from serendip.data.arrays import FloatArray, IntArray
from serendip.data.vocabulary import UNKNOWN
from serendip.pipeline.course import Course, Draws
from serendip.pipeline.recipe import Exploration

Luck = Callable[[], float]
"""Draws evenly from 0..1."""

KEPT = 1_000
"""So many of the items that could fare best are looked through for each list."""
STEPS = 256
"""Of the scale on which shares of wanted showings are compared."""
OPTIMISM = 2.0
"""An item could fare as well as the mean of what is believed plus so many standard deviations."""
AT_FIRST = (1.0, 20.0)
"""Wanted and shown, before anything was: a first guess at the share of all."""


@dataclass(frozen=True, eq=False)
class Tried:
    """What came of items in such places, explored or not: M items."""

    item_ids: tuple[str, ...]
    shown: FloatArray
    """How often, (M,)."""
    wanted: FloatArray
    """How often something positive came of it, (M,)."""

    @classmethod
    def nothing(cls) -> Tried:
        return cls((), np.empty(0), np.empty(0))


class Explorer:
    """Knows which items could fare best, and with which chance each is the best of a few."""

    def __init__(self, settings: Exploration, items: Vocabulary, tried: Tried) -> None:
        self.settings = settings
        shown, wanted = np.zeros(len(items)), np.zeros(len(items))
        rows = items.rows(tried.item_ids)
        known = rows != UNKNOWN
        shown[rows[known]], wanted[rows[known]] = tried.shown[known], tried.wanted[known]
        overall = (wanted.sum() + AT_FIRST[0]) / (shown.sum() + AT_FIRST[1])
        self._for = overall * settings.doubt + wanted
        self._against = (1 - overall) * settings.doubt + np.maximum(shown - wanted, 0)
        together = self._for + self._against
        mean = self._for / together
        hopes = mean + OPTIMISM * np.sqrt(mean * (1 - mean) / (together + 1))
        latest_first = np.arange(len(items), 0, -1)
        self.rows: IntArray = np.lexsort((latest_first, -hopes))[:KEPT].astype(np.int32)
        """Those that could fare best, (M,), best first, of equals the latest."""
        top = float((hopes + OPTIMISM * (hopes - mean))[self.rows].max(initial=0.0))
        self._scale = np.linspace(0, min(1.0, top), STEPS)
        self._place = np.full(len(items), -1, np.int32)
        self._place[self.rows] = np.arange(len(self.rows))
        self._falls_in, self._logs = self._beliefs(self.rows)

    def chances(self, rows: IntArray) -> FloatArray:
        """With which chance each is given a place, (C,); the first is the item that would stand there."""
        if self.settings.method == "epsilon" or len(rows) == 1:
            found = np.full(len(rows), 1 / len(rows))
        else:
            found = self._best_of(rows)
        explored = 1 - found[0]
        if explored > self.settings.share:
            found = found * (self.settings.share / explored)
            found[0] = 1 - self.settings.share
        return np.asarray(found)

    def _best_of(self, rows: IntArray) -> FloatArray:
        """The chance that each is the best if all are drawn from what is believed of them, (C,)."""
        places = self._place[rows]
        falls_in, logs = self._falls_in[places], self._logs[places]
        if (strange := places < 0).any():
            falls_in[strange], logs[strange] = self._beliefs(rows[strange])
        weights = (falls_in * np.exp(logs.sum(axis=0) - logs)).sum(axis=1)
        total = weights.sum()
        return weights / total if total > 0 else np.full(len(rows), 1 / len(rows))

    def _beliefs(self, rows: IntArray) -> tuple[FloatArray, FloatArray]:
        """Of each step of the scale, (C, STEPS): the chance that the share of an item falls into it, and the logarithm
        of the chance that it is below its middle, so that of equals within a step each wins half.
        """
        pairs, which = np.unique(np.stack([self._for[rows], self._against[rows]]), axis=1, return_inverse=True)
        below = betainc(pairs[0][:, None], pairs[1][:, None], self._scale[None, :])
        below[:, -1] = 1.0
        falls_in = np.diff(below, axis=1, prepend=0.0)
        logs = np.log(np.maximum(below - falls_in / 2, 1e-300))
        return falls_in[which.ravel()], logs[which.ravel()]


def explore(course: Course, explorer: Explorer, caps: Mapping[str, int], luck: Luck) -> None:
    """Give places of a course that has been ranked by chance; fills `draws`."""
    loose = ~np.isin(course.rows, course.pinned)  # the shop has decided on the others
    places = [place - 1 for place in explorer.settings.places if loose[place - 1 : place].any()]
    free = _candidates(course, explorer, caps, len(places))
    listed, n = course.rows.copy(), len(course.rows)
    draws = Draws(np.ones(n), np.zeros(n), np.zeros(n, bool))
    for turn, place in enumerate(places):
        mine = free[turn :: len(places)][: explorer.settings.pool]
        rows = np.concatenate([course.rows[[place]], mine])
        chances = explorer.chances(rows)
        chosen = min(int(np.searchsorted(np.cumsum(chances), luck(), side="right")), len(rows) - 1)
        listed[place], draws.chances[place] = rows[chosen], chances[chosen]
        draws.explorations[place], draws.explored[place] = 1 - chances[0], chosen > 0
    course.rows, course.draws = listed, draws


def _candidates(course: Course, explorer: Explorer, caps: Mapping[str, int], n_places: int) -> IntArray:
    """What may take a place, best hopes first: hard rules hold whatever the other places show."""
    rows = explorer.rows
    rows = rows[course.allowed[rows] & ~np.isin(rows, course.rows)]
    for name, cap in caps.items():
        labels = course.catalogue.labels((name,))
        listed, counts = np.unique(labels[course.rows], return_counts=True)
        full = listed[(counts + n_places > cap) & (listed >= 0)]
        rows = rows[~np.isin(labels[rows], full).any(axis=1)] if n_places <= cap else rows[:0]
    return rows
