"""Gorse's addresses: what they mean here, and what must not be got by them."""

from __future__ import annotations

import pytest

from serendip.serving import create_app, gate
from serendip.serving.gorse import lists
from serendip.serving.gorse.newest import Newest
from serendip.store import StoredEvent
from serendip.store.keys import make
from tests.serving.conftest import Client, opened

TIME = "2022-02-24T00:00:00Z"
KEY = {"x-api-key": "any"}


def said(user: str, item: str, value: float | None = None, type_: str = "read", time: str = TIME, **more) -> dict:
    row = {"FeedbackType": type_, "UserId": user, "ItemId": item, "Timestamp": time, **more}
    return row if value is None else {**row, "Value": value}


def write(client: Client, method: str, *rows: dict) -> None:
    answer = client(method, "/api/feedback", json=list(rows))
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"RowAffected": len(rows)}


def held(client: Client, user: str) -> list[tuple[str, str, float]]:
    rows = client.get(f"/api/user/{user}/feedback").json()
    return [(row["FeedbackType"], row["ItemId"], row["Value"]) for row in rows]


def ids(answer) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [one if isinstance(one, str) else one["Id"] for one in answer.json()]


# Feedback


def test_post_adds_up_and_put_replaces(client) -> None:
    later = "2022-02-25T00:00:00Z"
    write(client, "POST", said("sum", "i1", 2), said("sum", "i2", 1), said("sum", "i1", 5, "star"))
    write(client, "POST", said("sum", "i1", 3, time=later))
    assert held(client, "sum") == [("read", "i1", 5), ("read", "i2", 1), ("star", "i1", 5)]
    write(client, "PUT", said("sum", "i1", 4, time=later))
    assert held(client, "sum") == [("read", "i1", 4), ("read", "i2", 1), ("star", "i1", 5)]
    write(client, "POST", said("sum", "i1", 1, time="2022-02-26T00:00:00Z"))
    one = client.get("/api/feedback/read/sum/i1").json()
    assert one == {**said("sum", "i1", 5), "Timestamp": "2022-02-26T00:00:00Z", "Comment": ""}


def test_what_is_sent_twice_counts_once(client) -> None:
    """A retry after a lost answer must not count again, so the same words are the same event."""
    for _ in range(2):
        write(client, "POST", said("again", "i1", 2))
        write(client, "POST", {**said("again", "i2"), "Timestamp": ""})
    assert held(client, "again") == [("read", "i1", 2), ("read", "i2", 0)]
    write(client, "POST", said("again", "i1", 2, time="2022-02-24T00:00:01Z"))  # other words, another event
    assert held(client, "again")[0] == ("read", "i1", 4)


def test_feedback_is_all_or_nothing(client, is_problem) -> None:
    for wrong in (
        said("half", "", 1),
        said("half", "i1", type_=""),
        said("half", "i1", type_="a\0b"),
        said("half", "i1", 1e31),
        said("half", "i1", time="soon"),
        {"UserId": "half"},
    ):
        is_problem(client.post("/api/feedback", [said("half", "i1"), wrong]), 422, "invalid-request")
    is_problem(client("POST", "/api/feedback", content=b"[{]", headers={"content-type": "application/json"}), 400)
    assert held(client, "half") == []


def test_comments_and_labels_of_feedback_come_back(client) -> None:
    row = said("note", "i1", 1, Comment="wow", Labels={"page": "home"})
    write(client, "POST", row)
    assert client.get("/api/user/note/feedback").json() == [row]


def test_feedback_of_an_item_and_of_a_pair(client) -> None:
    write(client, "POST", said("p1", "shared"), said("p2", "shared"), said("p2", "shared", type_="like"))
    assert [row["UserId"] for row in client.get("/api/item/shared/feedback").json()] == ["p1", "p2", "p2"]
    assert [row["UserId"] for row in client.get("/api/item/shared/feedback/like").json()] == ["p2"]
    assert len(client.get("/api/feedback/p2/shared").json()) == 2
    assert client.get("/api/feedback/like/p1/shared").status_code == 404
    assert client.get("/api/feedback/nothing").json() == {"Cursor": "", "Feedback": []}


def test_feedback_counts_in_the_next_list_and_in_our_own_history(client) -> None:
    before = ids(client.get("/api/recommend/live?n=3"))
    write(client, "POST", said("live", before[0], type_="like"))
    assert before[0] not in ids(client.get("/api/recommend/live?n=40"))
    assert client.get("/v1/users/live/history").json()["data"][0]["item_id"] == before[0]


@pytest.mark.parametrize("cursor", ["!", "abc", "LTE", "MTIz" * 20])
def test_a_cursor_that_no_list_gave_is_refused(client, is_problem, cursor) -> None:
    is_problem(client.get(f"/api/feedback?cursor={cursor}"), 422, "invalid-request")


# Users and items


def test_what_is_null_in_a_patch_stays(client) -> None:
    client.post("/api/user", {"UserId": "patched", "Labels": {"a": 1, "b": [2]}, "Comment": "c"})
    client("PATCH", "/api/user/patched", json={"Labels": None, "Comment": "d"})
    assert client.get("/api/user/patched").json() == {"UserId": "patched", "Labels": {"a": 1, "b": [2]}, "Comment": "d"}
    client("PATCH", "/api/user/patched", json={"Labels": ["x"], "Comment": None})
    assert client.get("/api/user/patched").json() == {"UserId": "patched", "Labels": ["x"], "Comment": "d"}
    client("PATCH", "/api/user/patched", json={"Comment": ""})
    assert client.get("/api/user/patched").json()["Comment"] == ""
    assert client("PATCH", "/api/user/unknown", json={}).status_code == 404


def test_labels_and_categories_are_attributes_that_filters_see(client) -> None:
    item = {"ItemId": "lamp", "Categories": ["home", "new"], "Labels": {"kind": ["warm"]}, "Comment": "A lamp"}
    client.post("/api/item", item)
    attributes = client.get("/v1/items/lamp").json()["attributes"]
    assert attributes == {"category": ["home", "new"], "labels.kind": ["warm"], "title": "A lamp"}
    client.post("/api/items", [{"ItemId": "lamp", "IsHidden": True, "Timestamp": TIME, "Labels": ["warm"]}])
    attributes = client.get("/v1/items/lamp").json()["attributes"]
    assert attributes == {"hidden": True, "timestamp": TIME, "tags": ["warm"]}


def test_categories_are_added_and_taken(client) -> None:
    client.post("/api/item", {"ItemId": "cup", "Categories": ["a"]})
    for method, category, expected in (
        ("PUT", "b%2Fc", ["a", "b/c"]),
        ("PUT", "a", ["a", "b/c"]),
        ("DELETE", "a", ["b/c"]),
        ("DELETE", "b%2Fc", []),
        ("DELETE", "z", []),
    ):
        assert client(method, f"/api/item/cup/category/{category}").json() == {"RowAffected": 1}
        assert client.get("/api/item/cup").json()["Categories"] == expected
    assert client("PUT", "/api/item/unknown/category/a").status_code == 404
    assert client("DELETE", "/api/item/unknown").json() == {"RowAffected": 0}


def test_a_hidden_item_is_listed_no_more(client) -> None:
    first = ids(client.get("/api/recommend/u1?n=1"))[0]
    client("PATCH", f"/api/item/{first}", json={"IsHidden": True})
    assert first not in ids(client.get("/api/recommend/u1?n=40"))
    client("PATCH", f"/api/item/{first}", json={"IsHidden": False})
    assert first in ids(client.get("/api/recommend/u1?n=40"))


def test_a_search_without_a_model_is_refused_and_not_answered_with_anything(untrained, ask_of, is_problem) -> None:
    is_problem(ask_of(untrained).get("/api/items?q=coffee"), 503, "not-ready")


# Addresses


def test_a_slash_inside_an_id_is_not_a_slash_of_the_address(client, monkeypatch) -> None:
    client.post("/api/user", {"UserId": "ann/feedback", "Comment": "the one with the slash"})
    assert client.get("/api/user/ann%2Ffeedback").json()["Comment"] == "the one with the slash"
    assert client.get("/api/user/ann/feedback").json() == []
    monkeypatch.setattr(gate, "canonical_path", lambda scope: scope["path"])
    assert client.get("/api/user/ann%2Ffeedback").json() == []  # with the guard off it is another address


def test_a_slash_at_the_end_says_nothing(client) -> None:
    for path in ("/api/recommend/u1", "/api/user/u1/feedback", "/api/item/i1/neighbors", "/api/latest", "/api/items"):
        assert client.get(path + "/").json() == client.get(path).json()
    client.post("/api/user", {"UserId": "end/", "Comment": "x"})
    assert client.get("/api/user/end%2F").json()["Comment"] == "x"


# Lists


def test_ids_without_the_version_and_scores_with_it(client) -> None:
    plain = client.get("/api/recommend/u1?n=4").json()
    scored = client.get("/api/recommend/u1?n=4", headers={"X-API-Version": "2"}).json()
    assert plain == [one["Id"] for one in scored]
    assert all(isinstance(one, str) for one in plain)


def test_lists_keep_to_every_category_that_is_asked_for(client) -> None:
    for item, categories in (("i2", ["tea", "gift"]), ("i4", ["tea", "gift"]), ("i1", ["coffee", "gift"])):
        client("PATCH", f"/api/item/{item}", json={"Categories": categories})
    both = {"i2", "i4"}
    assert set(ids(client.get("/api/recommend/nobody?category=tea&category=gift&n=40"))) == both
    assert set(ids(client.get("/api/recommend/nobody/gift?n=40"))) == both | {"i1"}
    assert set(ids(client.get("/api/popular?category=gift&category=tea"))) == both
    assert set(ids(client.get("/api/popular/gift"))) == both | {"i1"}
    assert set(ids(client.get("/api/item/i0/neighbors/gift"))) == both | {"i1"}
    assert set(ids(client.get("/api/item-to-item/neighbors/i2?category=gift"))) == {"i1", "i4"}
    session = [{"FeedbackType": "like", "ItemId": "i2"}]
    assert set(ids(client.post("/api/session/recommend/gift", session))) == {"i1", "i4"}
    assert ids(client.get("/api/recommend/nobody/none")) == []


def test_a_category_is_no_condition(client, monkeypatch) -> None:
    attack = "none' or category != 'none"
    assert ids(client.get("/api/recommend/nobody", params={"category": attack})) == []
    assert ids(client.get("/api/recommend/nobody", params={"category": "\\"})) == []
    monkeypatch.setattr(lists, "_escaped", lambda text: text)  # with the guard off everything is listed
    assert len(ids(client.get("/api/recommend/nobody", params={"category": attack}))) == 10


def test_popular_leaves_out_what_somebody_knows(client) -> None:
    listed = ids(client.get("/api/popular?n=40"))
    known = {event["item_id"] for event in client.get("/v1/users/u2/history").json()["data"]}
    assert known <= set(listed)
    assert not known & set(ids(client.get("/api/popular?n=40&user-id=u2")))
    assert ids(client.get("/api/non-personalized/most_starred?n=5&offset=2")) == listed[2:7]


def test_the_latest_come_by_their_time(client) -> None:
    stored = [
        {"ItemId": "old", "Timestamp": "1999-01-01", "Categories": ["x"]},
        {"ItemId": "new", "Timestamp": "2024-01-01T00:00:00.5Z", "Categories": ["x", "y"]},
        {"ItemId": "newer", "Timestamp": "2024-01-01T00:00:00.25+00:00", "IsHidden": True},
        {"ItemId": "mid", "Timestamp": "2010-06-01T00:00:00+02:00"},
        {"ItemId": "untimed"},
    ]
    client.post("/api/items", stored)
    client.app.state.newest = Newest(client.app.state.engine.store)
    assert client.get("/api/latest").json()[0] == {"Id": "new", "Score": 1704067200.5}
    assert ids(client.get("/api/latest")) == ["new", "mid", "old"]
    assert ids(client.get("/api/latest?n=1&offset=1")) == ["mid"]
    assert ids(client.get("/api/latest/x")) == ids(client.get("/api/latest?category=x")) == ["new", "old"]
    assert ids(client.get("/api/latest?category=x&category=y")) == ["new"]
    write(client, "POST", said("reader", "new"))
    assert ids(client.get("/api/latest?user-id=reader")) == ["mid", "old"]


def test_the_latest_are_read_again_when_they_have_changed(empty) -> None:
    newest = Newest(empty.store)
    assert newest() == []
    empty.store.put("items", [("a", {"timestamp": TIME}), ("b", {"timestamp": "no time"}), ("c", {"timestamp": 5})])
    assert newest() == []  # a moment ago they were not there
    newest._due_s = 0.0
    assert [item.item_id for item in newest()] == ["a", "c"]


@pytest.mark.parametrize(
    "query", ["n=0", "n=1001", "n=x", "offset=-1", "n=500&offset=501", "write-back-delay=" + "1" * 99]
)
def test_numbers_have_bounds(client, is_problem, query) -> None:
    is_problem(client.get(f"/api/recommend/u1?{query}"), 422, "invalid-request")


# Writing back


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", 0), ("0", 0), ("10m", 600_000), ("1h30m", 5_400_000), ("1.5s", 1_500), (".5m", 30_000), ("300ms", 300)],
)
def test_durations_are_read_as_go_writes_them(text, expected) -> None:
    assert lists._milliseconds(text) == expected


@pytest.mark.parametrize("text", ["10", "m", "-1h", "1h ", "1d", "1h30", "1e3s", "9" * 40 + "h"])
def test_what_is_no_duration_is_refused_and_nothing_is_written(client, is_problem, text) -> None:
    path = "/api/recommend/duration"
    query = {"write-back-type": "read", "write-back-delay": text}
    is_problem(client.get(path, params=query, headers=KEY), 422, "invalid-request")
    assert held(client, "duration") == []


def test_what_is_written_back_tells_its_list_and_place(client, shop) -> None:
    listed = ids(client.get("/api/recommend/back?n=2&offset=1&write-back-type=seen", headers=KEY))
    events = [event for _, event in shop.store.event_page(10, user_id="back")]
    assert [(event.item_id, event.position, event.type) for event in events] == [
        (listed[0], 2, "seen"),
        (listed[1], 3, "seen"),
    ]
    shown = client.get(f"/v1/recommendations/{events[0].request_id}").json()
    assert [item["item_id"] for item in shown["items"]][1:] == listed


def test_a_foreign_page_cannot_write_by_a_link(untrained, is_problem) -> None:
    """A browser sends this GET for any page that asks for it, but no header that the page chose."""
    app = create_app(untrained)
    client = Client(app)
    path = "/api/recommend/victim?write-back-type=like&n=1"
    is_problem(client.get(path), 422, "invalid-request")
    assert not untrained.store.history("victim")
    app.dependency_overrides[lists._write_back] = lambda: lists.WriteBack("like", 0)
    assert client.get(path).status_code == 200  # with the guard off the link writes
    assert untrained.store.history("victim")
    client.close()


def test_a_key_that_only_reads_does_not_write_back(tmp_path, is_problem) -> None:
    with opened(tmp_path) as workspace:
        texts = {}
        for scopes in (("recommend:read",), ("events:write",), ("recommend:read", "events:write")):
            key, texts[scopes] = make("test", scopes)
            workspace.store.add_key(key)
        app = create_app(workspace)
        client = Client(app)
        path, back = "/api/recommend/victim?n=1", "&write-back-type=like"
        reads, writes, both = ({"x-api-key": text} for text in texts.values())
        assert client.get(path, headers=reads).status_code == 200
        is_problem(client.get(path + back, headers=reads), 403, "key-insufficient")
        is_problem(client.get(path + back, headers=writes), 403, "key-insufficient")
        is_problem(client.get(path + back), 401, "key-needed")
        assert not workspace.store.history("victim")
        assert client.get(path + back, headers=both).status_code == 200
        assert len(workspace.store.history("victim")) == 1
        app.dependency_overrides[lists._write_back] = lambda: lists.WriteBack("like", 0)
        assert client.get(path + back, headers=reads).status_code == 200  # with the guard off
        assert len(workspace.store.history("victim")) == 2
        client.close()


# Health


def test_health_tells_of_the_store(untrained, ask_of, is_problem) -> None:
    client = ask_of(untrained)
    good = client.get("/api/health/live").json()
    assert good["Ready"]
    assert good == client.get("/api/health/ready").json()
    client.app.state.draining = True
    is_problem(client.get("/api/health/ready"), 503, "not-ready")
    client.app.state.draining = False
    untrained.store.close()
    assert client.get("/api/health/live").json()["DataStoreConnected"] is False
    is_problem(client.get("/api/health/ready"), 503, "store-unavailable")


def test_events_of_our_own_api_are_feedback_too(client, shop) -> None:
    shop.store.append([StoredEvent("ours", "i1", "rating", value=3.0, time_ms=1), StoredEvent("ours", "i1", "rating")])
    assert held(client, "ours") == [("rating", "i1", 0)]  # the last one counts
