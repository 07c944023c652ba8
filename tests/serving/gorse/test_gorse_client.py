"""Every method of gorse's Python client against this service, unchanged and on a socket."""

from __future__ import annotations

import inspect
from datetime import UTC, datetime, timedelta

import pytest
from gorse import AsyncGorse, Gorse, GorseException

from serendip.store.keys import make
from tests.serving.conftest import opened
from tests.serving.gorse.conftest import asking
from tests.serving.pages.play_service import serving

TIME = "2022-02-24T00:00:00Z"


def refused(ask, status: int, *call) -> None:
    with pytest.raises(GorseException) as caught:
        ask(*call)
    assert caught.value.status_code == status, caught.value.message


def test_users(ask) -> None:
    person = {"UserId": "100", "Labels": ["a", "b", "c"], "Comment": "comment"}
    assert ask("insert_user", {**person, "Subscribe": ["d"]}) == {"RowAffected": 1}
    assert ask("get_user", "100") == person
    others = [{"UserId": f"1{n}", "Labels": {"city": "Oslo", "langs": ["no", "en"]}, "Comment": ""} for n in (1, 2)]
    assert ask("insert_users", others) == {"RowAffected": 2}
    assert ask("get_user", "11") == others[0]
    assert ask("delete_user", "100") == {"RowAffected": 1}
    refused(ask, 404, "get_user", "100")


def test_somebody_who_only_acted_is_a_user_too(ask) -> None:
    refused(ask, 404, "get_user", "newcomer")
    ask("insert_feedback", "like", "newcomer", "i1", TIME)
    assert ask("get_user", "newcomer") == {"UserId": "newcomer", "Labels": None, "Comment": ""}
    ask("delete_user", "newcomer")


def test_pages_of_users_and_items_come_to_an_end(ask) -> None:
    for method, key, least in (("get_users", "UserId", 60), ("get_items", "ItemId", 40)):
        rows, cursor = ask(method, 7)
        assert len(rows) == 7
        while cursor:
            more, cursor = ask(method, 7, cursor)
            assert 1 <= len(more) <= 7
            rows += more
        ids = [row[key] for row in rows]
        assert len(ids) == len(set(ids)) >= least


ITEM = {
    "ItemId": "100",
    "IsHidden": True,
    "Labels": ["a", "b", "c"],
    "Categories": ["d", "e"],
    "Timestamp": TIME,
    "Comment": "comment",
}


def test_items(ask) -> None:
    assert ask("insert_item", ITEM) == {"RowAffected": 1}
    assert ask("get_item", "100") == ITEM
    assert ask("update_item", "100", is_hidden=False, labels={"kind": ["x"]}) == {"RowAffected": 1}
    changed = {**ITEM, "IsHidden": False, "Labels": {"kind": ["x"]}}
    assert ask("get_item", "100") == changed
    ask("update_item", "100", categories=["f"], comment="other", timestamp="2023-01-01T10:00:00.5Z")
    changed |= {"Categories": ["f"], "Comment": "other", "Timestamp": "2023-01-01T10:00:00.5Z"}
    assert ask("get_item", "100") == changed
    assert ask("delete_item", "100") == {"RowAffected": 1}
    refused(ask, 404, "get_item", "100")
    refused(ask, 404, "update_item", "100")


def test_items_are_searched_by_words(ask) -> None:
    found = ask("search_items", "coffee", 5)
    assert len(found) == 5
    assert all(item["Categories"] == ["coffee"] for item in found)


def test_feedback(ask) -> None:
    ask("delete_user", "100")
    assert ask("insert_feedback", "like", "100", "i2", TIME) == {"RowAffected": 1}
    reads = [{"FeedbackType": "read", "UserId": "100", "ItemId": item, "Timestamp": TIME} for item in ("i3", "i5")]
    assert ask("insert_feedbacks", reads) == {"RowAffected": 2}
    assert ask("list_feedbacks", "read", "100") == [{**read, "Value": 0, "Comment": ""} for read in reads]
    assert [one["ItemId"] for one in ask("list_feedbacks", "like", "100")] == ["i2"]
    assert ask("list_feedbacks", "like", "nobody") == []


def test_pages_of_feedback_hold_the_whole_log(ask) -> None:
    rows, cursor = ask("get_feedbacks", 200)
    while cursor:
        more, cursor = ask("get_feedbacks", 200, cursor)
        rows += more
    assert len(rows) >= 480
    assert set(rows[0]) == {"FeedbackType", "UserId", "ItemId", "Value", "Timestamp", "Comment"}


def test_single_feedback_is_not_deleted(ask) -> None:
    refused(ask, 405, "delete_feedback", "u1", "i1")


def test_recommendations_have_scores_and_leave_out_what_is_known(ask) -> None:
    ask("delete_user", "200")
    for item in ("i2", "i4", "i6"):
        ask("insert_feedback", "like", "200", item, TIME)
    listed = ask("get_recommend", "200", n=10)
    ids = [one.id for one in listed]
    assert len(ids) == 10
    assert not {"i2", "i4", "i6"} & set(ids)
    assert sum(int(one[1:]) % 2 == 0 for one in ids) >= 8, ids  # even people like even items
    assert all(isinstance(one.score, float) for one in listed)
    assert [one.id for one in ask("get_recommend", "200", n=4, offset=3)] == ids[3:7]
    in_category = ask("get_recommend", "200", category="coffee", n=5)
    assert len(in_category) == 5
    assert all(int(one.id[1:]) % 2 == 1 for one in in_category)


def test_what_is_written_back_is_not_listed_again(ask) -> None:
    ask("delete_user", "300")
    first = {one.id for one in ask("get_recommend", "300", n=5, write_back_type="read")}
    second = {one.id for one in ask("get_recommend", "300", n=5, write_back_type="read", write_back_delay="1h30m")}
    assert len(first) == len(second) == 5
    assert not first & second
    read = ask("list_feedbacks", "read", "300")
    assert {one["ItemId"] for one in read} == first  # the others are dated in the future
    log, cursor = ask("get_feedbacks", 1000)
    assert cursor == ""
    dated = [one["Timestamp"] for one in log if one["UserId"] == "300" and one["ItemId"] in second]
    ahead = [datetime.fromisoformat(text) - datetime.now(UTC) for text in dated]
    assert all(timedelta(minutes=85) < one <= timedelta(minutes=90) for one in ahead)
    assert len(ahead) == 5


def test_sessions_and_neighbours(ask) -> None:
    session = [{"FeedbackType": "like", "UserId": "0", "ItemId": f"i{n}", "Timestamp": TIME} for n in (1, 3, 5)]
    listed = ask("session_recommend", session, 6)
    assert [set(one) for one in listed] == [{"Id", "Score"}] * 6
    assert not {"i1", "i3", "i5"} & {one["Id"] for one in listed}
    assert sum(int(one["Id"][1:]) % 2 for one in listed) >= 5, listed
    near = ask("get_neighbors", "i1", 5)
    assert len(near) == 5
    assert "i1" not in {one["Id"] for one in near}
    assert ask("get_neighbors", "i1", 3, 2) == near[2:]


def test_every_method_of_the_client_was_called() -> None:
    """Where a new release of the client can more, this says so."""
    called = inspect.getsource(inspect.getmodule(test_users))
    for kind in (Gorse, AsyncGorse):
        methods = [name for name, _ in inspect.getmembers(kind, inspect.isfunction) if not name.startswith("_")]
        assert len(methods) >= 18
        assert not [name for name in methods if f'"{name}"' not in called]


def test_the_key_of_the_client_opens_the_door(tmp_path) -> None:
    with opened(tmp_path) as workspace:
        key, text = make("gorse", ["recommend:read", "events:write", "data:write"])
        workspace.store.add_key(key)
        with serving(workspace) as where:
            for kind in (Gorse, AsyncGorse):
                refused(asking(kind, where, "wrong"), 401, "get_user", "u1")
                ask = asking(kind, where, text)
                assert ask("get_user", "u1")["Labels"] is None
                refused(ask, 403, "delete_user", "u1")
