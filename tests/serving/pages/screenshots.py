"""Draw the pictures of the page for the documentation: `python -m tests.serving.pages.screenshots [FOLDER]`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.serving.pages.play_service import launch, make_workspace, ready, serving

IMAGES = Path(__file__).parents[3] / "docs" / "images"
SIZE = {"width": 1280, "height": 1000}


def after_a_like(page: Page, address: str, place: int) -> None:
    """The page once the item at `place` was liked and the pictures have come."""
    page.goto(address)
    ready(page)
    with page.expect_response("**/v1/recommendations"):
        page.locator("#list [data-do=like]").nth(place).click()
    page.mouse.move(0, 0)
    page.wait_for_load_state("networkidle")


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        workspace = make_workspace(Path(temporary), n_items=2_000, n_people=400, target_events=40_000)
        browser = launch(playwright)
        with serving(workspace) as url:
            for name, language, scheme in (("play", "en", "light"), ("play-zh", "zh", "dark")):
                page = browser.new_page(viewport=SIZE, color_scheme=scheme, reduced_motion="reduce")
                after_a_like(page, f"{url}/?lang={language}", 2)
                page.screenshot(path=folder / f"{name}.png")
                print(folder / f"{name}.png")
        browser.close()
        workspace.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES)
