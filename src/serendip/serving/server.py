"""Server: the service on a socket."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import socket
from collections.abc import Callable

import uvicorn

from serendip.data import InputError
from serendip.serving.app import any_name, create_app
from serendip.store import Workspace
from serendip.training import one_blas_thread


def serve(
    workspace: Workspace,
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    insecure: bool = False,
    announce: Callable[[str], None] | None = None,
) -> None:
    """Serve `workspace` until the process is told to stop (SIGINT, SIGTERM); what was shown is then written.

    Args:
        port: 0 takes a free one.
        insecure: allow an address that other machines reach, without keys.
        announce: called once with the address, when requests are answered.

    Raises:
        InputError: the host is not this machine's own, or the port cannot be had.
    """
    keyed = bool(workspace.store.keys())
    _check_host(host, insecure or keyed)
    # Requests are answered side by side, so each keeps to one thread of BLAS.
    with listening(host, port) as bound, one_blas_thread(), contextlib.suppress(KeyboardInterrupt):
        # Without keys, a page from elsewhere must not get at the data by a name that leads to this machine.
        names = any_name if insecure or keyed else is_loopback
        config = uvicorn.Config(
            create_app(workspace, names), lifespan="on", access_log=False, log_level="warning", server_header=False
        )
        _Server(config, _address(bound), announce).run(sockets=[bound])


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
    """Says where it is once it answers."""

    def __init__(self, config: uvicorn.Config, address: str, announce: Callable[[str], None] | None) -> None:
        super().__init__(config)
        self._at = address
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and self._announce is not None:
            self._announce(self._at)
