"""What a connection may do before its request is whole; over a transport of our own, and once over a real one."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from serendip.serving import connections
from serendip.serving.connections import HEAD_LIMIT, GuardedProtocol, check_times, guarded
from serendip.serving.metrics import Metrics
from serendip.store import ServiceSettings, Settings
from tests.serving.running import Running, everything

HEAD = b"GET /healthz HTTP/1.1\r\nhost: here\r\n"


class Wire(asyncio.Transport):
    """Remembers what was written."""

    def __init__(self) -> None:
        super().__init__()
        self.written, self.closed = b"", False

    def write(self, data: Any) -> None:
        self.written += data

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


async def app(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


class Server:
    """Makes connections that share one server."""

    def __init__(self, **settings: float) -> None:
        self.metrics = Metrics()
        self.protocol = guarded(ServiceSettings.model_validate(settings), self.metrics)
        self.state = ServerState()
        self.config = uvicorn.Config(app, http=self.protocol, log_config=None, lifespan="off")
        self.config.load()

    def connect(self) -> tuple[GuardedProtocol, Wire]:
        protocol, wire = self.protocol(self.config, self.state, {}), Wire()
        protocol.connection_made(wire)
        return protocol, wire


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now_s = [100.0]

    class Time:
        monotonic = staticmethod(lambda: now_s[0])

    monkeypatch.setattr(connections, "time", Time)
    return now_s


def problem(wire: Wire) -> str:
    head, _, body = wire.written.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head
    assert b"x-frame-options: DENY" in head
    assert b"connection: close" in head
    content = json.loads(body)
    assert f"x-request-id: {content['request_id']}".encode() in head
    assert head.startswith(f"HTTP/1.1 {content['status']} ".encode())
    return str(content["type"].rpartition(":")[2])


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_a_head_that_does_not_come_to_an_end_is_cut(clock: list[float]) -> None:
    async def run() -> None:
        server = Server(headers_within_s=10)
        slow, slow_wire = server.connect()
        _, silent_wire = server.connect()
        slow.data_received(HEAD)
        clock[0] += 9
        slow.data_received(b"x-more: a\r\n")  # each drop of it is no reason to wait on
        check_times(server.state.connections)
        assert not slow_wire.closed
        clock[0] += 2
        check_times(server.state.connections)
        assert slow_wire.closed
        assert problem(slow_wire) == "too-slow"
        assert (silent_wire.closed, silent_wire.written) == (True, b"")

    asyncio.run(run())


def test_with_uvicorns_own_protocol_it_stays_open(clock: list[float]) -> None:
    async def run() -> None:
        server = Server()
        server.protocol = connections.HttpToolsProtocol  # type: ignore[assignment]
        slow, wire = server.connect()
        slow.data_received(HEAD)
        clock[0] += 1e6
        check_times(server.state.connections)
        assert not wire.closed
        slow.data_received(b"x-more: " + b"a" * (4 << 20))
        assert not wire.closed  # nor does the size of a head end

    asyncio.run(run())


def test_a_head_without_end_is_cut(clock: list[float]) -> None:
    async def run() -> None:
        greedy, wire = Server().connect()
        greedy.data_received(HEAD)
        for _ in range(HEAD_LIMIT // 1024):
            greedy.data_received(b"x-more: " + b"a" * 1014 + b"\r\n")
        assert problem(wire) == "headers-too-large"
        assert wire.closed
        written = wire.written
        greedy.data_received(b"more")
        assert wire.written == written

    asyncio.run(run())


def test_a_connection_may_carry_one_request_after_the_other(clock: list[float]) -> None:
    async def run() -> None:
        server = Server(headers_within_s=10)
        client, wire = server.connect()
        for n in range(1, 4):
            client.data_received(HEAD + b"\r\n")
            await settle()
            assert wire.written.count(b"200 OK") == n
            clock[0] += 9
            check_times(server.state.connections)
        assert not wire.closed
        client.data_received((HEAD + b"\r\n") * 3)  # one behind the other without waiting
        await settle()
        assert wire.written.count(b"200 OK") == 6
        client.connection_lost(None)

    asyncio.run(run())


def test_a_large_body_is_no_head(clock: list[float]) -> None:
    async def run() -> None:
        client, wire = Server().connect()
        client.data_received(b"POST / HTTP/1.1\r\nhost: here\r\ncontent-length: 1000000\r\n\r\n")
        await settle()  # answered before the body is there
        for _ in range(10):
            client.data_received(b"x" * 100_000)
        assert wire.written.count(b"HTTP/1.1") == 1
        client.data_received(HEAD + b"\r\n")
        await settle()
        assert wire.written.count(b"200 OK") == 2
        client.connection_lost(None)

    asyncio.run(run())


def test_a_body_that_trickles_on_after_its_answer_does_not_hold_the_connection(clock: list[float]) -> None:
    async def run() -> None:
        server = Server(headers_within_s=10)
        client, wire = server.connect()
        client.data_received(b"POST / HTTP/1.1\r\nhost: here\r\ncontent-length: 1000000\r\n\r\n")
        await settle()
        for _ in range(11):
            clock[0] += 1
            client.data_received(b"x")
            check_times(server.state.connections)
        assert wire.closed
        assert wire.written.count(b"HTTP/1.1") == 1

    asyncio.run(run())


def test_connections_are_counted(clock: list[float]) -> None:
    async def run() -> None:
        server = Server(most_connections=2)
        kept = [server.connect() for _ in range(2)]
        _, wire = server.connect()
        assert problem(wire) == "overloaded"
        assert b"retry-after: 1" in wire.written
        assert not any(wire.closed for _, wire in kept)
        assert b'serendip_limited_total{limit="connections"} 1.0' in server.metrics.text()

    asyncio.run(run())


def test_what_is_not_http_is_a_problem_too(clock: list[float]) -> None:
    async def run() -> None:
        client, wire = Server().connect()
        client.data_received(b"\x16\x03\x01 hello?\r\n\r\n")
        assert problem(wire) == "malformed-request"
        assert wire.closed

    asyncio.run(run())


def test_slow_clients_of_a_running_service(tmp_path: Path) -> None:
    """Drops of heads and bodies are cut while others are answered."""
    path = tmp_path / "shop"
    path.mkdir()
    Settings(service=ServiceSettings(headers_within_s=0.2, body_within_s=0.2, drain_s=0)).write(path / "settings.toml")
    with Running(path) as running:
        heads, bodies = [running.connect() for _ in range(20)], [running.connect() for _ in range(20)]
        for head, body in zip(heads, bodies, strict=True):
            head.sendall(b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n")
            body.sendall(b"POST /v1/events HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 9\r\n")
            body.sendall(b"content-type: application/json\r\n\r\n{")
        asked = running.connect()
        asked.sendall(b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n")
        assert everything(asked).startswith(b"HTTP/1.1 200 ")
        for connected in (*heads, *bodies):
            cut = everything(connected)
            assert cut.startswith(b"HTTP/1.1 408 ")
            assert b"urn:serendip:problem:too-slow" in cut
        assert running.end() == 0
