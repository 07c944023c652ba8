"""What holds for all of the page: nothing overlaps, nothing runs, and it outlives the service."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.serving.pages.play_service import CARD, OpenPage, Watch, ids, make_workspace, serving, settle
from tests.serving.pages.test_accessible import grave

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror=alert(1)>"
SHELVES = ("because", "newest", "trending", "elsewhere")
OVERLAPS = """() => {
    const shown = [...document.querySelectorAll("button, input:not([type=file]), a, .title, .facts, h2, .end")]
        .filter(node => node.checkVisibility({ visibilityProperty: true }) && node.getClientRects().length)
        .filter(node => !node.closest(".skip-link, .toast"));
    const boxes = shown.map(node => [node, node.getBoundingClientRect()]);
    const inside = (one, other) => one.contains(other) || other.contains(one);
    const cut = (one, other) => Math.min(one.right, other.right) - Math.max(one.left, other.left) > 1
        && Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top) > 1;
    const name = node => `${node.className || node.id || node.tagName}: ${node.textContent.trim().slice(0, 30)}`;
    const found = [];
    boxes.forEach(([one, box], at) => boxes.slice(at + 1).forEach(([other, its]) => {
        if (!inside(one, other) && cut(box, its)) found.push(`${name(one)} | ${name(other)}`);
    }));
    return found;
}"""


def fill_everything(page: Page) -> None:
    for name in SHELVES:
        page.locator(f"[data-shelf={name}]").scroll_into_view_if_needed()
        expect(page.locator(f"[data-shelf={name}] .card:not(.ghost)").first).to_be_visible()


READERS = [
    *((320, "en", "light"), (320, "zh", "dark"), (390, "en", "dark"), (390, "zh", "light")),
    *((800, "en", "light"), (1280, "zh", "dark")),
]


@pytest.mark.parametrize(("width", "language", "scheme"), READERS)
def test_nothing_overlaps_or_sticks_out(open_page: OpenPage, width: int, language: str, scheme: str) -> None:
    size = {"width": width, "height": 900}
    page = open_page(f"/?lang={language}", viewport=size, has_touch=width < 700, color_scheme=scheme)
    settle(page, page.locator(f"{CARD} [data-do=like]").first.click)
    page.locator("[data-code=python]").click()
    fill_everything(page)
    assert page.evaluate(OVERLAPS) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    settle(page, page.locator("#newcomer").click)
    expect(page.locator(".choice").first).to_be_visible()
    assert page.evaluate(OVERLAPS) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    touchable = page.eval_on_selector_all(
        ".actions button, .choice, #starter-done, #undo, [data-code], .joined .plain",
        "all => all.map(each => each.getBoundingClientRect()).filter(box => box.height).map(box => box.height)",
    )
    assert min(touchable) >= 28
    assert min(touchable[:20]) >= 40


def test_the_measure_of_overlaps_finds_one(open_page: OpenPage) -> None:
    page = open_page()
    page.evaluate("document.querySelector('#list .title').style.marginTop = '-60px'")
    page.evaluate("document.querySelector('#list [data-do=skip]').style.marginLeft = '-60px'")
    assert len(page.evaluate(OVERLAPS)) >= 2


def test_hostile_words_are_only_words_on_shelves_and_in_the_start(
    open_page: OpenPage, tmp_path: Path, watch: Watch
) -> None:
    workspace = make_workspace(tmp_path, n_items=200, n_people=40, target_events=2_000)
    with serving(workspace) as url:
        rows = httpx.get(f"{url}/v1/items?limit=1000").json()["data"]
        hostile = {"title": HOSTILE, "title_zh": HOSTILE, "category_zh": HOSTILE}
        changed = [{**row, "attributes": {**row["attributes"], **hostile}} for row in rows]
        httpx.post(f"{url}/v1/items:batch", json=changed).raise_for_status()
        page = open_page("/?lang=zh", url=url)
        fill_everything(page)
        expect(page.locator("[data-shelf=because] h2")).to_contain_text(HOSTILE)
        expect(page.locator("[data-shelf=elsewhere] h2")).to_contain_text(HOSTILE)
        settle(page, page.locator(f"{CARD} [data-do=like]").first.click)
        expect(page.locator("#done")).to_contain_text(HOSTILE)
        settle(page, page.locator("#newcomer").click)
        expect(page.locator(".choice-title").first).to_have_text(HOSTILE)
        page.wait_for_timeout(200)
        assert page.locator("img[src='x']").count() == 0
        assert watch.dialogs == []
    workspace.close()


def test_the_service_starts_again_under_an_open_page(open_page: OpenPage, tmp_path: Path, watch: Watch) -> None:
    workspace = make_workspace(tmp_path, n_items=200, n_people=40, target_events=2_000)
    with serving(workspace) as url:
        page = open_page(url=url)
        before = ids(page)
    page.locator(f"{CARD}[data-item={before[1]}] [data-do=like]").click()
    expect(page.get_by_role("alert")).to_contain_text("Is it still running?")
    assert ids(page) == before
    with serving(workspace, int(url.rsplit(":", 1)[1])):
        after = settle(page, page.get_by_role("button", name="Try again").first.click)
        assert before[1] not in after
        expect(page.get_by_role("alert")).to_be_hidden()
        fill_everything(page)
        person: Any = page.evaluate("localStorage.getItem('serendip.person')")
        history = httpx.get(f"{url}/v1/users/{person}/history").json()["data"]
        assert [event["type"] for event in history if event["item_id"] == before[1]] == ["like"], "once"
        page.context.close()
    workspace.close()
    watch.errors.clear()  # the browser notes the failed requests


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_shelves_code_and_start_have_no_serious_fault(open_page: OpenPage, scheme: str) -> None:
    page = open_page(color_scheme=scheme)
    page.locator("[data-code=curl]").click()
    fill_everything(page)
    assert grave(page) == []
    settle(page, page.locator("#newcomer").click)
    page.locator(".choice").first.click()
    page.locator("#person").click()
    assert grave(page) == []
