"""What exploration costs: places that were given to other items against places that were kept."""

from __future__ import annotations

import polars as pl

from serendip.evaluation.experiments.sequential import Tally, difference
from serendip.evaluation.significance import Estimate


def cost(draws: pl.DataFrame, worth: float) -> Estimate:
    """By how much more a place is wanted where it is explored than where it is kept; negative is what it costs.

    Each draw weighs one over the chance of what happened to its place, so that places that are often explored, because
    little stands against it, do not compare with others. The interval is always valid.

    Args:
        draws: `user_id`, `explored`, `chance` (with which the place was given to exploration), `wanted`.
        worth: the smallest cost worth knowing, a share of showings.
    """
    happened = pl.when("explored").then(pl.col("chance")).otherwise(1 - pl.col("chance"))
    weighed = draws.filter(happened > 0).with_columns((1 / happened).alias("weight"))
    kept, explored = (weighed.filter(pl.col("explored") == side) for side in (False, True))
    return difference(_tally(kept), _tally(explored), worth)


def _tally(draws: pl.DataFrame) -> Tally:
    of_person = draws.group_by("user_id").agg(
        (pl.col("weight") * pl.col("wanted")).sum().alias("wanted"), pl.col("weight").sum()
    )
    people = of_person.sort("user_id")
    return Tally(people["wanted"].cast(pl.Float64).to_numpy(), people["weight"].to_numpy())
