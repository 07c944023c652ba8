"""The screen Item in a real browser: found by words, its standing and audience, what is like it, and rules for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Locator, Page, expect

from serendip.store import Exposure, StoredEvent, Workspace
from serendip.store.keys import make
from tests.serving.pages.play_service import OpenPage, serving, settled

HOSTILE = "<img src=x onerror=alert(1)>"


def panel(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name, exact=True)


def something(url: str) -> Any:
    """The item that is recommended first to a stranger."""
    return httpx.get(f"{url}/v1/trending?limit=1&include=attributes").json()["items"][0]


def test_something_is_found_by_words_without_being_shown(open_room: OpenPage, play_url: str) -> None:
    item = something(play_url)
    before = httpx.get(f"{play_url}/v1/items/{item['item_id']}/audience").json()["exposures"]
    page = open_room("/room/item")
    page.get_by_label("Words").fill(item["attributes"]["title"])
    page.keyboard.press("Enter")
    settled(page)
    panel(page, "Found").get_by_role("link").first.click()
    settled(page)
    assert page.url.endswith(f"?id={item['item_id']}")
    expect(panel(page, "What it is")).to_contain_text(item["attributes"]["title"])
    expect(panel(page, "What it is").locator("img")).to_be_visible()
    after = httpx.get(f"{play_url}/v1/items/{item['item_id']}/audience").json()["exposures"]
    assert after == before


def test_the_catalogue_is_paged(open_room: OpenPage, play_url: str) -> None:
    page = open_room("/room/item")
    catalogue = panel(page, "Catalogue")
    ids = [item["item_id"] for item in httpx.get(f"{play_url}/v1/items?limit=48").json()["data"]]
    expect(catalogue.locator(".tile-note").first).to_have_text(ids[0])
    catalogue.get_by_role("button", name="More").click()
    expect(catalogue.locator(".tile-note").first).to_have_text(ids[24])


def test_showings_and_what_came_of_them_stand_by_place(open_room: OpenPage, play_url: str) -> None:
    shown = httpx.post(
        f"{play_url}/v1/recommendations", json={"user_id": "p0004", "limit": 3, "surface": "home"}
    ).json()
    item_id = shown["items"][1]["item_id"]
    event = {"type": "like", "user_id": "p0004", "item_id": item_id, "request_id": shown["request_id"]}
    httpx.post(f"{play_url}/v1/events", json=event)
    page = open_room(f"/room/item?id={item_id}")
    told = httpx.get(f"{play_url}/v1/items/{item_id}/audience").json()
    places = panel(page, "Exposure and wanting, by place")
    expect(places.locator(".bar-row")).to_have_count(len(told["places"]))
    second = next(one for one in told["places"] if one["position"] == 2)
    expect(places.locator(".bar-row", has_text="Place 2")).to_contain_text(f"{second['wanted']} of {second['shown']}")
    row = panel(page, "Who was shown it").locator("tbody tr").first
    expect(row).to_contain_text("liked")
    expect(panel(page, "Events over time").locator(".column").first).to_be_attached()
    expect(panel(page, "What was done with it").locator("tbody tr").first).to_contain_text("p0004")
    row.get_by_role("link", name="Replay").click()
    settled(page)
    expect(panel(page, "Replay of a past list").locator(".badge").first).to_have_text("The replay is what was shown")


def test_what_is_similar_says_why(open_room: OpenPage, play_url: str) -> None:
    item_id = something(play_url)["item_id"]
    page = open_room(f"/room/item?id={item_id}")
    similar = panel(page, "Similar items, and why")
    for kind, alike in (
        ("By who wants them", "behaviour"),
        ("By what is said of them", "content"),
        ("By both", "both"),
    ):
        ask = {"item_id": item_id, "alike": alike, "limit": 8, "include": ["attributes", "reasons"]}
        first = httpx.post(f"{play_url}/v1/similar", json=ask).json()["items"][0]
        row = similar.get_by_role("region", name=kind).locator("tbody tr").first
        expect(row).to_contain_text(first["attributes"]["title"])
        expect(row).to_contain_text(first["reasons"][0]["text"])


def test_an_item_is_pinned_and_hidden_and_freed(open_room: OpenPage, play_url: str) -> None:
    item_id = httpx.get(f"{play_url}/v1/items?limit=3").json()["data"][2]["item_id"]
    page = open_room(f"/room/item?id={item_id}")
    steer = panel(page, "Pin, boost or hide it")
    expect(steer).to_contain_text("No rule names this item.")
    steer.locator("summary.plain", has_text="Pin").click()
    steer.get_by_label("Place, from 1").fill("2")
    steer.get_by_role("button", name="Set the rule").first.click()
    expect(steer.locator("tbody tr")).to_contain_text("pinned at 2")
    ids = [one["item_id"] for one in httpx.get(f"{play_url}/v1/trending?limit=5").json()["items"]]
    assert ids[1] == item_id
    steer.locator("summary.plain", has_text="Hide").click()
    steer.locator("details", has_text="Hide").get_by_role("button", name="Set the rule").click()
    expect(steer.locator("tbody tr")).to_have_count(2)
    page.reload()
    settled(page)
    expect(panel(page, "What it is").locator(".badge")).to_have_text("not on offer")
    expect(panel(page, "What it is")).to_contain_text("a rule of the shop holds it back")
    for left in (1, 0):
        steer.get_by_role("button", name="End it").first.click()
        expect(steer.locator("tbody tr")).to_have_count(left)
    assert httpx.get(f"{play_url}/v1/rules").json()["data"] == []


def test_a_rule_that_makes_no_sense_is_refused_with_a_sentence(open_room: OpenPage, play_url: str, watch: Any) -> None:
    page = open_room(f"/room/item?id={something(play_url)['item_id']}")
    steer = panel(page, "Pin, boost or hide it")
    steer.locator("summary.plain", has_text="Boost").click()
    steer.get_by_label("Multiply its score by").fill("1e9")
    steer.locator("details", has_text="Boost").get_by_role("button", name="Set the rule").click()
    expect(steer.locator(".refused")).to_contain_text("factor")
    watch.errors.clear()  # a browser says 422 in its console


def test_the_screen_speaks_chinese(open_room: OpenPage, play_url: str) -> None:
    item = something(play_url)
    page = open_room(f"/room/item?id={item['item_id']}&lang=zh")
    expect(panel(page, "物品信息")).to_contain_text(item["attributes"]["title_zh"])
    expect(panel(page, "物品信息").locator(".badge")).to_have_text("已上架")
    expect(panel(page, "相似的物品与理由")).to_contain_text("按用户行为")


def test_a_key_that_only_looks_sets_no_rules(open_room: OpenPage, tmp_path: Path, watch: Any) -> None:
    workspace = Workspace.create(tmp_path / "keyed")
    workspace.store.put("items", [("tea", {"title": "Tea"})])
    key, text = make("looks", ["control:read"])
    workspace.store.add_key(key)
    with serving(workspace) as url:
        page = open_room("/room/item?id=tea", url)
        page.locator("#key").fill(text)
        page.get_by_role("button", name="Use this key").click()
        expect(panel(page, "What it is")).to_contain_text("Tea")
        expect(panel(page, "Pin, boost or hide it")).to_have_count(0)
        settled(page)
        watch.errors.clear()  # a browser says 401 in its console
    workspace.close()


def test_titles_and_ids_are_never_markup(open_room: OpenPage, tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "hostile")
    workspace.store.put("items", [(HOSTILE, {"title": HOSTILE, HOSTILE: [HOSTILE, {"a": HOSTILE}]})])
    items = ({"item_id": HOSTILE, "rank": 1, "score": 1.0, "source": HOSTILE, "propensity": 1.0},)
    workspace.store.log_exposures([Exposure("r", HOSTILE, 1_700_000_000_000, HOSTILE, "v", "r", items)])
    workspace.store.append([StoredEvent(HOSTILE, HOSTILE, HOSTILE, request_id="r", surface=HOSTILE)])
    with serving(workspace) as url:
        page = open_room("/room/item", url)
        panel(page, "Catalogue").get_by_role("link", name=HOSTILE).click()
        settled(page)
        for name in ("What it is", "Who was shown it", "What was done with it"):
            expect(panel(page, name)).to_contain_text(HOSTILE)
        assert page.locator("#screen img").count() == 0
    workspace.close()


def test_an_empty_workspace_has_something_to_say(open_room: OpenPage, tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "empty")
    with serving(workspace) as url:
        page = open_room("/room/item?words=tea", url)
        expect(panel(page, "Catalogue")).to_contain_text("The catalogue is empty.")
        expect(panel(page, "Found")).to_contain_text("there is none yet")
        page.goto(f"{url}/room/item?id=nothing")
        settled(page)
        expect(panel(page, "What it is")).to_contain_text("it is not in the catalogue")
        expect(panel(page, "Exposure and wanting, by place")).to_contain_text("It was not shown in these lists.")
        assert page.locator(".notice.problem:visible").count() == 0
    workspace.close()
