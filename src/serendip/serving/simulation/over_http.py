"""Over HTTP: the same service in a process of its own, asked and told as a shop would ask and tell it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from serendip.data import InputError, Query, Recommendation, Recommendations, Tables
from serendip.serving.engine import Answer
from serendip.serving.simulation.service import Service
from serendip.store import StoredEvent

HOST = "127.0.0.1"
SERVE = (sys.executable, "-c", "import sys; from serendip.cli import main; sys.exit(main())", "serve")
PATIENCE_S = 120.0
LOOK_EVERY_S = 0.02
MOST_EVENTS = 1_000


class OverHttp(Service):
    """`serendip serve` over the workspace, from the first look on."""

    def __init__(self, folder: Path, past: Tables, seed: int) -> None:
        super().__init__(folder, past, seed)
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: HTTPConnection | None = None

    def forget_updates(self, version: str) -> None:
        raise InputError("a service over HTTP cannot be broken from outside: stale ways live in process")

    def look(self) -> None:
        """Wait until the service has what was published, and has written what it showed."""
        if self._process is None:
            self._begin()
        self._until("it does not take up the model", self._is_current)
        self._until("it does not write what it showed", self._has_written)

    def _begin(self) -> None:
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            port = int(probe.getsockname()[1])
        line = [*SERVE, str(self.workspace.path), "--port", str(port)]
        self._process = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._connection = HTTPConnection(HOST, port, timeout=PATIENCE_S)

    def _until(self, fault: str, holds: Callable[[], bool]) -> None:
        deadline_s = time.monotonic() + PATIENCE_S
        while not holds():
            assert self._process is not None
            if self._process.poll() is not None or time.monotonic() > deadline_s:
                raise InputError(f"the service over {self.workspace.path} has failed: {fault}")
            time.sleep(LOOK_EVERY_S)

    def _is_current(self) -> bool:
        """Whether lists come of the model that was published last, and experiments are those that run."""
        current = self.workspace.current_model()
        try:
            ready = self._asked("GET", "/readyz")
            known = {one["id"] for one in self._asked("GET", "/v1/experiments")["data"] if not one["stopped"]}
        except (OSError, HTTPException, InputError):
            self._closed()
            return False
        running = {one.id for one in self.workspace.store.experiments(running=True)}
        return current is not None and ready["model_version"] == current.name and known == running

    def _has_written(self) -> bool:
        return "serendip_exposures_waiting 0.0" in self._call("GET", "/metrics").decode()

    def put_items(self, items: Sequence[tuple[str, dict[str, Any]]]) -> None:
        if items:
            self._asked("POST", "/v1/items:batch", [{"item_id": id_, "attributes": told} for id_, told in items])

    def ask(self, query: Query) -> Answer:
        told = self._asked("POST", "/v1/recommendations", _body(query))
        found = [
            Recommendation(one["item_id"], rank, one["score"], one["source"])
            for rank, one in enumerate(told["items"], 1)
        ]
        return Answer(told["request_id"], told["model_version"], Recommendations(tuple(found)), told["took_ms"])

    def list_of(self, user_id: str, n: int) -> None:
        self._asked("POST", "/v1/recommendations:trace", {"user_id": user_id, "limit": n})

    def tell(self, events: Sequence[StoredEvent]) -> None:
        for start in range(0, len(events), MOST_EVENTS):
            told = self._asked("POST", "/v1/events", [_event(one) for one in events[start : start + MOST_EVENTS]])
            if told["rejected"]:
                raise InputError(f"the service refused an event: {told['rejected'][0]['detail']}")

    def close(self) -> None:
        self._closed()
        if self._process is not None:
            self._process.terminate()
            self._process.wait(PATIENCE_S)
        super().close()

    def _closed(self) -> None:
        """The connection is made anew at the next call."""
        if self._connection is not None:
            self._connection.close()

    def _asked(self, method: str, path: str, body: object = None) -> Any:
        return json.loads(self._call(method, path, body))

    def _call(self, method: str, path: str, body: object = None) -> bytes:
        """What the service answers.

        Raises:
            InputError: it refuses.
        """
        connection = self._connection
        assert connection is not None
        sent = None if body is None else json.dumps(body)
        connection.request(method, path, sent, {"content-type": "application/json"} if sent else {})
        answer = connection.getresponse()
        content = answer.read()
        if answer.status >= 300:
            raise InputError(f"{method} {path} was refused: {content.decode(errors='replace')[:200]}")
        return content


def _body(query: Query) -> dict[str, Any]:
    body: dict[str, Any] = {"user_id": query.user, "limit": query.n, "exclude_item_ids": sorted(query.without)}
    if query.history is not None:
        body["history"] = [event.model_dump(mode="json", exclude_none=True) for event in query.history]
    return body


def _event(event: StoredEvent) -> dict[str, Any]:
    names = ("user_id", "item_id", "type", "value", "request_id", "position")
    return {**{name: getattr(event, name) for name in names}, "timestamp": event.time_ms}
