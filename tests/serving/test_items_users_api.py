"""Items and users over HTTP: any id, pages, batches, erasure and export."""

from __future__ import annotations

import uuid
from urllib.parse import quote

import pytest

IDS = [
    "plain",
    "a/b",
    "a/export",
    "/",
    "a b",
    "a%2Fb",
    "a+b?c=d&e#f",
    "..",
    "../../etc/passwd",
    "items:batch",
    "图书 一",
    "🎁👩‍👩‍👧",
    "é" * 128,
    "\x01",
]


def address(kind: str, id_: str) -> str:
    return f"/v1/{kind}/{quote(id_, safe='').replace('.', '%2E')}"  # clients resolve bare dots themselves


def as_key(id_: str, kind: str) -> str:
    return {"items": "item_id", "users": "user_id"}[kind]


@pytest.mark.parametrize("kind", ["items", "users"])
@pytest.mark.parametrize("id_", IDS)
def test_any_id_can_be_put_read_changed_and_deleted(client, is_problem, kind, id_) -> None:
    path, key = address(kind, id_), as_key(id_, kind)
    assert client("PUT", path, json={"attributes": {"title": "第一", "n": 1}}).json() == {
        key: id_,
        "attributes": {"title": "第一", "n": 1},
    }
    assert client.get(path).json() == {key: id_, "attributes": {"title": "第一", "n": 1}}
    changed = client("PATCH", path, json={"attributes": {"n": None, "m": [1, "two"]}})
    assert changed.json() == {key: id_, "attributes": {"title": "第一", "m": [1, "two"]}}
    answer = client("DELETE", path)
    assert answer.status_code == {"items": 204, "users": 200}[kind]
    is_problem(client.get(path), 404, "not-found")
    is_problem(client("PATCH", path, json={"attributes": {}}), 404, "not-found")


def test_an_id_with_a_nul_is_refused(client, is_problem) -> None:
    is_problem(client("PUT", address("items", "a\0b"), json={"attributes": {}}), 422, "invalid-request")


def test_a_slash_inside_an_id_is_not_a_slash_of_the_address(client) -> None:
    client("PUT", address("users", "ann/export"), json={"attributes": {"who": "the one with the slash"}})
    client("PUT", address("users", "ann"), json={"attributes": {"who": "ann"}})
    assert client.get("/v1/users/ann%2Fexport").json()["attributes"] == {"who": "the one with the slash"}
    assert client.get("/v1/users/ann/export").json()["attributes"] == {"who": "ann"}


def test_without_the_canonical_path_the_two_are_confused(client, monkeypatch) -> None:
    client("PUT", address("users", "bo/export"), json={"attributes": {"who": "the one with the slash"}})
    monkeypatch.setattr("serendip.serving.gate.canonical_path", lambda scope: scope["path"])
    assert "events" in client.get("/v1/users/bo%2Fexport").json()


def test_the_colon_of_a_batch_may_be_encoded(client) -> None:
    assert client.post("/v1/items%3Abatch", {"items": []}).json() == {"accepted": 0}


@pytest.mark.parametrize("path", ["/v1/items/%ff", "/v1/users/%ed%a0%80/export"])
def test_a_path_that_is_not_utf8_is_refused(client, is_problem, path) -> None:
    is_problem(client.get(path), 400, "malformed-request")


def test_ids_of_more_than_256_bytes_are_refused(client, is_problem) -> None:
    problem = is_problem(client.get(address("items", "é" * 129)), 422, "invalid-request")
    assert problem["errors"][0]["pointer"] == "path:item_id"


@pytest.mark.parametrize(("kind", "key"), [("items", "item_id"), ("users", "user_id")])
def test_a_batch_is_written_whole_or_not_at_all(client, is_problem, kind, key) -> None:
    rows = [{key: f"batch {place}", "attributes": {"place": place}} for place in range(3)]
    assert client.post(f"/v1/{kind}:batch", {kind: rows}).json() == {"accepted": 3}
    assert client.post(f"/v1/{kind}:batch", rows).json() == {"accepted": 3}
    assert client.get(address(kind, "batch 2")).json()["attributes"] == {"place": 2}
    broken = [{key: "half", "attributes": {}}, {key: "", "attributes": {}}]
    is_problem(client.post(f"/v1/{kind}:batch", {kind: broken}), 422, "invalid-request")
    is_problem(client.get(address(kind, "half")), 404)


@pytest.mark.parametrize(("kind", "key"), [("items", "item_id"), ("users", "user_id")])
def test_a_batch_has_at_most_ten_thousand_rows(client, is_problem, kind, key) -> None:
    rows = [{key: f"many {place}"} for place in range(10_001)]
    for body in (rows, {kind: rows}):
        is_problem(client.post(f"/v1/{kind}:batch", body), 422, "invalid-request")
    is_problem(client.get(address(kind, "many 0")), 404)


@pytest.mark.parametrize("kind", ["items", "users"])
def test_pages_go_through_everything_once(client, kind) -> None:
    for id_ in ("页/1", "页/2"):
        client("PUT", address(kind, id_), json={"attributes": {}})
    seen, cursor = [], None
    while True:
        page = client.get(f"/v1/{kind}", params={"limit": 7, **({"cursor": cursor} if cursor else {})}).json()
        assert len(page["data"]) <= 7
        seen += [row[as_key("", kind)] for row in page["data"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen))
    assert {"页/1", "页/2"} <= set(seen)
    assert len(client.get(f"/v1/{kind}").json()["data"]) <= 50


@pytest.mark.parametrize("cursor", ["*", "%%%", "gA", "a"])
def test_a_foreign_cursor_is_refused(client, is_problem, cursor) -> None:
    is_problem(client.get("/v1/items", params={"cursor": cursor}), 422, "invalid-request")


def test_erasing_a_person_leaves_nothing_and_gives_a_receipt(client, is_problem) -> None:
    user_id = f"leaver {uuid.uuid4().hex}"
    path = address("users", user_id)
    client("PUT", path, json={"attributes": {"age": 30}})
    rows = [{"type": "like", "user_id": user_id, "item_id": item} for item in ("i1", "i3")]
    client.post("/v1/events", rows)
    shown = client.post("/v1/recommendations", {"user_id": user_id}).json()["request_id"]
    assert len(client.get(path + "/export").json()["events"]) == 2
    receipt = client("DELETE", path).json()
    assert receipt["user_id"] == user_id
    assert receipt["removed"] == {"events": 2, "users": 1, "exposures": 1, "relations": 0}
    assert receipt["time"].endswith("Z")
    is_problem(client.get(path), 404)
    is_problem(client.get(f"/v1/recommendations/{shown}"), 404)
    assert client.get(path + "/history").json()["data"] == []
    assert client.post("/v1/recommendations", {"user_id": user_id}).json()["warnings"]
    assert sum(client("DELETE", path).json()["removed"].values()) == 1  # the exposure of the line above


def test_an_export_holds_what_was_shown_a_moment_ago(client) -> None:
    client.post("/v1/recommendations", {"user_id": "curious", "surface": "just now"})
    export = client.get("/v1/users/curious/export").json()
    assert export["user_id"] == "curious"
    (exposure,) = export["exposures"]
    assert exposure["surface"] == "just now"
    assert exposure["time"].endswith("Z")
