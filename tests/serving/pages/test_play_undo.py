"""Buying, and taking back what was said."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.serving.pages.play_service import CARD, OpenPage, ids, settle

pytestmark = pytest.mark.browser


def act(page: Page, item: str, verb: str) -> list[str]:
    return settle(page, page.locator(f"{CARD}[data-item={json.dumps(item)}] [data-do={verb}]").click)


def said(page: Page, url: str) -> list[tuple[str, str]]:
    person = page.evaluate("localStorage.getItem('serendip.person')")
    events: list[dict[str, Any]] = httpx.get(f"{url}/v1/users/{person}/history").json()["data"]
    return [(event["type"], event["item_id"]) for event in events]


def test_what_is_bought_is_written_as_bought(open_page: OpenPage, play_url: str) -> None:
    page = open_page()
    bought = ids(page)[1]
    assert bought not in act(page, bought, "purchase")
    assert said(page, play_url)[0] == ("purchase", bought)
    expect(page.locator("#past .tile-note").first).to_have_text("bought")


@pytest.mark.parametrize("verb", ["like", "purchase", "skip", "hide"])
def test_what_was_said_is_taken_back(open_page: OpenPage, play_url: str, verb: str) -> None:
    page = open_page()
    before = ids(page)
    title = page.locator(f"{CARD} .title").nth(2).inner_text()
    assert before[2] not in act(page, before[2], verb)
    expect(page.locator("#done")).to_contain_text(title)
    assert settle(page, page.locator("#undo").click) == before
    assert said(page, play_url)[:2] == [("undo", before[2]), (verb, before[2])]
    expect(page.locator("#done")).to_contain_text("Taken back")
    expect(page.locator("#undo")).to_be_hidden()
    assert page.locator(f"#past .tile[title={json.dumps(title)}]").count() == 0
    assert page.locator(f"{CARD} .actions [aria-pressed=true]").count() == 0


def test_control_z_takes_back_one_after_the_other_but_not_while_typing(open_page: OpenPage) -> None:
    page = open_page()
    first = ids(page)
    second = act(page, first[0], "like")
    act(page, second[0], "hide")
    page.locator("#text").focus()
    page.keyboard.press("Control+z")
    page.wait_for_timeout(200)
    assert ids(page) != second
    page.locator("#list").focus()
    assert settle(page, lambda: page.keyboard.press("Control+z")) == second
    assert settle(page, lambda: page.keyboard.press("Control+z")) == first


def test_anything_of_the_past_can_be_taken_back(open_page: OpenPage) -> None:
    page = open_page()
    page.locator("#person").click()
    settle(page, page.locator("#people [role=option]").nth(6).click)
    count = page.locator("#past .tile").count()
    title = page.locator("#past .tile-title").first.inner_text()
    button = page.locator("#past .take-back").first
    assert button.get_attribute("aria-label") == f"Take back: {title}"
    settle(page, button.click)
    expect(page.locator("#past .tile-title").first).not_to_have_text(title)
    assert page.locator("#past .tile").count() <= count


def test_somebody_else_takes_nothing_back(open_page: OpenPage, play_url: str) -> None:
    page = open_page()
    act(page, ids(page)[0], "like")
    settle(page, page.locator("#newcomer").click)
    page.locator("#list").focus()
    page.keyboard.press("Control+z")
    page.wait_for_timeout(200)
    assert said(page, play_url) == []
    expect(page.locator("#toast")).to_be_hidden()


def test_the_past_is_one_stop_of_the_tab_key(open_page: OpenPage) -> None:
    page = open_page()
    titles = page.locator("#past .tile-title").all_inner_texts()
    page.locator("#past .take-back").first.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    settle(page, lambda: page.keyboard.press("Enter"))
    expect(page.locator("#past .tile-title").nth(3)).not_to_have_text(titles[3])
    assert page.evaluate("document.activeElement.className") == "take-back"
    page.keyboard.press("Tab")
    assert not page.evaluate("document.activeElement.closest('#past')")
