"""The gate over small applications: how long a request may take, how many there may be, what is not let in."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from serendip.serving import gate as gate_module
from serendip.serving.gate import MOST_HEADERS, Gate
from serendip.serving.metrics import Metrics
from serendip.serving.origins import Origins
from serendip.serving.passages import BODY_RATE, Passages
from serendip.serving.problems import Refused
from serendip.store import ServiceSettings

App = Callable[..., Awaitable[None]]
QUICK = {"body_within_s": 0.05, "answer_within_s": 0.05}
ENDLESS = {"body_within_s": 1e9, "answer_within_s": 1e9}
PATIENCE_S = 0.5  # ten times the limits
BODY = ((b"content-length", b"100"),)


async def polite(scope: Any, receive: Any, send: Any) -> None:
    """Reads the body and answers."""
    while (await receive()).get("more_body"):
        pass
    await answer(send)


async def answer(send: Any, body: bytes = b"{}") -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": body})


async def idle(scope: Any, receive: Any, send: Any) -> None:
    await asyncio.Event().wait()


async def slow_reader_of_ours(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await asyncio.Event().wait()  # as while the client does not read


def made(app: App, **settings: float) -> Gate:
    return Gate(app, Metrics(), lambda name: True, ServiceSettings.model_validate(settings), Origins())


class Exchange:
    """One request, its body piece by piece, and what was answered."""

    def __init__(self, pieces: list[bytes | None], *headers: tuple[bytes, bytes], path: str = "/v1/events") -> None:
        self.pieces = pieces
        self.sent: list[dict[str, Any]] = []
        self.scope: dict[str, Any] = {
            "type": "http",
            "method": "POST",
            "path": path,
            "raw_path": path.encode(),
            "headers": [(b"host", b"here"), *headers],
        }

    async def receive(self) -> dict[str, Any]:
        piece = self.pieces.pop(0)
        if piece is None:
            await asyncio.Event().wait()  # nothing more comes
        return {"type": "http.request", "body": piece, "more_body": bool(self.pieces)}

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)

    async def through(self, gate: Gate) -> None:
        await gate(self.scope, self.receive, self.send)

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"]) if self.sent else 0

    @property
    def problem(self) -> str:
        content = json.loads(b"".join(message.get("body", b"") for message in self.sent))
        return str(content["type"].rpartition(":")[2])

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.sent[0]["headers"])


async def ended(exchange: Exchange, gate: Gate) -> bool:
    """Whether it comes to an end while we are patient."""
    try:
        await asyncio.wait_for(exchange.through(gate), PATIENCE_S)
    except TimeoutError:
        return False
    return True


def test_a_body_that_stops_half_way_is_cut() -> None:
    stalled = Exchange([b"{", None], *BODY)
    asyncio.run(stalled.through(made(polite, **QUICK)))
    assert (stalled.status, stalled.problem) == (408, "too-slow")
    assert stalled.headers[b"connection"] == b"close"
    assert b"x-frame-options" in stalled.headers


def test_without_the_limit_it_holds_its_place_for_ever() -> None:
    stalled = Exchange([b"{", None], *BODY)
    assert not asyncio.run(ended(stalled, made(polite, **ENDLESS)))
    assert not stalled.sent


def test_a_body_that_is_large_but_on_its_way_is_waited_for() -> None:
    class Body:
        started_s, arrived_s, taken, expired = 0.0, 0.0, 0, ""

        def expire(self, name: str, detail: str) -> None:
            self.expired = name

    passages, body = Passages(ServiceSettings(body_within_s=10, answer_within_s=60)), Body()
    body.taken = 30 * BODY_RATE
    passages._check(body, 39.0)
    assert body.expired == ""
    passages._check(body, 41.0)
    assert body.expired == "too-slow"
    body.arrived_s, body.expired = 41.0, ""
    passages._check(body, 100.0)
    assert body.expired == ""
    passages._check(body, 102.0)
    assert body.expired == "timed-out"


def test_an_answer_that_does_not_come_is_a_503() -> None:
    async def late(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await asyncio.sleep(PATIENCE_S)
        await answer(send, b"too late")

    waiting = Exchange([b"{}"], *BODY)
    asyncio.run(waiting.through(made(late, **QUICK)))
    assert (waiting.status, waiting.problem) == (503, "timed-out")
    assert sum(message["type"] == "http.response.start" for message in waiting.sent) == 1
    patient = Exchange([b"{}"], *BODY)
    asyncio.run(patient.through(made(late, **ENDLESS)))
    assert (patient.status, patient.sent[1]["body"]) == (200, b"too late")  # with the guard off


@pytest.mark.parametrize("fails", [False, True])
def test_an_answer_that_comes_just_too_late_is_not_sent_as_well(fails: bool) -> None:
    async def late(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        receive.__self__.expire("timed-out", "too late")
        await answer(send)
        if fails:
            raise ZeroDivisionError

    waiting = Exchange([b"{}"], *BODY)
    asyncio.run(waiting.through(made(late)))
    assert [message["type"] for message in waiting.sent] == ["http.response.start", "http.response.body"]
    assert waiting.problem == "timed-out"


def test_work_of_a_thread_that_was_given_up_keeps_its_place() -> None:
    """Otherwise threads that hang pile up behind requests that were answered."""

    async def run() -> tuple[int, int, int]:
        gate, free = made(idle, **QUICK), asyncio.Event()

        async def stuck(scope: Any, receive: Any, send: Any) -> None:
            await free.wait()

        gate.app = stuck
        waiting = Exchange([], path="/v1/trending")
        task = asyncio.create_task(waiting.through(gate))
        while not waiting.sent:
            await asyncio.sleep(0.01)
        during = len(gate.passages)
        free.set()
        await task
        return waiting.status, during, len(gate.passages)

    assert asyncio.run(run()) == (503, 1, 0)


def test_a_client_that_does_not_read_its_answer_is_let_go() -> None:
    unread = Exchange([b"{", b"}"], *BODY)
    asyncio.run(unread.through(made(slow_reader_of_ours, **QUICK)))
    assert [message["type"] for message in unread.sent] == ["http.response.start"]
    assert not asyncio.run(ended(Exchange([b"{", b"}"], *BODY), made(slow_reader_of_ours, **ENDLESS)))


def test_one_request_more_than_there_is_room_is_turned_away_at_once() -> None:
    async def run(most: int) -> tuple[list[int], Exchange, Exchange, Gate]:
        gate = made(idle, most_at_once=most)
        held = [asyncio.create_task(Exchange([], path="/v1/trending").through(gate)) for _ in range(3)]
        await asyncio.sleep(0)
        gate.app = polite
        further, watcher = Exchange([b"{}"]), Exchange([b""], path="/readyz")
        await further.through(gate)
        await watcher.through(gate)
        for task in held:
            task.cancel()
        await asyncio.gather(*held, return_exceptions=True)
        return [len(gate.passages)], further, watcher, gate

    left, further, watcher, gate = asyncio.run(run(most=3))
    assert (further.status, further.problem) == (503, "overloaded")
    assert further.headers[b"retry-after"] == b"1"
    assert watcher.status == 200  # those who watch over the service get their answer
    assert left == [0]
    assert b'serendip_limited_total{limit="requests"} 1.0' in gate.metrics.text()
    assert asyncio.run(run(most=4))[1].status == 200


def test_being_cancelled_from_outside_is_not_swallowed() -> None:
    async def run() -> None:
        task = asyncio.create_task(Exchange([]).through(made(idle, **ENDLESS)))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())


def test_bodies_are_not_unpacked() -> None:
    """A few kilobytes of gzip are gigabytes of text."""
    packed = Exchange([b"{}"], *BODY, (b"content-encoding", b"gzip"))
    asyncio.run(packed.through(made(polite)))
    assert (packed.status, packed.problem) == (415, "unsupported-media-type")
    plain = Exchange([b"{}"], *BODY, (b"content-encoding", b"identity"))
    asyncio.run(plain.through(made(polite)))
    assert plain.status == 200


def test_the_number_of_headers_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    many = [(b"x-%d" % n, b"") for n in range(MOST_HEADERS)]
    crowded = Exchange([b"{}"], *many)
    asyncio.run(crowded.through(made(polite)))
    assert (crowded.status, crowded.problem) == (431, "headers-too-large")
    monkeypatch.setattr(gate_module, "MOST_HEADERS", 10_000)
    crowded = Exchange([b"{}"], *many)
    asyncio.run(crowded.through(made(polite)))
    assert crowded.status == 200  # with the guard off


def test_a_body_without_a_length_is_counted_while_it_streams() -> None:
    endless = Exchange([b"x" * (1 << 20)] * 40, (b"transfer-encoding", b"chunked"), path="/v1/rank")
    asyncio.run(endless.through(made(polite)))
    assert (endless.status, endless.problem) == (413, "too-large")
    assert len(endless.pieces) == 38  # what is too much was not read


def test_the_limit_holds_from_loop_to_loop() -> None:
    gate = made(polite, **QUICK)
    for _ in range(2):
        stalled = Exchange([b"{", None], *BODY)
        asyncio.run(stalled.through(gate))
        assert stalled.status == 408


def test_passages_refuse_by_name() -> None:
    async def run() -> None:
        passages = Passages(ServiceSettings(most_at_once=1))
        passages.enter(object(), False)  # type: ignore[arg-type]
        with pytest.raises(Refused, match="1 requests"):
            passages.enter(object(), False)  # type: ignore[arg-type]

    asyncio.run(run())
