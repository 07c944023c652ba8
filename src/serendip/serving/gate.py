"""The gate: what every request passes on its way in and every answer on its way out.

In: a request id, a path whose ids stay whole, limits on the body that hold while it streams in, on the time that all of
it takes and on how many requests there are at once.
Out: the request id, security headers, the time it took in the metrics and the log, a problem instead of a stack trace.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from random import getrandbits
from urllib.parse import quote, unquote_to_bytes

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serendip.serving import logs
from serendip.serving.access import UNLIMITED
from serendip.serving.metrics import METHODS, Metrics, route_of
from serendip.serving.origins import Origins
from serendip.serving.passages import Passages
from serendip.serving.problems import Refused, problem_response
from serendip.store import ServiceSettings

BODY_LIMIT = 1 << 20  # bytes
EVENTS_BODY_LIMIT = 32 << 20  # bytes
EVENTS_PATH = "/v1/events"
PICTURE_BODY_LIMIT = 14 << 20  # bytes: the base64 of a picture of 10,000,000 bytes, and the rest
PICTURE_PATH = "/v1/recommendations"
FILE_BODY_LIMIT = 128 << 20  # bytes: a file to import, which goes to the disk as it comes
FILE_PATH = "/v1/imports"
LIMITS = {EVENTS_PATH: EVENTS_BODY_LIMIT, PICTURE_PATH: PICTURE_BODY_LIMIT, FILE_PATH: FILE_BODY_LIMIT}
"""Of paths whose bodies may be larger."""
MOST_HEADERS = 100
UNCOUNTED = UNLIMITED | {"/metrics"}
"""What is answered however much there is to do: those who watch need it most then."""

SECURITY_HEADERS = {
    "content-security-policy": (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
SECURITY = tuple((name.encode(), value.encode()) for name, value in SECURITY_HEADERS.items())

_REQUEST_ID = re.compile(rb"[\x21-\x7e]{1,128}")
_PORT = re.compile(r":\d*$")
_KEPT = "!$&'()*+,;=:@"  # what a path segment may hold unencoded besides letters, digits and -._~ (RFC 3986, 3.3)
_PLAIN = re.compile(rb"[A-Za-z0-9\-._~!$&'()*+,;=:@/]*")
_log = logging.getLogger(__name__)


class Gate:
    """The outermost ASGI layer."""

    def __init__(
        self,
        app: ASGIApp,
        metrics: Metrics,
        answers_to: Callable[[str], bool],
        settings: ServiceSettings,
        origins: Origins,
        direct: Mapping[tuple[str, str], ASGIApp] | None = None,
        passed: Callable[[Scope, int], None] = lambda scope, status: None,
    ) -> None:
        """Args:
        direct: what answers a method and a path instead of `app`.
        passed: is told of each request behind its answer, with the status.
        """
        self.app = app
        self.direct = direct or {}
        self.passed = passed
        self.metrics = metrics
        self.answers_to = lru_cache(256)(answers_to)
        self.origins = origins
        self.passages = Passages(settings)
        metrics.gauge("requests_under_way", "Requests that are being answered.", lambda: len(self.passages))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if scope["method"] == "HEAD":
            scope, send = {**scope, "method": "GET"}, _without_body(send)
        passage = _Passage(self, scope, receive, send)
        try:
            await passage.through()
        finally:
            self.passages.leave(passage)
            seconds = time.perf_counter() - passage.started_s
            self.metrics.observe(scope, passage.status, seconds)
            self.passed(scope, passage.status)
            if logs.requests.isEnabledFor(logging.INFO):
                logs.requests.info("request", extra={"fields": passage.told(seconds)})


class _Passage:
    """One request on its way."""

    def __init__(self, gate: Gate, scope: Scope, receive: Receive, send: Send) -> None:
        self.gate, self.scope, self._receive, self._send = gate, scope, receive, send
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.request_id = _request_id(self.headers.get(b"x-request-id"))
        self.status = 0
        self.started_s = time.perf_counter()
        has_body = b"transfer-encoding" in self.headers or self.headers.get(b"content-length", b"0") != b"0"
        self.arrived_s = 0.0 if has_body else self.started_s
        self.taken = self._given = 0  # bytes of the bodies
        self._limit = BODY_LIMIT
        self._task: asyncio.Task[None] | None = None
        self._instead: asyncio.Task[None] | None = None  # what is answered when time is up
        scope.setdefault("state", {})["request_id"] = self.request_id
        logs.REQUEST_ID.set(self.request_id)

    async def through(self) -> None:
        gate, scope = self.gate, self.scope
        try:
            self._check_head()
            if await self._preflight():
                return
            path = scope["path"] = canonical_path(scope)
            self._limit = LIMITS.get(path, BODY_LIMIT)
            self._check_size(_announced(self.headers))
            gate.passages.enter(self, path in UNCOUNTED)
            app = gate.direct.get((scope["method"], path), gate.app)
            await app(scope, self.receive, self.send)
            await self._settle()
        except Refused as refused:
            if refused.name == "overloaded":
                gate.metrics.limited("requests")
            await self._refuse(refused)
        except asyncio.CancelledError:
            if self._instead is None:
                raise
            await self._settle()
        except Exception:
            _log.exception("request %s failed", self.request_id)
            await self._refuse(Refused("internal-error", "the failure is in the log under this request id"))

    async def receive(self) -> Message:
        if not self.arrived_s:
            self._task = asyncio.current_task()
        message = await self._receive()
        if message["type"] == "http.request":
            self.taken += len(message.get("body", b""))
            self._check_size(self.taken)
            if not self.arrived_s and not message.get("more_body"):
                self.arrived_s = time.perf_counter()
        return message

    async def send(self, message: Message) -> None:
        if self._instead is None:
            await self._send_out(message)

    async def _send_out(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            cors = self.gate.origins.headers(self.headers.get(b"origin"))
            given = (b"x-request-id", self.request_id.encode())
            message["headers"] = [*message.get("headers", ()), given, *SECURITY, *cors]
        else:
            self._given += len(message.get("body", b""))
        await self._send(message)

    def expire(self, name: str, detail: str) -> None:
        """Answer with a problem and end what still waits for the client.

        Work that a thread does goes on to its end, and counts as under way until then.
        """
        if self._instead is None:
            begun, waits = bool(self.status), bool(self.status) or not self.arrived_s
            self._instead = asyncio.ensure_future(self._end(begun, Refused(name, detail, headers=_CLOSE)))
            if waits and self._task is not None:
                self._task.cancel()

    async def _end(self, begun: bool, refused: Refused) -> None:
        if not begun:  # otherwise the connection is all that can be cut, which the server does
            await self._answer(refused)

    async def _settle(self) -> None:
        """Return when what is answered instead, if anything, has been."""
        if self._instead is not None:
            await self._instead

    def told(self, seconds: float) -> dict[str, object]:
        """What the log says of this request: nothing that names a person or a thing."""
        method = self.scope["method"]
        return {
            "request_id": self.request_id,
            "method": method if method in METHODS else "other",
            "route": route_of(self.scope),
            "status": self.status,
            "milliseconds": round(seconds * 1000, 2),
            "key": self.scope["state"].get("key_id"),
            "bytes_in": self.taken,
            "bytes_out": self._given,
        }

    def _check_head(self) -> None:
        """A page elsewhere may point a name of its own at this machine (DNS rebinding), but not send another name."""
        name = _PORT.sub("", self.headers.get(b"host", b"").decode("latin-1"))
        if not self.gate.answers_to(name):
            raise Refused("misdirected", "requests go to this machine's own address")
        if len(self.scope["headers"]) > MOST_HEADERS:
            raise Refused("headers-too-large", f"a request has at most {MOST_HEADERS} headers")
        if not self.arrived_s and self.headers.get(b"content-encoding", b"identity").lower() != b"identity":
            raise Refused("unsupported-media-type", "bodies are sent as they are, without Content-Encoding")

    async def _preflight(self) -> bool:
        """Whether this was a browser that asks on behalf of a page, and was answered."""
        if self.scope["method"] != "OPTIONS" or b"access-control-request-method" not in self.headers:
            return False
        headers = self.gate.origins.preflight(self.headers.get(b"origin"))
        if headers is None:
            return False
        await self._send_out({"type": "http.response.start", "status": 204, "headers": list(headers)})
        await self._send_out({"type": "http.response.body"})
        return True

    def _check_size(self, size: int) -> None:
        if size > self._limit:
            raise Refused("too-large", f"the body has more than {self._limit:,} bytes")

    async def _refuse(self, refused: Refused) -> None:
        await self._settle()
        if not self.status:  # the answer has not begun
            await self._answer(refused)

    async def _answer(self, refused: Refused) -> None:
        response = problem_response(
            refused.name,
            refused.detail,
            instance=self.scope["path"],
            request_id=self.request_id,
            headers=refused.headers,
        )
        await response(self.scope, self.receive, self._send_out)


_CLOSE = {"connection": "close"}


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
    if _PLAIN.fullmatch(raw):
        return raw.decode("ascii")
    try:
        segments = [unquote_to_bytes(segment).decode("utf-8") for segment in raw.split(b"/")]
    except UnicodeDecodeError:
        raise Refused("malformed-request", "the path is not UTF-8") from None
    return "/".join(quote(segment, safe=_KEPT) for segment in segments)


def new_request_id() -> str:
    """A fresh id. It names lines of a log and opens nothing, so it need not be hard to guess."""
    return f"{getrandbits(128):032x}"


def _request_id(sent: bytes | None) -> str:
    return sent.decode("ascii") if sent and _REQUEST_ID.fullmatch(sent) else new_request_id()


def _announced(headers: dict[bytes, bytes]) -> int:
    length = headers.get(b"content-length", b"0")
    return int(length) if length.isdigit() and len(length) < 20 else 0
