"""Course: one request on its way through the pipeline, with all that was decided about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from serendip.data import Queries, Query
from serendip.data.arrays import BoolArray, FloatArray, IntArray
from serendip.pipeline.blending import Blend
from serendip.pipeline.catalogue import Catalogue
from serendip.pipeline.filters import Filter
from serendip.pipeline.history import History
from serendip.pipeline.offer import Offer
from serendip.pipeline.rules import NO_RULING, Ruling


def _nothing() -> IntArray:
    return np.empty(0, np.int32)


@dataclass(frozen=True, eq=False)
class Draws:
    """What chance decided of a list of K places."""

    chances: FloatArray
    """With which each item is listed in its place, (K,)."""
    explorations: FloatArray
    """With which each place is given to exploration, (K,)."""
    explored: BoolArray
    """Whether it was, (K,)."""


@dataclass
class Course:
    """What is known after each step; the steps of the pipeline fill it in order."""

    query: Query
    offer: Offer
    history: History
    asked: Queries
    """The batch of one that sources are asked with: the history, or an empty one."""
    warnings: list[str] = field(default_factory=list)
    degraded: list[str] = field(default_factory=list)
    guard: Callable[..., Any] = lambda source, work, degraded: work()
    filters: list[Filter] = field(default_factory=list)
    allowed: BoolArray = field(default_factory=lambda: np.empty(0, bool))
    """What may be listed, (N,)."""
    ruling: Ruling = NO_RULING
    """What the rules of the shop come to."""
    blend: Blend | None = None
    pool: IntArray = field(default_factory=_nothing)
    """The best candidates, best first, before they were re-ranked."""
    rows: IntArray = field(default_factory=_nothing)
    """What is listed, (K,)."""
    pinned: IntArray = field(default_factory=_nothing)
    """Those of `rows` that a rule put in their places."""
    draws: Draws | None = None
    """None: nothing is left to chance."""

    @property
    def catalogue(self) -> Catalogue:
        return self.offer.catalogue
