"""Conditions: what they mean against a slow reading of the same tree, and that no text does anything else."""

from __future__ import annotations

import contextlib
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serendip.data import InputError
from serendip.pipeline.columns import Columns
from serendip.pipeline.conditions import DEEPEST, LONGEST, condition

TEA = {"category": ["tea", "gift"], "price": 12.5, "year": 1999, "brand": "Lin's", "new": True, "名": "茶"}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("category == 'tea'", True),
        ('category == "gift" and price < 20', True),
        ("category == 'cake' or price >= 12.5", True),
        ("price > 12.5", False),
        ("price <= 1.25e1 and price > -3", True),
        ("year == 1999 and year == '1999' and year == 1999.0", True),
        ("not (category == 'tea' and price < 20)", False),
        ("not category == 'tea' or new == true", True),
        ("new == false", False),
        ("category in ['cake', 'gift']", True),
        ("category not in ['cake', 'tea']", False),
        ("brand == 'Lin\\'s'", True),
        ('brand == "Lin\'s"', True),
        ("`名` == '茶' and 名 != 'x'", True),
        ("has price and not has stock", True),
        ("stock != 3 and not stock == 3", True),
        ("stock < 3 or stock >= 3", False),
        ("category < 3", False),
        ("category == 'tea' or category == 'x' and price > 100", True),  # `and` binds closer
    ],
)
def test_what_conditions_mean(text: str, holds: bool) -> None:
    assert condition(text)(Columns([TEA, TEA])).tolist() == [holds, holds]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "an attribute was expected"),
        ("price", "at its end: `==`"),
        ("price <", "a number was expected"),
        ("price < 'x'", "at character 9: a number"),
        ("price == ", "a text in quotes"),
        ("category in 'tea'", "`[` was expected"),
        ("category in []", "a text in quotes"),
        ("category in ['a' 'b']", "`,` or `]`"),
        ("(price < 3", "`)` was expected"),
        ("price < 3)", "`and`, `or` or the end"),
        ("price < 3 price > 1", "`and`, `or` or the end"),
        ("and == 3", "an attribute was expected"),
        ("price = 3", "no sense in '='"),
        ("title == 'open", 'no sense in "\'"'),
        ("__import__('os').system('id')", "no sense in '.'"),
        ("__import__('os')", "`==`"),
        ("price < 1e9999", "no sense"),
        ("x == 1;drop table", "no sense in ';'"),
        ("not " * (DEEPEST + 1) + "a == 1", "within each other"),
        ("a == '" + "x" * LONGEST + "'", "at most 2,000"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_place(text: str, said: str) -> None:
    with pytest.raises(InputError) as refused:
        condition(text)
    assert said in str(refused.value)


@given(st.text(max_size=200) | st.text(alphabet="ab=!<>()[],'\"\\`0123. notandorinhas", max_size=200))
def test_any_text_is_a_condition_or_refused(text: str) -> None:
    with contextlib.suppress(InputError):
        assert condition(text)(Columns([TEA])).dtype == bool


def test_hostile_texts_take_no_time() -> None:
    """A pattern that backtracks would need longer than the age of the world for these."""
    started_s = time.perf_counter()
    for text in ("'" + "\\" * 1_900, "a == '" + "\\'" * 900, "1" * 1_999, "(" * 1_999, "`" * 1_999, "a." * 900):
        with pytest.raises(InputError):
            condition(text)
    assert time.perf_counter() - started_s < 5


# A tree, written as text and read by both

values = st.sampled_from(["tea", "it's", 3, 2.5, -1, True, False])
leaves = (
    st.tuples(st.sampled_from(["==", "!="]), st.sampled_from("abc"), values)
    | st.tuples(st.sampled_from(["<", "<=", ">", ">="]), st.sampled_from("abc"), st.integers(-2, 4))
    | st.tuples(st.sampled_from(["in", "not in"]), st.sampled_from("abc"), st.lists(values, min_size=1, max_size=3))
    | st.tuples(st.just("has"), st.sampled_from("abc"))
)
trees = st.recursive(
    leaves,
    lambda inner: st.tuples(st.sampled_from(["and", "or"]), inner, inner) | st.tuples(st.just("not"), inner),
    max_leaves=8,
)
records = st.dictionaries(st.sampled_from("abc"), values | st.lists(values, max_size=2) | st.none())


def written(tree: Any) -> str:
    match tree:
        case ("and" | "or" as word, left, right):
            return f"({written(left)} {word} {written(right)})"
        case ("not", inner):
            return f"not ({written(inner)})"
        case ("has", name):
            return f"has {name}"
        case (relation, name, list(several)):
            return f"{name} {relation} [{', '.join(map(json.dumps, several))}]"
        case (relation, name, value):
            return f"{name}{relation}{json.dumps(value)}"
    raise AssertionError(tree)


def holds(tree: Any, record: dict[str, Any]) -> bool:
    match tree:
        case ("and", left, right):
            return holds(left, record) and holds(right, record)
        case ("or", left, right):
            return holds(left, record) or holds(right, record)
        case ("not", inner):
            return not holds(inner, record)
        case ("has", name):
            return record.get(name) is not None
    relation, name, value = tree
    own = record.get(name)
    if relation in ("<", "<=", ">", ">="):
        number = isinstance(own, int | float) and not isinstance(own, bool)
        return number and eval(f"own {relation} value", {"own": own, "value": value})  # noqa: S307 - the slow reading
    owned = [] if own is None else own if isinstance(own, list) else [own]
    asked = value if isinstance(value, list) else [value]
    equal = any(
        (type(one) is bool and one is two) or (type(one) is not bool and type(two) is not bool and str(one) == str(two))
        for one in owned
        for two in asked
    )
    return equal if relation in ("==", "in") else not equal


@given(trees, st.lists(records, max_size=5))
def test_a_condition_holds_as_the_slow_reading_says(tree: Any, many: list[dict[str, Any]]) -> None:
    assert condition(written(tree))(Columns(many)).tolist() == [holds(tree, record) for record in many]
