"""Metrics, the OpenAPI document, its page, and the server on a socket."""

from __future__ import annotations

import json
import signal
import socket
from pathlib import Path

import httpx
import pytest

from serendip.data import InputError
from serendip.serving import serve
from serendip.serving.access import POLICY
from serendip.serving.document import markdown
from serendip.serving.server import is_loopback, listening
from tests.serving.running import Running

ROUTES = {(method.lower(), path) for method, path in POLICY if not path.startswith("/api/")}
GORSE = {
    *((method, f"/api/{kind}s") for kind in ("user", "item") for method in ("get", "post")),
    *(("post", f"/api/{kind}") for kind in ("user", "item")),
    *((method, f"/api/{kind}/{{{kind}_id}}") for kind in ("user", "item") for method in ("get", "patch", "delete")),
    *((method, "/api/item/{item_id}/category/{category}") for method in ("put", "delete")),
    *((method, "/api/feedback") for method in ("post", "put", "get")),
    ("get", "/api/feedback/{feedback_type}"),
    ("get", "/api/feedback/{user_id}/{item_id}"),
    ("get", "/api/feedback/{feedback_type}/{user_id}/{item_id}"),
    *(("get", f"/api/{kind}/{{{kind}_id}}/feedback") for kind in ("user", "item")),
    *(("get", f"/api/{kind}/{{{kind}_id}}/feedback/{{feedback_type}}") for kind in ("user", "item")),
    *(
        (method, path + of)
        for method, path in (
            ("get", "/api/recommend/{user_id}"),
            ("post", "/api/session/recommend"),
            ("get", "/api/item/{item_id}/neighbors"),
            ("get", "/api/popular"),
            ("get", "/api/latest"),
        )
        for of in ("", "/{category}")
    ),
    ("get", "/api/item-to-item/{name}/{item_id}"),
    ("get", "/api/non-personalized/{name}"),
    ("get", "/api/health/live"),
    ("get", "/api/health/ready"),
}


def test_metrics_count_and_time_by_route_without_ids(client) -> None:
    client.post("/v1/recommendations", {"user_id": "private person"})
    client.get("/v1/users/private%20person/history")
    client.post("/v1/events", [{"type": "like", "user_id": "private person", "item_id": "i1"}, {}])
    client.get("/nothing/private")
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    text = answer.text
    assert 'serendip_request_seconds_count{method="POST",route="/v1/recommendations",status="200"}' in text
    assert (
        'serendip_request_seconds_bucket{le="0.01",method="GET",route="/v1/users/{user_id}/history",status="200"}'
        in text
    )
    assert 'route="none",status="404"' in text
    assert 'serendip_events_total{outcome="accepted"} 1.0' in text
    assert 'serendip_events_total{outcome="rejected"} 1.0' in text
    assert 'serendip_recommendations_total{kind="recommendations"} 1.0' in text
    assert "serendip_degraded_total 0.0" in text
    assert "private" not in text
    (age,) = [line.split()[1] for line in text.splitlines() if line.startswith("serendip_model_age_seconds")]
    assert 0 <= float(age) < 600


def test_ready_with_a_model(client, shop) -> None:
    content = client.get("/readyz").json()
    assert content == {"status": "ready", "model_version": shop.current_model().name, "degraded": []}
    assert client.get("/healthz").json() == {"status": "ok"}


def test_the_openapi_document_lists_every_route_and_its_failures(client) -> None:
    document = client.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1.")
    listed = {(method, path) for path, methods in document["paths"].items() for method in methods}
    assert listed == ROUTES | GORSE
    tagged = {
        (method, path)
        for path, methods in document["paths"].items()
        for method in methods
        if methods[method]["tags"] == ["gorse"]
    }
    assert tagged == GORSE
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            failures = {status: one for status, one in operation["responses"].items() if status >= "400"}
            assert "500" in failures
            assert "default" not in failures, (method, path)  # it would declare whatever is answered
            for failure in failures.values():
                assert set(failure["content"]) == {"application/problem+json"}, (method, path)
            assert "HTTPValidationError" not in json.dumps(operation)


def test_each_reference_of_the_document_leads_somewhere(client) -> None:
    document = client.get("/openapi.json").json()
    schemas = document["components"]["schemas"]

    def references(node):
        if isinstance(node, dict):
            if "$ref" in node:
                yield node["$ref"]
            node = list(node.values())
        if isinstance(node, list):
            for child in node:
                yield from references(child)

    found = set(references(document))
    assert "#/components/schemas/Problem" in found
    assert {reference.rpartition("/")[2] for reference in found} <= set(schemas)
    ids = [operation["operationId"] for methods in document["paths"].values() for operation in methods.values()]
    assert len(ids) == len(set(ids))


def test_requests_are_documented_under_their_http_names(client) -> None:
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    assert {"user_id", "limit", "exclude_item_ids", "filter", "include"} <= set(schemas["Ask"]["properties"])
    assert not {"user", "n", "without", "only"} & set(schemas["Ask"]["properties"])


def test_the_page_about_the_api_is_up_to_date() -> None:
    page = Path(__file__).parents[2] / "docs" / "http_api.md"
    assert page.read_text(encoding="utf-8") == markdown(), "run `python -m serendip.serving.document docs/http_api.md`"


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "example.org", ""])
def test_other_addresses_than_this_machine_are_refused(empty, host) -> None:
    assert not is_loopback(host)
    with pytest.raises(InputError, match="no key is set"):
        serve(empty, host, 0)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost", "[::1]"])
def test_this_machine_is_allowed(host) -> None:
    assert is_loopback(host)


def test_a_busy_port_is_said_in_one_sentence(empty) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"port {port} on 127.0.0.1 is in use"):
            serve(empty, "127.0.0.1", port)


@pytest.mark.parametrize("port", [-1, 70_000])
def test_an_impossible_port_is_said_too(port) -> None:
    with pytest.raises(InputError, match="not an address"):
        listening("127.0.0.1", port)


def test_an_acknowledged_event_survives_a_kill_and_an_end_loses_no_exposure(tmp_path) -> None:
    event = {"type": "like", "user_id": "u/1", "item_id": "i1", "event_id": "once"}
    path = tmp_path / "shop"
    with Running(path) as first:
        assert httpx.post(first.address + "/v1/events", json=event).json()["accepted"] == 1
        first.end(signal.SIGKILL)
    with Running(path) as second:
        assert httpx.post(second.address + "/v1/events", json=event).json()["duplicates"] == 1
        history = httpx.get(second.address + "/v1/users/u%2F1/history").json()["data"]
        assert [past["item_id"] for past in history] == ["i1"]
        shown = httpx.post(second.address + "/v1/recommendations", json={}).json()
        assert second.end(signal.SIGTERM) == 0
    with Running(path) as third:
        answer = httpx.get(f"{third.address}/v1/recommendations/{shown['request_id']}")
        assert answer.json()["items"] == [
            {key: item[key] for key in ("item_id", "rank", "score", "source", "propensity")} for item in shown["items"]
        ]
        assert third.end(signal.SIGINT) == 0


def test_a_foreign_name_for_this_machine_leads_nowhere(tmp_path, client, is_problem) -> None:
    """DNS rebinding: a page from elsewhere points its own name at the loopback address."""
    with Running(tmp_path / "shop") as running:
        port = running.address.rpartition(":")[2]
        for name in ("evil.example", f"evil.example:{port}", "127.0.0.1.evil.example", "", "10.0.0.1"):
            is_problem(httpx.get(f"{running.address}/healthz", headers={"host": name}), 421, "misdirected")
        for name in ("localhost", f"localhost:{port}", "127.0.0.1", f"[::1]:{port}"):
            assert httpx.get(f"{running.address}/healthz", headers={"host": name}).status_code == 200
        assert running.end(signal.SIGINT) == 0
    assert client.get("/healthz", headers={"host": "evil.example"}).status_code == 200  # with the guard off
