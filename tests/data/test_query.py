from __future__ import annotations

import pytest
from pydantic import ValidationError

from serendip.data import HistoryEvent, Query
from serendip.data.query import MAX_ID_BYTES


def test_the_names_of_the_http_body_and_of_python_are_one_query() -> None:
    body = {"user_id": "ann", "limit": 3, "item_ids": ["a", "b"], "exclude_item_ids": ["b"]}
    assert Query.model_validate(body) == Query(user="ann", n=3, only=frozenset("ab"), without=frozenset("b"))


def test_plain_ids_are_likes() -> None:
    query = Query(history=("tea", {"item_id": "jam", "type": "view", "timestamp": "2023-11-14T22:13:20Z"}))
    assert query.history == (HistoryEvent(item_id="tea"), HistoryEvent(item_id="jam", type="view", timestamp=1.7e12))
    assert query.history[0].type == "like"
    assert query.history[1].timestamp == 1_700_000_000_000


def test_no_history_differs_from_an_empty_one() -> None:
    assert Query().history is None
    assert Query(history=()).history == ()


@pytest.mark.parametrize("id_", ["x" * MAX_ID_BYTES, "é" * (MAX_ID_BYTES // 2), " ", "a/b?c#d", "\U0001f375"])
def test_ids_are_any_text_up_to_256_bytes(id_: str) -> None:
    assert Query(user=id_).user == id_


@pytest.mark.parametrize("id_", ["", "x" * (MAX_ID_BYTES + 1), "é" * (MAX_ID_BYTES // 2 + 1), 7])
def test_other_ids_are_refused(id_: object) -> None:
    with pytest.raises(ValidationError):
        Query.model_validate({"user_id": id_})


@pytest.mark.parametrize(
    "wrong",
    [
        {"n": 0},
        {"n": 1_001},
        {"diversity": 1.1},
        {"surface": ""},
        {"limt": 3},
        {"history": [{"item_id": "a", "value": float("inf")}]},
        {"history": [{"item_id": "a", "timestamp": "yesterday"}]},
        {"history": [{"item_id": "a", "note": 1}]},
    ],
)
def test_what_cannot_be_meant_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Query.model_validate(wrong)


def test_a_query_does_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Query().n = 3  # type: ignore[misc]


def test_the_language_is_part_of_the_context() -> None:
    assert Query().language == "en"
    assert Query(context={"language": "zh"}).language == "zh"
