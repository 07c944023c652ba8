"""Assignment: who takes part in which experiment, and in which arm, by hashes alone.

Nothing is remembered: the same person always falls on the same spot of the layer, and those who fall into the stretch
of an experiment take part in it. Stretches do not overlap, so nobody is in two experiments at once. A second hash,
salted by the experiment, decides the arm, so that arms of one experiment are mixed evenly over those of the ones
before it (Tang et al., "Overlapping experiment infrastructure", KDD 2010, sections 3 and 4).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

LAYER = "lists"
"""The one layer there is: whole lists."""


@dataclass(frozen=True)
class Stretch:
    """The part of the layer that belongs to an experiment, and its arms."""

    experiment: str
    begin: float
    end: float
    shares: tuple[float, ...]
    """How its people are split over the arms; any positive numbers."""


def spot(salt: str, person: str) -> float:
    """Where a person falls, evenly in 0..1, the same for ever and unlike the spot under any other salt."""
    digest = sha256(f"{salt}\0{person}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:7], "big") / 2**56


def assigned(person: str, stretches: Iterable[Stretch]) -> tuple[Stretch, int] | None:
    """The experiment of a person and the place of their arm; None where they are in none."""
    where = spot(LAYER, person)
    for stretch in stretches:
        if stretch.begin <= where < stretch.end:
            return stretch, arm_of(person, stretch.experiment, stretch.shares)
    return None


def arm_of(person: str, experiment: str, shares: Sequence[float]) -> int:
    """The place of a person's arm."""
    left = spot(experiment, person) * sum(shares)
    for arm, share in enumerate(shares):
        left -= share
        if left < 0:
            return arm
    return len(shares) - 1  # rounding
