"""Every page passes axe-core: nothing serious in light or dark, in either language, wide or narrow."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from serendip.serving.pages import SCREENS
from tests.serving.pages.play_service import OpenPage, settle

GRAVE = {"serious", "critical"}
READERS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark, Chinese": {"color_scheme": "dark", "locale": "zh-CN"},
    "narrow": {"viewport": {"width": 390, "height": 800}},
}


def grave(page: Page) -> list[str]:
    """What is wrong, and where first."""
    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['target']}" for one in found if one["impact"] in GRAVE]


@pytest.mark.parametrize("reader", READERS)
def test_play_has_no_serious_fault(open_page: OpenPage, reader: str) -> None:
    page = open_page(**READERS[reader])
    assert grave(page) == []
    settle(page, page.locator("#list [data-do=like]").first.click)
    page.locator("#list .picture").first.click()
    assert grave(page) == []


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("screen", [*SCREENS, "person?id=p0002", "item?id=book-0001"])
def test_no_screen_of_the_room_has_a_serious_fault(open_room: OpenPage, screen: str, reader: str) -> None:
    page = open_room(f"/room/{screen}", **READERS[reader])
    for drawer in page.locator(".panel summary").all():
        drawer.click()
    assert grave(page) == []


def test_a_fault_would_be_found(open_page: OpenPage) -> None:
    page = open_page()
    page.evaluate("document.body.append(document.createElement('button'))")
    assert grave(page) == ["button-name: ['body > button']"]
