"""The overview: what it says is what happened."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from serendip.serving import create_app
from serendip.serving.control import overview
from serendip.store import Workspace
from tests.serving.conftest import N_ITEMS, N_USERS, Client, opened, publish_model


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    with opened(tmp_path / "shop") as workspace:
        publish_model(workspace)
        client = Client(create_app(workspace))
        yield client
        client.close()


def told(client: Client) -> dict[str, Any]:
    answer = client.get("/v1/overview")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_an_empty_workspace_has_nothing_to_tell(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "empty")
    client = Client(create_app(workspace))
    found = told(client)
    assert found["counts"] == dict.fromkeys(("events", "items", "users", "relations", "exposures"), 0)
    assert (found["model"], found["exposure"], found["surfaces"], found["lists"]) == (None, None, [], 0)
    client.close()
    workspace.close()


def test_it_tells_what_was_shown_and_what_came_of_it(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overview, "KEPT_S", dict.fromkeys(overview.KEPT_S, 0.0))
    for person in range(30):
        asked = {"user_id": f"u{person}", "limit": 4, "surface": "home" if person % 3 else "mail"}
        answer = client.post("/v1/recommendations", asked).json()
        if person < 12:
            like = {"user_id": f"u{person}", "item_id": answer["items"][0]["item_id"], "type": "like"}
            client.post("/v1/events", {**like, "request_id": answer["request_id"]})
    found = told(client)
    home, mail = found["surfaces"]
    assert (home["surface"], home["lists"], home["people"], home["mean"]) == ("home", 20, 20, 8 / 20)
    assert (mail["surface"], mail["lists"], mail["people"], mail["mean"]) == ("mail", 10, 10, 4 / 10)
    assert home["low"] is None  # of so few people nothing is claimed
    assert found["answers"]["current"] == found["lists"] == 30
    assert found["counts"]["users"] == N_USERS
    assert 4 / N_ITEMS <= found["exposure"]["coverage"] <= 1
    assert 0 < found["exposure"]["gini"] < 1
    assert found["exposure"]["fresh_share"] == 0
    assert sum(one["events"] for one in found["arrivals"]["minutes"]) == found["counts"]["events"]
    assert found["effect"]["count"] == 0  # nobody asked again after an event
    (lists,) = [one for one in found["routes"] if one["route"] == "/v1/recommendations"]
    assert (lists["count"], lists["refused"], lists["failed"]) == (30, 0, 0)
    assert 0 < lists["p50_ms"] <= lists["p99_ms"]


def test_items_that_no_model_has_learned_count_as_new(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overview, "KEPT_S", dict.fromkeys(overview.KEPT_S, 0.0))
    client("PUT", "/v1/items/fresh", json={"attributes": {"title": "zebra zebra"}})
    client.app.state.engine.deployment.look()
    answer = client.post("/v1/recommendations", {"text": "zebra", "limit": 3}).json()
    assert "fresh" in [item["item_id"] for item in answer["items"]]
    assert told(client)["exposure"]["fresh_share"] == pytest.approx(1 / len(answer["items"]))


def test_what_is_read_from_the_store_is_kept_a_moment(client: Client) -> None:
    before = told(client)["lists"]
    client.post("/v1/recommendations", {"user_id": "u1"})
    assert told(client)["lists"] == before  # with the keeping off, it is one more: see above


def test_refusals_and_failures_are_told_apart(client: Client) -> None:
    client.post("/v1/recommendations", {"limit": -1})
    (lists,) = [one for one in told(client)["routes"] if one["route"] == "/v1/recommendations"]
    assert (lists["refused"], lists["failed"]) == (1, 0)
