"""Draw the pictures of the page for the documentation: `python -m tests.serving.pages.screenshots [FOLDER]`."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from playwright.sync_api import Page, sync_playwright

from tests.serving.pages.play_service import launch, make_workspace, ready, serving, settle

IMAGES = Path(__file__).parents[3] / "docs" / "images"
SIZE = {"width": 1280, "height": 1064}


def after_a_like(page: Page, address: str) -> None:
    """The page once something was liked and the pictures have come."""
    page.goto(address)
    ready(page)
    settle(page, page.locator("#list [data-do=like]").nth(2).click)
    page.mouse.move(0, 0)
    page.wait_for_load_state("networkidle")


def somebody_new(page: Page, address: str) -> None:
    """The start, with three things picked."""
    page.goto(address)
    ready(page)
    settle(page, page.locator("#newcomer").click)
    for place in (1, 4, 8):
        page.locator(".choice").nth(place).click()
    page.mouse.move(0, 0)
    page.wait_for_load_state("networkidle")


def shelves(page: Page, address: str) -> None:
    page.goto(address)
    ready(page)
    for name in ("because", "newest"):
        page.locator(f"[data-shelf={name}]").scroll_into_view_if_needed()
        page.locator(f"[data-shelf={name}] .card:not(.ghost)").first.wait_for()
    page.locator("[data-shelf=because]").evaluate("shelf => scrollTo(0, shelf.offsetTop - 20)")
    page.wait_for_load_state("networkidle")


PICTURES: tuple[tuple[str, str, Literal["light", "dark"], Callable[[Page, str], None]], ...] = (
    ("play", "en", "light", after_a_like),
    ("play-zh", "zh", "dark", after_a_like),
    ("play-start", "en", "light", somebody_new),
    ("play-shelves", "en", "dark", shelves),
)


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        workspace = make_workspace(Path(temporary), n_items=2_000, n_people=400, target_events=40_000)
        browser = launch(playwright)
        with serving(workspace) as url:
            for name, language, scheme, draw in PICTURES:
                page = browser.new_page(viewport=SIZE, color_scheme=scheme, reduced_motion="reduce")
                draw(page, f"{url}/?lang={language}")
                page.screenshot(path=folder / f"{name}.png")
                print(folder / f"{name}.png")
        browser.close()
        workspace.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES)
