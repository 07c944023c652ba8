"""Server: the service on a socket."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import signal
import socket
import time
from collections.abc import Callable, Iterable
from types import FrameType

import uvicorn
from fastapi import FastAPI

from serendip.data import InputError
from serendip.serving import logs
from serendip.serving.app import any_name, create_app
from serendip.serving.connections import check_times, guarded
from serendip.serving.origins import Origins
from serendip.serving.processes import Handed, Processes
from serendip.serving.siblings import Siblings
from serendip.store import Workspace
from serendip.training import one_blas_thread

TICKS_PER_S = 10
"""How often the server looks up from its work."""


def serve(
    workspace: Workspace,
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    insecure: bool = False,
    origins: Iterable[str] = (),
    log: logs.Style = "quiet",
    processes: int = 1,
    train_every_h: float | None = None,
    handed: str | None = None,
    announce: Callable[[str], None] | None = None,
) -> None:
    """Serve `workspace` until the process is told to stop (SIGINT, SIGTERM); what was shown is then written.

    After SIGTERM the service says that it is no longer ready, answers on for a moment, then ends what was begun.

    Args:
        port: 0 takes a free one.
        insecure: allow an address that other machines reach, without keys.
        origins: pages of these origins may use the service through a browser.
        processes: how many answer side by side on the one address; each uses about one core and holds the model.
        train_every_h: hours between rounds of background training, in the place of what the settings say.
        handed: what a process was handed that another one started, see `processes`.
        log: `json` or `text` write one line per request to standard error, `quiet` only what goes wrong.
        announce: called once with the address, when requests are answered.

    Raises:
        InputError: the host is not this machine's own, the port cannot be had, or an origin is none.
    """
    keyed = bool(workspace.store.keys())
    _check_host(host, insecure or keyed)
    logs.configure(log)
    if processes > 1:
        _serve_side_by_side(workspace, host, port, processes, insecure, origins, log, train_every_h, announce)
        return
    given = Handed(handed) if handed else None
    # Requests are answered side by side, so each keeps to one thread of BLAS.
    with (
        given.bound if given else listening(host, port) as bound,
        one_blas_thread(),
        contextlib.suppress(KeyboardInterrupt),
    ):
        # Without keys, a page from elsewhere must not get at the data by a name that leads to this machine.
        names = any_name if insecure or keyed else is_loopback
        training = workspace.settings.training
        if train_every_h is not None:
            training = training.model_copy(update={"every_h": train_every_h})
        first = given is None or given.place == 0  # of processes side by side one trains
        app = create_app(
            workspace, names, origins=origins, limit_anybody=not is_loopback(host), training=training if first else None
        )
        if given:
            app.state.siblings = Siblings(given.folder, given.place, app.state.engine.metrics.text)
        _Server(app, _address(bound), given.announce if given else announce).run(sockets=[bound])


def _serve_side_by_side(
    workspace: Workspace,
    host: str,
    port: int,
    count: int,
    insecure: bool,
    origins: Iterable[str],
    log: logs.Style,
    train_every_h: float | None,
    announce: Callable[[str], None] | None,
) -> None:
    Origins(origins)  # a wrong one is said here, once
    with listening(host, port) as bound:
        options = [str(workspace.path), "--host", host, "--log", log]
        options += ["--insecure"] if insecure else []
        options += [] if train_every_h is None else ["--train-every", f"{train_every_h * 60:f}m"]
        for origin in origins:
            options += ["--origin", origin]
        address = _address(bound)
        Processes(options, bound, count).run(lambda: announce(address) if announce else None)


def check_address(host: str, port: int) -> None:
    """See that `serve` will get its address, before other work is done.

    Raises:
        InputError: the host is not this machine's own, or the port cannot be had.
    """
    _check_host(host, open_to_all=False)
    listening(host, port).close()


def _check_host(host: str, open_to_all: bool) -> None:
    if not open_to_all and not is_loopback(host):
        raise InputError(
            f"{host} can be reached by other machines and no key is set; make one with `serendip keys create`, "
            "serve on 127.0.0.1, or pass --insecure"
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def listening(host: str, port: int) -> socket.socket:
    """A socket bound to the address, so that nobody else takes it between the check and the start.

    Raises:
        InputError: the port is in use, not allowed, or the host is not an address of this machine.
    """
    if not 0 <= port < 65_536:
        raise InputError(f"port {port} is not an address to serve on; there are those up to 65535")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, protocol)
    except OSError:
        raise InputError(f"{host}:{port} is not an address to serve on") from None
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen()
    except OSError as error:
        bound.close()
        raise InputError(_why(error, host, port)) from None
    return bound


def _why(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is in use; choose another with --port"
    if error.errno == errno.EACCES:
        return f"port {port} on {host} is not allowed to this user; choose one from 1024 on with --port"
    return f"{host}:{port} is not an address to serve on"


def _address(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Server(uvicorn.Server):
    """Says where it is once it answers, and ends in two steps: no longer ready, then no longer there."""

    def __init__(self, app: FastAPI, address: str, announce: Callable[[str], None] | None) -> None:
        settings = app.state.engine.workspace.settings.service
        super().__init__(
            uvicorn.Config(
                app,
                lifespan="on",
                http=guarded(settings, app.state.engine.metrics),
                ws="none",
                access_log=False,
                log_config=None,
                log_level="warning",
                server_header=False,
                timeout_graceful_shutdown=settings.finish_within_s,
            )
        )
        self._app_state = app.state
        self._drain_s: float = settings.drain_s
        self._ends_s = float("inf")
        self._at = address
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and self._announce is not None:
            self._announce(self._at)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGTERM is how services are replaced: who balances load must see it first. A second one hurries."""
        first = not self._app_state.draining
        self._app_state.draining = True
        if sig == signal.SIGTERM:
            self._ends_s = time.monotonic() + (self._drain_s if first else 0.0)
        else:
            super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        if counter % TICKS_PER_S == 0:
            check_times(self.server_state.connections)
        if time.monotonic() >= self._ends_s:
            self.should_exit = True
        return await super().on_tick(counter)
