from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serendip.data import Vocabulary

some_ids = st.lists(st.text(min_size=1), unique=True)


@given(some_ids)
def test_rows_and_ids_undo_each_other(ids: list[str]) -> None:
    vocabulary = Vocabulary(ids)
    rows = vocabulary.rows(ids)
    assert rows.tolist() == list(range(len(ids)))
    assert vocabulary.ids(rows) == ids
    assert vocabulary.ids() == tuple(ids)


@given(some_ids, st.text(min_size=1))
def test_what_is_unknown_is_minus_one(ids: list[str], other: str) -> None:
    vocabulary = Vocabulary(ids)
    expected = ids.index(other) if other in ids else -1
    assert vocabulary.row(other) == expected
    assert vocabulary.rows([other]).tolist() == [expected]
    assert (other in vocabulary) == (expected >= 0)


def test_an_id_occurs_once() -> None:
    with pytest.raises(ValueError, match="each id once"):
        Vocabulary(["a", "b", "a"])


def test_ids_that_look_alike_are_different() -> None:
    vocabulary = Vocabulary(["7", "07", " 7", "é", "e\u0301"])
    assert len(vocabulary) == 5
    assert vocabulary.rows(["07", "e\u0301"]).tolist() == [1, 4]


def test_equality_is_order_too() -> None:
    assert Vocabulary("ab") == Vocabulary(["a", "b"])
    assert Vocabulary("ab") != Vocabulary("ba")
    assert hash(Vocabulary("ab")) == hash(Vocabulary("ab"))
