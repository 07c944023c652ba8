"""Every failure is a problem document; nothing of the inside leaks."""

from __future__ import annotations

import json

import httpx
import pytest

JSON_TYPE = {"content-type": "application/json"}
POSTS = ["/v1/events", "/v1/recommendations", "/v1/similar", "/v1/rank", "/v1/items:batch", "/v1/users:batch"]
WRITES = [*(("POST", path) for path in POSTS)]
WRITES += [(method, f"/v1/{kind}/x") for method in ("PUT", "PATCH") for kind in ("items", "users")]


@pytest.mark.parametrize(
    "path", ["/nothing", "/v1", "/v1/", "/v1/nothing", "/v1/items/", "/v1/items/a/b", "/docs", "/redoc"]
)
def test_addresses_that_are_not_there(client, is_problem, path) -> None:
    is_problem(client.get(path), 404, "not-found")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/events"),
        ("GET", "/v1/recommendations"),
        ("DELETE", "/v1/items"),
        ("POST", "/v1/items/x"),
        ("PUT", "/v1/users"),
        ("POST", "/v1/trending"),
        ("POST", "/v1/users/x/export"),
        ("POST", "/healthz"),
        ("PATCH", "/metrics"),
        ("OPTIONS", "/v1/events"),
    ],
)
def test_methods_that_are_not_answered(client, is_problem, method, path) -> None:
    answer = client(method, path)
    is_problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"]


@pytest.mark.parametrize("path", ["/", "/healthz", "/static/play.js", "/v1/items?limit=1", "/v1/items/nope"])
def test_head_is_get_without_the_body(client, path) -> None:
    head, got = client("HEAD", path), client.get(path)
    assert head.status_code == got.status_code
    assert (head.content, head.headers["content-type"]) == (b"", got.headers["content-type"])
    assert head.headers["content-length"] == got.headers["content-length"]


@pytest.mark.parametrize(("method", "path"), WRITES)
@pytest.mark.parametrize("body", [b"{", b"", b"\xff\xfe", b'{"a": NaN}', b'"\\ud800"', b"[" * 100_000, b"1" * 6_000])
def test_bodies_that_cannot_be_read(client, is_problem, method, path, body) -> None:
    answer = client(method, path, content=body, headers=JSON_TYPE)
    is_problem(answer, 422 if body == b"" and path != "/v1/events" else 400)


@pytest.mark.parametrize(("method", "path"), WRITES)
@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", None])
def test_bodies_of_another_type(client, is_problem, method, path, kind) -> None:
    headers = {} if kind is None else {"content-type": kind}
    is_problem(client(method, path, content=b"{}", headers=headers), 415, "unsupported-media-type")


@pytest.mark.parametrize(("method", "path"), WRITES[1:])
@pytest.mark.parametrize("content", [3, "text", None, True, [[]], {"nonsense": 1}, [{"nonsense": {}}]])
def test_bodies_of_the_wrong_shape(client, is_problem, method, path, content) -> None:
    answer = client(method, path, content=json.dumps(content), headers=JSON_TYPE)
    problem = is_problem(answer, 422, "invalid-request")
    assert problem["errors"][0]["pointer"].startswith("#")


@pytest.mark.parametrize("content", [3, "text", None, True, {"events": {}}, {"events": "all"}])
def test_events_that_are_no_rows(client, is_problem, content) -> None:
    answer = client("POST", "/v1/events", content=json.dumps(content), headers=JSON_TYPE)
    is_problem(answer, 422, "invalid-request")


@pytest.mark.parametrize(
    ("content", "pointer"),
    [
        ({"limit": 0}, "#/limit"),
        ({"limit": 1_001}, "#/limit"),
        ({"limit": "ten"}, "#/limit"),
        ({"user_id": ""}, "#/user_id"),
        ({"user_id": 3}, "#/user_id"),
        ({"user_id": "a", "anonymous_id": "b"}, "#"),
        ({"history": [{"item_id": "i1", "colour": "red"}]}, "#/history/0/colour"),
        ({"history": ["i1"] * 10_001}, "#/history"),
        ({"include": ["secrets"]}, "#/include/0"),
        ({"diversity": 2}, "#/diversity"),
        ({"text": "a" * 2_001}, "#/text"),
        ({"colour/~": "red"}, "#/colour~1~0"),
    ],
)
def test_a_problem_points_at_the_place(client, is_problem, content, pointer) -> None:
    problem = is_problem(client.post("/v1/recommendations", content), 422, "invalid-request")
    assert problem["errors"][0]["pointer"] == pointer
    assert problem["instance"] == "/v1/recommendations"


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/v1/items", {"limit": 0}),
        ("/v1/users", {"limit": 1_001}),
        ("/v1/trending", {"limit": "many"}),
        ("/v1/users/u1/history", {"include": "secrets"}),
    ],
)
def test_limits_in_the_address(client, is_problem, path, query) -> None:
    problem = is_problem(client.get(path, params=query), 422, "invalid-request")
    assert problem["errors"][0]["pointer"].startswith("query:")


@pytest.mark.parametrize("rule", [{"price": {"least": 1}}, {"price": {"min": "a"}}, {"price": [[1]]}])
def test_a_filter_that_makes_no_sense_is_the_callers_error(client, is_problem, rule) -> None:
    problem = is_problem(client.post("/v1/recommendations", {"filter": rule}), 422, "invalid-request")
    assert "price" in problem["detail"]


@pytest.mark.parametrize("name", ["", "item_id", "a" * 129])
def test_names_of_attributes_are_checked(client, is_problem, name) -> None:
    is_problem(client("PUT", "/v1/items/x", json={"attributes": {name: 1}}), 422, "invalid-request")


@pytest.mark.parametrize(
    "path",
    ["/v1/recommendations/unknown", "/v1/items/unknown", "/v1/users/unknown", "/v1/items/unknown/image"],
)
def test_things_that_are_not_there(client, is_problem, path) -> None:
    is_problem(client.get(path), 404, "not-found")


def test_a_fault_inside_is_a_problem_without_its_trace(client, is_problem, monkeypatch, caplog) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("secret path /srv/private")

    monkeypatch.setattr(client.app.state.engine.metrics, "text", fail)
    answer = client.get("/metrics", headers={"x-request-id": "find-me"})
    problem = is_problem(answer, 500, "internal-error")
    assert "secret" not in answer.text
    assert problem["request_id"] == "find-me"
    assert "find-me" in caplog.text


def test_a_store_that_fails_is_a_503(empty, ask_of, is_problem) -> None:
    client = ask_of(empty)
    empty.close()
    event = {"type": "like", "user_id": "u", "item_id": "i"}
    is_problem(client.post("/v1/events", event), 503, "store-unavailable")
    is_problem(client.get("/v1/items"), 503, "store-unavailable")


def test_every_answer_carries_the_security_headers(client) -> None:
    answers: list[httpx.Response] = [client.get("/healthz"), client.get("/nothing"), client.post("/v1/events", 3)]
    for answer in answers:
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "access-control-allow-origin" not in answer.headers
