"""Catalogue: the attributes of the items that a pipeline knows, as filters, words and variety need them."""

from __future__ import annotations

import json
import operator
from collections.abc import Mapping, Sequence
from copy import copy
from functools import cached_property, reduce
from threading import Lock
from typing import Any, Self

import numpy as np
from pydantic_core import from_json

from serendip.data import InputError, Vocabulary
from serendip.data.arrays import BoolArray, FloatArray, IntArray
from serendip.pipeline.arrivals import newest_first
from serendip.pipeline.columns import Columns, values_of
from serendip.pipeline.conditions import Test, condition
from serendip.pipeline.meaning import Meaning
from serendip.pipeline.sight import Sight
from serendip.pipeline.wording import Wording
from serendip.training.seeing import IMAGE

Record = dict[str, Any]

LABELS = 32
"""Values of one item that variety looks at."""
_MASKS_KEPT = 64
_MAKING = Lock()


class Records(Sequence[Record]):
    """Attributes as they lie in the file, read when somebody asks: a service has fresher ones in its store."""

    def __init__(self, lines: Sequence[bytes]) -> None:
        self._lines = lines

    def described(self) -> list[bool]:
        """Which items have any attributes."""
        return [line != b"{}" for line in self._lines]

    def __len__(self) -> int:
        return len(self._lines)

    def __getitem__(self, row: Any) -> Any:
        if isinstance(row, slice):
            return [self[one] for one in range(*row.indices(len(self)))]
        return from_json(self._lines[row])


class Catalogue:
    """One record of attributes per item row; frozen: a change of attributes makes a new catalogue."""

    def __init__(self, vocabulary: Vocabulary, records: Sequence[Record]) -> None:
        self.vocabulary = vocabulary
        self.records = records
        self._masks: dict[str, BoolArray] = {}
        self._looks: FloatArray | None = None  # (N, D)
        self._earlier: dict[tuple[str, ...], Wording] = {}

    @classmethod
    def of(cls, vocabulary: Vocabulary, attributes: Mapping[str, Mapping[str, Any]]) -> Catalogue:
        """From attributes by item id; items without an entry have none."""
        return cls(vocabulary, [_without_nulls(attributes.get(id_, {})) for id_ in vocabulary.ids()])

    def __len__(self) -> int:
        return len(self.vocabulary)

    @property
    def described(self) -> list[bool]:
        """Which items have any attributes."""
        return self.records.described() if isinstance(self.records, Records) else [bool(one) for one in self.records]

    def apart(self) -> Catalogue:
        """The same items, for a passing look: what is computed from now on goes with it, and not with this one."""
        twin = copy(self)
        tables = {name: dict(kept) for name, kept in vars(self).items() if isinstance(kept, dict)}
        vars(twin).update(tables)
        return twin

    def after(self, earlier: Catalogue) -> Self:
        """The same, which need not read again what an earlier one read: most items say what they said."""
        self._earlier = {**earlier._earlier, **earlier._wordings}
        return self

    def prepare(
        self, labels: Sequence[tuple[str, ...]], fields: Sequence[str], meaning: Meaning | None, sight: Sight | None
    ) -> None:
        """Compute what requests need before one asks for it."""
        assert len(self.listable) == len(self.newest_first) == len(self)
        for by in labels:
            self.labels(by)
        if meaning is not None:
            self._meant(tuple(fields), meaning)
        if sight is not None:
            self._seen(sight)

    def title(self, row: int, language: str = "en") -> str:
        """The title in that language where there is one, else the title, else the id."""
        record = self.records[row]
        return str(record.get(f"title_{language}") or record.get("title") or self.vocabulary.ids()[row])

    @cached_property
    def listable(self) -> BoolArray:
        """Items that may be shown, (N,): not hidden, in stock, and, where there is a catalogue, in it.

        An item without a single attribute among items that have some was deleted, or is a slip in an event.
        """
        described = any(self.records)
        return np.fromiter((may_be_shown(record) and bool(record) >= described for record in self.records), bool)

    @cached_property
    def newest_first(self) -> IntArray:
        """Rows, (N,), of what arrived last first, as far as items say when they did."""
        return newest_first(self.records)

    def matching(self, rules: Mapping[str, Any] | str) -> BoolArray:
        """Items whose attributes satisfy every rule, or the condition, (N,).

        Raises:
            InputError: a rule is neither a value, a list of values, nor an object with `min` and `max`; or the text is
                no condition (see `pipeline.conditions`).
        """
        if not rules:
            return np.ones(len(self), bool)
        key = json.dumps(rules, sort_keys=True, default=str)
        if key not in self._masks:
            if len(self._masks) >= _MASKS_KEPT:
                self._masks.clear()
            test = condition(rules) if isinstance(rules, str) else _all_of(rules)
            self._masks[key] = test(self._columns)
        return self._masks[key]

    def labels(self, by: tuple[str, ...]) -> IntArray:
        """The values of some attributes of each item as numbers, (N, L) int32, equal where values are; -1 is no value.

        Of an item with more than `LABELS` values the first count.
        """
        if by not in self._label_tables:
            self._label_tables[by] = _side_by_side([self._columns.numbered(name).table for name in by], len(self))
        return self._label_tables[by]

    @cached_property
    def _label_tables(self) -> dict[tuple[str, ...], IntArray]:
        return {}

    @cached_property
    def _columns(self) -> Columns:
        return Columns(self.records)

    def text_match(
        self,
        text: str,
        fields: Sequence[str],
        meaning: Meaning | None,
        sight: Sight | None,
        allowed: BoolArray,
    ) -> FloatArray:
        """How well each item matches the words, (N,) float32 in 0..1; 0 for items that do not.

        What no item says in these words counts by what they mean, or by the pictures of `allowed` items (N,) where
        their encoder reads words.
        """
        match, unsaid = self.wording(tuple(fields)).match(text)
        told = [
            None if meaning is None else meaning.match(text, self._meant(tuple(fields), meaning)),
            None if sight is None else sight.match_words(text, self._seen(sight), allowed),
        ]
        known = [one for one in told if one is not None]
        return match + np.float32(unsaid) * np.maximum.reduce(known) if known else match

    def picture_match(self, picture: bytes, sight: Sight, allowed: BoolArray) -> FloatArray:
        """How near the picture of each `allowed` item (N,) is, (N,) float32 in 0..1; 0 for those that are far.

        Raises:
            InputError: it is no picture that can be opened.
        """
        return sight.match(picture, self._seen(sight), allowed)

    def told(self, fields: Sequence[str]) -> list[str]:
        """What some attributes say of each item, as one text."""
        return [
            " ".join(str(value) for name in fields for value in values_of(record.get(name))) for record in self.records
        ]

    def wording(self, fields: tuple[str, ...]) -> Wording:
        """What some attributes say, to be searched; of a large catalogue that takes long, where none came before."""
        if fields not in self._wordings:
            with _MAKING:  # several who ask at once would each make it, and be slower together than one alone
                if fields not in self._wordings:
                    self._wordings[fields] = Wording(self.told(fields), self._earlier.pop(fields, None))
        return self._wordings[fields]

    def _meant(self, fields: tuple[str, ...], meaning: Meaning) -> FloatArray:
        if fields not in self._meanings:
            self._meanings[fields] = meaning.of(self.told(fields))
        return self._meanings[fields]

    def _seen(self, sight: Sight) -> FloatArray:
        if self._looks is None:
            self._looks = sight.of([record.get(IMAGE) for record in self.records])
        return self._looks

    @cached_property
    def _meanings(self) -> dict[tuple[str, ...], FloatArray]:
        return {}

    @cached_property
    def _wordings(self) -> dict[tuple[str, ...], Wording]:
        return {}


def may_be_shown(record: Mapping[str, Any]) -> bool:
    """Not hidden, not `available` false, and, where it says how many there are, with a `stock` above 0."""
    if record.get("hidden") or record.get("available", True) is False:
        return False
    stock = record.get("stock")
    return not isinstance(stock, int | float) or stock > 0


def _without_nulls(record: Mapping[str, Any]) -> Record:
    if None not in record.values() and isinstance(record, dict):
        return record
    return {name: value for name, value in record.items() if value is not None}


def _all_of(rules: Mapping[str, Any]) -> Test:
    tests = [_test(name, rule) for name, rule in rules.items()]
    return lambda items: reduce(np.logical_and, [test(items) for test in tests])


def _test(name: str, rule: Any) -> Test:
    if isinstance(rule, Mapping):
        return _between(name, rule)
    if any(isinstance(value, Mapping | list) for value in values_of(rule)):
        raise InputError(f"filter {name!r}: a list holds plain values only")
    return lambda items: items.among(name, values_of(rule))


def _between(name: str, rule: Mapping[str, Any]) -> Test:
    numbers = all(isinstance(bound, int | float) and not isinstance(bound, bool) for bound in rule.values())
    if not rule or set(rule) - {"min", "max"} or not numbers:
        raise InputError(f'filter {name!r}: a range is {{"min": number, "max": number}}, one of them at least')
    low, high = _bound(rule.get("min", -np.inf)), _bound(rule.get("max", np.inf))
    return lambda items: items.ordered(name, operator.ge, low) & items.ordered(name, operator.le, high)


def _bound(number: float) -> float:
    """An integer may be larger than any number of a column."""
    try:
        return float(number)
    except OverflowError:
        return np.inf if number > 0 else -np.inf


def _side_by_side(tables: Sequence[IntArray], n_items: int) -> IntArray:
    """One table of numbers of which no two attributes share any."""
    shifted, first = [np.empty((n_items, 0), np.int32)], 0
    for table in tables:
        shifted.append(np.where(table >= 0, table + first, -1).astype(np.int32))
        first += int(table.max(initial=-1)) + 1
    return np.ascontiguousarray(np.concatenate(shifted, axis=1)[:, :LABELS])
