"""Shop rules: what a shop has decided, when and where it holds, and the rules that each list is made under.

Every process looks at the version of the rules again and again, and reads them where it changed. A list is made under
the rules that hold at that look; which look it was is logged with the list, so that it can be answered again.

A recommendation is made under all rules of its surface. Pins have no meaning in a list that is about something, an item
or words or a picture or what is new, and stay out of it. Who hands over items to be ranked has chosen them: no rule
touches those.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, TypeVar
from weakref import WeakKeyDictionary, WeakSet

import numpy as np
from pydantic import ValidationError

from serendip.data import Query, Vocabulary
from serendip.pipeline.catalogue import Catalogue
from serendip.pipeline.filters import Filter, passing
from serendip.pipeline.rules import NO_RULES, Rules
from serendip.serving.asked import Asked, InForce
from serendip.serving.rule_body import RuleBody
from serendip.serving.watching import Watcher
from serendip.store import Attributes, Store, StoredRule

LOOK_EVERY_S = 0.5
SIFTED_AT_ONCE = 200

Thing = TypeVar("Thing")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ShopRule:
    """A rule as it is kept."""

    id: str
    body: RuleBody
    created_ms: int


class Holding:
    """The rules that hold at one moment, by surface."""

    def __init__(self, known: Sequence[ShopRule], version: int, now_ms: int) -> None:
        self.version, self.time_ms = version, now_ms
        self.rules = tuple(one for one in known if one.body.holds(now_ms))
        surfaces = {one.body.surface for one in self.rules}
        self._by_surface = {surface: self._of(surface) for surface in surfaces | {None}}

    def _of(self, surface: str | None) -> Rules:
        return Rules(one.body.rule() for one in self.rules if one.body.surface in (None, surface))

    def work_out(self, catalogue: Catalogue) -> None:
        """What they come to over a catalogue, so that no list waits for it."""
        for rules in self._by_surface.values():
            rules.on(catalogue)
            rules.unpinned.on(catalogue)

    def on(self, surface: str) -> Rules:
        """All of a surface."""
        return self._by_surface.get(surface, self._by_surface[None])

    def with_rule(self, body: RuleBody, surface: str, instead_of: str | None = None) -> Rules:
        """All of a surface as they would be with one more, or with another in the place of one."""
        others = (one.body for one in self.rules if one.id != instead_of)
        return Rules(one.rule() for one in (*others, body) if one.surface in (None, surface))

    def over(self, asked: Asked) -> Rules:
        """Those that a list is made under."""
        if asked.kind == "rank":
            return NO_RULES
        rules, query = self.on(asked.query.surface), asked.query
        searched = bool(query.text) or query.image is not None
        plain = asked.kind == "recommendations" and query.order == "taste" and not searched
        return rules if plain else rules.unpinned


class ShopRules(Watcher):
    """The rules of the store, looked up again every moment, and worked out ahead for the models in service."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._catalogues: WeakSet[Catalogue] = WeakSet()
        self._counts: WeakKeyDictionary[Catalogue, dict[str, tuple[RuleBody, int]]] = WeakKeyDictionary()
        self._known: tuple[ShopRule, ...] = ()
        self.now = Holding((), 0, 0)
        """What holds."""
        super().__init__("rules", LOOK_EVERY_S)
        self.look()

    def look(self) -> None:
        """Take up what was changed, by any process, and what begins or ends to hold."""
        version = self.now.version
        try:
            version = self._store.rules_version()
            if version != self.now.version:
                self._known = tuple(_read(self._store.rules()))
        except Exception as error:
            _log.warning("rules cannot be read, those that hold go on: %s", error)
        fresh = Holding(self._known, version, _now_ms())
        if (fresh.version, fresh.rules) == (self.now.version, self.now.rules):
            return
        for catalogue in list(self._catalogues):
            fresh.work_out(catalogue)
        self.now = fresh

    def foresee(self, catalogue: Catalogue) -> None:
        """Work out what the rules come to over a catalogue that lists will be made of, now and when they change."""
        self._catalogues.add(catalogue)
        self.now.work_out(catalogue)

    def ruled(self, asked: Asked) -> Asked:
        """The same, to be answered under the rules of now."""
        now = self.now
        rules = now.over(asked)
        return replace(asked, under=InForce(rules, now.version, now.time_ms)) if rules else asked

    def then(self, told: Mapping[str, int] | None, asked: Asked) -> tuple[Rules, bool]:
        """The rules that an answer was made under, as `InForce.to_json` told it, and whether they are still the same.

        Where they were changed since, those that would have held then as they are now.
        """
        if told is None:
            return NO_RULES, True
        if told["version"] != self.now.version:
            self.look()
        holding = Holding(self._known, told["version"], told["time_ms"])
        return holding.over(asked), told["version"] == self.now.version

    # For whoever decides

    def all(self) -> tuple[ShopRule, ...]:
        """Those of the future and the past too, oldest first."""
        self.look()
        return self._known

    def add(self, body: RuleBody) -> ShopRule:
        """Keep a new rule; it holds here when this returns, in other processes within a second.

        Raises:
            InputError: there are as many as may be.
        """
        rule = ShopRule(secrets.token_hex(6), body, _now_ms())
        self._store.add_rule(_stored(rule))
        self.look()
        return rule

    def replace(self, id_: str, body: RuleBody) -> ShopRule | None:
        """Change a rule; None where there is none of that id."""
        changed = self._store.replace_rule(_stored(ShopRule(id_, body, 0)))
        return next((one for one in self.all() if one.id == id_), None) if changed else None

    def delete(self, id_: str) -> bool:
        """Whether there was one."""
        removed = self._store.delete_rule(id_)
        self.look()
        return removed

    def concerned(self, rule: ShopRule, catalogue: Catalogue) -> int:
        """How many items of a catalogue a rule is about, counted once."""
        counts = self._counts.setdefault(catalogue, {})
        known = counts.get(rule.id)
        if known is None or known[0] != rule.body:
            known = counts[rule.id] = rule.body, len(rule.body.rule().rows(catalogue))
        return known[1]

    # Where there is no model

    def sifted(self, things: Iterable[Thing], surface: str, id_of: Callable[[Thing], str]) -> Iterator[Thing]:
        """Those of which the rules of a surface let the item be listed, looked up a few at a time."""
        rules = self.now.on(surface)
        if not rules:
            yield from things
            return
        left = iter(things)
        while some := list(islice(left, SIFTED_AT_ONCE)):
            ids = [id_of(one) for one in some]
            catalogue = Catalogue.of(Vocabulary(ids), self._store.attributes(ids))
            allowed = passing(rules.on(catalogue).filters, len(ids))
            yield from (one for one, fits in zip(some, allowed.tolist(), strict=True) if fits)


def on_offer(ids: Sequence[str], attributes: dict[str, Attributes], query: Query, rules: Rules) -> list[str]:
    """Those of `ids`, best first, that may be listed, the pinned in their places."""
    catalogue = Catalogue.of(Vocabulary(ids), attributes)
    ruling = rules.on(catalogue)
    asked = Filter("filter of the request", catalogue.matching(query.filter))
    allowed = passing([Filter("not on offer", catalogue.listable), asked, *ruling.filters], len(ids))
    pins = ruling.pins.of(allowed[ruling.pins.rows] & (ruling.pins.positions <= query.n))
    return [ids[row] for row in pins.among(ruling.pins.others(np.flatnonzero(allowed)), query.n).tolist()]


def _read(stored: Iterable[StoredRule]) -> Iterator[ShopRule]:
    for one in stored:
        try:
            yield ShopRule(one.id, RuleBody.model_validate(one.body), one.created_ms)
        except ValidationError:
            _log.warning("the rule %s cannot be read and does not hold", one.id)


def _stored(rule: ShopRule) -> StoredRule:
    body: dict[str, Any] = rule.body.model_dump(mode="json", by_alias=True, exclude_none=True)
    return StoredRule(rule.id, body, rule.created_ms)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
