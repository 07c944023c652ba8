"""Every route against every scope; a door that is open without keys and closed with the first."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute

from serendip.data import InputError
from serendip.pipeline import Recipe
from serendip.serving import access, create_app
from serendip.serving.access import ANY_KEY, ANYBODY, DATA, LOOK, POLICY, READ, SEE, GuardedRoute
from serendip.serving.routes import ROUTERS
from serendip.serving.server import _check_host
from serendip.store import StoredEvent, Workspace
from serendip.store.keys import SCOPES, make
from tests.serving.conftest import Client, opened, publish_model

ADMIN = "admin"


DEFAULT = Recipe.named("default").model_dump(mode="json")


class Keyed:
    """A service with one key per scope."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.texts = {scope: self.new_key(scope) for scope in SCOPES}
        unlimited = workspace.settings.service.model_copy(update={"failures_per_minute": 0.0})  # many doors are tried
        workspace.settings = workspace.settings.model_copy(update={"service": unlimited})
        self.client = Client(create_app(workspace))
        self.client.app.state.background.running = True  # as if a round went on: no door needs one

    def new_key(self, *scopes: str, days: float | None = None) -> str:
        key, text = make("test", scopes, days)
        self.workspace.store.add_key(key)
        return text

    def status(self, method: str, path: str, key: str | None = None, **headers: str) -> int:
        if key is not None:
            headers["authorization"] = f"Bearer {key}"
        return self.client(method, filled(path), headers=headers, **body(method, path)).status_code


MISSING = {
    (404, "/v1/recommendations/{request_id}"),
    (404, "/v1/experiments/{experiment_id}"),
    (404, "/v1/experiments/{experiment_id}/results"),
    (404, "/v1/experiments/{experiment_id}/stop"),
    (404, "/v1/rules/{rule_id}"),
    (404, "/v1/models/{version}"),
    (422, "/v1/models:promote"),
    (422, "/v1/models:evaluate"),
    (409, "/v1/models:train"),
    (422, "/v1/recipe"),
    (422, "/v1/recipe:aside"),
    (404, "/v1/keys/{key_id}"),
    (422, "/v1/imports"),  # the test sends no file
    *((404, f"/v1/imports/{{import_id}}{of}") for of in ("", ":guess", ":check", ":accept", "/rejected")),
    (422, "/v1/backups"),  # one is under way
}
"""What may be asked for and is not there."""


RULE = {"name": "n", "kind": "hide", "item_ids": ["nothing"]}


def filled(path: str) -> str:
    names = {"category": "tea", "feedback_type": "like", "name": "neighbors"}
    things = ("experiment_id", "rule_id", "version", "key_id", "import_id")
    return path.format(item_id="i1", user_id="u1", request_id="r", **dict.fromkeys(things, "none"), **names)


def body(method: str, path: str) -> dict[str, Any]:
    """A request that the route would not refuse for its form."""
    bodies: dict[str, Any] = {
        "/v1/recommendations": {"user_id": "u1"},
        "/v1/recommendations:trace": {"user_id": "u1"},
        "/v1/similar": {"item_id": "i1"},
        "/v1/rank": {"item_ids": ["i1"]},
        "/v1/events": {"type": "view", "user_id": "u1", "item_id": "i1"},
        "/v1/items:batch": [],
        "/v1/models:promote": {"version": "nothing"},
        "/v1/models:evaluate": {"version": "nothing"},
        "/v1/models:train": {},
        "/v1/recipe": {"version": "nothing", "recipe": DEFAULT},
        "/v1/recipe:aside": {"version": "nothing", "recipe": DEFAULT},
        "/v1/recipe:check": {"recipe": DEFAULT},
        "/v1/recipe:dry-run": {"recipe": DEFAULT, "people": 1},
        "/v1/users:batch": [],
        "/v1/keys": {"name": "n", "scopes": ["recommend:read"]},
        "/v1/experiments": {"name": "n", "arms": [{"name": "a"}, {"name": "b"}], "traffic": 1e-4},
        "/v1/experiments/{experiment_id}/stop": {},
        "/v1/rules": RULE,
        "/v1/rules/{rule_id}": RULE,
        "/v1/rules:preview": RULE,
        "/v1/backups": {},
        "/v1/imports/{import_id}:guess": {"kind": "events"},
        "/v1/imports/{import_id}:check": {"kind": "events", "format": "csv"},
        "/v1/imports/{import_id}:accept": {},
        "/api/user": {"UserId": "u1"},
        "/api/users": [],
        "/api/item": {"ItemId": "i1"},
        "/api/items": [],
        "/api/feedback": [{"FeedbackType": "like", "UserId": "u1", "ItemId": "i1"}],
        "/api/session/recommend": [],
        "/api/session/recommend/{category}": [],
    }
    if method in ("GET", "DELETE"):
        return {}
    return {"json": bodies.get(path, {"attributes": {"n": 1}})}


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keyed]:
    with opened(tmp_path_factory.mktemp("keyed")) as workspace:
        publish_model(workspace)
        service = Keyed(workspace)
        yield service
        service.client.close()


def all_routes() -> list[APIRoute]:
    return [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]


def test_the_table_names_every_route_and_no_other() -> None:
    assert {(method, route.path) for route in all_routes() for method in route.methods} == set(POLICY)
    assert set(POLICY.values()) <= {*SCOPES, ANYBODY, ANY_KEY}
    assert all(isinstance(route, GuardedRoute) for route in all_routes())


OPENED_BY = {READ: (LOOK,), SEE: (DATA, LOOK)}
"""Besides itself and `admin`."""


@pytest.mark.parametrize(("method", "path"), POLICY)
@pytest.mark.parametrize("scope", [None, *SCOPES])
def test_a_route_opens_to_its_scope_and_to_admin_alone(keyed: Keyed, method: str, path: str, scope: str | None) -> None:
    needed = POLICY[method, path]
    keyed.workspace.store.put(
        "items", [("i1", {"image": "pictures/i1.png"})]
    )  # others may have changed or deleted them
    keyed.workspace.store.put("users", [("u1", {})])
    keyed.workspace.store.append([StoredEvent("u1", "i1", "like")])
    status = keyed.status(method, path, scope and keyed.texts[scope])
    if needed == ANYBODY or (needed == ANY_KEY and scope) or scope in (needed, ADMIN, *OPENED_BY.get(needed, ())):
        assert status < 300 or (status, path) in MISSING
    else:
        assert status == (401 if scope is None else 403)


def test_a_route_that_is_not_in_the_table_cannot_be_made() -> None:
    router = APIRouter(route_class=GuardedRoute)
    with pytest.raises(KeyError):
        router.add_api_route("/v1/forgotten", lambda: {}, methods=["GET"])
    APIRouter().add_api_route("/v1/forgotten", lambda: {}, methods=["GET"])  # with the guard off it can


def test_a_body_is_not_even_read_without_a_key(keyed: Keyed) -> None:
    for path in ("/v1/recommendations", "/v1/events"):
        answer = keyed.client("POST", path, content=b"{no json", headers={"content-type": "application/json"})
        assert answer.status_code == 401


def test_while_the_store_fails_the_keys_last_read_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "SECONDS_KEPT", 0.0)
    with opened(tmp_path) as workspace:
        key, text = make("web", ["recommend:read"])
        workspace.store.add_key(key)
        client = Client(create_app(workspace))
        workspace.store.close()
        assert client.get("/v1/trending").status_code == 401
        assert client.get("/v1/trending", headers={"x-api-key": text}).status_code == 200
        client.close()


def test_either_header_carries_the_key(keyed: Keyed, is_problem: Any) -> None:
    text = keyed.texts["recommend:read"]
    assert keyed.client.get("/v1/trending", headers={"x-api-key": text}).status_code == 200
    assert keyed.client.get("/v1/trending", headers={"authorization": f"bearer {text}"}).status_code == 200
    assert keyed.client.get(f"/v1/trending?key={text}").status_code == 401
    answer = keyed.client.get("/v1/trending", headers={"authorization": f"Basic {text}"})
    is_problem(answer, 401, "key-needed")
    assert answer.headers["www-authenticate"] == "Bearer"
    is_problem(keyed.client.get("/v1/users", headers={"x-api-key": text}), 403, "key-insufficient")


@pytest.mark.parametrize("key", ["", "x", "sk_", "Bearer", "é", "sk_000000000000_" + "A" * 43, "A" * 10_000])
def test_what_is_no_key_opens_nothing(keyed: Keyed, key: str) -> None:
    assert keyed.client.get("/v1/trending", headers={"x-api-key": key.encode()}).status_code == 401


def test_keys_end_when_they_expire_or_are_revoked(keyed: Keyed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "SECONDS_KEPT", 0.0)
    assert keyed.status("GET", "/v1/trending", keyed.new_key("recommend:read", days=0)) == 401
    text = keyed.new_key("recommend:read", days=1)
    assert keyed.status("GET", "/v1/trending", text) == 200
    keyed.workspace.store.revoke_key(text.split("_")[1])
    assert keyed.status("GET", "/v1/trending", text) == 401


def test_the_door_closes_with_the_first_key_and_stays_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "SECONDS_KEPT", 0.0)
    with opened(tmp_path) as workspace:
        client = Client(create_app(workspace))
        assert client.get("/v1/users").status_code == 200
        key, _ = make("first", ["recommend:read"])
        workspace.store.add_key(key)
        assert client.get("/v1/users").status_code == 401
        workspace.store.revoke_key(key.id)
        assert client.get("/v1/users").status_code == 401
        client.close()


def test_other_machines_are_served_only_with_a_key() -> None:
    with pytest.raises(InputError, match="no key is set"):
        _check_host("0.0.0.0", open_to_all=False)
    _check_host("0.0.0.0", open_to_all=True)


def test_nothing_sets_a_cookie(keyed: Keyed) -> None:
    """Keys travel in headers that no browser sends by itself, so no page elsewhere can use them."""
    key = {"authorization": f"Bearer {keyed.texts[ADMIN]}"}
    asked = [(method, filled(path)) for method, path in POLICY] + [("GET", "/"), ("GET", "/static/play.js")]
    for method, path in asked:
        for headers in (key, {}):
            answer = keyed.client(method, path, headers=headers, **body(method, path))
            assert "set-cookie" not in answer.headers, (method, path)


def test_no_log_and_no_answer_holds_a_key(keyed: Keyed, caplog: pytest.LogCaptureFixture) -> None:
    text = keyed.texts["recommend:read"]
    with caplog.at_level(logging.DEBUG):
        for path in ("/v1/trending", "/v1/users", "/nothing", "/metrics"):
            answer = keyed.client.get(path, headers={"authorization": f"Bearer {text}"})
            assert text not in answer.text + str(answer.headers)
    assert text not in caplog.text
    files = [file for file in keyed.workspace.path.rglob("*") if file.is_file()]
    secret = text.split("_", 2)[2].encode()
    assert files
    assert not [file for file in files if secret in file.read_bytes()]
