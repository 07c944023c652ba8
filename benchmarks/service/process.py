"""Process: `serendip serve` as a user starts it, and what it takes of the machine."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

from serendip.errors import InputError

SERENDIP = (sys.executable, "-c", "import sys; from serendip.cli import main; sys.exit(main())")
"""The command of the package that this Python imports, whether or not its script is installed."""
REPOSITORY = Path(__file__).parents[2]
HOST = "127.0.0.1"
LOOK_EVERY_S = 0.002
READY_WITHIN_S = 180.0
SETTLED_WITHIN_S, QUICK_S, QUICK_ANSWERS = 60.0, 0.1, 5
TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


@dataclass(frozen=True)
class Memory:
    """Of a process and its children now, in millions of bytes."""

    resident_mb: float
    anonymous_mb: float
    """Without pages of files, which the system can take back."""


@dataclass(frozen=True)
class Server:
    """A service that answers."""

    port: int
    pid: int
    ready_s: float
    """From the start of the process to the first 200 of /readyz."""
    ready_cpu_s: float
    """Processor seconds until then, which hardly depend on what else the machine does."""

    def cpu_s(self) -> float:
        """Processor seconds so far, of all of its processes."""
        return sum(_cpu_s(pid) for pid in _family(self.pid))

    def settle(self) -> None:
        """Wait until what is left of a load is done: some quick answers in a row."""
        deadline_s, quick = time.perf_counter() + SETTLED_WITHIN_S, 0
        while quick < QUICK_ANSWERS and time.perf_counter() < deadline_s:
            asked_s = time.perf_counter()
            is_ready(self.port)
            quick = quick + 1 if time.perf_counter() - asked_s < QUICK_S else 0
            time.sleep(QUICK_S)

    def memory(self) -> Memory:
        parts = [_memory_mb(pid) for pid in _family(self.pid)]
        return Memory(sum(resident for resident, _ in parts), sum(anonymous for _, anonymous in parts))


def surroundings(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment, in which the code of this repository comes first."""
    path = os.pathsep.join(filter(None, [str(REPOSITORY / "src"), str(REPOSITORY), os.environ.get("PYTHONPATH", "")]))
    return {**os.environ, "PYTHONPATH": path, **(more or {})}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(
    folder: Path,
    command: Sequence[str] | None = None,
    ready_status: int = 200,
    more: Mapping[str, str] | None = None,
    processes: int = 1,
) -> Iterator[Server]:
    """Serve a workspace in a process of its own until the end of the context.

    Args:
        command: instead of `serendip serve`; `{port}` in it is replaced.
        more: of the environment.
        processes: that answer side by side, see `serve --processes`.
        ready_status: what /readyz answers when there is nothing more to wait for: 503 of a workspace without anything.

    Raises:
        InputError: it ended, or was not ready in time; the sentence holds the last line it said.
    """
    port = free_port()
    line = [
        word.format(port=port)
        for word in command or (*SERENDIP, "serve", str(folder), "--port", "{port}", "--processes", str(processes))
    ]
    with TemporaryFile("w+") as said:
        started_s = time.perf_counter()
        process = subprocess.Popen(line, stdout=said, stderr=subprocess.STDOUT, env=surroundings(more))
        try:
            while not is_ready(port, ready_status):
                if process.poll() is not None or time.perf_counter() - started_s > READY_WITHIN_S:
                    said.seek(0)
                    raise InputError(f"{folder} is not served: {(said.read().strip().splitlines() or ['no word'])[-1]}")
                time.sleep(LOOK_EVERY_S)
            ready_s = time.perf_counter() - started_s
            yield Server(port, process.pid, ready_s, sum(_cpu_s(pid) for pid in _family(process.pid)))
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def is_ready(port: int, status: int = 200) -> bool:
    """Whether /readyz answers with that status now."""
    try:
        with socket.create_connection((HOST, port), timeout=60) as probe:
            probe.sendall(b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            return probe.recv(64).split(b" ", 2)[1:2] == [str(status).encode()]
    except OSError:
        return False


def _family(pid: int) -> list[int]:
    """The process and its descendants."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    except OSError:
        return [pid]
    return [pid, *(one for child in text.split() for one in _family(int(child)))]


def _cpu_s(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS


def _memory_mb(pid: int) -> tuple[float, float]:
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return 0.0, 0.0
    found = {
        name: int(rest.split()[0]) * 1024 / 1e6
        for name, _, rest in (line.partition(":") for line in lines)
        if "kB" in rest
    }
    return found.get("VmRSS", 0.0), found.get("RssAnon", 0.0)
