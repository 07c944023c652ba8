"""The audit: every act of an administrator once, every refusal of a known key, and no person in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from serendip.serving import access
from serendip.serving.audit import SECRET_FILE, Audit
from serendip.store import StoreError, Workspace
from serendip.store.backup import backup, restore
from serendip.store.keys import make
from tests.serving.conftest import Client, opened

Ask = Callable[[Workspace], Client]


class Keyed:
    """A shop with an administrator and somebody who may read lists."""

    def __init__(self, workspace: Workspace, client: Client) -> None:
        self.workspace, self.client, self.ids = workspace, client, dict[str, str]()
        self.texts = {}
        for scope in ("admin", "recommend:read"):
            key, self.texts[scope] = make(scope, [scope])
            workspace.store.add_key(key)
            self.ids[scope] = key.id

    def ask(self, scope: str, method: str, path: str, **options: Any) -> Any:
        return self.client(method, path, headers={"x-api-key": self.texts[scope]}, **options)

    def entries(self) -> list[dict[str, Any]]:
        told: list[dict[str, Any]] = self.ask("admin", "GET", "/v1/audit?limit=1000").json()["data"]
        return told


@pytest.fixture
def shop_of(tmp_path: Path, ask_of: Ask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Keyed]:
    monkeypatch.setattr(access, "SECONDS_KEPT", 0.0)
    with opened(tmp_path / "shop") as workspace:
        yield Keyed(workspace, ask_of(workspace))


def test_what_an_administrator_does_is_written_once(shop_of: Keyed) -> None:
    made = shop_of.ask("admin", "POST", "/v1/keys", json={"name": "n", "scopes": ["recommend:read"]})
    shop_of.ask("admin", "DELETE", "/v1/keys/none")
    shop_of.ask("admin", "POST", "/v1/models:promote", json={"version": "none"})
    shop_of.ask("admin", "GET", "/v1/items")  # no act
    shop_of.ask("admin", "PUT", "/v1/items/i1", json={"attributes": {}})  # too many of these
    told = [(one["action"], one["target"], one["status"]) for one in shop_of.entries()]
    assert told == [
        ("POST /v1/models:promote", None, 422),
        ("DELETE /v1/keys/{key_id}", "none", 404),
        ("POST /v1/keys", made.json()["key"]["id"], 200),
    ]
    last = shop_of.entries()[-1]
    assert last["key_id"] == shop_of.ids["admin"]
    assert last["request_id"] == made.headers["x-request-id"]
    assert last["detail"] == {"scopes": ["recommend:read"]}


def test_without_keys_acts_are_written_too(untrained: Workspace, ask_of: Ask) -> None:
    client = ask_of(untrained)
    client.get("/v1/users/u1/export")
    (entry,) = client.get("/v1/audit").json()["data"]
    assert (entry["action"], entry["key_id"]) == ("GET /v1/users/{user_id}/export", None)


def test_what_is_refused_to_a_known_key_is_written_once_a_minute(shop_of: Keyed) -> None:
    for _ in range(30):
        assert shop_of.ask("recommend:read", "DELETE", "/v1/users/u3").status_code == 403
        assert shop_of.ask("recommend:read", "POST", "/v1/events", json={}).status_code == 403  # past the framework
    shop_of.client("DELETE", "/v1/users/u3", headers={"x-api-key": "sk_nonsense"})
    told = [(one["action"], one["key_id"], one["status"]) for one in shop_of.entries()]
    reader = shop_of.ids["recommend:read"]
    assert told == [("POST /v1/events", reader, 403), ("DELETE /v1/users/{user_id}", reader, 403)]


def test_a_key_that_was_revoked_leaves_a_trace_when_it_is_sent(shop_of: Keyed) -> None:
    shop_of.workspace.store.revoke_key(shop_of.ids["recommend:read"])
    forged = shop_of.texts["recommend:read"][:-4] + "AAAA"
    assert shop_of.client.get("/v1/trending", headers={"x-api-key": forged}).status_code == 401
    assert shop_of.entries() == []
    assert shop_of.ask("recommend:read", "GET", "/v1/trending").status_code == 401
    assert [(one["key_id"], one["status"]) for one in shop_of.entries()] == [(shop_of.ids["recommend:read"], 401)]


@pytest.mark.parametrize("path", ["/v1/users/u3", "/api/user/u3"])
def test_a_receipt_says_what_was_removed_and_names_nobody(shop_of: Keyed, path: str) -> None:
    removed = shop_of.workspace.store.export("u3")
    answer = shop_of.ask("admin", "DELETE", path)
    assert answer.status_code == 200
    (receipt,) = shop_of.ask("admin", "GET", "/v1/erasures").json()["data"]
    assert receipt["removed"] == {"events": len(removed["events"]), "users": 1, "exposures": 0, "relations": 0}
    assert receipt["request_id"] == answer.headers["x-request-id"]
    assert receipt["person"] == Audit(shop_of.workspace).person("u3") != Audit(shop_of.workspace).person("u4")
    assert "u3" not in json.dumps(shop_of.entries())


def test_a_person_cannot_be_found_without_the_secret(shop_of: Keyed, tmp_path: Path) -> None:
    """Whoever has a backup, and a list of ids to try, learns nothing: the secret is not in it."""
    shop_of.ask("admin", "DELETE", "/v1/users/u3")
    (told,) = (entry["target"] for entry in shop_of.entries())
    assert (shop_of.workspace.path / SECRET_FILE).stat().st_mode & 0o077 == 0
    backup(shop_of.workspace, tmp_path / "b.tar.gz")
    restore(tmp_path / "b.tar.gz", tmp_path / "again")
    assert not (tmp_path / "again" / SECRET_FILE).exists()
    with Workspace.open(tmp_path / "again") as again:
        assert again.store.audit_page(1)[0].target == told
        assert Audit(again).person("u3") != told
    assert Audit(shop_of.workspace).person("u3") == told  # with the secret, it is found by one try


def test_where_no_secret_can_be_kept_nobody_can_tell_who_is_meant(
    untrained: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr("os.open", fail)
    assert Audit(untrained).person("u3") != Audit(untrained).person("u3")
    assert not (untrained.path / SECRET_FILE).exists()


def test_what_the_store_refuses_waits(shop_of: Keyed, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise StoreError("no")

    with monkeypatch.context() as patch:
        patch.setattr(shop_of.workspace.store, "write_audit", fail)
        shop_of.ask("admin", "DELETE", "/v1/keys/one")
        shop_of.ask("admin", "DELETE", "/v1/keys/two")
        assert shop_of.entries() == []
    assert [entry["target"] for entry in shop_of.entries()] == ["two", "one"]


def test_the_audit_is_read_a_page_at_a_time(shop_of: Keyed, is_problem: Any) -> None:
    for n in range(5):
        shop_of.ask("admin", "DELETE", f"/v1/keys/{n}")
    first = shop_of.ask("admin", "GET", "/v1/audit?limit=3").json()
    rest = shop_of.ask("admin", "GET", f"/v1/audit?limit=3&cursor={first['next_cursor']}").json()
    assert [one["target"] for page in (first, rest) for one in page["data"]] == list("43210")
    assert rest["next_cursor"] is None
    assert len(shop_of.ask("admin", "GET", f"/v1/audit?key_id={shop_of.ids['admin']}").json()["data"]) == 5
    assert shop_of.ask("admin", "GET", "/v1/audit?key_id=none").json()["data"] == []
    is_problem(shop_of.ask("admin", "GET", "/v1/audit?cursor=eA"), 422, "invalid-request")
