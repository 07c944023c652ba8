"""How a service ends: what was acknowledged and what was shown is in the store, whoever was on the way is answered."""

from __future__ import annotations

import signal
import socket
from pathlib import Path
from threading import Thread

import httpx

from serendip.store import ServiceSettings, Settings, Workspace, open_store
from tests.serving.running import Running, everything

EVENT = {"type": "like", "user_id": "ann", "item_id": "tea"}
LISTS = "/v1/recommendations"
NEVER_WRITES = "import serendip.serving.exposures as exposures; exposures.GATHER_S = 3600"
"""Exposures are then written at the end alone."""
NOR_AT_THE_END = f"{NEVER_WRITES}; exposures.ExposureLog.stop = lambda self: None"


def shop_at(path: Path, **settings: float) -> Path:
    Workspace.create(path).close()
    Settings(service=ServiceSettings.model_validate(settings)).write(path / "settings.toml")
    return path


class Hammer:
    """A client that records events and asks for lists until nobody answers any more."""

    def __init__(self, address: str, name: str) -> None:
        self._address, self._name = address, name
        self.acknowledged: list[str] = []
        self.shown: list[str] = []
        self.refused: list[int] = []
        self._thread = Thread(target=self._run)
        self._thread.start()

    def join(self) -> None:
        self._thread.join(60)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        with httpx.Client(base_url=self._address, timeout=30) as client:
            for n in range(100_000):
                try:
                    self._step(client, f"{self._name}-{n}")
                except httpx.TransportError:
                    return

    def _step(self, client: httpx.Client, event_id: str) -> None:
        answer = client.post("/v1/events", json={**EVENT, "event_id": event_id})
        if answer.status_code == 200:
            self.acknowledged.append(event_id)
        else:
            self.refused.append(answer.status_code)
        answer = client.post(LISTS, json={"user_id": self._name})
        if answer.status_code == 200:
            self.shown.append(answer.json()["request_id"])
        else:
            self.refused.append(answer.status_code)


def not_ready(running: Running) -> None:
    """Return when the service says that it is ending."""
    while True:
        answer = httpx.get(f"{running.address}/readyz", timeout=30)
        if answer.status_code == 503:
            break
    assert answer.json()["detail"] == "the service is shutting down"


def nobody_new(running: Running) -> None:
    """Return when no connection is taken any more."""
    while True:
        try:
            httpx.get(f"{running.address}/healthz")
        except httpx.TransportError:
            return


def begun(running: Running, event_id: str) -> tuple[socket.socket, bytes]:
    """An event of which half has been sent, and the other half."""
    body = b'{"type": "like", "user_id": "ann", "item_id": "tea", "event_id": "%s"}' % event_id.encode()
    head = (
        f"POST /v1/events HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"
    )
    connected = running.connect()
    connected.sendall(head.encode() + b"\r\n\r\n" + body[:20])
    while "serendip_requests_under_way 2.0" not in httpx.get(f"{running.address}/metrics", timeout=30).text:
        pass  # it and the one that asks
    return connected, body[20:]


def stored(path: Path) -> tuple[set[str], Workspace]:
    workspace = Workspace.open(path)
    return set(workspace.store.tables().events["event_id"]), workspace


def test_nothing_is_lost_when_a_busy_service_ends(tmp_path: Path) -> None:
    path = shop_at(tmp_path / "shop", drain_s=0.3)
    with Running(path, before=NEVER_WRITES) as running:
        httpx.post(f"{running.address}/v1/events", json=EVENT)  # something to list
        hammers = [Hammer(running.address, f"client{n}") for n in range(3)]
        while any(len(hammer.shown) < 20 for hammer in hammers):
            assert running.process.poll() is None
            assert not any(hammer.refused for hammer in hammers)
        assert running.end(signal.SIGTERM) == 0
        for hammer in hammers:
            hammer.join()
        assert running.log() == ""
    event_ids, workspace = stored(path)
    with workspace:
        for hammer in hammers:
            assert not hammer.refused
            assert set(hammer.acknowledged) <= event_ids
            assert all(workspace.store.exposure(request_id) for request_id in hammer.shown)


def test_without_the_last_writing_what_was_shown_is_lost(tmp_path: Path) -> None:
    path = shop_at(tmp_path / "shop", drain_s=0)
    for before, is_kept in ((NEVER_WRITES, True), (NOR_AT_THE_END, False)):
        with Running(path, before=before) as running:
            shown = httpx.post(running.address + LISTS, json={}).json()["request_id"]
            assert running.end(signal.SIGTERM) == 0
        store = open_store(path / "serendip.db")
        assert (store.exposure(shown) is not None) == is_kept
        store.close()


def test_it_is_first_not_ready_then_gone(tmp_path: Path) -> None:
    path = shop_at(tmp_path / "shop", drain_s=600)
    with Running(path) as running:
        httpx.post(f"{running.address}/v1/events", json=EVENT)
        assert httpx.get(f"{running.address}/readyz").status_code == 200
        running.tell(signal.SIGTERM)
        not_ready(running)
        assert httpx.post(f"{running.address}/v1/events", json=EVENT).status_code == 200  # and answers on
        assert httpx.get(f"{running.address}/healthz").status_code == 200
        assert running.end(signal.SIGTERM) == 0  # a second one hurries


def test_who_was_on_the_way_is_answered(tmp_path: Path) -> None:
    path = shop_at(tmp_path / "shop", drain_s=0)
    with Running(path) as running:
        connected, rest = begun(running, "on-the-way")
        running.tell(signal.SIGTERM)
        nobody_new(running)
        connected.sendall(rest)
        assert b'"accepted":1' in everything(connected)
        assert running.process.wait(60) == 0
    event_ids, workspace = stored(path)
    workspace.close()
    assert event_ids == {"on-the-way"}


def test_who_never_comes_to_an_end_is_not_waited_for(tmp_path: Path) -> None:
    path = shop_at(tmp_path / "shop", drain_s=0, finish_within_s=1, body_within_s=1e6)
    with Running(path) as running:
        connected, _ = begun(running, "never")
        assert running.end(signal.SIGTERM, within_s=30) == 0
        assert b"200" not in everything(connected)
    event_ids, workspace = stored(path)
    workspace.close()
    assert event_ids == set()
