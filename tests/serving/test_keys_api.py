"""Keys over HTTP: nobody locks themselves out, and nobody hands on more than they have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from serendip.serving import access, key_making
from serendip.serving.key_making import make_key
from serendip.serving.problems import Refused
from serendip.store import Workspace
from serendip.store.keys import SCOPES, make
from tests.serving.conftest import Client

Ask = Callable[[Workspace], Client]


def bearer(text: str) -> dict[str, str]:
    return {"authorization": f"Bearer {text}"}


def created(client: Client, *scopes: str, key: str | None = None, **body: Any) -> Any:
    headers = bearer(key) if key else {}
    return client.post("/v1/keys", {"name": "new", "scopes": scopes, **body}, headers=headers)


def test_the_first_key_closes_the_door_and_opens_it_to_its_maker(empty: Workspace, ask_of: Ask) -> None:
    client = ask_of(empty)
    assert client.get("/v1/keys").json()["open"] is True
    answer = created(client, "admin")
    assert answer.headers["cache-control"] == "no-store"
    made = answer.json()
    assert client.get("/v1/keys").status_code == 401  # at once
    listed = client.get("/v1/keys", headers=bearer(made["text"])).json()
    assert listed["open"] is False
    (key,) = listed["data"]
    assert (key["name"], key["scopes"], key["state"], key["yours"]) == ("new", ["admin"], "valid", True)
    assert made["text"].split("_", 2)[2] not in str(listed)
    assert listed["scopes"] == SCOPES


@pytest.mark.parametrize(("scopes", "days"), [(["recommend:read"], None), (["admin"], 1), (["control:read"], None)])
def test_a_first_key_that_would_lock_its_maker_out_is_refused(
    empty: Workspace, ask_of: Ask, is_problem: Any, scopes: list[str], days: float | None
) -> None:
    client = ask_of(empty)
    problem = is_problem(created(client, *scopes, days=days), 422, "invalid-request")
    assert problem["detail"].startswith("the first key must have the scope admin and no end")
    assert client.get("/v1/keys").json()["data"] == []


def test_without_that_guard_it_locks_its_maker_out(
    empty: Workspace, ask_of: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_making, "_check_first", lambda known, key: None)
    client = ask_of(empty)
    text = created(client, "recommend:read").json()["text"]
    assert created(client, "admin", key=text).status_code == 403


def test_a_key_passes_on_no_more_than_it_has(empty: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    weak, _ = make("weak", ["recommend:read"])
    brief, _ = make("brief", ["admin"], days=2)
    for key in (weak, brief):
        empty.store.add_key(key)
    more: list[tuple[str, str, float | None]] = [
        (weak.id, "admin", None),
        (brief.id, "admin", None),
        (brief.id, "recommend:read", 3),
    ]
    for maker, scope, days in more:
        with pytest.raises(Refused):
            make_key(empty.store, maker, "n", [scope], days)
    make_key(empty.store, brief.id, "n", ["admin"], 1)
    with pytest.raises(Refused, match="there are keys by now"):
        make_key(empty.store, None, "n", ["admin"], None)
    monkeypatch.setattr(key_making, "_check_within", lambda maker, key: None)  # with the guard off, all of it goes
    for maker, scope, days in more:
        assert make_key(empty.store, maker, "n", [scope], days)


def test_over_http_a_key_that_ends_makes_none_that_lasts(empty: Workspace, ask_of: Ask, is_problem: Any) -> None:
    key, text = make("brief", ["admin"], days=2)
    empty.store.add_key(key)
    client = ask_of(empty)
    is_problem(created(client, "admin", key=text), 403, "key-insufficient")
    assert created(client, "admin", key=text, days=1).status_code == 200


def test_the_last_admin_cannot_be_revoked_over_http(empty: Workspace, ask_of: Ask, is_problem: Any) -> None:
    client = ask_of(empty)
    first = created(client, "admin").json()
    problem = is_problem(
        client("DELETE", f"/v1/keys/{first['key']['id']}", headers=bearer(first["text"])), 422, "invalid-request"
    )
    assert "`serendip keys revoke`" in problem["detail"]
    second = created(client, "admin", key=first["text"]).json()
    answer = client("DELETE", f"/v1/keys/{first['key']['id']}", headers=bearer(second["text"]))
    assert answer.json()["state"] == "revoked"
    assert client.get("/v1/keys", headers=bearer(first["text"])).status_code == 401  # at once
    is_problem(client("DELETE", "/v1/keys/none", headers=bearer(second["text"])), 404, "not-found")


@pytest.mark.parametrize(
    "body",
    [
        {"name": "", "scopes": ["admin"]},
        {"name": "x" * 101, "scopes": ["admin"]},
        {"name": "a\0b", "scopes": ["admin"]},
        {"name": "n", "scopes": []},
        {"name": "n", "scopes": ["root"]},
        {"name": "n", "scopes": ["admin"], "days": 0},
        {"name": "n", "scopes": ["admin"], "days": 1e300},
        {"name": "n", "scopes": ["admin"], "secret": "mine"},
    ],
)
def test_what_is_no_key_is_not_made(empty: Workspace, ask_of: Ask, is_problem: Any, body: dict[str, Any]) -> None:
    is_problem(ask_of(empty).post("/v1/keys", body), 422, "invalid-request")


def test_a_key_says_when_it_was_used_last_at_a_write_a_minute(
    empty: Workspace, ask_of: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "SECONDS_KEPT", 0.0)
    client = ask_of(empty)
    admin = created(client, "admin").json()["text"]
    other = created(client, "recommend:read", key=admin).json()
    writes: list[dict[str, int]] = []
    write = empty.store.write_audit
    monkeypatch.setattr(empty.store, "write_audit", lambda entries, used: (writes.append(used), write(entries, used)))
    for _ in range(20):
        client.get("/v1/trending", headers=bearer(other["text"]))
        listed = client.get("/v1/keys", headers=bearer(admin)).json()["data"]
    used = {key["name"]: key["last_used"] for key in listed}
    assert used["new"]
    assert sum(other["key"]["id"] in one for one in writes) == 1
