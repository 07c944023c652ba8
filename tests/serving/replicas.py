"""Real `serendip serve` processes for tests: started on a free port, asked over HTTP, stopped or killed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import httpx

PATIENCE_S = 180.0  # loops may have to be compiled first, on a busy machine
SERENDIP = [sys.executable, "-c", "import sys; from serendip.cli import main; sys.exit(main())"]
ADDRESS = re.compile(r"on (http://\S+)")


class Replica:
    """One process that serves a workspace, and a client of it."""

    def __init__(
        self,
        workspace: Path,
        key: str | None = None,
        store: str | None = None,
        command: Sequence[str] | None = None,
    ) -> None:
        environment = {**os.environ, **({"SERENDIP_STORE": store} if store else {})}
        command = command or [*SERENDIP, "serve", str(workspace), "--port", "0"]
        self.process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        self.log: list[str] = []
        self._here = threading.Event()
        self._address = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if not self._here.wait(PATIENCE_S) or not self._address:
            self.kill()
            raise AssertionError(f"the service did not start: {''.join(self.log)}")
        self._http = httpx.Client(base_url=self._address, timeout=PATIENCE_S, headers=_bearer(key))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        finally:
            self.kill()

    def __call__(self, method: str, path: str, key: str | None = None, **options: Any) -> httpx.Response:
        return self._http.request(method, path, headers=_bearer(key), **options)

    def ask(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        """The content of an answer that is none of failure."""
        answer = self(method, path, **options)
        assert answer.is_success, answer.text
        content: dict[str, Any] = answer.json()
        return content

    def listed(self, user_id: str) -> list[str]:
        content = self.ask("POST", "/v1/recommendations", json={"user_id": user_id, "limit": 100})
        assert content["degraded"] == []
        return [item["item_id"] for item in content["items"]]

    def send(self, user_id: str, item_id: str, type_: str = "view") -> None:
        receipt = self.ask("POST", "/v1/events", json={"user_id": user_id, "item_id": item_id, "type": type_})
        assert receipt["accepted"] == 1

    def kill(self) -> None:
        """As a power cut would."""
        self.process.kill()
        self.process.wait()
        self._reader.join(5)
        if self.process.stderr is not None:
            self.process.stderr.close()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(line)
            if found := ADDRESS.search(line):
                self._address = found[1]
                self._here.set()
        self._here.set()


def _bearer(key: str | None) -> dict[str, str]:
    return {} if key is None else {"authorization": f"Bearer {key}"}


def seconds_until(true: Callable[[], bool], deadline_s: float) -> float:
    """How long it took until something was true.

    Raises:
        AssertionError: it never was.
    """
    started_s = time.monotonic()
    while not true():
        if time.monotonic() - started_s > deadline_s:
            raise AssertionError(f"not within {deadline_s} s")
        time.sleep(0.01)
    return time.monotonic() - started_s
