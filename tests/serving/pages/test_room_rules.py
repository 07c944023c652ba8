"""The screen Rules in a real browser: see what a rule would change, let it hold, change it, remove it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from serendip.store import Workspace
from serendip.store.keys import make
from tests.serving.pages.play_service import OpenPage, Watch, make_workspace, serving, settled

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def clean(play_url: str) -> Iterator[None]:
    """No rule is left behind."""
    yield
    for rule in httpx.get(f"{play_url}/v1/rules").json()["data"]:
        httpx.delete(f"{play_url}/v1/rules/{rule['id']}")


def listed(url: str, n: int = 5) -> list[str]:
    """What strangers are shown."""
    items = httpx.post(f"{url}/v1/recommendations", json={"limit": n}).json()["items"]
    return [item["item_id"] for item in items]


def panel(page: Page, name: str) -> Any:
    return page.get_by_role("region", name=name, exact=True)


def fill(page: Page, **fields: str) -> None:
    for label, value in fields.items():
        page.get_by_label(label.replace("_", " "), exact=True).fill(value)


@pytest.mark.usefixtures("clean")
def test_a_rule_is_tried_made_changed_and_removed(open_room: OpenPage, play_url: str) -> None:
    best = listed(play_url)
    page = open_room("/room/rules")
    expect(panel(page, "Rules")).to_contain_text("There are no rules")
    page.get_by_role("button", name="Hide", exact=True).click()
    fill(page, Name="not in autumn", Items=f"{best[0]}\n{best[1]}")
    page.get_by_role("button", name="See what it would change").click()
    preview = page.get_by_role("region", name="What it would change")
    expect(preview).to_contain_text("who did something lately")
    expect(preview).to_contain_text("Items that lose")
    assert listed(play_url) == best, "a preview holds nowhere"
    page.get_by_role("button", name="Let the rule hold").click()
    row = panel(page, "Rules").locator("tbody tr").first
    expect(row).to_contain_text("not in autumn")
    expect(row).to_contain_text("holds now")
    expect(row).to_contain_text("all lists")
    assert not set(listed(play_url, 50)) & set(best[:2])
    row.get_by_role("link", name="Change").click()
    expect(page.get_by_label("Items", exact=True)).to_have_value(f"{best[0]}\n{best[1]}")
    fill(page, Items=best[0])
    page.get_by_label("From (your time)").fill("2020-01-01T08:00")
    page.get_by_role("button", name="See what it would change").click()
    page.get_by_role("button", name="Let the rule hold").click()
    expect(panel(page, "Rules")).to_contain_text("from Jan 1, 2020, 8:00")
    assert listed(play_url)[0] == best[1]
    panel(page, "Rules").get_by_role("button", name="Remove").click()
    panel(page, "Rules").get_by_role("button", name="Remove").click()
    expect(panel(page, "Rules")).to_contain_text("There are no rules")
    assert listed(play_url) == best


def test_items_are_found_by_words(open_room: OpenPage, play_url: str) -> None:
    best = listed(play_url)[0]
    title = httpx.get(f"{play_url}/v1/items/{best}").json()["attributes"]["title"]
    page = open_room("/room/rules?kind=hide")
    page.get_by_label("Find items", exact=True).fill(title)
    page.keyboard.press("Enter")
    page.get_by_role("button", name=f"+ {title}", exact=True).click()
    page.get_by_role("button", name=f"+ {title}", exact=True).click()
    expect(page.get_by_label("Items", exact=True)).to_have_value(best)
    page.get_by_label("Find items", exact=True).fill("zzzz")
    page.keyboard.press("Enter")
    expect(panel(page, "A new rule")).to_contain_text("Nothing was found")


@pytest.mark.usefixtures("clean")
def test_every_kind_can_be_made_by_keyboard(open_room: OpenPage, play_url: str) -> None:
    page = open_room("/room/rules")
    other = listed(play_url, 30)[-1]
    wanted = {
        "Pin": {"Items": other, "Place": "2"},
        "Boost": {"Condition": "has category", "Factor": "0.5"},
        "Cap": {"Attribute": "category", "At_most": "3"},
        "Filter": {"Condition": "not price > 100000"},
    }
    for kind, fields in wanted.items():
        page.get_by_role("button", name=kind, exact=True).focus()
        page.keyboard.press("Enter")
        fill(page, Name=f"my {kind}", **fields)
        page.keyboard.press("Enter")
        keep = page.get_by_role("button", name="Let the rule hold")
        keep.focus()
        page.keyboard.press("Enter")
        expect(panel(page, "Rules")).to_contain_text(f"my {kind}")
    rows = panel(page, "Rules").locator("tbody tr")
    expect(rows).to_have_count(4)
    expect(rows.nth(0)).to_contain_text("place 2:")
    expect(rows.nth(1)).to_contain_text("Bury")
    expect(rows.nth(2)).to_contain_text("at most 3 of one category")
    expect(rows.nth(3)).to_contain_text("not price > 100000")
    assert listed(play_url)[1] == other


@pytest.mark.usefixtures("clean")
def test_what_the_service_refuses_is_said(open_room: OpenPage, watch: Watch) -> None:
    page = open_room("/room/rules?kind=filter")
    fill(page, Name="half", Condition="price <")
    page.get_by_role("button", name="See what it would change").click()
    expect(panel(page, "A new rule")).to_contain_text("the filter cannot be read at its end: a number was expected")
    watch.errors.clear()  # a browser says 422 in its console


@pytest.mark.usefixtures("clean")
def test_it_speaks_chinese_and_takes_no_markup(open_room: OpenPage, play_url: str) -> None:
    body = {"name": HOSTILE, "kind": "hide", "item_ids": [HOSTILE], "surface": HOSTILE}
    assert httpx.post(f"{play_url}/v1/rules", json=body).status_code == 200
    body = {"name": "x", "kind": "filter", "filter": {HOSTILE: HOSTILE}, "surface": "nowhere"}
    assert httpx.post(f"{play_url}/v1/rules", json=body).status_code == 200
    page = open_room(f"/room/rules?lang=zh&item={HOSTILE}")
    rules = panel(page, "规则")
    expect(rules).to_contain_text(HOSTILE)
    expect(rules).to_contain_text("从不列出：")
    expect(rules).to_contain_text(json.dumps({HOSTILE: HOSTILE}, separators=(",", ":")))
    assert page.locator("#screen img[src=x]").count() == 0
    expect(page.get_by_label("物品", exact=True)).to_have_value(HOSTILE)
    page.get_by_label("名称", exact=True).fill("置顶一件")
    page.get_by_role("button", name="看看会改变什么").click()
    expect(page.get_by_role("region", name="会改变什么")).to_contain_text("改变的列表")


def test_a_key_that_looks_sees_what_would_change_and_changes_nothing(
    open_room: OpenPage, tmp_path: Path, watch: Watch
) -> None:
    workspace = make_workspace(tmp_path / "keyed", n_items=30, n_people=10, target_events=300)
    key, text = make("reader", ["control:read"])
    workspace.store.add_key(key)
    with serving(workspace) as url:
        page = open_room("/room/rules", url)
        page.locator("#key").fill(text)
        page.get_by_role("button", name="Use this key").click()
        page.get_by_role("button", name="Cap", exact=True).click()
        fill(page, Name="two at most")
        page.get_by_role("button", name="See what it would change").click()
        expect(page.get_by_role("region", name="What it would change")).to_contain_text("Lists that change")
        expect(page.get_by_role("button", name="Let the rule hold")).to_have_count(0)
        page.close()  # before the service goes, which it would still ask for pictures
        watch.errors.clear()  # a browser says 401 in its console
    workspace.close()


def test_an_empty_workspace_on_a_telephone_in_the_dark(open_room: OpenPage, tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "empty")
    with serving(workspace) as url:
        small: dict[str, Any] = {"viewport": {"width": 360, "height": 740}, "color_scheme": "dark"}
        page = open_room("/room/rules?kind=hide&item=i1", url, **small)
        fill(page, Name="for later")
        page.get_by_role("button", name="See what it would change").click()
        expect(page.get_by_role("region", name="What it would change")).to_contain_text("There is no model yet")
        page.get_by_role("button", name="Let the rule hold").click()
        expect(panel(page, "Rules")).to_contain_text("for later")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        settled(page)
    workspace.close()
