"""The control room in a real browser: its door, its navigation, its panels."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from serendip.serving.pages import SCREENS, words
from serendip.store import Workspace
from serendip.store.keys import make
from tests.serving.pages.play_service import OpenPage, Watch, serving, settled


def heading(page: Page) -> str:
    return page.locator("#heading").inner_text()


def test_the_room_is_one_click_away_from_play_and_back(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_role("link", name="Control room").click()
    settled(page)
    assert page.url.endswith("/room/overview")
    assert heading(page) == "Overview"
    page.get_by_role("link", name="Play").first.click()
    page.wait_for_selector("#list")


def test_each_panel_shows_the_calls_behind_it(open_room: OpenPage) -> None:
    page = open_room("/room/overview")
    panel = page.get_by_role("region", name="Alerts")
    panel.locator("summary").click()
    expect(panel.locator(".commands")).to_contain_text("curl -sS 'http://127.0.0.1")
    expect(panel.locator(".commands")).to_contain_text("/v1/alerts")


def test_the_room_speaks_chinese_and_stays_so(open_room: OpenPage) -> None:
    page = open_room("/room/overview?lang=zh")
    assert heading(page) == "总览"
    page.get_by_role("button", name="English").click()
    settled(page)
    assert heading(page) == "Overview"
    page.reload()
    settled(page)
    assert heading(page) == "Overview"


def test_a_service_with_keys_opens_to_a_key_that_may_look(open_room: OpenPage, tmp_path: Path, watch: Watch) -> None:
    workspace = Workspace.create(tmp_path / "keyed")
    texts = {}
    for scope in ("events:write", "control:read", "admin"):
        key, texts[scope] = make(f"of {scope}", [scope])
        workspace.store.add_key(key)
    with serving(workspace) as url:
        page = open_room("/room/overview", url)
        expect(page.locator("#door-text")).to_contain_text("needs a key")
        for scope, said in (("events:write", "does not open"), ("nonsense", "not known here")):
            page.locator("#key").fill(texts.get(scope, scope))
            page.get_by_role("button", name="Use this key").click()
            expect(page.locator("#door-text")).to_contain_text(said)
        page.locator("#key").fill(texts["control:read"])
        page.get_by_role("button", name="Use this key").click()
        expect(page.locator("#role")).to_contain_text("Read only · of control:read")
        settled(page)
        expect(page.locator("#door")).to_be_hidden()
        page.close()
        watch.errors.clear()  # a browser says 401 in its console
    workspace.close()


def test_an_empty_workspace_says_so_on_every_screen(open_room: OpenPage, tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "empty")
    with serving(workspace) as url:
        page = open_room("/room/overview", url)
        expect(page.get_by_role("region", name="At a glance")).to_contain_text("no model yet")
        for screen in SCREENS:
            page.goto(f"{url}/room/{screen}")
            settled(page)
            assert page.locator(".notice.problem:visible").count() == 0, screen
        page.close()
    workspace.close()


def test_a_service_that_was_restarted_is_found_again(open_room: OpenPage, tmp_path: Path, watch: Watch) -> None:
    workspace = Workspace.create(tmp_path / "restarted")
    with serving(workspace) as url:
        page = open_room("/room/overview", url)
        port = int(url.rpartition(":")[2])
    page.get_by_role("button", name="中文").click()  # asks anew while nobody answers
    expect(page.locator("#screen .notice.problem").first).to_contain_text("服务没有响应")
    with serving(workspace, port):
        expect(page.get_by_role("region", name="概览").locator("dl")).to_be_visible(timeout=10_000)
        page.close()
    watch.errors.clear()  # a browser says in its console that nobody answered
    workspace.close()


@pytest.mark.parametrize("screen", SCREENS)
def test_every_screen_fits_a_narrow_dark_phone_in_chinese(open_room: OpenPage, screen: str) -> None:
    phone = {"viewport": {"width": 320, "height": 640}, "has_touch": True, "is_mobile": True, "color_scheme": "dark"}
    page = open_room(f"/room/{screen}?lang=zh", **phone)
    assert heading(page) == words("room")["zh"][screen]
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    light = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g).slice(0, 3).map(Number)")
    assert max(light) < 64


def test_the_room_is_walked_by_keyboard_alone(open_room: OpenPage) -> None:
    page = open_room("/room/overview")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip-link"
    for screen in SCREENS[1:]:
        link = page.locator(f"nav [data-screen={screen}]")
        while not link.evaluate("node => node === document.activeElement"):
            page.keyboard.press("Shift+Tab" if page.evaluate("document.activeElement.id") == "heading" else "Tab")
        page.keyboard.press("Enter")
        settled(page)
        assert page.evaluate("document.activeElement.id") == "heading"
        assert heading(page) == words("room")["en"][screen]
    page.go_back()
    expect(page.locator("#heading")).to_have_text(words("room")["en"][SCREENS[-2]])
