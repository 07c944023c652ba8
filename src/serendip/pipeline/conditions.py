"""Conditions: a small language that says which items may be listed, such as `category == 'tea' and price < 20`.

    condition   = all ("or" all)*
    all         = one ("and" one)*
    one         = "not" one | "(" condition ")" | name relation value | name ["not"] "in" "[" values "]" | "has" name
    relation    = "==" | "!=" | "<" | "<=" | ">" | ">="
    name        = letters, digits, `_` and `.`, or any text between backquotes
    value       = 'text' | "text" | number | true | false

An attribute that is a list equals a value if one of its values does. Text and numbers compare by their text, as in an
object of rules; `<` and its like hold for numbers alone. What is missing equals nothing and is smaller than nothing, so
`x != 1` holds where x is missing. Nothing is ever executed: a text becomes closures over these comparisons.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator
from functools import reduce
from typing import Any, Literal, NamedTuple

import numpy as np

from serendip.data.arrays import BoolArray
from serendip.errors import InputError
from serendip.pipeline.columns import Columns

LONGEST = 2_000  # characters
DEEPEST = 20  # brackets and nots within each other

Test = Callable[[Columns], BoolArray]

_TOKENS = re.compile(
    r"""\s*(?:
        (?P<text>'[^'\\]*(?:\\.[^'\\]*)*' | "[^"\\]*(?:\\.[^"\\]*)*")
      | (?P<number>[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?(?![\w.]))
      | (?P<quoted>`[^`]+`)
      | (?P<word>[^\W\d][\w.]*)
      | (?P<sign>==|!=|<=|>=|<|>|\(|\)|\[|\]|,)
      | (?P<end>$)
    )""",
    re.VERBOSE,
)
_ORDERS: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_WORDS = ("and", "or", "not", "in", "has", "true", "false")


class _Token(NamedTuple):
    kind: Literal["text", "number", "quoted", "word", "sign", "end"]
    text: str
    place: int


def condition(text: str) -> Test:
    """What `text` asks of items' attributes: given their columns, which satisfy it, (N,).

    Raises:
        InputError: it is not a condition; the message says where and what was expected.

    >>> cheap_tea = condition("category == 'tea' and not price >= 20")
    >>> cheap_tea(Columns([{"category": ["tea", "gift"], "price": 12.5}, {"category": "tea", "price": 20}]))
    array([ True, False])
    """
    if len(text) > LONGEST:
        raise InputError(f"the filter has {len(text):,} characters; at most {LONGEST:,} are read")
    return _Reader(text).whole()


class _Reader:
    """Reads one condition from the left."""

    def __init__(self, text: str) -> None:
        self._tokens = [*_tokens(text)]
        self._at = 0

    def whole(self) -> Test:
        test = self._any(0)
        self._expect(self._now.kind == "end", "`and`, `or` or the end")
        return test

    def _any(self, depth: int) -> Test:
        tests = [self._all(depth)]
        while self._took("or"):
            tests.append(self._all(depth))
        return tests[0] if len(tests) == 1 else lambda items: reduce(np.logical_or, [test(items) for test in tests])

    def _all(self, depth: int) -> Test:
        tests = [self._one(depth)]
        while self._took("and"):
            tests.append(self._one(depth))
        return tests[0] if len(tests) == 1 else lambda items: reduce(np.logical_and, [test(items) for test in tests])

    def _one(self, depth: int) -> Test:
        self._expect(depth < DEEPEST, f"at most {DEEPEST} brackets and nots within each other")
        if self._took("not"):
            inner = self._one(depth + 1)
            return _negated(inner)
        if self._took("("):
            inner = self._any(depth + 1)
            self._expect(self._took(")"), "`)`")
            return inner
        if self._took("has"):
            name = self._name()
            return lambda items: items.has(name)
        return self._comparison()

    def _comparison(self) -> Test:
        name = self._name()
        if self._now.text in _ORDERS:
            return _ordered(name, _ORDERS[self._next().text], self._number())
        if self._took("=="):
            return _among(name, [self._value()])
        if self._took("!="):
            return _negated(_among(name, [self._value()]))
        absent = self._took("not")
        self._expect(self._took("in"), "`==`, `!=`, `<`, `<=`, `>`, `>=` or `in`")
        test = _among(name, self._list())
        return _negated(test) if absent else test

    def _list(self) -> list[Any]:
        self._expect(self._took("["), "`[`")
        values = [self._value()]
        while self._took(","):
            values.append(self._value())
        self._expect(self._took("]"), "`,` or `]`")
        return values

    def _name(self) -> str:
        token = self._now
        self._expect(token.kind == "quoted" or (token.kind == "word" and token.text not in _WORDS), "an attribute")
        self._next()
        return token.text.strip("`")

    def _value(self) -> Any:
        token = self._now
        truth = token.kind == "word" and token.text in ("true", "false")
        self._expect(truth or token.kind in ("text", "number"), "a text in quotes, a number, true or false")
        self._next()
        return token.text == "true" if truth else _unquoted(token.text) if token.kind == "text" else _number(token.text)

    def _number(self) -> float:
        self._expect(self._now.kind == "number", "a number")
        return float(self._next().text)

    @property
    def _now(self) -> _Token:
        return self._tokens[self._at]

    def _next(self) -> _Token:
        token = self._now
        self._at += 1
        return token

    def _took(self, text: str) -> bool:
        """Whether the next token is this word or sign, which is then behind us."""
        taken = self._now.kind in ("word", "sign") and self._now.text == text
        self._at += taken
        return taken

    def _expect(self, holds: bool, what: str) -> None:
        if not holds:
            where = "at its end" if self._now.kind == "end" else f"at character {self._now.place + 1}"
            raise InputError(f"the filter cannot be read {where}: {what} was expected")


def _tokens(text: str) -> Iterator[_Token]:
    place = 0
    while True:
        found = _TOKENS.match(text, place)
        if found is None or found.lastgroup is None:
            start = len(text) - len(text[place:].lstrip())
            raise InputError(
                f"the filter cannot be read at character {start + 1}: there is no sense in {text[start]!r}"
            )
        yield _Token(found.lastgroup, found[found.lastgroup], found.start(found.lastgroup))  # type: ignore[arg-type]
        place = found.end()
        if found.lastgroup == "end":
            return


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)


def _number(text: str) -> int | float:
    return int(text) if re.fullmatch(r"[+-]?\d+", text) else float(text)


def _among(name: str, wanted: list[Any]) -> Test:
    return lambda items: items.among(name, wanted)


def _ordered(name: str, order: Callable[[Any, Any], Any], bound: float) -> Test:
    return lambda items: items.ordered(name, order, bound)


def _negated(test: Test) -> Test:
    return lambda items: ~test(items)
