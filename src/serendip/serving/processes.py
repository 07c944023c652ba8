"""Processes: several services on one socket, because one Python process uses about one core.

Each is a whole `serendip serve` over the same workspace, as replicas on several machines are; the system hands each
connection to one of them. This process only starts them, passes signals on, and puts another in the place of one that
died. When it dies itself, they end as they do on SIGTERM.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from select import select
from tempfile import TemporaryDirectory
from threading import Thread

from serendip.data import InputError

READY_WITHIN_S = 600.0
LOOK_EVERY_S = 0.2
PAUSE_S = 1.0
"""Before another takes the place of one that died."""
_RUN = (sys.executable, "-c", "import sys; from serendip.cli import main; sys.exit(main())", "serve")

_log = logging.getLogger(__name__)


class Processes:
    """`count` processes of `serendip serve` with `options` that listen on `bound`."""

    def __init__(self, options: Sequence[str], bound: socket.socket, count: int) -> None:
        self._options, self._bound, self._count = options, bound, count
        self._running: list[subprocess.Popen[bytes]] = []
        self._ready, self._says_ready = os.pipe()
        self._lifeline, self._alive = os.pipe()  # closed with this process, whatever ends it
        self._folder = TemporaryDirectory(prefix="serendip-")  # where they find each other
        self._ending = False

    def run(self, announce: Callable[[], None]) -> None:
        """Until SIGTERM or SIGINT; `announce` is called when all of them answer.

        Raises:
            InputError: one of them could not start.
        """
        before = {one: signal.signal(one, self._pass_on) for one in (signal.SIGTERM, signal.SIGINT)}
        try:
            self._running = [self._start(place) for place in range(self._count)]
            if self._are_ready():
                announce()
            while not self._ending:
                time.sleep(LOOK_EVERY_S)
                self._replace_dead()
        finally:
            self._end()
            for one, handler in before.items():
                signal.signal(one, handler)

    def _start(self, place: int) -> subprocess.Popen[bytes]:
        passed = self._bound.fileno(), self._says_ready, self._lifeline
        handed = ["--handed", ",".join([*map(str, passed), str(place), self._folder.name])]
        return subprocess.Popen([*_RUN, *self._options, *handed], pass_fds=passed)

    def _are_ready(self) -> bool:
        """Wait for a word of each."""
        deadline_s, heard = time.monotonic() + READY_WITHIN_S, 0
        while heard < self._count and not self._ending:
            if any(one.poll() is not None for one in self._running) or time.monotonic() > deadline_s:
                raise InputError("a process of the service could not start; it said why above")
            if select([self._ready], [], [], LOOK_EVERY_S)[0]:
                heard += len(os.read(self._ready, self._count))
        return not self._ending

    def _replace_dead(self) -> None:
        for place, one in enumerate(self._running):
            if one.poll() is not None and not self._ending:
                _log.error("process %d of the service ended (%s); another takes its place", one.pid, one.returncode)
                time.sleep(PAUSE_S)
                self._running[place] = self._start(place)

    def _pass_on(self, number: int, frame: object) -> None:
        self._ending = True
        for one in self._running:
            one.send_signal(number)

    def _end(self) -> None:
        for one in self._running:
            if not self._ending:
                one.terminate()
            one.wait()
        for end in (self._ready, self._says_ready, self._lifeline, self._alive):
            os.close(end)
        self._folder.cleanup()


class Handed:
    """What a process gets from `Processes`: the socket, where to say that it answers, and how it knows to end."""

    def __init__(self, text: str) -> None:
        try:
            *numbers, folder = text.split(",", 4)
            bound, self._says_ready, self._lifeline, self.place = map(int, numbers)
            self.bound, self.folder = socket.socket(fileno=bound), Path(folder)
        except (ValueError, OSError):
            raise InputError("--handed is for processes that `serve --processes` starts") from None

    def announce(self, address: str) -> None:
        """Say that requests are answered, and watch over the one who started this process."""
        os.write(self._says_ready, b".")
        os.close(self._says_ready)
        Thread(target=self._watch, name="lifeline", daemon=True).start()

    def _watch(self) -> None:
        os.read(self._lifeline, 1)  # returns when nobody holds the other end
        os.kill(os.getpid(), signal.SIGTERM)
