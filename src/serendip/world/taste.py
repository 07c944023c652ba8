"""Taste: how much each person wants each item on a given day. The ground truth of the demo world."""

from __future__ import annotations

from typing import Any

import numpy as np

from serendip.data.arrays import FloatArray, IntArray
from serendip.world.catalogue import Catalogue
from serendip.world.goods import CATEGORIES
from serendip.world.laws import Laws
from serendip.world.people import People
from serendip.world.styles import STYLES

TURN_DAYS = 5.0
"""A turn goes from a tenth of its way to nine tenths in 4.4 times as many days."""
SEASON_DAYS = 120.0


class Taste:
    """Utility as one product of what people want and what items are.

    u(p, i, t) = taste s_p(t)·z_i + season m(t)·z_i + interest k_p,c(i) + hidden y_p·x_i + quality q_i
                 - price (d_i - b_p)²
    Each term except the season is brought to mean 0 and standard deviation 1 over all pairs on day 0, then weighted.
    The sum is divided by the root of the sum of squared weights.
    """

    def __init__(self, people: People, catalogue: Catalogue, laws: Laws) -> None:
        self._people, self._laws = people, laws
        self._total = float(np.sqrt(sum(w**2 for w in self._weights())))
        self._styles = catalogue.styles.astype(np.float32)
        still = self._still_terms(people, catalogue)
        self._person_still = np.hstack([person for person, _ in still]).astype(np.float32)
        self._item_still = np.hstack([item for _, item in still]).astype(np.float32)
        match = self._shares(0.0) @ self._styles.T
        self._match_mean, self._match_scale = float(match.mean()), laws.taste / self._total / _spread(match)

    def _weights(self) -> tuple[float, ...]:
        laws = self._laws
        return laws.taste, laws.interest, laws.hidden, laws.quality, laws.price

    def _still_terms(self, people: People, catalogue: Catalogue) -> list[tuple[FloatArray, FloatArray]]:
        """The terms that time does not move, each as a pair (U, d), (N, d) whose product it is."""
        laws = self._laws
        ones_u, ones_n = np.ones((len(people), 1)), np.ones((len(catalogue), 1))
        one_hot = np.eye(len(CATEGORIES))[catalogue.category_rows]
        dear, purse = catalogue.dearness[:, None], people.purses[:, None]
        misfit = np.hstack([-(purse**2), 2 * purse, -ones_u]), np.hstack([ones_n, dear, dear**2])
        terms = [
            (laws.interest, people.category_interest, one_hot),
            (laws.hidden, people.hidden, catalogue.hidden),
            (laws.quality, ones_u, catalogue.quality[:, None]),
            (laws.price, *misfit),
        ]
        return [_standard(weight / self._total, person, item) for weight, person, item in terms]

    def _shares(self, day: float, user_rows: IntArray | None = None) -> FloatArray:
        """What each person's styles are on a day, unit rows (B, styles)."""
        people = self._people
        rows = slice(None) if user_rows is None else user_rows
        turned = people.turn_shares[rows] / (1 + np.exp((people.turn_days[rows] - day) / TURN_DAYS))
        turned = self._laws.drift * turned[:, None]
        shares = (1 - turned) * people.before[rows] + turned * people.after[rows]
        return np.asarray(shares / np.linalg.norm(shares, axis=1, keepdims=True), dtype=np.float32)

    def season(self, day: float) -> FloatArray:
        """How much each style is in season, (styles,): waves that start one after the other."""
        phases = np.arange(len(STYLES)) / len(STYLES)
        wave = np.sin(2 * np.pi * (day / SEASON_DAYS + phases))
        return np.asarray(self._laws.drift * self._laws.season * wave, dtype=np.float32)

    def utility(self, day: float, user_rows: IntArray | None = None) -> FloatArray:
        """How much `user_rows` (default: everybody) want each item on `day`, (B, N) float32.

        About standard normal over all pairs; comparable between people, items and days.
        """
        rows = slice(None) if user_rows is None else user_rows
        styles = self._match_scale * self._shares(day, user_rows) + self.season(day)
        constant = np.float32(self._match_scale * self._match_mean)
        result: np.ndarray[Any, Any] = styles.astype(np.float32) @ self._styles.T
        result += self._person_still[rows] @ self._item_still.T
        result -= constant
        return result


def _spread(values: FloatArray) -> float:
    return float(values.std()) or 1.0


def _standard(weight: float, person: FloatArray, item: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The pair rescaled so that its product has mean 0 and standard deviation `weight` over all pairs."""
    product = person @ item.T
    scale, mean = weight / _spread(product), float(product.mean())
    shift = np.full((len(person), 1), -mean * scale)
    return np.hstack([scale * person, shift]), np.hstack([item, np.ones((len(item), 1))])
