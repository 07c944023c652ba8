"""Rates: how sure a share of so many tries is."""

from __future__ import annotations

from math import sqrt

Z95 = 1.959964
"""Of the normal distribution 95 % lie within so many standard deviations."""


def wilson(hits: int, tries: int, z: float = Z95) -> tuple[float, float]:
    """The interval of a rate of `hits` in `tries`, within 0..1; all of it where nothing was tried.

    Wilson, "Probable inference, the law of succession, and statistical inference", 1927.

    >>> [round(bound, 3) for bound in wilson(2, 10)]
    [0.057, 0.51]
    """
    if not tries:
        return 0.0, 1.0
    rate, square = hits / tries, z * z
    middle = (rate + square / (2 * tries)) / (1 + square / tries)
    half = z / (1 + square / tries) * sqrt(rate * (1 - rate) / tries + square / (4 * tries * tries))
    return max(0.0, middle - half), min(1.0, middle + half)
