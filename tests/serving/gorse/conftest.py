"""The service on a socket, and gorse's own clients asking it."""

from __future__ import annotations

import asyncio
import inspect
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn
from gorse import AsyncGorse, Gorse

from serendip.serving import create_app
from serendip.store import Workspace
from tests.serving.conftest import opened, publish_model

Ask = Callable[..., Any]


@contextmanager
def serving(workspace: Workspace) -> Iterator[str]:
    """The address of the service while it runs in a thread."""
    with socket.create_server(("127.0.0.1", 0)) as port:
        server = uvicorn.Server(uvicorn.Config(create_app(workspace), log_level="error", ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [port]})
        thread.start()
        try:
            deadline_s = time.monotonic() + 20
            while not server.started:
                assert time.monotonic() < deadline_s, "the service did not start"
                time.sleep(0.02)
            yield f"http://127.0.0.1:{port.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def asking(kind: type[Gorse] | type[AsyncGorse], address: str, key: str = "") -> Ask:
    """Calls a method of a client by its name."""
    client = kind(address, key)

    def ask(method: str, *args: Any, **options: Any) -> Any:
        answer = getattr(client, method)(*args, **options)
        return asyncio.run(answer) if inspect.isawaitable(answer) else answer

    return ask


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with opened(tmp_path_factory.mktemp("gorse")) as workspace:
        publish_model(workspace)
        with serving(workspace) as where:
            yield where


@pytest.fixture(params=[Gorse, AsyncGorse], ids=["sync", "async"])
def ask(request: pytest.FixtureRequest, address: str) -> Ask:
    """Gorse's client."""
    return asking(request.param, address)
