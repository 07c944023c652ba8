"""Laws: every number that the demo world runs by, declared once; `docs/demo_world.md` says the formulas."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from serendip.data.arrays import FloatArray

START_MS = 1_785_542_400_000
"""The first moment of the log, 2026-08-01T00:00Z."""
DAY_MS = 86_400_000
N_HIDDEN = 6
"""Dimensions of taste that no attribute shows."""


@dataclass(frozen=True)
class Logit:
    """A probability that grows with utility: sigmoid(`base` + `slope` * utility)."""

    base: float
    slope: float

    def chance(self, utility: FloatArray) -> FloatArray:
        return np.asarray(1 / (1 + np.exp(-(self.base + self.slope * utility))))


@dataclass(frozen=True)
class Laws:
    """What people want, how they change, what they look at and what they do. Change one and generate again."""

    taste: float = 1.0
    """Weight of the match of styles; every weight is the standard deviation of its term on day 0."""
    interest: float = 0.7
    """Weight of the interest in the category."""
    hidden: float = 0.8
    """Weight of what no attribute shows (partly shared by the works of one maker)."""
    quality: float = 0.5
    """Weight of what everybody agrees on."""
    price: float = 0.3
    """Weight of a price that fits the purse."""

    drift: float = 1.0
    """0: nobody changes and there are no seasons; 1: as documented."""
    season: float = 0.3
    """How strongly seasons lift and lower styles."""

    position_bias: float = 0.8
    """The place k of a slate is examined with probability k ** -position_bias; 0: everything is examined."""
    slate_size: int = 10
    """How many items a page shows."""
    arrivals: float = 0.15
    """The share of items that arrive during the log."""
    newcomers: float = 0.2
    """The share of people who join during the log."""

    front_page: float = 0.35
    """The probability that a visit looks at the front page; otherwise at the page of one category."""
    fame: float = 0.8
    """The spread of fame (log scale): how unequally present items are from the start, by luck and not by merit."""
    herding: float = 0.5
    """How strongly pages and people turn to what was clicked lately."""
    searches: float = 0.7
    """The mean number of items that somebody looks up in a visit, without a slate."""
    search_slope: float = 1.6
    """How much more often somebody looks up what they want more."""

    click: Logit = Logit(-2.0, 2.0)
    like: Logit = Logit(-2.6, 1.2)
    cart: Logit = Logit(-3.0, 1.2)
    purchase: Logit = Logit(-0.8, 0.6)
    """Of what is in the cart."""
    skip: Logit = Logit(-1.5, -0.8)
    """Of what was examined and not clicked."""
    hide: Logit = Logit(-4.3, -1.2)
    """Of what was examined and not clicked."""
    rates_bought: float = 0.45
    """The share of bought items that get a rating."""
    rates_opened: float = 0.05
    """The share of items opened and not bought that get a rating."""
    rating_middle: float = 2.4
    rating_slope: float = 0.9
    rating_noise: float = 0.6
    """A rating is the nearest of 1 to 5 to `rating_middle` + `rating_slope` * utility + `rating_noise` * normal."""
