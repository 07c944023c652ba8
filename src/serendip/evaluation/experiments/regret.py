"""Regret: what is lost against one who knows best, and whether it stops growing as something is learned."""

from __future__ import annotations

from typing import Literal

import numpy as np

from serendip.data.arrays import FloatArray

LEARNS, NEVER = 0.6, 0.9
"""Slopes: a good learner has about 0.5 or less, as its regret grows like the square root of time or slower (Lattimore,
Szepesvári, "Bandit algorithms", 2020, chapter 9); who never learns has 1."""
BURN_IN = 20
"""The first part in so many is left out: nobody knows anything there."""
POINTS = 40

Learning = Literal["learns", "slowly", "never"]


def growth(losses: FloatArray) -> float:
    """How the sum of losses (T,) grows with time: the slope in logarithms, by least squares over even steps of log t.

    1 is a loss that stays as it is, 0.5 one that falls like 1 / sqrt(t); NaN where nothing is lost.
    """
    total = np.cumsum(losses, dtype=np.float64)
    n = len(total)
    rounds = np.unique(np.geomspace(max(1, n // BURN_IN), n, POINTS).astype(int)) if n > 1 else np.ones(1, int)
    regret = total[rounds - 1]
    if len(rounds) < 2 or not (regret > 0).all():
        return float("nan")
    return float(np.polyfit(np.log(rounds), np.log(regret), 1)[0])


def learning(slope: float) -> Learning:
    """What a slope says; a slope that is not known says that nothing is lost."""
    return "never" if slope >= NEVER else "slowly" if slope > LEARNS else "learns"
