"""The gate: what every request passes on its way in and every answer on its way out.

In: a request id, a path whose ids stay whole, a limit on the body that holds while it streams in.
Out: the request id, security headers, the time it took in the metrics, and a problem instead of a stack trace.
"""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Callable
from urllib.parse import quote, unquote_to_bytes

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serendip.serving.metrics import Metrics
from serendip.serving.problems import Refused, problem_response

BODY_LIMIT = 1 << 20  # bytes
EVENTS_BODY_LIMIT = 32 << 20  # bytes
EVENTS_PATH = "/v1/events"
SECURITY_HEADERS = {
    "content-security-policy": (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}

_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}")
_PORT = re.compile(r":\d*$")
_KEPT = "!$&'()*+,;=:@"  # what a path segment may hold unencoded besides letters, digits and -._~ (RFC 3986, 3.3)
_log = logging.getLogger(__name__)


class Gate:
    """The outermost ASGI layer."""

    def __init__(self, app: ASGIApp, metrics: Metrics, answers_to: Callable[[str], bool]) -> None:
        self.app = app
        self.metrics = metrics
        self.answers_to = answers_to

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if scope["method"] == "HEAD":
            scope, send = {**scope, "method": "GET"}, _without_body(send)
        passage = _Passage(scope, receive, send)
        started_s = time.perf_counter()
        try:
            await passage.through(self.app, self.answers_to)
        finally:
            self.metrics.observe(scope, passage.status, time.perf_counter() - started_s)


class _Passage:
    """One request on its way."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope, self._receive, self._send = scope, receive, send
        self.headers = Headers(scope=scope)
        self.request_id = _request_id(self.headers.get("x-request-id"))
        self.status = 0
        self._taken = 0  # bytes of the body
        scope.setdefault("state", {})["request_id"] = self.request_id

    async def through(self, app: ASGIApp, answers_to: Callable[[str], bool]) -> None:
        try:
            self._check_name(answers_to)
            self.scope["path"] = canonical_path(self.scope)
            self._limit = EVENTS_BODY_LIMIT if self.scope["path"] == EVENTS_PATH else BODY_LIMIT
            self._check_size(_announced(self.headers))
            await app(self.scope, self.receive, self.send)
        except Refused as refused:
            await self._refuse(refused.name, refused.detail)
        except Exception:
            _log.exception("request %s failed", self.request_id)
            await self._refuse("internal-error", "the failure is in the log under this request id")

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._taken += len(message.get("body", b""))
            self._check_size(self._taken)
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["x-request-id"] = self.request_id
            for name, value in SECURITY_HEADERS.items():
                headers.setdefault(name, value)
        await self._send(message)

    def _check_name(self, answers_to: Callable[[str], bool]) -> None:
        """A page elsewhere may point a name of its own at this machine (DNS rebinding), but not send another name."""
        name = _PORT.sub("", self.headers.get("host", ""))
        if not answers_to(name):
            raise Refused("misdirected", "requests go to this machine's own address")

    def _check_size(self, size: int) -> None:
        if size > self._limit:
            raise Refused("too-large", f"the body has more than {self._limit:,} bytes")

    async def _refuse(self, name: str, detail: str) -> None:
        if self.status:
            return  # the answer has begun; the connection is all that can be cut
        response = problem_response(name, detail, instance=self.scope["path"], request_id=self.request_id)
        await response(self.scope, self.receive, self.send)


def _without_body(send: Send) -> Send:
    """HEAD is GET whose body stays here (RFC 9110, 9.3.2); routes need not know of it."""

    async def headers_only(message: Message) -> None:
        await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

    return headers_only


def canonical_path(scope: Scope) -> str:
    """The path with every segment percent-encoded in one way, so that an id with `/` in it stays one segment.

    Servers decode `%2F` before routing, after which `/v1/users/a%2Fexport` cannot be told from
    `/v1/users/a/export`. Under `/v1/` and `/api/` we therefore route on the path as it was sent and decode ids
    afterwards. Gorse's clients end some addresses under `/api/` with a slash that says nothing.

    Raises:
        Refused: the path is not UTF-8.
    """
    path: str = scope["path"]
    raw: bytes = scope.get("raw_path") or quote(path).encode()
    if not path.startswith(("/v1/", "/api/")):
        return path
    if path.startswith("/api/"):
        raw = raw.rstrip(b"/")
    try:
        segments = [unquote_to_bytes(segment).decode("utf-8") for segment in raw.split(b"/")]
    except UnicodeDecodeError:
        raise Refused("malformed-request", "the path is not UTF-8") from None
    return "/".join(quote(segment, safe=_KEPT) for segment in segments)


def _request_id(sent: str | None) -> str:
    return sent if sent and _REQUEST_ID.fullmatch(sent) else uuid.uuid4().hex


def _announced(headers: Headers) -> int:
    length = headers.get("content-length", "0")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 20 else 0
