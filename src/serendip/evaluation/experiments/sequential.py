"""Intervals that may be looked at whenever one likes, and the check of the split.

A 95 % interval of the usual kind holds the truth 95 times in 100 at one moment that was fixed before. Who looks every
day and stops when it leaves 0 out will be wrong far more often. The intervals here hold the truth at all moments
together with that chance: the normal mixture boundary of Robbins ("Statistical methods related to the law of the
iterated logarithm", Annals of Mathematical Statistics 41, 1970), as in Howard, Ramdas, McAuliffe, Sekhon
("Time-uniform, nonparametric, nonasymptotic confidence sequences", Annals of Statistics 49, 2021, section 3.2) and the
mSPRT of Johari, Koomen, Pekelis, Walsh ("Peeking at A/B tests", KDD 2017). With information I = 1 / variance, an
estimate times I behaves like a Brownian motion at time I, and over all times stays within

    sqrt((I + rho) * log((I + rho) / (rho * alpha^2)))

of the truth times I. `rho` says where the interval is tightest: where a difference that is worth knowing shows. The
variance is estimated, so it holds for large numbers; with fewer than `FEWEST_PEOPLE` in an arm nothing is told.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from serendip.data import InputError
from serendip.data.arrays import FloatArray
from serendip.evaluation.significance import LEVEL, Estimate

FEWEST_PEOPLE = 100
"""In each arm, before an interval is told."""
FEWEST_CHOICES = 25
"""Times something came of a list, in all arms together, before an interval is told."""
BROKEN_SPLIT = 0.001
"""A split as uneven as this p-value or less is taken for broken."""
POWER = 2.8
"""z of 95 % and of a power of 80 %: so many errors must a difference be large to show."""


@dataclass(frozen=True, eq=False)
class Tally:
    """What came of the lists of P people, each counted over all of theirs."""

    sums: FloatArray
    """How much, (P,)."""
    lists: FloatArray
    """Of how many lists, (P,)."""

    def rate(self) -> tuple[float, float]:
        """The mean per list and its variance, people being the draws; a ratio, by the delta method."""
        total = float(self.lists.sum())
        if len(self.lists) < 2 or total == 0:
            return float("nan"), float("inf")
        rate = float(self.sums.sum()) / total
        influence = (self.sums - rate * self.lists) / total
        return rate, float(influence @ influence) * len(influence) / (len(influence) - 1)


def rate(tally: Tally, worth: float, level: float = LEVEL) -> Estimate:
    """The mean per list with its always-valid interval, once there is enough."""
    mean, variance = tally.rate()
    return _told(mean, variance, [tally], worth, level)


def difference(control: Tally, arm: Tally, worth: float, level: float = LEVEL) -> Estimate:
    """By how much an arm has more per list than the control, with its always-valid interval, once there is enough."""
    (before, one), (after, other) = control.rate(), arm.rate()
    return _told(after - before, one + other, [control, arm], worth, level)


def _told(mean: float, variance: float, tallies: Sequence[Tally], worth: float, level: float) -> Estimate:
    few = min(len(tally.lists) for tally in tallies) < FEWEST_PEOPLE
    happened = sum(float(np.abs(tally.sums).sum()) for tally in tallies)
    if few or happened < FEWEST_CHOICES or not 0 < variance < math.inf:
        return Estimate(mean)
    reach = always_valid(variance, worth, level)
    return Estimate(mean, mean - reach, mean + reach)


def always_valid(variance: float, worth: float, level: float = LEVEL) -> float:
    """Half the width of the interval.

    Args:
        variance: of the estimate, now.
        worth: the smallest difference worth knowing, fixed before the first look.
    """
    alpha = 1 - level
    information, rho = 1 / variance, tightest_at((POWER / worth) ** 2, alpha)
    together = information + rho
    return math.sqrt(together * math.log(together / (rho * alpha**2))) / information


def tightest_at(information: float, alpha: float) -> float:
    """The `rho` with which intervals are tightest at that information; Howard et al. (2021), section 3.5."""
    lot = -2 * math.log(alpha)
    return information / (lot + math.log(lot + 1))


def split_p_value(people: Sequence[int], shares: Sequence[float]) -> float:
    """How likely a split at least as uneven as `people` is, if they were assigned by `shares`; chi-square.

    Fabijan et al., "Diagnosing sample ratio mismatch in online controlled experiments", KDD 2019.
    """
    counts, weights = np.asarray(people, float), np.asarray(shares, float)
    if len(counts) != len(weights) or not (weights > 0).all():
        raise InputError("a split needs a positive share for each arm")
    if not counts.sum():
        return 1.0
    return float(stats.chisquare(counts, counts.sum() * weights / weights.sum()).pvalue)
