"""The screen Map in a real browser: look around, find, point, open, and see where a taste lies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from serendip.store import Workspace
from tests.serving.pages.play_service import OpenPage, serving, settled

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror=alert(1)>"
CANVAS = "canvas.map"


@pytest.fixture
def open_map(open_room: OpenPage) -> Iterator[OpenPage]:
    """Open the map and wait until it is drawn."""

    def opened(path: str = "/room/map", **options: Any) -> Page:
        page = open_room(path, **options)
        page.wait_for_selector(CANVAS, timeout=60_000)
        settled(page)
        return page

    return opened


def near(page: Page) -> list[str]:
    """The titles of the list beside the map."""
    return page.locator(".map-list .tile-title").all_inner_texts()


def painted(page: Page) -> str:
    """What the canvas shows now, once it is drawn."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return page.evaluate(f"document.querySelector('{CANVAS}').toDataURL()")  # type: ignore[no-any-return]


def items(url: str) -> list[dict[str, Any]]:
    return httpx.get(f"{url}/v1/map").json()["items"]  # type: ignore[no-any-return]


def pixels_of(page: Page, item: dict[str, Any]) -> tuple[float, float]:
    """Where an item of the whole map stands on the page."""
    box = page.locator(CANVAS).bounding_box()
    assert box is not None
    unit = min(box["width"], box["height"]) * 0.46
    return box["x"] + box["width"] / 2 + item["x"] * unit, box["y"] + box["height"] / 2 + item["y"] * unit


def test_it_says_what_it_shows_and_how_good_it_is(open_map: OpenPage, play_url: str) -> None:
    page = open_map()
    told = httpx.get(f"{play_url}/v1/map").json()
    text = page.get_by_role("region", name="Map", exact=True).inner_text()
    assert f"The {len(told['items'])} best known items" in text
    assert "vectors of the source “als”" in text
    assert "Method: t-SNE" in text
    assert f"{100 * told['quality']['kept']:.1f}".rstrip("0").rstrip(".") in text
    assert "trustworthiness" in text
    assert page.locator(".legend li").count() > 3


def test_pointing_names_an_item_and_a_click_opens_it(open_map: OpenPage, play_url: str) -> None:
    page = open_map()
    item = items(play_url)[0]
    x, y = pixels_of(page, item)
    page.mouse.move(x, y)
    expect(page.locator(".map-tip strong")).to_have_text(item["attributes"]["title"])
    expect(page.locator(".map-tip img")).to_have_attribute("src", f"/v1/items/{item['item_id']}/image")
    page.mouse.click(x, y)
    page.wait_for_url(f"**/room/item?id={item['item_id']}")


def test_wheel_and_drag_move_it(open_map: OpenPage, play_url: str) -> None:
    page = open_map()
    whole = painted(page)
    item = items(play_url)[0]
    x, y = pixels_of(page, item)
    page.mouse.move(x, y)
    page.mouse.wheel(0, -900)
    assert painted(page) != whole
    page.mouse.move(x + 1, y)
    expect(page.locator(".map-tip strong")).to_have_text(item["attributes"]["title"])  # what is pointed at stays there
    before = near(page)
    page.mouse.down()
    page.mouse.move(x + 160, y + 90, steps=4)
    page.mouse.up()
    assert near(page) != before
    assert "/room/map" in page.url, "a drag is no click"
    page.get_by_role("button", name="The whole map").click()
    page.mouse.move(1, 1)
    assert painted(page) == whole


def test_two_fingers_zoom(open_map: OpenPage) -> None:
    page = open_map(has_touch=True)
    whole = painted(page)
    page.evaluate(
        """() => {
          const canvas = document.querySelector("canvas.map");
          canvas.setPointerCapture = () => {};
          const { left, top } = canvas.getBoundingClientRect();
          const finger = (type, id, x, y) => canvas.dispatchEvent(new PointerEvent(type,
            { pointerId: id, pointerType: "touch", clientX: left + x, clientY: top + y, bubbles: true }));
          finger("pointerdown", 1, 200, 200);
          finger("pointerdown", 2, 260, 200);
          for (let x = 260; x < 420; x += 20) finger("pointermove", 2, x, 200);
          finger("pointerup", 1, 200, 200);
          finger("pointerup", 2, 400, 200);
        }"""
    )
    assert painted(page) != whole
    assert "/room/map" in page.url


def test_by_keyboard_alone(open_map: OpenPage) -> None:
    page = open_map()
    before, whole = near(page), painted(page)
    page.locator(CANVAS).focus()
    for key in ("+", "+", "+", "ArrowRight", "ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    assert near(page) != before
    page.keyboard.press("0")
    assert near(page) == before
    page.locator("#heading").focus()
    page.locator(CANVAS).focus()
    page.keyboard.press("-")
    assert painted(page) == whole, "no farther than the whole"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/room/item?id=*")


def test_a_title_is_found(open_map: OpenPage, play_url: str) -> None:
    page = open_map()
    title = items(play_url)[5]["attributes"]["title"]
    page.get_by_label("Find by title").fill(title.upper())
    expect(page.get_by_role("heading", name="Found")).to_be_visible()
    assert title in near(page)
    page.get_by_label("Find by title").fill("")
    expect(page.get_by_role("heading", name="In the middle")).to_be_visible()


def test_a_taste_lies_on_it(open_map: OpenPage, play_url: str) -> None:
    page = open_map()
    plain = painted(page)
    page.get_by_role("region", name="Whose taste?").get_by_role("link").first.click()
    page.wait_for_url("**/room/map?id=*")
    page.wait_for_selector(f"{CANVAS}")
    settled(page)
    expect(page.get_by_role("region", name="Map", exact=True)).to_contain_text("of their list now are on this map")
    expect(page.locator(".legend").last).to_contain_text("the list they would get now, by place")
    assert painted(page) != plain
    page.get_by_label("Id of a person").fill("somebody new")
    page.get_by_role("button", name="Show on the map").click()
    page.wait_for_url("**/room/map?id=somebody+new")
    settled(page)
    expect(page.get_by_role("region", name="Map", exact=True)).to_contain_text("0 things they met")


def test_it_speaks_chinese_in_the_dark_on_a_telephone(open_map: OpenPage) -> None:
    page = open_map("/room/map?lang=zh", viewport={"width": 360, "height": 740}, color_scheme="dark")
    assert "最知名的" in page.get_by_role("region", name="地图", exact=True).inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    dark = painted(page)
    page.emulate_media(color_scheme="light")
    assert painted(page) != dark


def test_hostile_titles_and_kinds_stay_text(open_map: OpenPage, play_url: str) -> None:
    best = items(play_url)[0]["item_id"]
    before = httpx.get(f"{play_url}/v1/items/{best}").json()["attributes"]
    hostile = {**before, "title": HOSTILE, "category": HOSTILE}
    httpx.put(f"{play_url}/v1/items/{best}", json={"attributes": hostile})
    try:
        page = open_map(f"/room/map?id={HOSTILE}")
        page.get_by_label("Find by title").fill("onerror")
        assert near(page) == [HOSTILE]
        page.mouse.move(*pixels_of(page, {"x": 0, "y": 0}))
        expect(page.locator(".map-tip strong")).to_have_text(HOSTILE)
        assert page.locator("#screen img[src=x]").count() == 0
    finally:
        httpx.put(f"{play_url}/v1/items/{best}", json={"attributes": before})


def test_an_empty_workspace_says_so(open_room: OpenPage, tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "empty")
    with serving(workspace) as url:
        page = open_room("/room/map", url)
        expect(page.get_by_role("region", name="Map", exact=True)).to_contain_text("There is no model yet")
        page.close()
    workspace.close()


def test_five_thousand_points_move_smoothly(open_map: OpenPage) -> None:
    """How long one drawing takes, in a browser that draws without a graphics card."""
    points = [
        {
            "item_id": f"i{n}",
            "x": (n * 37 % 1000) / 500 - 1,
            "y": (n * 91 % 997) / 498.5 - 1,
            "attributes": {"category": n % 9},
        }
        for n in range(5_000)
    ]
    told = {"ready": True, "model_version": "m", "failed": False, "source": "als", "method": "t-SNE", "of": 5_000}
    quality = {"neighbours": 10, "kept": 0.5, "trustworthiness": 0.9}
    page = open_map()
    page.route(
        "**/v1/map?*",
        lambda route: route.fulfill(json={**told, "quality": quality, "coloured_by": "category", "items": points}),
    )
    page.reload()
    page.wait_for_selector(CANVAS)
    settled(page)
    took_ms = page.evaluate(
        """async () => {
          const canvas = document.querySelector("canvas.map");
          const frame = () => new Promise(requestAnimationFrame);
          const took = [];
          for (let turn = 0; turn < 20; turn += 1) {
            await frame();
            const from = performance.now();
            canvas.dispatchEvent(new WheelEvent("wheel", { deltaY: turn % 2 ? 40 : -40, cancelable: true }));
            await frame();
            await frame();
            took.push(performance.now() - from);
          }
          return took.sort((one, other) => one - other)[10];
        }"""
    )
    print(f"a turn of the wheel over 5,000 points is seen after {took_ms:.0f} ms")
    assert took_ms < 400
