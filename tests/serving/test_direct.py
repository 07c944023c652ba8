"""The short way to the routes that are asked most answers like the long one."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
import time
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import httpx
import pytest

from serendip.data import InputError
from serendip.serving import app as app_module
from serendip.serving import create_app
from serendip.serving.direct import PATHS
from serendip.serving.workers import Workers
from serendip.store import StoreError, Workspace
from tests.serving.conftest import Client

JSON_TYPE = "application/json"
BODIES: list[bytes] = [
    json.dumps(content).encode()
    for content in (
        {},
        {"user_id": "u1", "limit": 3, "include": ["reasons", "attributes"]},
        {"history": ["i1", {"item_id": "i2"}], "diversity": 0.5},
        {"item_id": "i1", "filter": {"category": "tea"}},
        {"item_ids": ["i3", "i1"], "user_id": "u2"},
        {"item_ids": [], "user_id": "u2"},
        {"filter": {"price": {"least": 1}}, "item_id": "i1", "item_ids": ["i1"]},
        {"type": "view", "user_id": "u1", "item_id": "i1", "event_id": "twice"},
        [{"type": "view"}, {"type": "view", "user_id": "u1", "item_id": "i1", "event_id": "twice"}],
        {"limit": 0, "user_id": 3, "colour/~": "red", "a": 1, "b": 2, "c": 3},
        {"user_id": "a", "anonymous_id": "b"},
        None,
        3,
        "text",
        [],
        [[]],
    )
]
BODIES += [b"", b"{", b"\xff\xfe", b'{"a": NaN}', b'"\\ud800"', b"[" * 100_000, b"x" * (1 << 21)]


@pytest.fixture(scope="module")
def both_ways(shop: Workspace) -> Iterator[tuple[Client, Client]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app_module, "direct_routes", lambda *_: {})
        long = Client(create_app(shop))
    short = Client(create_app(shop))
    yield short, long
    short.close()
    long.close()


def comparable(answer: httpx.Response) -> tuple[int, dict[str, str], Any]:
    """Without what differs from one moment to the next."""
    content = answer.json()
    if "took_ms" in content:
        content |= {"took_ms": 0, "request_id": ""}
    headers = {name: value for name, value in answer.headers.items() if name != "content-length"}
    return answer.status_code, headers, content


@pytest.mark.parametrize("path", sorted(PATHS))
@pytest.mark.parametrize("kind", [JSON_TYPE, "application/json; charset=utf-8", "text/plain", "application/x-ndjson"])
def test_both_ways_answer_the_same(both_ways: tuple[Client, Client], path: str, kind: str) -> None:
    both_ways[0].post("/v1/events", json.loads(BODIES[7]))  # from now on a duplicate
    seen = set()
    for body in BODIES:
        headers = {"content-type": kind, "x-request-id": "same"}
        short, long = (comparable(client("POST", path, content=body, headers=headers)) for client in both_ways)
        assert short == long, body[:80]
        seen.add(short[0])
    if kind.startswith(JSON_TYPE):
        assert seen >= {200, 400, 422}


@pytest.mark.parametrize("error", [InputError("no"), StoreError("broken"), ZeroDivisionError("secret")])
def test_both_ways_fail_alike(
    both_ways: tuple[Client, Client], error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise error

    found = []
    for client in both_ways:
        monkeypatch.setattr(client.app.state.engine, "recommend", fail)
        monkeypatch.setattr(client.app.state.engine, "append", fail)
        found.append(
            [
                comparable(client("POST", path, json=content, headers={"x-request-id": "same"}))
                for path, content in (
                    ("/v1/recommendations", {}),
                    ("/v1/events", {"type": "view", "user_id": "u", "item_id": "i"}),
                )
            ]
        )
    assert found[0] == found[1]
    assert {status for status, _, _ in found[0]} <= {422, 503, 500}
    assert "secret" not in str(found)


def test_the_short_way_is_the_one_that_is_taken(both_ways: tuple[Client, Client]) -> None:
    def names(client: Client) -> set[str]:
        seen: set[str] = set()
        recommend = client.app.state.engine.recommend

        def spy(query: Any) -> Any:
            seen.add(threading.current_thread().name.partition(" ")[0])
            return recommend(query)

        client.app.state.engine.recommend = spy
        client.post("/v1/recommendations", {})
        del client.app.state.engine.recommend
        return seen

    short, long = both_ways
    assert names(short) == {"worker"}
    assert names(long) == {"AnyIO"}


def test_metrics_and_logs_know_the_route(both_ways: tuple[Client, Client]) -> None:
    short, _ = both_ways
    short.post("/v1/similar", {"item_id": "i1"})
    assert 'route="/v1/similar",status="200"' in short.get("/metrics").text


WHO: ContextVar[str] = ContextVar("who")


def test_workers_return_raise_and_know_who_asks() -> None:
    async def run() -> None:
        workers = Workers(2)
        WHO.set("ann")
        assert await workers.run(WHO.get) == "ann"
        assert await workers.run(divmod, 7, 2) == (3, 1)
        with pytest.raises(ZeroDivisionError):
            await workers.run(divmod, 7, 0)

    asyncio.run(run())


def test_workers_work_side_by_side_up_to_their_number() -> None:
    async def run() -> int:
        workers, meeting = Workers(3), threading.Barrier(3)
        await asyncio.gather(*(workers.run(meeting.wait, 30) for _ in range(6)))  # each waits for two others
        return workers._threads

    assert asyncio.run(run()) == 3


def test_one_after_the_other_needs_one_worker() -> None:
    async def run() -> int:
        workers = Workers(8)
        for _ in range(20):
            await workers.run(time.time)
        return workers._threads

    assert asyncio.run(run()) == 1


def test_workers_end_with_who_made_them() -> None:
    async def run() -> threading.Thread:
        return await Workers(2).run(threading.current_thread)

    thread = asyncio.run(run())
    gc.collect()
    thread.join(30)
    assert not thread.is_alive()
