"""The screen Person in a real browser: from the finder to the stages of a list, a replay, an export and an erasure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Locator, Page, expect

from serendip.store import StoredEvent, Workspace
from serendip.store.keys import make
from tests.serving.pages.play_service import OpenPage, make_workspace, serving, settled

SOMEBODY = "p0002"
HOSTILE = "<img src=x onerror=alert(1)>"


def panel(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name, exact=True)


def listed(url: str, user_id: str, **ask: Any) -> dict[str, Any]:
    told: dict[str, Any] = httpx.post(f"{url}/v1/recommendations", json={"user_id": user_id, **ask}).json()
    return told


def person(url: str, user_id: str = SOMEBODY) -> Any:
    return httpx.get(f"{url}/v1/users/{user_id}").json()["attributes"]


def test_somebody_is_found_in_the_list_or_by_id(open_room: OpenPage, play_url: str) -> None:
    page = open_room("/room/person")
    name = person(play_url)["name"]
    panel(page, "People").get_by_role("link", name=f"{name} {SOMEBODY}").click()
    settled(page)
    assert page.url.endswith(f"/room/person?id={SOMEBODY}")
    expect(panel(page, "Who this is")).to_contain_text(name)
    panel(page, "Who this is").get_by_role("link", name="Somebody else").click()
    panel(page, "People").get_by_role("button", name="More").click()
    expect(panel(page, "People").get_by_role("button", name="Back to the first")).to_be_visible()
    page.get_by_label("Id of a person").fill("anonymous:7 / é")
    page.keyboard.press("Enter")
    settled(page)
    expect(panel(page, "Timeline")).to_contain_text("Nothing was done yet.")
    expect(panel(page, "Taste")).to_contain_text("wants nothing yet")


def test_the_taste_stands_beside_that_of_everybody(open_room: OpenPage, play_url: str) -> None:
    page = open_room(f"/room/person?id={SOMEBODY}")
    told = httpx.get(f"{play_url}/v1/users/{SOMEBODY}/taste").json()["taste"]
    facet = next(one for one in told["facets"] if one["name"] == "category")
    first = panel(page, "Taste").get_by_role("list", name="Category").locator(".bar-row").first
    expect(first).to_contain_text(facet["values"][0]["value"])
    expect(first).to_contain_text("everybody")
    expect(panel(page, "Taste")).not_to_contain_text("category_zh")


def test_the_list_is_told_step_by_step_and_logged_nowhere(open_room: OpenPage, play_url: str) -> None:
    before = httpx.get(f"{play_url}/v1/users/{SOMEBODY}/requests").json()["data"]
    page = open_room(f"/room/person?id={SOMEBODY}")
    live = panel(page, "The list now, step by step")
    real = listed(play_url, SOMEBODY, limit=10, include=["attributes"])["items"]
    titles = live.locator(".final .tile-title").all_inner_texts()
    assert titles == [item["attributes"]["title"] for item in real]
    expect(live.locator(".source h4")).to_have_text(["ease", "als", "popular"])
    expect(live.get_by_text("✕ seen before").first).to_be_visible()
    assert live.locator(".blend .bar-row").first.locator(".bar-part").count() >= 2
    expect(live.locator(".final .tile-note").first).not_to_be_empty()
    live.get_by_text("Ask otherwise").click()
    live.get_by_label("Words").fill(real[3]["attributes"]["title"])
    live.get_by_label("How many").fill("3")
    live.get_by_role("button", name="Try again").click()
    expect(live.locator(".final li")).to_have_count(3)
    expect(live.locator(".final .tile-title").first).to_have_text(real[3]["attributes"]["title"])
    assert live.get_by_label("How many").input_value() == "3"
    after = httpx.get(f"{play_url}/v1/users/{SOMEBODY}/requests").json()["data"]
    assert len(after) == len(before) + 1  # the real one


def test_a_past_list_is_replayed_and_what_changed_is_said(open_room: OpenPage, play_url: str) -> None:
    shown = listed(play_url, "p0003", limit=5, surface="home")
    event = {"type": "click", "user_id": "p0003", "item_id": shown["items"][0]["item_id"], "surface": "home"}
    httpx.post(f"{play_url}/v1/events", json={**event, "request_id": shown["request_id"]})
    page = open_room("/room/person?id=p0003")
    row = panel(page, "Timeline").locator("tbody tr").first
    expect(row).to_contain_text("opened")
    expect(row).to_contain_text("home")
    row.get_by_role("link", name="Replay").click()
    settled(page)
    replay = panel(page, "Replay of a past list")
    expect(replay.locator(".badge").first).to_have_text("The replay is what was shown")
    expect(replay.locator(".table").first.locator("tbody tr")).to_have_count(5)
    hidden = shown["items"][0]["item_id"]
    httpx.patch(f"{play_url}/v1/items/{hidden}", json={"attributes": {"hidden": True}})
    page.reload()
    settled(page)
    expect(replay.locator(".badge").first).to_have_text("The replay differs from what was shown")
    expect(replay).to_contain_text("Items were changed since.")
    expect(replay.locator(".table").first).to_contain_text("fell out")
    httpx.patch(f"{play_url}/v1/items/{hidden}", json={"attributes": {"hidden": None}})
    panel(page, "Lists shown").get_by_role("link", name="Replay").first.click()
    settled(page)
    assert f"request={shown['request_id']}" in page.url


def test_neighbours_lead_to_each_other(open_room: OpenPage, play_url: str) -> None:
    page = open_room(f"/room/person?id={SOMEBODY}")
    alike = httpx.get(f"{play_url}/v1/users/{SOMEBODY}/neighbours?limit=8").json()["data"]
    near = panel(page, "People alike")
    expect(near.locator(".bar-row")).to_have_count(8)
    expect(near).to_contain_text("no model has a part in it")
    near.get_by_role("link", name=alike[0]["user_id"]).click()
    settled(page)
    expect(panel(page, "Who this is")).to_contain_text(alike[0]["user_id"])


def test_the_screen_speaks_chinese(open_room: OpenPage) -> None:
    page = open_room(f"/room/person?id={SOMEBODY}&lang=zh")
    expect(panel(page, "偏好").get_by_role("list", name="类别")).to_be_visible()
    assert "高于他人" in panel(page, "偏好").inner_text()
    expect(panel(page, "现在的列表，逐步展示")).to_contain_text("因为你")


def test_what_is_held_is_handed_out_and_erased(open_room: OpenPage, tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path / "own", n_items=60, n_people=20, target_events=800)
    with serving(workspace) as url:
        page = open_room(f"/room/person?id={SOMEBODY}", url)
        rights = panel(page, "Rights of this person")
        with page.expect_download() as download:
            rights.get_by_role("button", name="Export as JSON").click()
        held = json.loads(download.value.path().read_text("utf-8"))
        assert (download.value.suggested_filename, held["user_id"]) == (f"person-{SOMEBODY}.json", SOMEBODY)
        assert len(held["events"]) == len(workspace.store.history(SOMEBODY))
        rights.get_by_role("button", name="Erase").click()
        rights.get_by_role("button", name="Cancel").click()
        assert len(workspace.store.history(SOMEBODY)) == len(held["events"])
        rights.get_by_role("button", name="Erase").click()
        expect(rights).to_contain_text("This cannot be undone")
        rights.get_by_role("button", name="Erase").click()
        expect(rights.locator(".receipt")).to_contain_text("Receipt of the erasure", timeout=20_000)
        removed = rights.locator(".receipt div", has_text="Removed from events").locator("dd")
        expect(removed).to_have_text(str(len(held["events"])))
        assert len(workspace.store.history(SOMEBODY)) == 0
        page.reload()
        settled(page)
        expect(panel(page, "Timeline")).to_contain_text("Nothing was done yet.")
    workspace.close()


def test_a_key_that_only_looks_sees_no_rights(open_room: OpenPage, tmp_path: Path, watch: Any) -> None:
    workspace = Workspace.create(tmp_path / "keyed")
    workspace.store.append([StoredEvent("ann", "tea", "like")])
    key, text = make("looks", ["control:read"])
    workspace.store.add_key(key)
    with serving(workspace) as url:
        page = open_room("/room/person?id=ann", url)
        page.locator("#key").fill(text)
        page.get_by_role("button", name="Use this key").click()
        expect(panel(page, "Timeline").locator("tbody tr")).to_have_count(1)
        expect(panel(page, "Rights of this person")).to_have_count(0)
        refused = httpx.get(f"{url}/v1/users/ann/export", headers={"x-api-key": text})
        assert refused.status_code == 403
        settled(page)
        watch.errors.clear()  # a browser says 401 in its console
    workspace.close()


def test_names_and_ids_are_never_markup(open_room: OpenPage, tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "hostile")
    workspace.store.put("users", [(HOSTILE, {"name": HOSTILE, HOSTILE: [HOSTILE]})])
    workspace.store.put("items", [(f"{HOSTILE}{n}", {"title": HOSTILE, "category": HOSTILE[:n]}) for n in (5, 5, 6)])
    deeds = [(HOSTILE, 5), (HOSTILE, 6), ("other", 5)]
    workspace.store.append([StoredEvent(who, f"{HOSTILE}{n}", "like", surface=HOSTILE) for who, n in deeds])
    with serving(workspace) as url:
        page = open_room("/room/person", url)
        panel(page, "People").get_by_role("link", name=HOSTILE).click()
        settled(page)
        for name in ("Who this is", "Timeline", "People alike"):
            expect(panel(page, name)).to_contain_text(HOSTILE)
        assert page.locator("#screen img").count() == 0
        expect(panel(page, "The list now, step by step")).to_contain_text("There is no model yet")
    workspace.close()


def test_an_empty_workspace_has_something_to_say(open_room: OpenPage, tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "empty")
    with serving(workspace) as url:
        page = open_room("/room/person", url)
        expect(panel(page, "People")).to_contain_text("Nothing was told of any person yet.")
        page.goto(f"{url}/room/person?id=nobody")
        settled(page)
        expect(panel(page, "Lists shown")).to_contain_text("No list was shown to this person yet.")
        expect(panel(page, "People alike")).to_contain_text("Nobody wants the same items yet.")
        assert page.locator(".notice.problem:visible").count() == 0
    workspace.close()
