"""Rules: what a shop decides beside its models, without a new fit: pins, boosts, caps, and what is not listed.

A rule gives weight and places, never permission. `hide` and `filter` say what may be listed, as the filters of a recipe
do, and have the last word. A boost multiplies the blended score, and is a part of the blend, so that what adds up to a
score still does. A pin puts an item in a place after everything else was put in order, where it may be listed for
whoever asks: not hidden, in stock, not seen before where the recipe leaves that out, within the request's filter.
Pinned items count first where there is a cap. What rules say of a catalogue is worked out once, not for each request.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, Literal, TypeAlias
from weakref import WeakKeyDictionary

import numpy as np

from serendip.data.arrays import BoolArray, FloatArray, IntArray
from serendip.data.vocabulary import UNKNOWN
from serendip.pipeline.blending import Blend, Part
from serendip.pipeline.catalogue import Catalogue
from serendip.pipeline.filters import Filter, passing

RuleKind: TypeAlias = Literal["pin", "boost", "hide", "cap", "filter"]
PIN, BOOST, BURY = "pin", "boost", "bury"
LEAST, MOST = 0.001, 1000.0
"""Between these lie all boosts of one item together."""


def _none() -> IntArray:
    return np.empty(0, np.int32)


@dataclass(frozen=True)
class Rule:
    """One decision; which of the fields count depends on its kind."""

    kind: RuleKind
    item_ids: tuple[str, ...] = ()
    """What it is about; in a pin in order of places."""
    filter: Mapping[str, Any] | str = ""
    """What it is about where no ids are given, as in a request; of a `filter`, what every listed item must satisfy."""
    position: int = 1
    """Of the first pinned item, from 1; the others follow."""
    factor: float = 1.0
    """Of a boost; below 1 it buries."""
    attribute: str = ""
    most: int = 1
    """Of a cap: how many of one value of the attribute a list holds."""
    name: str = ""

    def rows(self, catalogue: Catalogue) -> IntArray:
        """The items of a catalogue that it is about, in their order."""
        if self.filter:
            return np.asarray(np.flatnonzero(catalogue.matching(self.filter)), np.int32)
        rows = catalogue.vocabulary.rows(self.item_ids)
        return np.asarray(rows[rows != UNKNOWN], np.int32)


@dataclass(frozen=True, eq=False)
class Pins:
    """Items with places of their own."""

    rows: IntArray = field(default_factory=_none)
    """In order of their places, (P,)."""
    positions: IntArray = field(default_factory=_none)
    """Where they stand, from 1, (P,), ascending."""

    def __len__(self) -> int:
        return len(self.rows)

    def of(self, which: BoolArray) -> Pins:
        """Some of them."""
        return Pins(self.rows[which], self.positions[which])

    def others(self, rows: IntArray) -> IntArray:
        """Those of `rows` (C,) that are not pinned."""
        return rows[~np.isin(rows, self.rows)]

    def among(self, rows: IntArray, n: int) -> IntArray:
        """The list of `n` of other `rows`, in their order, with the pinned in their places, or at its end.

        >>> Pins(np.array([1, 2]), np.array([1, 3])).among(np.array([5, 6, 7, 8]), 4)
        array([1, 5, 2, 6], dtype=int32)
        """
        behind = np.arange(len(self))
        places = np.maximum.accumulate(self.positions - behind) + behind - 1  # the next one where one is taken
        slots = np.full(n, UNKNOWN, np.int32)
        slots[places[places < n]] = self.rows[places < n]
        free = np.flatnonzero(slots == UNKNOWN)[: len(rows)]
        slots[free] = rows[: len(free)]
        return np.asarray(slots[slots != UNKNOWN])


@dataclass(frozen=True, eq=False)
class Ruling:
    """What rules come to over a catalogue of N items."""

    filters: tuple[Filter, ...] = ()
    pins: Pins = Pins()
    factors: FloatArray | None = None
    """What each score is multiplied by, (N,) float32."""
    lifted: IntArray = field(default_factory=_none)
    """Rows that are boosted by name, and so are candidates whether or not a source proposes them."""
    caps: Mapping[str, int] = field(default_factory=dict)


class Rules:
    """Rules that hold together; the same object as long as they are the same, so that what they come to is kept."""

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self.all = tuple(rules)
        self._rulings: WeakKeyDictionary[Catalogue, Ruling] = WeakKeyDictionary()

    def __bool__(self) -> bool:
        return bool(self.all)

    @cached_property
    def pinned(self) -> tuple[str, ...]:
        """The ids of pinned items."""
        return tuple(item_id for rule in self.all if rule.kind == "pin" for item_id in rule.item_ids)

    @cached_property
    def unpinned(self) -> Rules:
        """The same without pins."""
        return Rules(rule for rule in self.all if rule.kind != "pin")

    def on(self, catalogue: Catalogue) -> Ruling:
        """What they come to over a catalogue."""
        if not self.all:
            return NO_RULING
        ruling = self._rulings.get(catalogue)
        if ruling is None:
            ruling = self._rulings[catalogue] = _ruling(self.all, catalogue)
        return ruling


NO_RULING = Ruling()
NO_RULES = Rules()


def _ruling(rules: Sequence[Rule], catalogue: Catalogue) -> Ruling:
    factors, lifted = _boosts(rules, catalogue)
    caps: dict[str, int] = {}
    for rule in rules:
        if rule.kind == "cap":
            caps[rule.attribute] = min(rule.most, caps.get(rule.attribute, rule.most))
    return Ruling(tuple(_filters(rules, catalogue)), _pins(rules, catalogue), factors, lifted, caps)


def _filters(rules: Sequence[Rule], catalogue: Catalogue) -> Iterable[Filter]:
    """All that may not be listed, as one filter."""
    parts = partial(_filters_of, [rule for rule in rules if rule.kind in ("hide", "filter")])
    if found := parts(catalogue):
        yield Filter("rule of the shop", passing(found, len(catalogue)), parts=parts)


def _filters_of(rules: Sequence[Rule], catalogue: Catalogue) -> list[Filter]:
    """One for each rule."""
    return [
        Filter(f"rule “{rule.name}”", catalogue.matching(rule.filter))
        if rule.kind == "filter"
        else Filter(f"rule “{rule.name}”", forbidden=rule.rows(catalogue))
        for rule in rules
    ]


def _boosts(rules: Sequence[Rule], catalogue: Catalogue) -> tuple[FloatArray | None, IntArray]:
    boosts = [rule for rule in rules if rule.kind == "boost"]
    if not boosts:
        return None, _none()
    factors, named = np.ones(len(catalogue)), [_none()]
    for rule in boosts:
        rows = rule.rows(catalogue)
        factors[rows] *= rule.factor
        named += [] if rule.filter else [rows]
    rows = np.unique(np.concatenate(named))
    return np.clip(factors, LEAST, MOST).astype(np.float32), rows[factors[rows] > 1]


def _pins(rules: Sequence[Rule], catalogue: Catalogue) -> Pins:
    """Of items that are pinned twice the first place counts, of rules for one place the first."""
    wanted: dict[int, int] = {}  # position, by row
    pins = [rule for rule in rules if rule.kind == "pin"]
    for rule in sorted(pins, key=lambda rule: rule.position):
        for position, row in enumerate(rule.rows(catalogue).tolist(), rule.position):
            wanted.setdefault(row, position)
    pairs = sorted(wanted.items(), key=lambda pair: pair[1])
    rows = np.asarray([row for row, _ in pairs], np.int32)
    return Pins(rows, np.asarray([position for _, position in pairs], np.int32))


@dataclass(frozen=True)
class _Boosted:
    """What boosts add to a blend."""

    blended: Blend
    factors: FloatArray  # (N,)

    def best(self, allowed: BoolArray, k: int) -> tuple[IntArray, FloatArray]:
        """Of the candidates."""
        rows = self.blended.rows[allowed[self.blended.rows]]
        added = self.of(rows)
        order = np.argsort(-added, kind="stable")[: min(k, int((added > 0).sum()))]
        return rows[order], added[order]

    def of(self, rows: IntArray) -> FloatArray:
        total, factors = self.blended.weighted(rows).sum(axis=0), self.factors[rows]
        grown = np.where(total > 0, total * factors, total / factors)  # a boost lifts what is below 0, too
        return np.asarray(grown - total, np.float32)


def boosted(blended: Blend, ruling: Ruling, allowed: BoolArray) -> Blend:
    """The same blend with what the boosts add as one more part."""
    if ruling.factors is None:
        return blended
    named = np.setdiff1d(ruling.lifted[allowed[ruling.lifted]], blended.rows)
    if len(named):
        named = named[blended.of(named).total > 0]
        blended = blended.of(np.union1d(blended.rows, named).astype(np.int32))
    opinion = _Boosted(blended, ruling.factors)
    part = Part(BOOST, opinion, 1.0, len(blended.rows))
    factors = np.append(blended.factors, np.float32(1))
    return Blend(blended.rows, blended.total + opinion.of(blended.rows), (*blended.parts, part), factors)
