"""Is Play quick? `python -m benchmarks.pages [--views 20] [--likes 40] [--json FILE]`.

The demo world with 2,000 items, fitted with the recipe `default` and served by a process of its own, is opened in
headless Chromium. Told are, over new visits with nothing in the cache, the time from the start of navigation until the
list stands there and every picture in the window is drawn; and, over likes of one person, the time from the click until
the list that counts the like is on the screen. Written to results/pages/play.json.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from serendip.evaluation.resources import commit, machine, versions
from tests.serving.pages.play_service import CARD, launch, make_workspace, ready
from tests.serving.running import Running

FILE = Path(__file__).parent / "results" / "pages" / "play.json"
SIZE = {"items": 2_000, "people": 400, "events": 40_000}
WINDOW = {"width": 1280, "height": 900}
TARGETS_MS = {"first_view": 1_500, "like": 300}

WATCHING = """
const drawn = () => {
    const list = document.getElementById("list");
    if (!list || list.getAttribute("aria-busy") !== "false") return false;
    const inWindow = ({ top, left, width }) => width && top < innerHeight && left < innerWidth;
    const all = [...document.querySelectorAll(".card img, .tile img")];
    const near = all.filter(image => inWindow(image.getBoundingClientRect()));
    return near.length > 0 && near.every(image => image.complete && image.naturalWidth > 0);
};
const look = () => {
    if (drawn()) window.firstViewMs = performance.now();
    else requestAnimationFrame(look);
};
requestAnimationFrame(look);
addEventListener("click", ({ target }) => {
    if (!target.closest("[data-do=like]")) return;
    const clicked = performance.now();
    const changed = new MutationObserver(() => {
        changed.disconnect();
        requestAnimationFrame(() => setTimeout(() => { window.likeMs = performance.now() - clicked; }));
    });
    changed.observe(document.getElementById("list"), { childList: true });
}, { capture: true });
"""


def measured(page: Page, name: str) -> float:
    """A time that the page took itself, in ms."""
    for _ in range(2_000):
        found = page.evaluate(f"window.{name}")
        if found:
            page.evaluate(f"window.{name} = 0")
            return float(found)
        page.wait_for_timeout(5)
    raise TimeoutError(f"{name} did not come about in 10 s")


def visit(browser: Browser, address: str) -> Page:
    """A visitor who was never here."""
    page = browser.new_context(viewport=WINDOW).new_page()
    page.add_init_script(WATCHING)
    page.goto(address)
    return page


def first_views(browser: Browser, address: str, times: int) -> list[float]:
    found = []
    for _ in range(times + 1):  # the first, which also warms the service, is left out
        page = visit(browser, address)
        found.append(measured(page, "firstViewMs"))
        page.context.close()
    return found[1:]


def likes(browser: Browser, address: str, times: int) -> list[float]:
    page = visit(browser, address)
    found = []
    for turn in range(times + 1):
        ready(page)
        page.locator(f"{CARD} [data-do=like]").nth(turn % 5).click()
        found.append(measured(page, "likeMs"))
        page.wait_for_timeout(150)
    page.context.close()
    return found[1:]


def told(times_ms: list[float], target_ms: float) -> dict[str, Any]:
    p50, p95 = np.percentile(times_ms, [50, 95])
    figures = {"p50_ms": p50, "p95_ms": p95, "worst_ms": max(times_ms)}
    return {"n": len(times_ms), **{name: round(float(ms), 1) for name, ms in figures.items()}, "target_ms": target_ms}


def main(views: int, presses: int, file: Path) -> None:
    load = os.getloadavg()
    with TemporaryDirectory() as temporary, sync_playwright() as playwright:
        path = Path(temporary) / "shop"
        make_workspace(path, n_items=SIZE["items"], n_people=SIZE["people"], target_events=SIZE["events"]).close()
        browser = launch(playwright)
        with Running(path) as service:
            found = {
                "first_view": told(first_views(browser, service.address, views), TARGETS_MS["first_view"]),
                "like": told(likes(browser, service.address, presses), TARGETS_MS["like"]),
            }
        chromium = browser.version
        browser.close()
    when = datetime.now(UTC).isoformat(timespec="seconds")
    facts = {"machine": machine(), "versions": {**versions(), "chromium": chromium}, "commit": commit(), "date": when}
    result = {"world": SIZE, "window": WINDOW, **facts, "load_before": [round(one, 2) for one in load], **found}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    json.dump(found, sys.stdout, indent=1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--views", type=int, default=20)
    parser.add_argument("--likes", type=int, default=40)
    parser.add_argument("--json", type=Path, default=FILE)
    arguments = parser.parse_args()
    main(arguments.views, arguments.likes, arguments.json)
