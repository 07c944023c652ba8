"""A service with a small marketplace, a browser, and pages that are watched while a test uses them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.serving.pages.play_service import CHROMIUM, OpenPage, Watch, launch, make_workspace, ready, serving, settled


@pytest.fixture(scope="module")
def play_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service with 200 items and 60 people."""
    workspace = make_workspace(tmp_path_factory.mktemp("play"), n_items=200, n_people=60, target_events=6_000)
    with serving(workspace) as url:
        yield url
    workspace.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Not for the whole session: while it is there, its event loop runs, and nothing else can start one."""
    if CHROMIUM is None:
        pytest.skip("left out: there is no Chromium here (install chromium, or name one in CHROMIUM)")
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Of every page that the test opens; after the test it must be empty."""
    watch = Watch()
    yield watch
    assert watch == Watch()


@pytest.fixture
def open_page(browser: Browser, play_url: str, watch: Watch) -> Iterator[OpenPage]:
    """Open Play in a browser that has never been here, and wait for the list."""
    with opening(browser, play_url, watch, ready) as opened:
        yield opened


@pytest.fixture
def open_room(browser: Browser, play_url: str, watch: Watch) -> Iterator[OpenPage]:
    """Open a screen of the control room, such as `/room/overview`, and wait until no panel is busy."""
    with opening(browser, play_url, watch, settled) as opened:
        yield opened


@contextmanager
def opening(browser: Browser, home: str, watch: Watch, wait: Callable[[Page], None]) -> Iterator[OpenPage]:
    contexts = []

    def opened(path: str = "/", url: str = home, **options: Any) -> Page:
        size = {"width": 1280, "height": 900}
        contexts.append(browser.new_context(**{"viewport": size, "reduced_motion": "reduce", **options}))
        page = contexts[-1].new_page()
        page.set_default_timeout(20_000)  # what takes moments; a busy machine takes its time
        watch.over(page)
        page.goto(url + path)
        wait(page)
        return page

    yield opened
    for context in contexts:
        context.close()
