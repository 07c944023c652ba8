"""Load: requests leave when they are due, a stall is seen by all it kept waiting, answers are read to their end."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from benchmarks.service.figures import of_load, percentile
from benchmarks.service.load import Client, Outcome, Plan, arrivals, at_once

BODY = b'{"items":[{"rank":1,"score":0,"reasons":[]}]}'
Answer = Callable[[socket.socket, int], None]
"""Answers the n-th request of all on its connection, from 0."""
heard: list[float] = []
"""When the requests of the present server came."""


def whole(connection: socket.socket, place: int) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY))


@contextmanager
def answering(answer: Answer) -> Iterator[int]:
    """A server that hears one request per packet; its port."""
    lock, count = threading.Lock(), iter(range(1_000_000))
    server = socket.create_server(("127.0.0.1", 0))

    def talk(connection: socket.socket) -> None:
        with connection:
            try:
                while connection.recv(65_536):
                    heard.append(time.perf_counter())
                    with lock:  # one at a time, like a service with one processor
                        answer(connection, next(count))
            except OSError:
                pass

    def accept() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=(connection,), daemon=True).start()

    heard.clear()
    threading.Thread(target=accept, daemon=True).start()
    try:
        yield server.getsockname()[1]
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()


def plan(due_s: np.ndarray, sign: bytes = b'"items":[{') -> Plan:
    return Plan(due_s, [b"GET / HTTP/1.1\r\n\r\n"] * len(due_s), [(sign,)] * len(due_s))


def run(port: int, asked: Plan, most: int = 8, **more: float) -> Outcome:
    client = Client(port, most)
    try:
        return client.run(asked, **more)
    finally:
        client.close()


def test_everything_is_answered_and_found_right() -> None:
    with answering(whole) as port:
        outcome = run(port, plan(np.linspace(0, 0.2, 50)))
    load = of_load(outcome, 250, 0.0)
    assert load.requests == load.answered == load.right == 50
    assert (outcome.sent_s >= outcome.plan.due_s).all()
    assert (outcome.done_s >= outcome.sent_s).all()


def test_a_stall_is_seen_by_all_whom_it_kept_waiting() -> None:
    def stalling(connection: socket.socket, place: int) -> None:
        time.sleep(0.5 if place == 0 else 0)
        whole(connection, place)

    with answering(stalling) as port:
        outcome = run(port, plan(np.linspace(0, 0.2, 20)), most=1)
    assert outcome.latency_ms.min() >= 250  # the last was due 0.2 s after the first
    # A client that counts from when it sent sees a single slow answer.
    since_sent_ms = (outcome.done_s - outcome.sent_s) * 1_000
    assert np.median(since_sent_ms) < np.median(outcome.latency_ms) / 2


def test_requests_leave_although_none_is_answered() -> None:
    def when_all_are_there(connection: socket.socket, place: int) -> None:
        deadline_s = time.monotonic() + 3
        while len(heard) < 6 and time.monotonic() < deadline_s:
            time.sleep(0.01)
        whole(connection, place)

    with answering(when_all_are_there) as port:
        outcome = run(port, plan(np.linspace(0, 0.1, 6)))
        assert outcome.right.all()
        assert outcome.done_s.min() >= outcome.sent_s.max()
        # A client with a single connection waits for each answer: it never has two requests on their way.
        heard.clear()
        alone = run(port, plan(np.linspace(0, 0.1, 2)), most=1, limit_s=0.5)
        assert len(heard) == 1
        assert not alone.answered.any()


def test_an_answer_in_pieces_is_read_to_its_end() -> None:
    def piecemeal(connection: socket.socket, place: int) -> None:
        for piece in (b"HTTP/1.1 200 OK\r\ncontent-le", b"ngth: %d\r\n" % len(BODY), b"\r\n" + BODY[:4], BODY[4:]):
            connection.sendall(piece)
            time.sleep(0.005)

    with answering(piecemeal) as port:
        assert run(port, plan(at_once(4)), most=2).right.all()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b'HTTP/1.1 503 Busy\r\nContent-Length: 14\r\n\r\n{"items":[{}]}', "503: "),
        (b'HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{"items":[]}', "200: "),
        (b"", "0: "),
    ],
)
def test_what_is_not_as_it_should_be_is_counted_and_said(answer: bytes, said: str) -> None:
    def wrong(connection: socket.socket, place: int) -> None:
        connection.sendall(answer) if answer else connection.shutdown(socket.SHUT_RDWR)

    with answering(wrong) as port:
        outcome = run(port, plan(at_once(3)), most=1)
    assert not outcome.right.any()
    assert outcome.faults[0].startswith(said)
    assert not of_load(outcome, 1, 0.0).sustained


def test_a_kept_connection_that_was_closed_is_replaced() -> None:
    def once_each(connection: socket.socket, place: int) -> None:
        whole(connection, place)
        if place == 0:
            connection.shutdown(socket.SHUT_RDWR)

    with answering(once_each) as port:
        outcome = run(port, plan(np.array([0.0, 0.0, 0.0])), most=1)
    assert outcome.right.all()
    assert outcome.connections == 2


def test_what_comes_too_late_is_not_answered() -> None:
    def silent(connection: socket.socket, place: int) -> None:
        pass

    with answering(silent) as port:
        outcome = run(port, plan(at_once(3)), limit_s=0.2)
    load = of_load(outcome, 15, 0.0)
    assert (load.requests, load.answered, load.sustained) == (3, 0, False)


def test_a_hopeless_load_is_given_up() -> None:
    def silent(connection: socket.socket, place: int) -> None:
        pass

    with answering(silent) as port:
        outcome = run(port, plan(np.linspace(0, 60, 6_000)), hopeless=20, limit_s=1.0)  # more than connections
    assert outcome.given_up
    assert np.isfinite(outcome.sent_s).sum() <= 20


def test_arrivals_come_at_the_rate_and_by_the_seed() -> None:
    first, again = (arrivals(np.random.default_rng(3), 200, 50) for _ in range(2))
    assert np.array_equal(first, again)
    assert len(first) == pytest.approx(10_000, rel=0.05)
    gaps = np.diff(first)
    assert gaps.std() == pytest.approx(gaps.mean(), rel=0.1)  # exponential: independent arrivals


def test_percentiles_are_values_that_occurred() -> None:
    values = np.arange(1.0, 101.0)
    assert [percentile(values, share) for share in (0.5, 0.99, 1.0)] == [50, 99, 100]
    assert percentile(values[:1], 0.99) == 1
