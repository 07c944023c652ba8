"""`/readyz` tells the truth, `/healthz` only that the process answers."""

from __future__ import annotations

from typing import Any

import pytest

from serendip.store import StoreError
from tests.serving.conftest import Client
from tests.serving.test_degradation import damage


def alive(client: Client) -> bool:
    return client.get("/healthz").json() == {"status": "ok"}


def test_no_model_and_nothing_to_list(empty: Any, ask_of: Any, is_problem: Any) -> None:
    client = ask_of(empty)
    content = is_problem(client.get("/readyz"), 503, "not-ready")
    assert "there is no model yet" in content["detail"]
    assert alive(client)


def test_no_model_but_something_popular_is_ready_and_says_so(untrained: Any, ask_of: Any) -> None:
    content = ask_of(untrained).get("/readyz").json()
    assert content["status"] == "ready"
    assert content["degraded"] == ["there is no model yet", "the list is by popularity alone"]


def test_a_damaged_model_is_ready_and_says_so(untrained: Any, train: Any, ask_of: Any) -> None:
    version = train(untrained)
    damage(untrained, version)
    content = ask_of(untrained).get("/readyz").json()
    assert content["status"] == "ready"
    assert f"the model {version} cannot be loaded" in content["degraded"]


def test_a_model_that_is_being_loaded(untrained: Any, train: Any, ask_of: Any, is_problem: Any) -> None:
    client = ask_of(untrained)
    train(untrained)  # published, and not looked at yet
    content = is_problem(client.get("/readyz"), 503, "not-ready")
    assert content["detail"] == "the model is being loaded"
    assert alive(client)
    client.app.state.engine.deployment.look()
    assert client.get("/readyz").json()["degraded"] == []


def test_a_store_that_cannot_be_read(shop: Any, ask_of: Any, is_problem: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    client = ask_of(shop)
    assert client.get("/readyz").status_code == 200

    def fail() -> int:
        raise StoreError("the disk is gone")

    monkeypatch.setattr(shop.store, "catalogue_version", fail)
    refused = client.get("/readyz")
    content = is_problem(refused, 503, "not-ready")
    assert content["detail"] == "the store cannot be read"
    assert refused.headers["retry-after"] == "1"
    assert alive(client)
    assert len(client.app.state.engine.probe()[1])  # with the guard off: the model alone would seem ready


def test_a_service_that_is_shutting_down_answers_and_is_not_ready(shop: Any, ask_of: Any, is_problem: Any) -> None:
    client = ask_of(shop)
    with client.living():
        assert client.get("/readyz").status_code == 200
    content = is_problem(client.get("/readyz"), 503, "not-ready")
    assert content["detail"] == "the service is shutting down"
    assert alive(client)
    assert client.listed(user_id="u1")


def test_a_closed_store(empty: Any, ask_of: Any, is_problem: Any) -> None:
    client = ask_of(empty)
    empty.close()
    assert is_problem(client.get("/readyz"), 503, "not-ready")["detail"] == "the store cannot be read"
