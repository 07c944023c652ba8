"""Connections: what happens before a request is whole, where no application sees it.

A client that sends the head of a request drop by drop, or without end, or opens connections for their own sake, is
refused here, with a problem like everywhere.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from serendip.serving.gate import SECURITY, new_request_id
from serendip.serving.metrics import Metrics
from serendip.serving.problems import problem_response
from serendip.store import ServiceSettings

HEAD_LIMIT = 64 << 10  # bytes


class GuardedProtocol(HttpToolsProtocol):
    """One connection, which must bring whole heads in time."""

    settings: ServiceSettings
    metrics: Metrics

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.head_since_s = time.monotonic()
        """Since when the head of a request is waited for; 0 while none is."""
        self._head_bytes = 0
        self._in_body = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.settings.most_connections:
            self.metrics.limited("connections")
            self.refuse("overloaded", "there are too many connections", ("retry-after", "1"))

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        in_body = self._in_body
        super().data_received(data)
        if self.head_since_s and not in_body and not self._in_body:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_LIMIT and not self.transport.is_closing():
                self.refuse("headers-too-large", f"the head of a request has at most {HEAD_LIMIT:,} bytes")

    def on_headers_complete(self) -> None:
        self.head_since_s, self._head_bytes, self._in_body = 0.0, 0, True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_body = False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.cycle.response_complete:  # no other request is under way already
            self.head_since_s = time.monotonic()  # what is left of this one's body must be over by then, too

    def send_400_response(self, msg: str) -> None:
        self.refuse("malformed-request", "this is not HTTP/1.1")

    def refuse(self, name: str, detail: str, *headers: tuple[str, str]) -> None:
        """Answer with a problem where no request is, and close."""
        request_id = new_request_id()
        response = problem_response(name, detail, instance="", request_id=request_id, headers=dict(headers))
        lines = [
            (b"x-request-id", request_id.encode()),
            *SECURITY,
            *response.raw_headers,
            (b"connection", b"close"),
        ]
        status = HTTPStatus(response.status_code)
        head = b"".join(name + b": " + value + b"\r\n" for name, value in lines)
        self.transport.write(f"HTTP/1.1 {status} {status.phrase}\r\n".encode() + head + b"\r\n" + bytes(response.body))
        self.transport.close()

    def check_time(self, now_s: float) -> None:
        """Close if the head of a request is overdue: silently where nothing of it came."""
        if not self.head_since_s or now_s - self.head_since_s < self.settings.headers_within_s:
            return
        if self._head_bytes and not self.transport.is_closing():
            self.refuse("too-slow", "the head of the request arrives too slowly")
        else:
            self.transport.close()


def guarded(settings: ServiceSettings, metrics: Metrics) -> type[GuardedProtocol]:
    """The protocol under these settings."""
    return type("Protocol", (GuardedProtocol,), {"settings": settings, "metrics": metrics})


def check_times(connections: Iterable[object]) -> None:
    """To be called about every second with all connections of the server."""
    now_s = time.monotonic()
    for connection in list(connections):
        if isinstance(connection, GuardedProtocol):
            connection.check_time(now_s)
