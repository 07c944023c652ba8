"""The service in a process of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

SERVE = """
import os
import sys
from pathlib import Path
from serendip.serving import serve
from serendip.store import Workspace
exec(os.environ.get("BEFORE", ""))
with Workspace.create(Path(sys.argv[1])) as workspace:
    announce = lambda address: print(address, flush=True)
    serve(workspace, port=0, log=sys.argv[2], origins=sys.argv[3:], announce=announce)
"""


class Running:
    """A service that runs until it is told to end; a context that sees to it."""

    def __init__(self, path: Path, log: str = "quiet", *origins: str, before: str = "") -> None:
        """Args: before: Python that is run first, to switch a guard off."""
        self._log = path.with_name(f"{path.name}.log")
        with self._log.open("wb") as stderr:
            command = [sys.executable, "-c", SERVE, str(path), log, *origins]
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=stderr, text=True, env={**os.environ, "BEFORE": before}
            )
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().strip()

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def log(self) -> str:
        """What it wrote to standard error."""
        return self._log.read_text(encoding="utf-8")

    def tell(self, how: int) -> None:
        os.kill(self.process.pid, how)

    def end(self, how: int = signal.SIGTERM, within_s: float = 60) -> int:
        """Its exit code."""
        self.tell(how)
        return self.process.wait(within_s)

    def connect(self) -> socket.socket:
        host, port = self.address.removeprefix("http://").rsplit(":", 1)
        connected = socket.create_connection((host, int(port)), timeout=30)
        return connected


def everything(connected: socket.socket) -> bytes:
    """What comes until the other side closes."""
    with connected:
        parts = []
        while part := connected.recv(65_536):
            parts.append(part)
    return b"".join(parts)
