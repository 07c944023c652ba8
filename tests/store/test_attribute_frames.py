"""Attributes between JSON and columns."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import polars as pl
import pytest

from serendip.data.attributes import attribute_frame, to_json
from serendip.store.frames import attribute_rows


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        ([1, 2, None], pl.Int64, [1, 2, None]),
        ([1, 2.5], pl.Float64, [1.0, 2.5]),
        ([True, None], pl.Boolean, [True, None]),
        (["a", 1, True, None], pl.String, ["a", "1", "true", None]),
        ([True, 2], pl.String, ["true", "2"]),
        ([2**63, 1], pl.String, [str(2**63), "1"]),
        ([{"a": 1}, {"b": [2]}], pl.String, ['{"a":1}', '{"b":[2]}']),
        ([["a"], [], None], pl.List(pl.String), [["a"], [], None]),
        ([["a", "b"], "c"], pl.List(pl.String), [["a", "b"], ["c"]]),
        ([[1], [2.5, None]], pl.List(pl.Float64), [[1.0], [2.5, None]]),
        ([["a", 1], [{"b": 2}]], pl.List(pl.String), [["a", "1"], ['{"b":2}']]),
        ([[[1, 2]], []], pl.List(pl.String), [["[1,2]"], []]),
        ([None, None], pl.String, [None, None]),
    ],
)
def test_a_column_takes_the_type_that_holds_all_values(
    values: list[object], dtype: pl.DataType, expected: list[object]
) -> None:
    frame = attribute_frame("item_id", [(str(n), {"x": value}) for n, value in enumerate(values)])
    assert frame["x"].dtype == dtype
    assert frame["x"].to_list() == expected


def test_one_odd_title_leaves_the_others_as_they_are() -> None:
    rows = [("a", {"title": "Tea"}), ("b", {"title": ["Jam"]}), ("c", {"title": 5}), ("d", {})]
    assert attribute_frame("item_id", rows)["title"].to_list() == ["Tea", '["Jam"]', "5", None]


def test_columns_stand_in_order_of_first_appearance() -> None:
    rows = [("a", {"x": 1}), ("b", {"z": 1, "x": 2}), ("c", {"y": 1})]
    frame = attribute_frame("item_id", rows)
    assert frame.columns == ["item_id", "x", "z", "y"]
    assert list(attribute_rows(frame, "item_id")) == [("a", {"x": 1}), ("b", {"x": 2, "z": 1}), ("c", {"y": 1})]


def test_a_frame_with_ids_alone() -> None:
    assert list(attribute_rows(pl.DataFrame({"item_id": ["a", "b"]}), "item_id")) == [("a", {}), ("b", {})]
    assert attribute_frame("item_id", []).schema == {"item_id": pl.String}


def test_what_frames_hold_and_json_does_not() -> None:
    values = {"day": date(2026, 1, 2), "moment": datetime(2026, 1, 2, 3, 4), "price": Decimal("2.5")}
    assert to_json(values) == '{"day":"2026-01-02","moment":"2026-01-02T03:04:00","price":2.5}'


@pytest.mark.parametrize("value", [float("nan"), float("-inf"), b"x", "\udcff", {1j}])
def test_what_json_cannot_say_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r".+"):
        to_json([value])
