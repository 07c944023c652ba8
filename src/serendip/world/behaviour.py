"""Behaviour: what people do with what they are shown, drawn from how much they want it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from serendip.data.arrays import BoolArray, FloatArray, IntArray
from serendip.world.laws import DAY_MS, Laws, Logit
from serendip.world.taste import Taste

SECOND_MS = 1_000
# When each thing happens, in seconds after the item was opened. People rate days later.
DELAYS_S = {"view": 0, "click": 0, "like": 25, "cart": 40, "purchase": 150, "skip": 0, "hide": 2}
READING_S = 7
"""Seconds between one place of a slate and the next."""
RATING_AFTER_DAYS = (1.0, 9.0)


@dataclass(frozen=True, eq=False)
class Reactions:
    """What happened at each place of each slate; every array is (B, K). A place without item has no reaction."""

    user_rows: IntArray  # (B,)
    item_rows: IntArray  # (B, K), -1: no item
    examined: BoolArray
    clicked: BoolArray
    viewed: BoolArray  # opened without a slate
    liked: BoolArray
    carted: BoolArray
    purchased: BoolArray
    skipped: BoolArray
    hidden: BoolArray
    ratings: FloatArray  # 1 to 5, NaN where nothing was rated

    @property
    def opened(self) -> BoolArray:
        return self.clicked | self.viewed

    def events(self, starts_ms: IntArray, rng: np.random.Generator) -> pl.DataFrame:
        """The events as rows: `user_row`, `item_row`, `type`, `value`, `time_ms`, in no particular order.

        Args:
            starts_ms: when each of the B people began to look, (B,).
            rng: draws how long after it a rating comes.
        """
        happened = {
            "view": self.viewed,
            "click": self.clicked,
            "like": self.liked,
            "cart": self.carted,
            "purchase": self.purchased,
            "skip": self.skipped,
            "hide": self.hidden,
        }
        parts = [self._part(type_, mask, starts_ms, DELAYS_S[type_]) for type_, mask in happened.items()]
        rated = ~np.isnan(self.ratings)
        ratings = self._part("rating", rated, starts_ms, 0)
        later = (rng.uniform(*RATING_AFTER_DAYS, ratings.height) * DAY_MS).astype(np.int64)
        values = {"value": self.ratings[rated].astype(np.float64), "time_ms": ratings["time_ms"].to_numpy() + later}
        return pl.concat([*parts, ratings.with_columns(**{k: pl.Series(v) for k, v in values.items()})])

    def _part(self, type_: str, mask: BoolArray, starts_ms: IntArray, delay_s: int) -> pl.DataFrame:
        who, place = np.nonzero(mask)
        return pl.DataFrame(
            {
                "user_row": self.user_rows[who].astype(np.int64),
                "item_row": self.item_rows[who, place].astype(np.int64),
                "type": [type_] * len(who),
                "value": pl.Series([None] * len(who), dtype=pl.Float64),
                "time_ms": starts_ms[who].astype(np.int64) + (READING_S * place + delay_s) * SECOND_MS,
            },
            schema_overrides={"type": pl.String},
        )


class Behaviour:
    """Lets people react. It knows what they want, and nothing of who chose the slate."""

    def __init__(self, taste: Taste, laws: Laws) -> None:
        self._taste, self.laws = taste, laws

    def examination(self, n_places: int) -> FloatArray:
        """The probability that each place is looked at, (K,): k ** -position_bias."""
        return np.asarray(np.arange(1.0, n_places + 1) ** -self.laws.position_bias)

    def react(self, user_rows: IntArray, slates: IntArray, day: float, rng: np.random.Generator) -> Reactions:
        """What `user_rows` (B,) do with `slates` (B, K) of item rows on `day`; -1 is an empty place.

        A place is examined by its position alone, then clicked by utility alone; what follows a click, and what
        follows an examined item that was not clicked, depends on utility too.
        """
        utility = self._utility_of(user_rows, slates, day)
        examined = (rng.random(slates.shape) < self.examination(slates.shape[1])) & (slates >= 0)
        clicked = examined & _happens(self.laws.click, utility, rng)
        left = examined & ~clicked
        hidden = left & _happens(self.laws.hide, utility, rng)
        skipped = left & ~hidden & _happens(self.laws.skip, utility, rng)
        nothing = np.zeros_like(clicked)
        first = {"examined": examined, "clicked": clicked, "skipped": skipped, "hidden": hidden, "viewed": nothing}
        return self._follow(user_rows, slates, utility, first, rng)

    def look_up(self, user_rows: IntArray, found: IntArray, day: float, rng: np.random.Generator) -> Reactions:
        """What `user_rows` (B,) do with the items (B, K) that they looked up themselves: all of them are viewed."""
        utility = self._utility_of(user_rows, found, day)
        viewed = found >= 0
        nothing = np.zeros_like(viewed)
        first = {"examined": nothing, "clicked": nothing, "skipped": nothing, "hidden": nothing, "viewed": viewed}
        return self._follow(user_rows, found, utility, first, rng)

    def _utility_of(self, user_rows: IntArray, item_rows: IntArray, day: float) -> FloatArray:
        return np.take_along_axis(self._taste.utility(day, user_rows), np.maximum(item_rows, 0), axis=1)

    def _follow(
        self,
        user_rows: IntArray,
        item_rows: IntArray,
        utility: FloatArray,
        first: dict[str, BoolArray],
        rng: np.random.Generator,
    ) -> Reactions:
        """What comes of what was opened, added to what happened first."""
        opened = first["clicked"] | first["viewed"]
        carted = opened & _happens(self.laws.cart, utility, rng)
        purchased = carted & _happens(self.laws.purchase, utility, rng)
        return Reactions(
            user_rows=user_rows,
            item_rows=item_rows,
            liked=opened & _happens(self.laws.like, utility, rng),
            carted=carted,
            purchased=purchased,
            ratings=self._ratings(utility, opened, purchased, rng),
            **first,
        )

    def _ratings(
        self, utility: FloatArray, opened: BoolArray, purchased: BoolArray, rng: np.random.Generator
    ) -> FloatArray:
        laws = self.laws
        felt = laws.rating_middle + laws.rating_slope * utility + laws.rating_noise * rng.standard_normal(utility.shape)
        chance = np.where(purchased, laws.rates_bought, laws.rates_opened)
        rates = opened & (rng.random(utility.shape) < chance)
        return np.where(rates, np.clip(np.rint(felt), 1, 5), np.nan).astype(np.float32)


def _happens(law: Logit, utility: FloatArray, rng: np.random.Generator) -> BoolArray:
    return np.asarray(rng.random(utility.shape) < law.chance(utility))
