"""The index of words: there before anybody searches, in nobody's way while it is made, and no faster than need be."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from serendip.pipeline import catalogue
from serendip.pipeline.wording import Wording
from serendip.serving import create_app, wordings
from serendip.serving.wordings import Wordings
from serendip.store import Workspace
from tests.serving.conftest import Client, opened, publish_model


class Made:
    """Which threads made an index; the first one is held until it is let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.by: list[str] = []
        self.begun, self.go = threading.Event(), threading.Event()
        self.go.set()
        monkeypatch.setattr(catalogue, "Wording", self._make)

    def _make(self, texts: Iterable[str]) -> Wording:
        self.by.append(threading.current_thread().name)
        self.begun.set()
        assert self.go.wait(60)
        return Wording(texts)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Made:
    return Made(monkeypatch)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Workspace]:
    with opened(tmp_path / "shop") as workspace:
        publish_model(workspace)
        yield workspace


@pytest.fixture
def living(shop: Workspace, made: Made) -> Iterator[Callable[[], Client]]:
    clients: list[tuple[Client, Any]] = []

    def start() -> Client:
        client = Client(create_app(shop))
        life = client.living()
        life.__enter__()
        clients.append((client, life))
        return client

    yield start
    made.go.set()
    for client, life in clients:
        life.__exit__(None, None, None)
        client.close()


def until(true: Callable[[], bool]) -> None:
    end_s = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end_s
        time.sleep(0.01)


def ready(client: Client) -> bool:
    pipeline = client.app.state.engine.deployment.current.pipeline
    return bool(pipeline.catalogue.worded(pipeline.recipe.text.fields))


def test_the_first_search_after_a_start_and_after_a_promotion_finds_it_made(
    living: Callable[[], Client], made: Made, shop: Workspace
) -> None:
    client = living()
    until(lambda: ready(client))
    assert client.listed(text="thing 7")[0] == "i7"
    assert made.by == ["words"]
    publish_model(shop)
    client.app.state.engine.deployment.look()
    until(lambda: ready(client))
    assert client.listed(text="thing 7")[0] == "i7"
    assert made.by == ["words"] * 2


def test_without_it_the_first_search_makes_it(
    living: Callable[[], Client], made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Wordings, "look", lambda self: None)
    assert living().listed(text="thing 7")[0] == "i7"
    assert made.by != ["words"]


def test_lists_and_readiness_do_not_wait_for_it(living: Callable[[], Client], made: Made) -> None:
    made.go.clear()
    client = living()
    assert made.begun.wait(60)
    assert client.get("/readyz").json()["degraded"] == []
    assert client.listed(user_id="u1")
    assert not ready(client)


def test_a_service_that_ends_does_not_wait_for_it(
    living: Callable[[], Client], made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wordings, "WORK_S", 0.0)
    monkeypatch.setattr(wordings, "REST_S", 5.0)  # 40 items: for minutes
    client = living()
    assert made.begun.wait(60)
    began_s = time.monotonic()
    client.app.state.engine.wordings.stop()
    assert time.monotonic() - began_s < 30
    assert not ready(client)


@pytest.mark.parametrize("awaited", [True, False])
def test_who_waits_for_it_ends_the_rests(shop: Workspace, awaited: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    rests: list[float] = []
    monkeypatch.setattr(wordings, "WORK_S", -1.0)
    monkeypatch.setattr(wordings.time, "sleep", rests.append)
    client = Client(create_app(shop))
    engine = client.app.state.engine
    known = engine.deployment.current.pipeline.catalogue
    known.awaited = awaited
    engine.wordings.look()
    client.close()
    assert len(rests) == (0 if awaited else len(known))


def test_where_items_change_all_the_time_it_is_not_made_all_the_time(shop: Workspace, made: Made) -> None:
    client = Client(create_app(shop))
    engine = client.app.state.engine
    for place in range(20):
        shop.store.put("items", [("i1", {"title": f"Thing {place}"})])
        engine.deployment.look()
        engine.wordings.look()
    client.close()
    assert 1 <= len(made.by) < 20
