"""Load: requests sent when they are due, whatever the answers do, and every latency counted from when it was due.

An open loop: a slow answer does not delay the next request, so that a server that stalls is seen to stall (a client
that waits for its answer before it asks again asks less just then, and reports that all is well). HTTP/1.1 over kept
connections, no more of it than is needed: the client must cost far less than the server that it shares a machine with.
"""

from __future__ import annotations

import gc
import re
import select
import socket
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks.service.process import HOST
from serendip.data.arrays import BoolArray, FloatArray, IntArray

CONNECTIONS = 256
GRACE_S = 5.0
"""So long after the last request was due, an answer still counts (as late as it is)."""
KEPT_EACH = 97
"""One body in so many is kept to be looked at closely afterwards."""
HOPELESS = 2_000
"""With so many requests unanswered the rest is not sent."""
_BUFFER = 1 << 18
_SEND_BUFFER = 1 << 20
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Plan:
    """What is asked when."""

    due_s: FloatArray  # (R,), from the start, ascending
    requests: Sequence[bytes]  # R
    signs: Sequence[tuple[bytes, ...]]  # R, what a right answer holds

    def __len__(self) -> int:
        return len(self.requests)


@dataclass
class Outcome:
    """What became of each request; times in seconds from the start, NaN where there is none."""

    plan: Plan
    sent_s: FloatArray  # (R,)
    done_s: FloatArray  # (R,)
    status: IntArray  # (R,), 0 without an answer
    right: BoolArray  # (R,), the status is 200 and the body holds its sign
    bodies: list[bytes]
    """Some of the right ones."""
    faults: list[str]
    """The first few answers that were not right, in words."""
    client_cpu_s: float
    wall_s: float
    connections: int
    reconnected: int
    given_up: bool
    """So many were unanswered that the rest was not sent."""

    @property
    def answered(self) -> BoolArray:
        return np.isfinite(self.done_s)

    @property
    def latency_ms(self) -> FloatArray:
        """Of what was answered, from when it was due, (A,)."""
        return (self.done_s - self.plan.due_s)[self.answered] * 1_000

    @property
    def lateness_ms(self) -> FloatArray:
        """How late the client itself was: of what was sent, (S,)."""
        return (self.sent_s - self.plan.due_s)[np.isfinite(self.sent_s)] * 1_000


@dataclass(slots=True, eq=False)
class _Connection:
    socket: socket.socket
    place: int = -1  # of the request on its way
    fresh: bool = True
    received: bytearray = field(default_factory=bytearray)
    length: int = -1  # of the whole answer, once its head is there


class Client:
    """Connections to one server, kept from one plan to the next."""

    def __init__(self, port: int, most: int = CONNECTIONS) -> None:
        self._port, self._most = port, most
        self._epoll = select.epoll()
        self._open: dict[int, _Connection] = {}
        self._free: list[_Connection] = []  # the last used is used first, so that few stay warm
        self._buffer = memoryview(bytearray(_BUFFER))

    def run(self, plan: Plan, limit_s: float | None = None, hopeless: int | None = HOPELESS) -> Outcome:
        """Send each request when it is due and wait for the answers.

        Args:
            limit_s: when to stop sending and waiting; else `GRACE_S` after the last is due.
            hopeless: stop sending when so many are unanswered.
        """
        self._begin(plan)
        gc_was_on = gc.isenabled()
        gc.collect()
        gc.disable()
        cpu_s, self._start_s = time.process_time(), time.perf_counter() + 0.01
        try:
            given_up = self._loop(plan, float(plan.due_s[-1]) + GRACE_S if limit_s is None else limit_s, hopeless)
        finally:
            if gc_was_on:
                gc.enable()
        wall_s, cpu_s = time.perf_counter() - self._start_s, time.process_time() - cpu_s
        if self._unanswered:
            self.close()  # answers that come too late must not be taken for those of the next plan
        sent, done = np.asarray(self._sent), np.asarray(self._done)
        status, right = np.asarray(self._status), np.asarray(self._right)
        numbers = (self._opened, self._reconnected, given_up)
        return Outcome(plan, sent, done, status, right, self._bodies, self._faults, cpu_s, wall_s, *numbers)

    def close(self) -> None:
        for connection in list(self._open.values()):
            self._drop(connection)

    # One plan

    def _begin(self, plan: Plan) -> None:
        n = len(plan)
        self._plan = plan
        self._sent, self._done = [float("nan")] * n, [float("nan")] * n
        self._status, self._right = [0] * n, [False] * n
        self._bodies: list[bytes] = []
        self._faults: list[str] = []
        self._waiting: deque[int] = deque()  # due, but no connection is free
        self._unanswered = self._opened = self._reconnected = 0

    def _loop(self, plan: Plan, limit_s: float, hopeless: int | None) -> bool:
        due, n, place, given_up = plan.due_s.tolist(), len(plan), 0, False
        watched = [self._epoll.fileno()]
        while place < n or self._unanswered:
            now_s = time.perf_counter() - self._start_s
            if now_s > limit_s:
                break
            while place < n and due[place] <= now_s:
                self._unanswered += 1
                self._send(place)
                place += 1
            if hopeless is not None and self._unanswered > hopeless:
                given_up, n, limit_s = True, place, min(limit_s, now_s + GRACE_S)
                hopeless = None
            until_s = due[place] if place < n else limit_s
            # epoll counts in milliseconds, select in microseconds.
            if select.select(watched, (), (), max(0.0, min(until_s, limit_s) - now_s))[0]:
                for descriptor, _ in self._epoll.poll(0):
                    self._receive(self._open[descriptor])
        return given_up

    def _send(self, place: int) -> None:
        if self._free:
            connection = self._free.pop()
        elif len(self._open) < self._most:
            connection = self._connect()
        else:
            self._waiting.append(place)
            return
        connection.place = place
        self._sent[place] = time.perf_counter() - self._start_s
        try:
            connection.socket.sendall(self._plan.requests[place])
        except OSError:
            self._lost(connection)

    def _connect(self) -> _Connection:
        opened = socket.create_connection((HOST, self._port))
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        connection = self._open[opened.fileno()] = _Connection(opened)
        self._epoll.register(opened.fileno(), select.EPOLLIN)
        self._opened += 1
        return connection

    def _drop(self, connection: _Connection) -> None:
        descriptor = connection.socket.fileno()
        self._epoll.unregister(descriptor)
        del self._open[descriptor]
        connection.socket.close()
        if connection in self._free:
            self._free.remove(connection)

    def _lost(self, connection: _Connection) -> None:
        """The server closed it. One that was kept may be closed just when it is used again: that is no fault."""
        place, fresh = connection.place, connection.fresh
        self._drop(connection)
        if place < 0:
            return
        if fresh:
            self._finish(place, 0, b"the connection was closed")
            if self._waiting:
                self._send(self._waiting.popleft())
        else:
            self._reconnected += 1
            self._send(place)

    def _receive(self, connection: _Connection) -> None:
        try:
            count = connection.socket.recv_into(self._buffer)
        except OSError:
            count = 0
        if not count:
            self._lost(connection)
            return
        received = connection.received
        received += self._buffer[:count]
        if connection.length < 0:
            head = received.find(b"\r\n\r\n")
            if head < 0:
                return
            length = _LENGTH.search(received, 0, head)
            if length is None:
                raise RuntimeError(f"an answer without its length: {bytes(received[:head])!r}")
            connection.length = head + 4 + int(length[1])
        if len(received) < connection.length:
            return
        place, body = connection.place, bytes(received)
        connection.place, connection.length, connection.fresh = -1, -1, False
        received.clear()
        self._free.append(connection)
        self._finish(place, int(body[9:12]), body)
        if self._waiting:
            self._send(self._waiting.popleft())

    def _finish(self, place: int, status: int, answer: bytes) -> None:
        self._unanswered -= 1
        if status:
            self._done[place] = time.perf_counter() - self._start_s
        self._status[place] = status
        right = status == 200 and all(sign in answer for sign in self._plan.signs[place])
        self._right[place] = right
        if not right and len(self._faults) < 5:
            self._faults.append(f"{status}: {answer[answer.find(b'{') :][:300].decode(errors='replace')}")
        elif right and place % KEPT_EACH == 0:
            self._bodies.append(answer[answer.find(b"\r\n\r\n") + 4 :])


def arrivals(generator: np.random.Generator, rate: float, seconds: float) -> FloatArray:
    """Times of independent requests (a Poisson process) at `rate` per second, (R,), ascending from 0 on."""
    count = generator.poisson(rate * seconds)
    return np.sort(generator.random(max(1, count)) * seconds)


def at_once(count: int) -> FloatArray:
    """A closed loop: everything is due now, and each connection sends the next when it has its answer."""
    return np.zeros(count)
