"""Previewing: what a rule would change in the lists of real people, before it holds."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from serendip.data import Query
from serendip.metrics import wilson
from serendip.pipeline import Pipeline
from serendip.pipeline.rules import Rules
from serendip.serving.control.sampling import recent
from serendip.serving.deployment import Deployment
from serendip.serving.rule_body import RuleBody
from serendip.serving.shop_rules import ShopRules
from serendip.store import Store

LISTED = 10
LONGEST_S = 3.0
TOLD = 10
"""Items of the most places won, and as many of the most lost."""
EXAMPLES = 5


@dataclass(frozen=True)
class Changed:
    """The list of one person."""

    user_id: str
    before: list[str]
    after: list[str]

    @property
    def places(self) -> int:
        """At how many places something else stands."""
        longest = max(len(self.before), len(self.after))
        same = sum(one == other for one, other in zip(self.before, self.after, strict=False))
        return longest - same


@dataclass(frozen=True)
class Moved:
    """An item and how many of the lists hold it."""

    item_id: str
    before: int
    after: int


@dataclass(frozen=True)
class Preview:
    """What would change."""

    model_version: str | None
    """None: there is no model, so nothing can be said."""
    surface: str
    people: int
    """Whose lists were made both ways."""
    drawn_from: int
    """People who did something in the latest events, from whom they were drawn."""
    cut_short: bool
    """Whether the time ran out before all who were asked for had their turn."""
    took_ms: float
    lists_changed: int
    share: tuple[float, float] | None
    """The interval of the share of lists that change, 95 %."""
    places: int
    places_changed: int
    gained: list[Moved]
    lost: list[Moved]
    examples: list[Changed]

    @property
    def item_ids(self) -> list[str]:
        """All that it names."""
        moved = [one.item_id for one in (*self.gained, *self.lost)]
        return list(dict.fromkeys([*moved, *(id_ for one in self.examples for id_ in (*one.before, *one.after))]))


class Previews:
    """Makes lists with and without a rule; nothing of it is logged."""

    def __init__(self, store: Store, deployment: Deployment, rules: ShopRules) -> None:
        self._store, self._deployment, self._rules = store, deployment, rules

    def of(self, body: RuleBody, people: int, instead_of: str | None = None) -> Preview:
        """What the rule would change now, whatever its calendar, in lists of its surface.

        Args:
            people: at most so many are looked at.
            instead_of: the id of a rule whose place it takes.
        """
        began_s, surface = time.perf_counter(), body.surface or "default"
        current = self._deployment.current
        lists: list[Changed] = []
        known = sorted(recent(self._store))
        chosen = Random(0).sample(known, min(people, len(known)))  # the same people for the next try
        if current is not None:
            before = self._rules.now.on(surface)
            after = self._rules.now.with_rule(body, surface, instead_of)
            for changed in _lists(current.pipeline, chosen, surface, before, after):
                lists.append(changed)
                if time.perf_counter() - began_s > LONGEST_S:
                    break
        took_ms = (time.perf_counter() - began_s) * 1000
        version = None if current is None else current.version
        return _summed(lists, version, surface, len(known), len(lists) < len(chosen), took_ms)


def _lists(pipeline: Pipeline, people: Sequence[str], surface: str, before: Rules, after: Rules) -> Iterator[Changed]:
    for user_id in people:
        query = Query(user=user_id, n=LISTED, surface=surface)
        was, would_be = (pipeline.recommend(query, rules=rules).item_ids for rules in (before, after))
        yield Changed(user_id, was, would_be)
        time.sleep(0)  # whoever waits for a list of their own has their turn


def _summed(
    lists: Sequence[Changed], version: str | None, surface: str, known: int, cut_short: bool, took_ms: float
) -> Preview:
    changed = [one for one in lists if one.places]
    was = Counter(id_ for one in lists for id_ in one.before)
    would_be = Counter(id_ for one in lists for id_ in one.after)
    moved = [Moved(id_, was[id_], would_be[id_]) for id_ in {*was, *would_be}]
    moved.sort(key=lambda one: (one.before - one.after, one.item_id))
    return Preview(
        model_version=version,
        surface=surface,
        people=len(lists),
        drawn_from=known,
        cut_short=cut_short,
        took_ms=took_ms,
        lists_changed=len(changed),
        share=wilson(len(changed), len(lists)) if lists else None,
        places=sum(max(len(one.before), len(one.after)) for one in lists),
        places_changed=sum(one.places for one in changed),
        gained=[one for one in moved if one.after > one.before][:TOLD],
        lost=[one for one in reversed(moved) if one.after < one.before][:TOLD],
        examples=sorted(changed, key=lambda one: -one.places)[:EXAMPLES],
    )
