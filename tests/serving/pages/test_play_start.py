"""The first screen of somebody new: three to five picks, or none."""

from __future__ import annotations

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.serving.pages.play_service import OpenPage, ids, settle

pytestmark = pytest.mark.browser


def start(open_page: OpenPage, path: str = "/") -> tuple[Page, list[str]]:
    """Be new; what the list was before anything was picked."""
    page = open_page(path)
    before = settle(page, page.locator("#newcomer").click)
    expect(page.locator(".choice").first).to_be_visible()
    return page, before


def person(page: Page) -> str:
    return page.evaluate("localStorage.getItem('serendip.person')")  # type: ignore[no-any-return]


def test_what_is_offered_is_varied(open_page: OpenPage) -> None:
    page = open_page()
    with page.expect_response(lambda response: "play-start" in (response.request.post_data or "")) as offered:
        page.locator("#newcomer").click()
    items = offered.value.json()["items"]
    assert len({item["attributes"]["category"] for item in items}) == len(items) >= 6
    expect(page.locator(".choice")).to_have_count(len(items))


def test_three_picks_make_a_list_of_ones_own(open_page: OpenPage, play_url: str) -> None:
    page, before = start(open_page)
    done, choices = page.locator("#starter-done"), page.locator(".choice")
    titles = [choices.nth(place).locator(".choice-title").inner_text() for place in (0, 2, 3)]
    for place in (0, 2):
        choices.nth(place).click()
    expect(done).to_be_disabled()
    expect(page.locator("#starter-count")).to_have_text("1 more to go")
    choices.nth(3).click()
    after = settle(page, done.click)
    assert after != before
    expect(page.locator("#starter")).to_be_hidden()
    expect(page.locator("#past .tile")).to_have_count(3)
    history = httpx.get(f"{play_url}/v1/users/{person(page)}/history?include=attributes").json()["data"]
    assert {(event["type"], event["attributes"]["title"]) for event in history} == {("like", one) for one in titles}
    expect(page.locator("#list .reason-text", has_text="Because you liked").first).to_be_visible()
    page.reload()
    expect(page.locator("#past .tile")).to_have_count(3)
    expect(page.locator("#starter")).to_be_hidden()


def test_five_is_the_most_and_a_pick_can_be_taken_back(open_page: OpenPage) -> None:
    page, _ = start(open_page)
    choices = page.locator(".choice")
    for place in range(6):
        choices.nth(place).click(force=True)
    expect(page.locator(".choice[aria-pressed=true]")).to_have_count(5)
    expect(choices.nth(5)).to_have_attribute("aria-disabled", "true")
    choices.nth(0).click()
    choices.nth(5).click()
    expect(page.locator(".choice[aria-pressed=true]")).to_have_count(5)
    expect(page.locator("#starter-count")).to_have_text("5 of 5 picked")


def test_it_can_be_left_out(open_page: OpenPage, play_url: str) -> None:
    page, before = start(open_page)
    page.locator("#starter-skip").click()
    expect(page.locator("#starter")).to_be_hidden()
    assert page.evaluate("document.activeElement.id") == "list"
    assert ids(page) == before
    assert httpx.get(f"{play_url}/v1/users/{person(page)}/history").json()["data"] == []


def test_it_is_done_with_the_keyboard_alone_and_in_chinese(open_page: OpenPage) -> None:
    page, _ = start(open_page, "/?lang=zh")
    expect(page.locator("#starter-heading")).to_have_text("你喜欢什么？")
    page.locator("#newcomer").focus()
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.className") == "choice":
            break
    for _ in range(3):
        page.keyboard.press("Space")
        page.keyboard.press("Tab")
    page.locator("#starter-done").focus()
    settle(page, lambda: page.keyboard.press("Enter"))
    expect(page.locator("#past .tile")).to_have_count(3)
    assert page.evaluate("document.activeElement.id") == "list"


def test_who_likes_something_has_started(open_page: OpenPage) -> None:
    page, _ = start(open_page)
    settle(page, page.locator("#list [data-do=like]").first.click)
    expect(page.locator("#starter")).to_be_hidden()


def test_known_people_are_not_asked(open_page: OpenPage) -> None:
    page, _ = start(open_page)
    page.locator("#person").click()
    settle(page, page.locator("#people [role=option]").nth(3).click)
    expect(page.locator("#starter")).to_be_hidden()
