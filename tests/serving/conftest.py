"""A small shop behind the service, and a client that asks it in process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import polars as pl
import pytest
from fastapi import FastAPI

from serendip.data import Tables, event_frame
from serendip.pipeline import Pipeline, Recipe
from serendip.serving import answering, create_app
from serendip.store import Workspace
from serendip.training import FitOptions

N_ITEMS, N_USERS = 40, 60
DOT = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360000002000001e221bc330000000049454e44ae426082"
)


@pytest.fixture(autouse=True, scope="session")
def patient() -> Iterator[None]:
    """On a busy machine nothing that is merely slow is taken for a source that hangs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(answering, "PATIENCE_S", 60.0)
        yield


class Client:
    """Synchronous requests to an application in this process, over one event loop."""

    def __init__(self, app: FastAPI, key: str | None = None) -> None:
        """Args: key: is sent with every request that `__call__` makes."""
        self.app, self.key = app, key
        self._loop = asyncio.Runner()
        transport = httpx.ASGITransport(app)
        headers = {"x-api-key": key} if key else {}
        self._http = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers)

    def __call__(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self._loop.run(self._http.request(method, path, **options))

    def send(self, request: httpx.Request) -> httpx.Response:
        return self._loop.run(self._http.send(request))

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self("GET", path, **options)

    def post(self, path: str, content: Any, **options: Any) -> httpx.Response:
        return self("POST", path, json=content, **options)

    def listed(self, **ask: Any) -> list[str]:
        """The ids that `POST /v1/recommendations` lists."""
        answer = self.post("/v1/recommendations", ask)
        assert answer.status_code == 200, answer.text
        return [item["item_id"] for item in answer.json()["items"]]

    @contextmanager
    def living(self) -> Iterator[None]:
        """The lifespan of the application."""
        context = self.app.router.lifespan_context(self.app)
        self._loop.run(context.__aenter__())
        try:
            yield
        finally:
            self._loop.run(context.__aexit__(None, None, None))

    def close(self) -> None:
        self.app.state.engine.answering.stop()
        self._loop.run(self._http.aclose())
        self._loop.close()


def shop_tables(seed: int = 0) -> Tables:
    """Even people like even items, odd people odd ones."""
    generator = np.random.default_rng(seed)
    pairs = [
        (user, item)
        for user in range(N_USERS)
        for item in generator.choice(np.arange(user % 2, N_ITEMS, 2), size=8, replace=False)
    ]
    events = {
        "user_id": [f"u{user}" for user, _ in pairs],
        "item_id": [f"i{item}" for _, item in pairs],
        "type": ["like"] * len(pairs),
        "time_ms": [1_700_000_000_000 + 60_000 * place for place in range(len(pairs))],
        "event_id": [f"e{place}" for place in range(len(pairs))],
    }
    items = pl.DataFrame(
        {
            "item_id": [f"i{item}" for item in range(N_ITEMS)],
            "title": [f"Thing {item}" for item in range(N_ITEMS)],
            "category": [("tea", "coffee")[item % 2] for item in range(N_ITEMS)],
            "price": [1.0 + item for item in range(N_ITEMS)],
            "image": [f"pictures/i{item}.png" for item in range(N_ITEMS)],
        }
    )
    users = pl.DataFrame({"user_id": [f"u{user}" for user in range(N_USERS)], "age": [20] * N_USERS})
    return Tables(event_frame(events), items, users)


def publish_model(workspace: Workspace) -> str:
    """Fit the default recipe on what the workspace holds."""
    reading = workspace.read()
    pipeline = Pipeline(Recipe.named("default")).fit(reading.dataset, FitOptions(threads=1))
    return workspace.adopt(pipeline, reading)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace with a fitted model, shared by the tests of a file."""
    with opened(tmp_path_factory.mktemp("shop")) as workspace:
        publish_model(workspace)
        yield workspace


@contextmanager
def opened(path: Path) -> Iterator[Workspace]:
    workspace = Workspace.create(path)
    workspace.store.import_tables(shop_tables())
    workspace.pictures_dir.mkdir(exist_ok=True)
    (workspace.pictures_dir / "i1.png").write_bytes(DOT)
    try:
        yield workspace
    finally:
        workspace.close()


@pytest.fixture(scope="module")
def client(shop: Workspace) -> Iterator[Client]:
    client = Client(create_app(shop))
    with client.living():
        yield client
    client.close()


@pytest.fixture
def untrained(tmp_path: Path) -> Iterator[Workspace]:
    """A workspace with events and items and no model."""
    with opened(tmp_path / "untrained") as workspace:
        yield workspace


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Workspace]:
    workspace = Workspace.create(tmp_path / "empty")
    yield workspace
    workspace.close()


@pytest.fixture
def ask_of() -> Iterator[Callable[[Workspace], Client]]:
    """Makes clients of workspaces, without their lifespan."""
    clients: list[Client] = []

    def make(workspace: Workspace) -> Client:
        clients.append(Client(create_app(workspace)))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def train() -> Callable[[Workspace], str]:
    return publish_model


@pytest.fixture
def is_problem() -> Callable[..., dict[str, Any]]:
    """Checks that an answer is a problem of that status; its content."""

    def check(answer: httpx.Response, status: int, name: str | None = None) -> dict[str, Any]:
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        content: dict[str, Any] = json.loads(answer.content)
        assert content["status"] == status
        assert content["request_id"] == answer.headers["x-request-id"]
        assert content["title"]
        assert content["detail"]
        assert "Traceback" not in answer.text
        if name is not None:
            assert content["type"] == f"urn:serendip:problem:{name}"
        return content

    return check
