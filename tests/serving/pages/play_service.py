"""The real service on a free port of this machine, a real browser, and what tests ask of a page in it."""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from playwright.sync_api import Browser, Locator, Page, Playwright, Response

from serendip.pipeline import Pipeline, Recipe
from serendip.serving import create_app
from serendip.store import Workspace
from serendip.training import FitOptions
from serendip.world import generate

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
SWITCHES = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
)

OpenPage = Callable[..., Page]
CARD = "#list .card"


@dataclass
class Watch:
    """What a page did that it should not do."""

    errors: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)
    """Addresses outside this machine that it asked for."""

    def over(self, page: Page) -> None:
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("dialog", self._dismiss)
        page.on("request", lambda request: self._ask(request.url))

    def _dismiss(self, dialog: Any) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def _ask(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme != "data" and parts.hostname != "127.0.0.1":
            self.strays.append(url)


def launch(playwright: Playwright) -> Browser:
    return playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)


def ready(page: Page) -> None:
    """Wait until the list is there, be it an empty one."""
    page.wait_for_selector("#list[aria-busy=false]", state="attached")


def settled(page: Page) -> None:
    """Wait until a screen of the control room stands and all its panels have been read."""
    page.wait_for_selector("#screen[aria-busy=false]", state="attached")
    page.wait_for_selector("#screen [aria-busy=true]", state="detached")


def region(page: Page, name: str) -> Locator:
    """A panel by its heading."""
    return page.get_by_role("region", name=name, exact=True).first


def ids(page: Page) -> list[str]:
    return page.eval_on_selector_all(CARD, "cards => cards.map(card => card.dataset.item)")  # type: ignore[no-any-return]


def until(page: Page, holds: Callable[[], bool]) -> None:
    """Wait for something that cannot be waited for in the page, whose policy forbids evaluation."""
    deadline_s = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < deadline_s, "it did not come about"
        page.wait_for_timeout(20)


def of_list(response: Response) -> bool:
    """Whether it answers the list itself, not a shelf below it."""
    return response.url.endswith("/v1/recommendations") and response.request.post_data_json.get("surface") == "play"


def settle(page: Page, act: Callable[[], Any]) -> list[str]:
    """The ids on show once the list that `act` causes has come."""
    with page.expect_response(of_list):
        act()
    ready(page)
    return ids(page)


def make_workspace(folder: Path, n_items: int, n_people: int, target_events: int) -> Workspace:
    """A small marketplace, trained."""
    workspace = Workspace.create(folder)
    world = generate(seed=1, n_items=n_items, n_people=n_people, target_events=target_events)
    world.draw(workspace.path)
    workspace.store.import_tables(world.tables())
    options = FitOptions(seed=1, threads=1, pictures=folder)
    pipeline = Pipeline(Recipe.named("default")).fit(workspace.dataset()[0], options)
    saved = workspace.new_model_folder()
    pipeline.save(saved)
    workspace.publish(saved)
    return workspace


@contextmanager
def serving(workspace: Workspace, port: int = 0) -> Iterator[str]:
    """The address of the service while it runs in a thread; port 0 is any that is free."""
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        server = uvicorn.Server(uvicorn.Config(create_app(workspace), log_level="error", ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            deadline_s = time.monotonic() + 20
            while not server.started:
                assert time.monotonic() < deadline_s, "the service did not start"
                time.sleep(0.02)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
