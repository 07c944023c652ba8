"""Audit: what was done where an administrator is needed, and what was refused to known keys; behind the answers.

Nobody is named in it: a person is a digest under a secret of the workspace (`audit.key`), so that who has the secret
can say whether an entry is about a given person, and nobody can read a person out of it. The secret is in no backup.
"""

from __future__ import annotations

import contextlib
import hmac
import logging
import os
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar
from urllib.parse import unquote

from starlette.requests import HTTPConnection
from starlette.types import Scope

from serendip.serving.access import ADMIN, POLICY
from serendip.serving.metrics import route_of
from serendip.serving.watching import Watcher
from serendip.store import AuditEntry, StoreError, Workspace

WRITE_EVERY_S = 0.2
AGAIN_MS = 60_000
"""A key is noted as used, or as refused the same thing, at most once in so long."""
MOST_WAITING = 10_000
LONGEST_TARGET = 256
SECRET_FILE = "audit.key"
PERSON = "person:"
REFUSALS = (401, 403)
ERASURES = ("DELETE /v1/users/{user_id}", "DELETE /api/user/{user_id}")
"""The actions whose entries are receipts of erasures."""

T = TypeVar("T")

_log = logging.getLogger(__name__)


class Audit(Watcher):
    """Entries on their way to the store. Where it refuses they wait, and the oldest are lost when too many do."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__("audit", WRITE_EVERY_S)
        self._workspace = workspace
        self._waiting: deque[AuditEntry] = deque(maxlen=MOST_WAITING)
        self._used: dict[str, int] = {}  # what the store does not know yet
        self._noted_ms: dict[tuple[str, ...], int] = {}
        self._writing = Lock()

    def passed(self, scope: Scope, status: int) -> None:
        """A request was answered."""
        state, key_id = scope["state"], scope["state"].get("key_id") or scope["state"].get("past_key_id")
        refused = status in REFUSALS
        if key_id is not None and not refused and self._is_new(key_id):
            self._used[key_id] = now_ms()
        action = f"{scope['method']} {route_of(scope)}"
        if refused:
            wanted = key_id is not None and self._is_new(key_id, action)
        else:
            wanted = POLICY.get((scope["method"], route_of(scope))) == ADMIN
        if wanted:
            told: dict[str, Any] = state.get("audited", {})
            target = told.get("target") or self._target(scope)
            entry = AuditEntry(now_ms(), key_id, action, target, status, state["request_id"], told.get("detail"))
            self._waiting.append(entry)

    def person(self, user_id: str) -> str:
        """What stands for a person."""
        return PERSON + hmac.digest(self._secret, user_id.encode("utf-8", "surrogatepass"), sha256).hex()[:32]

    def page(self, limit: int, before: int | None, key_id: str | None, actions: Sequence[str]) -> list[AuditEntry]:
        """The latest entries first, with those that waited here."""
        self.look()
        return self._workspace.store.audit_page(limit, before, key_id=key_id, actions=actions)

    def look(self) -> None:
        """Write what waits."""
        with self._writing:
            entries, used = list(_taken(self._waiting.popleft)), dict(_taken(self._used.popitem))
            if not (entries or used):
                return
            try:
                self._workspace.store.write_audit(entries, used)
            except StoreError as error:
                _log.warning("%d entries of the audit wait: %s", len(entries), error)
                self._waiting.extendleft(reversed(entries))
                self._used = used | self._used

    def stop(self) -> None:
        super().stop()
        self.look()

    def _is_new(self, *what: str) -> bool:
        """Whether this was not noted a moment ago."""
        noted_ms = self._noted_ms.get(what)
        if noted_ms is not None and now_ms() - noted_ms < AGAIN_MS:
            return False
        self._noted_ms[what] = now_ms()
        return True

    def _target(self, scope: Scope) -> str | None:
        """The ids in the path, those of people as digests."""
        named = {name: unquote(str(value)) for name, value in scope.get("path_params", {}).items()}
        told = [self.person(value) if name == "user_id" else value for name, value in named.items()]
        return "/".join(told)[:LONGEST_TARGET].replace("\0", "") or None

    @cached_property
    def _secret(self) -> bytes:
        try:
            return _made_once(self._workspace.path / SECRET_FILE)
        except OSError as error:  # a replica may not write here: then nobody can tell who is meant
            _log.warning("the secret of the audit cannot be kept: %s", error)
            return secrets.token_bytes(32)


def audited(request: HTTPConnection, target: str | None = None, **detail: Any) -> None:
    """Say in the audit what a request was about, where its path does not, and what came of it."""
    request.scope["state"]["audited"] = {"target": target, "detail": detail or None}


def _taken(take: Callable[[], T]) -> Iterator[T]:
    """All that waits; what comes meanwhile, from another thread, is lost by neither."""
    with contextlib.suppress(IndexError, KeyError):
        while True:
            yield take()


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def _made_once(path: Path) -> bytes:
    """The secret in a file, made by whichever process is first, for nobody else to read."""
    if not path.exists():
        draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}.tmp")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "wb") as file:
            file.write(secrets.token_bytes(32))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)  # unlike a rename, it replaces nothing that came meanwhile
        draft.unlink()
    return path.read_bytes()
