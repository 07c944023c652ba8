"""Draw the pictures of the pages for the documentation: `python -m tests.serving.pages.screenshots [FOLDER]`."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Literal

import httpx
from playwright.sync_api import Page, sync_playwright

from serendip.store import Workspace
from tests.serving.pages.play_service import launch, make_workspace, ready, serving, settle, settled

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


def room(path: str) -> Callable[[Page, str], None]:
    """A screen of the control room once all of it was read."""

    def draw(page: Page, address: str) -> None:
        page.goto(address.replace("/?", f"/room/{path}{'&' if '?' in path else '?'}"))
        settled(page)
        if path.startswith("map"):
            page.locator("canvas").wait_for(timeout=60_000)
        page.wait_for_load_state("networkidle")

    return draw


def live(url: str, workspace: Workspace) -> None:
    """People come, are shown lists on two surfaces, and like some of it; half of them by another recipe."""
    recipe = workspace.pipeline().recipe
    varied = {**recipe.model_dump(mode="json"), "name": "varied"}
    varied["reranking"]["diversity"] = 0.6
    with httpx.Client(base_url=url, timeout=60) as client:
        current = client.get("/v1/recipe").json()["version"]
        aside = client.post("/v1/recipe:aside", json={"version": current, "recipe": varied}).raise_for_status().json()
        arms = [{"name": "as it was"}, {"name": "varied", "model_version": aside["version"]}]
        client.post("/v1/experiments", json={"name": "variety", "arms": arms, "worth": 0.1}).raise_for_status()
        luck = Random(0)
        for number in range(1, 401):
            asked = {"user_id": f"p{number:04}", "limit": 10, "surface": luck.choice(["home", "mail"])}
            answer = client.post("/v1/recommendations", json=asked).json()
            if luck.random() < 0.4:
                liked = answer["items"][luck.randrange(3)]["item_id"]
                event = {"type": "like", "item_id": liked, "request_id": answer["request_id"]}
                client.post("/v1/events", json={**event, "user_id": asked["user_id"]}).raise_for_status()


PICTURES: tuple[tuple[str, str, Literal["light", "dark"], Callable[[Page, str], None]], ...] = (
    ("play", "en", "light", after_a_like),
    ("play-zh", "zh", "dark", after_a_like),
    ("play-start", "en", "light", somebody_new),
    ("play-shelves", "en", "dark", shelves),
    ("room-overview", "en", "light", room("overview")),
    ("room-person", "en", "light", room("person?id=p0001")),
    ("room-item", "zh", "dark", room("item?id=book-0001")),
    ("room-pipeline", "en", "light", room("pipeline")),
    ("room-map", "en", "light", room("map?id=p0001")),
    ("room-experiments", "en", "dark", room("experiments?id=variety")),
)


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        workspace = make_workspace(Path(temporary), n_items=2_000, n_people=400, target_events=40_000)
        browser = launch(playwright)
        with serving(workspace) as url:
            live(url, workspace)
            for name, language, scheme, draw in PICTURES:
                page = browser.new_page(viewport=SIZE, color_scheme=scheme, reduced_motion="reduce")
                draw(page, f"{url}/?lang={language}")
                page.screenshot(path=folder / f"{name}.png")
                print(folder / f"{name}.png")
        browser.close()
        workspace.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES)
