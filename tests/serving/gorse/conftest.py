"""The service on a socket, and gorse's own clients asking it."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from gorse import AsyncGorse, Gorse

from tests.serving.conftest import opened, publish_model
from tests.serving.pages.play_service import serving

Ask = Callable[..., Any]


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
