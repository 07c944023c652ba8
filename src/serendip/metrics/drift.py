"""Drift: how far what happens now is from what was learned from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from serendip.data.arrays import FloatArray, IntArray

SHIFT = 0.25
"""From here on a stability index is commonly taken for a shift that matters; 0.1 and less for none."""
SURE = 0.999
"""An index is no shift as long as chance alone would reach it more often than once in a thousand looks."""
_ABSENT = 0.5  # counted for every cell, so that an empty one has a logarithm


@dataclass(frozen=True)
class Stability:
    """A population stability index, and how large it must be to mean something."""

    index: float
    limit: float

    @property
    def shifted(self) -> bool:
        return self.index > self.limit


def stability(before: IntArray, now: IntArray, independent: tuple[float, float] | None = None) -> Stability:
    """Compare counts over the same K cells: PSI = Σ (q - p) ln(q / p) of their shares p before and q now.

    Where nothing moved, PSI is about (1/n + 1/m) times a χ² with K - 1 degrees of freedom, for n and m independent
    draws: Yurdakul and Naranjo, "Statistical properties of the population stability index", Journal of Risk Model
    Validation 14(4), 2020. The limit is `SHIFT`, or what chance reaches once in a thousand where that is more.

    Args:
        before: (K,); `now`: (K,).
        independent: n and m, where the counts are of draws that hang together; by default the sums of the counts.
    """
    n, m = independent or (float(before.sum()), float(now.sum()))
    if min(n, m) <= 0 or len(before) < 2:
        return Stability(0.0, float("inf"))
    p, q = (_shares(counts) for counts in (before, now))
    index = float(np.sum((q - p) * np.log(q / p)))
    chance = (1 / n + 1 / m) * float(special.chdtri(len(before) - 1, 1 - SURE))
    return Stability(index, max(SHIFT, chance))


def _shares(counts: IntArray) -> FloatArray:
    filled = counts + _ABSENT
    return np.asarray(filled / filled.sum())
