"""Rehearsal: the lists of some people under another recipe, beside those that they would get now. Nothing is logged."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any

import numpy as np

from serendip.data import InputError, Query, Recommendations
from serendip.evaluation.significance import Estimate, bootstrap, estimate
from serendip.metrics import wilson
from serendip.pipeline import Pipeline, Recipe
from serendip.pipeline.amending import amended
from serendip.pipeline.rules import Rules
from serendip.serving.control.sampling import recent_people
from serendip.serving.shop_rules import ShopRules
from serendip.store import Store

MOST_PEOPLE = 50
AT_MOST_S = 8.0
"""No list is begun after so long: what was tried until then is told."""
LENGTH = 10
SHOWN = 8
"""People whose lists are told, those with the most changes first."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pair:
    """What one person gets now, and would get."""

    user_id: str
    before: tuple[str, ...]
    after: tuple[str, ...]

    @property
    def overlap(self) -> float:
        """The share of items that are in both."""
        most = max(len(self.before), len(self.after))
        return len({*self.before} & {*self.after}) / most if most else 1.0


@dataclass(frozen=True)
class Rehearsal:
    """How lists would change, over the people tried."""

    people: int
    wanted: int
    """People that were to be tried; there was no time for the others."""
    changed: Estimate
    """The share whose list is not the same, in the same order."""
    overlap: Estimate
    distinct: tuple[int, int]
    """Items that are in any of the lists, before and after."""
    ms: tuple[float, float]
    """The median time that a list took, before and after."""
    shown: tuple[Pair, ...]


class Rehearsals:
    """One at a time, in a process: it takes as much of the processor as some hundred requests."""

    def __init__(self, store: Store, rules: ShopRules) -> None:
        self._store, self._rules = store, rules
        self._turn = Lock()

    def of(self, served: Pipeline, recipe: Recipe, n: int) -> Rehearsal | None:
        """Try `recipe` on what `served` was fitted with; None while another is tried.

        Items that came after the fit take no part, before or after.

        Raises:
            InputError: something of the recipe needs a fit, or no list can be made with it.
        """
        if not self._turn.acquire(blocking=False):
            return None
        try:
            saved = served.artifact()
            saved = replace(saved, catalogue=saved.catalogue.apart())
            both = [Pipeline.of(amended(saved, one)) for one in (served.recipe, recipe)]
            for one in both:
                one.lookup, one.pictures = self._store.history, served.pictures
            return self._tried(both[0], both[1], recent_people(self._store, n))
        finally:
            self._turn.release()

    def _tried(self, before: Pipeline, after: Pipeline, people: Sequence[str]) -> Rehearsal:
        pairs, times, until_s = [], [], time.monotonic() + AT_MOST_S
        rules = self._rules.now.on(Query(n=1).surface)
        _listed(before, Query(n=1), rules), _listed(after, Query(n=1), rules)  # what is made once counts for neither
        for user_id in people:
            if time.monotonic() > until_s:
                break
            query = Query(user=user_id, n=LENGTH)
            (old, old_ms), (new, new_ms) = _listed(before, query, rules), _listed(after, query, rules)
            pairs.append(Pair(user_id, _ids(old), _ids(new)))
            times.append((old_ms, new_ms))
        return _summary(pairs, times, len(people))


def _listed(pipeline: Pipeline, query: Query, rules: Rules) -> tuple[Recommendations, float]:
    """The list and the milliseconds it took.

    Raises:
        InputError: it cannot be made.
    """
    started_s = time.perf_counter()
    try:
        found = pipeline.recommend(query, rules=rules)
    except InputError:
        raise
    except Exception as error:
        _log.exception("a recipe that was tried makes no lists")
        raise InputError(f"no list can be made with it: {type(error).__name__}") from None
    return found, (time.perf_counter() - started_s) * 1000


def _ids(found: Recommendations) -> tuple[str, ...]:
    return tuple(item.item_id for item in found)


def _summary(pairs: Sequence[Pair], times: Sequence[tuple[float, float]], wanted: int) -> Rehearsal:
    changed = sum(one.before != one.after for one in pairs)
    overlaps = np.array([one.overlap for one in pairs])
    share = Estimate(changed / len(pairs), *wilson(changed, len(pairs))) if pairs else Estimate(float("nan"))
    mean = float(overlaps.mean()) if pairs else float("nan")
    overlap = estimate(mean, bootstrap(overlaps[:, None])[:, 0]) if pairs else Estimate(mean)
    distinct = (len({*_all(pairs, "before")}), len({*_all(pairs, "after")}))
    ms = np.median(times, axis=0) if times else np.full(2, np.nan)
    shown = sorted(pairs, key=lambda one: (one.overlap, one.before == one.after))[:SHOWN]
    return Rehearsal(len(pairs), wanted, share, overlap, distinct, (float(ms[0]), float(ms[1])), tuple(shown))


def _all(pairs: Sequence[Pair], side: str) -> Iterator[Any]:
    return (item_id for one in pairs for item_id in getattr(one, side))
