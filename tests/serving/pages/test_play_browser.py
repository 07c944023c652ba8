"""The page in a real browser, against the real service. Every page is watched: see `watch` in conftest."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import polars as pl
import pytest
from playwright.sync_api import Browser, Page, expect

from serendip.data import Tables
from serendip.data.tables import event_frame
from serendip.store import Workspace
from serendip.store.keys import make
from tests.serving.pages.play_service import (
    CARD,
    OpenPage,
    Watch,
    ids,
    make_workspace,
    of_list,
    ready,
    serving,
    settle,
    until,
)

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror=alert(1)>"


def card(page: Page, item_id: str) -> Any:
    return page.locator(f"{CARD}[data-item={json.dumps(item_id)}]")


def past(url: str, user_id: str) -> list[dict[str, Any]]:
    return httpx.get(f"{url}/v1/users/{quote(user_id, safe='')}/history").json()["data"]  # type: ignore[no-any-return]


def person(page: Page) -> str:
    return page.evaluate("localStorage.getItem('serendip.person')")  # type: ignore[no-any-return]


def pick(page: Page, place: int) -> list[str]:
    page.locator("#person").click()
    return settle(page, page.locator("#people [role=option]").nth(place).click)


def be_new(page: Page) -> list[str]:
    return settle(page, page.locator("#newcomer").click)


# ---------------------------------------------------------------- the list and what changes it


def test_the_first_view_shows_pictures_reasons_and_the_past(open_page: OpenPage) -> None:
    page = open_page()
    assert len(ids(page)) == 20
    expect(page.locator("#status")).to_contain_text("List updated in")
    assert all(page.locator(f"{CARD} .reason-text").all_inner_texts())
    until(page, lambda: page.eval_on_selector_all(f"{CARD} img", "all => all.filter(i => i.naturalWidth).length") == 20)
    assert page.locator("#past .tile").count() > 3


def test_a_like_changes_the_list(open_page: OpenPage, play_url: str) -> None:
    page = open_page()
    before = ids(page)
    liked = before[1]
    after = settle(page, card(page, liked).locator("[data-do=like]").click)
    assert liked not in after
    assert after != before
    kept = [item for item in before if item in after]
    assert kept != [item for item in after if item in before] or set(after) - set(before)

    event = past(play_url, person(page))[0]
    assert (event["item_id"], event["type"]) == (liked, "like")
    expect(page.locator("#past .tile").first.locator(".tile-note")).to_have_text("liked")
    expect(page.locator("#departed .tile").first.locator(".tile-note")).to_have_text("liked")


def test_what_moved_is_marked_with_how_far(open_page: OpenPage) -> None:
    page = open_page()
    before = ids(page)
    after = settle(page, card(page, before[0]).locator("[data-do=like]").click)
    for place, item in enumerate(after):
        badge = card(page, item).locator(".moved")
        moved = before.index(item) - place if item in before else None
        if moved == 0:
            expect(badge).to_be_hidden()
        else:
            expect(badge).to_have_text("New" if moved is None else f"↑{moved}" if moved > 0 else f"↓{-moved}")
    fresh = len(set(after) - set(before))
    expect(page.locator("#status")).to_contain_text(f"{fresh} new")


def test_somebody_new_gets_a_list_and_a_like_makes_it_theirs(open_page: OpenPage, play_url: str) -> None:
    page = open_page()
    before = be_new(page)
    guest = person(page)
    assert guest.startswith("guest-")
    assert len(before) == 20
    assert past(play_url, guest) == []
    expect(page.locator("#past-empty")).to_be_visible()
    expect(page.locator("#notices")).to_have_text(
        "Nothing is known of this person yet, so the list starts from what is popular."
    )

    title = card(page, before[3]).locator(".title").inner_text()
    after = settle(page, card(page, before[3]).locator("[data-do=like]").click)
    assert set(after) - set(before)
    because = page.locator(f"{CARD} .reason-text", has_text=f"Because you liked {title}")
    assert because.count() >= 1
    page.reload()
    ready(page)
    assert person(page) == guest
    assert ids(page) == after
    assert be_new(page) == before
    assert person(page) != guest


def test_hidden_is_gone_for_good(open_page: OpenPage) -> None:
    page = open_page()
    pick(page, 4)
    hidden = ids(page)[0]
    title = card(page, hidden).locator(".title").inner_text()
    assert hidden not in settle(page, card(page, hidden).locator("[data-do=hide]").click)
    assert hidden not in settle(page, lambda: page.locator("#text").fill(title))
    page.reload()
    ready(page)
    assert hidden not in ids(page)


def test_a_skip_is_written_with_its_place_and_its_list(open_page: OpenPage) -> None:
    page = open_page()
    pick(page, 5)
    with page.expect_request("**/v1/events") as sent, page.expect_response(of_list) as answer:
        page.locator(f"{CARD} [data-do=skip]").nth(2).click()
    event = sent.value.post_data_json
    assert {"type": "skip", "position": 3, "surface": "play"}.items() <= event.items()
    assert len(event["event_id"]) == 32
    assert event["request_id"] != answer.value.json()["request_id"]


def test_quick_clicks_all_count(open_page: OpenPage, play_url: str) -> None:
    page = open_page()
    before = be_new(page)
    page.evaluate(
        "[...document.querySelectorAll('#list [data-do=like]')].slice(0, 3).forEach(button => button.click())"
    )
    expect(page.locator("#past .tile")).to_have_count(3)
    assert {event["item_id"] for event in past(play_url, person(page))} == set(before[:3])
    assert not set(before[:3]) & set(ids(page))


def test_reasons_add_up_to_the_score(open_page: OpenPage) -> None:
    page = open_page()
    with page.expect_response(of_list) as answer:
        page.reload()
    item = answer.value.json()["items"][0]
    page.locator(f"{CARD} .reason").first.click()
    expect(page.locator("#details")).to_be_visible()
    expect(page.locator("#details-title")).to_have_text(item["attributes"]["title"])
    values = [float(text.replace("−", "-")) for text in page.locator(".cause-value").all_inner_texts()]
    total = float(page.locator("#total").inner_text())
    assert len(values) == len(item["reasons"])
    assert sum(values) == pytest.approx(total, abs=0.01 * len(values))
    assert total == pytest.approx(item["score"], abs=0.01)
    evidence = {source for reason in item["reasons"] for source in reason["evidence"]}
    assert page.locator(".evidence .tile").count() == len(evidence)
    for tile in page.locator(".evidence .tile-title").all():
        expect(tile).not_to_have_text("")
    page.keyboard.press("Escape")
    expect(page.locator("#details")).to_be_hidden()


def test_a_search_narrows_the_list(open_page: OpenPage, play_url: str) -> None:
    page = open_page()
    category = page.locator(f"{CARD} .facts").first.inner_text().split(" · ")[0]
    settle(page, lambda: page.locator("#text").fill(category))
    said = [httpx.get(f"{play_url}/v1/items/{item_id}").text.lower() for item_id in ids(page)]
    assert said
    assert all(category.lower().rstrip("s") in text for text in said)  # not all that is said stands on a card
    assert settle(page, lambda: page.locator("#text").fill("zzzqqq")) == []
    expect(page.locator("#nothing")).to_have_text("Nothing matches “zzzqqq”.")
    assert len(settle(page, lambda: page.locator("#text").fill(""))) == 20


def test_a_picture_finds_its_item_and_can_be_dropped_again(
    open_page: OpenPage, play_url: str, tmp_path: Path, watch: Watch
) -> None:
    page = open_page()
    before = ids(page)
    wanted = before[7]
    data = httpx.get(f"{play_url}/v1/items/{wanted}/image").content
    (tmp_path / "own.png").write_bytes(data)
    found = settle(page, lambda: page.locator("#image").set_input_files(tmp_path / "own.png"))
    assert found[0] == wanted
    expect(page.locator("#searched-name")).to_have_text("own.png")
    with page.expect_file_chooser() as chooser:
        page.locator("#pick-image").press("Enter")  # without a mouse
    (tmp_path / "broken.png").write_bytes(b"not at all")
    chooser.value.set_files(tmp_path / "broken.png")
    expect(page.locator("#problem-text")).to_contain_text("is no picture that can be opened")
    watch.errors.clear()  # the browser notes the refusal
    assert settle(page, page.locator("#drop-image").click) == before
    expect(page.locator("#searched-image")).to_be_hidden()


def test_a_picture_is_dropped_on_the_search_box(open_page: OpenPage, watch: Watch) -> None:
    page = open_page()
    wanted = ids(page)[4]
    drop = """async ([name, address]) => {
        const data = new DataTransfer();
        data.items.add(new File([await (await fetch(address)).blob()], name, { type: "image/png" }));
        const box = document.getElementById("search-box");
        box.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true }));
    }"""
    found = settle(page, lambda: page.evaluate(drop, ["shoe.png", f"/v1/items/{wanted}/image"]))
    assert found[0] == wanted
    page.evaluate(drop, ["notes.txt.exe", "/"])  # it says that it is a picture, and the service says that it is none
    expect(page.locator("#problem-text")).to_contain_text("is no picture")
    watch.errors.clear()


def test_the_diversity_slider_changes_the_list_until_it_is_automatic_again(open_page: OpenPage) -> None:
    page = open_page()
    before = ids(page)
    page.locator("#diversity").focus()
    varied = settle(page, lambda: page.keyboard.press("End"))
    assert varied != before
    expect(page.locator("#diversity-automatic")).to_have_attribute("aria-pressed", "false")
    assert settle(page, page.locator("#diversity-automatic").click) == before


# ---------------------------------------------------------------- who is looking


def test_a_person_is_found_by_typing_and_chosen_with_the_keyboard(open_page: OpenPage, play_url: str) -> None:
    page = open_page()
    people = httpx.get(f"{play_url}/v1/users?limit=200").json()["data"]
    wanted = people[17]
    page.locator("#person").click()
    page.keyboard.type(wanted["user_id"])
    settle(page, lambda: page.keyboard.press("Enter"))
    assert person(page) == wanted["user_id"]
    expect(page.locator("#person")).to_have_value(wanted["attributes"]["name"])
    expect(page.locator("#list-heading")).to_contain_text(wanted["attributes"]["name"])


def test_any_id_can_be_looked_at(open_page: OpenPage) -> None:
    page = open_page()
    page.locator("#person").click()
    page.keyboard.type("nobody/at all?")
    expect(page.locator("#people .option-name").last).to_have_text("Use the id “nobody/at all?”")
    assert len(settle(page, lambda: page.keyboard.press("Enter"))) == 20
    expect(page.locator("#notices")).to_contain_text("nobody/at all?")


def test_a_catalogue_without_titles_people_or_a_model_works_and_says_so(open_page: OpenPage, tmp_path: Path) -> None:
    events = event_frame({"user_id": ["a", "a", "b"], "item_id": ["x y", "z", "z"], "type": ["like"] * 3})
    workspace = Workspace.create(tmp_path / "bare")
    workspace.store.import_tables(Tables(events=events, items=pl.DataFrame({"item_id": ["x y", "z"]})))
    with serving(workspace) as url:
        page = open_page(url=url)
        assert person(page).startswith("guest-")
        assert ids(page) == ["z", "x y"]
        expect(page.locator(f"{CARD} .title").last).to_have_text("x y")
        expect(page.locator(f"{CARD} .initials").last).to_have_attribute("data-initials", "XY")
        expect(page.locator("#notices")).to_contain_text("a simpler way took its place: there is no model yet")
        assert settle(page, card(page, "z").locator("[data-do=like]").click) == ["x y"]
    workspace.close()


# ---------------------------------------------------------------- languages, keyboard, small screens


def test_chinese_words_titles_and_reasons(open_page: OpenPage) -> None:
    page = open_page()
    settle(page, page.get_by_role("button", name="中文").click)
    assert page.locator("html").get_attribute("lang") == "zh"
    expect(page.get_by_role("button", name="以新用户开始")).to_be_visible()
    expect(page.locator("#status")).to_contain_text("列表已更新")
    reasons = page.locator(f"{CARD} .reason-text").all_inner_texts()
    assert all(any("\u4e00" <= letter <= "\u9fff" for letter in reason) for reason in reasons)
    titles = page.locator(f"{CARD} .title").all_inner_texts()
    assert all(any("\u4e00" <= letter <= "\u9fff" for letter in title) for title in titles)
    page.reload()
    expect(page.locator("#status")).to_contain_text("列表已更新")
    page.goto(page.url + "?lang=en")
    expect(page.locator("#status")).to_contain_text("List updated")


def test_a_like_by_keyboard_alone(open_page: OpenPage) -> None:
    page = open_page()
    before = ids(page)
    for _ in range(200):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.dataset.do === 'like'"):
            break
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    after = settle(page, lambda: page.keyboard.press("Enter"))
    assert before[0] not in after
    focus = page.evaluate("[document.activeElement.dataset.do, document.activeElement.closest('.card').dataset.item]")
    assert focus == ["like", after[0]], "the next like is one key away"
    assert after[0] not in settle(page, lambda: page.keyboard.press("Enter"))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_narrow_screen_does_not_scroll_sideways(open_page: OpenPage, language: str) -> None:
    page = open_page(f"/?lang={language}", viewport={"width": 320, "height": 640}, has_touch=True, is_mobile=True)
    settle(page, page.locator(f"{CARD} [data-do=like]").first.click)
    page.locator("[data-code=curl]").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.locator(f"{CARD} .reason").first.click()
    box = page.locator("#details").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 320
    sizes = page.eval_on_selector_all(
        f"{CARD} .actions button", "all => all.map(each => each.getBoundingClientRect().height)"
    )
    assert min(sizes) >= 40


# ---------------------------------------------------------------- the command


def test_the_copied_command_answers_with_the_same_list(open_page: OpenPage) -> None:
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    title = page.locator(f"{CARD} .title").nth(2).inner_text()
    settle(page, lambda: page.locator("#text").fill(f'it\'s "{title}" $HOME `id` \\ 静'))
    assert ids(page)
    page.locator("[data-code=curl]").click()
    expect(page.locator("#copied")).to_contain_text("Copied")
    command = page.evaluate("navigator.clipboard.readText()")
    assert command == page.locator("#code").inner_text()
    answer = json.loads(subprocess.run(["sh", "-c", command], capture_output=True, check=True, timeout=20).stdout)
    assert [item["item_id"] for item in answer["items"]] == ids(page)


def test_without_a_clipboard_the_command_is_selected(open_page: OpenPage) -> None:
    page = open_page()
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.locator("[data-code=curl]").click()
    expect(page.locator("#copied")).to_have_text("Select the command and copy it.")
    assert page.evaluate("getSelection().toString()").startswith("curl -sS 'http://127.0.0.1:")


# ---------------------------------------------------------------- when things go wrong


def test_a_service_that_is_gone_is_said_and_tried_again(open_page: OpenPage, play_url: str, watch: Watch) -> None:
    page = open_page()
    before = be_new(page)
    page.context.set_offline(True)
    card(page, before[0]).locator("[data-do=like]").click()
    expect(page.get_by_role("alert")).to_contain_text("The service does not answer. Is it still running?")
    assert ids(page) == before
    page.context.set_offline(False)
    assert before[0] not in settle(page, page.get_by_role("button", name="Try again").click)
    expect(page.get_by_role("alert")).to_be_hidden()
    assert [event["item_id"] for event in past(play_url, person(page))] == [before[0]]
    watch.errors.clear()  # the browser notes the failed request


def test_a_refusal_is_shown_in_the_words_of_the_service(open_page: OpenPage, watch: Watch) -> None:
    page = open_page()
    page.locator("#person").click()
    page.locator("#person").fill("x" * 300)
    settle(page, lambda: page.keyboard.press("Enter"))
    expect(page.get_by_role("alert")).to_contain_text("The service refused:")
    expect(page.get_by_role("alert")).to_contain_text("256 bytes")
    watch.errors.clear()


def test_a_service_with_keys_asks_for_one_and_keeps_it_for_the_tab(
    open_page: OpenPage, tmp_path: Path, watch: Watch
) -> None:
    workspace = make_workspace(tmp_path, n_items=60, n_people=20, target_events=600)
    texts = {}
    for scopes in ("recommend:read", "recommend:read events:write data:write"):
        key, texts[scopes] = make(scopes, scopes.split())
        workspace.store.add_key(key)
    with serving(workspace) as url:
        page = open_page(url=url)
        expect(page.locator("#problem-text")).to_contain_text("send a valid key")
        expect(page.locator("#retry")).to_be_hidden()
        page.locator("#key").fill(texts["recommend:read"])
        page.locator("#key-form button").click()
        expect(page.locator("#problem-text")).to_contain_text("does not have the scope data:read")
        page.locator("#key").fill(texts["recommend:read events:write data:write"])
        page.locator("#key").press("Enter")
        expect(page.locator("#problem")).to_be_hidden()
        ready(page)
        assert len(ids(page)) == 20
        settle(page, page.locator(f"{CARD} [data-do=like]").first.click)
        page.reload()  # the tab still has it
        ready(page)
        assert len(ids(page)) == 20
        page.locator("[data-code=curl]").click()
        expect(page.locator("#code")).to_contain_text('-H "Authorization: Bearer $SERENDIP_KEY"')
        assert "sk_" not in page.content()
        other = open_page(url=url)  # another visitor has none
        expect(other.locator("#key")).to_be_visible()
    workspace.close()
    assert all("401" in error or "403" in error for error in watch.errors)
    watch.errors.clear()


def test_hostile_words_are_only_words(open_page: OpenPage, play_url: str) -> None:
    page = open_page()
    pick(page, 9)
    shown, somebody = ids(page), person(page)
    words = {
        "title": HOSTILE,
        "description": HOSTILE,
        "category": HOSTILE,
        "brand": HOSTILE,
        "image": "javascript:alert(2)",
    }
    was = httpx.get(f"{play_url}/v1/items/{shown[0]}").json()["attributes"]
    httpx.patch(
        f"{play_url}/v1/items/{shown[0]}", json={"attributes": words | {"image": was["image"]}}
    ).raise_for_status()
    httpx.put(
        f"{play_url}/v1/users/{somebody}", json={"attributes": {"name": HOSTILE, "city": HOSTILE}}
    ).raise_for_status()
    page.reload()
    ready(page)
    expect(page.locator("#list-heading")).to_contain_text(HOSTILE)
    hostile = page.locator(CARD, has=page.locator(".title", has_text=HOSTILE))
    expect(hostile).to_have_count(1)
    page.locator("#person").click()
    expect(page.locator(".option-name", has_text=HOSTILE)).to_have_count(1)
    page.keyboard.press("Escape")
    hostile.locator(".reason").click()
    expect(page.locator("#details-description")).to_have_text(HOSTILE)
    page.keyboard.press("Escape")
    settle(page, hostile.locator("[data-do=like]").click)
    expect(page.locator(f"{CARD} .reason-text", has_text=HOSTILE).first).to_be_visible()
    page.locator("#text").fill(HOSTILE)
    expect(page.locator("#text")).to_have_value(HOSTILE)
    ready(page)
    assert page.locator("img[src='x']").count() == 0
    httpx.put(f"{play_url}/v1/items/{shown[0]}", json={"attributes": was}).raise_for_status()


def test_without_the_guards_the_same_words_run_and_reach_strangers(browser: Browser, open_page: OpenPage) -> None:
    naive, seen = browser.new_page(), Watch()
    seen.over(naive)
    naive.route("http://192.0.2.1/**", lambda route: route.abort())
    naive.set_content(f"<h3>{HOSTILE}</h3><img src='http://192.0.2.1/'><script>console.error('seen')</script>")
    until(naive, lambda: bool(seen.dialogs and seen.strays))
    assert (seen.dialogs, seen.strays) == (["1"], ["http://192.0.2.1/"])
    assert "seen" in seen.errors
    naive.close()


def test_the_policy_of_the_service_stops_even_markup(open_page: OpenPage, watch: Watch) -> None:
    page = open_page()
    page.evaluate("title => { document.querySelector('.title').innerHTML = title }", HOSTILE)
    page.evaluate("fetch('http://192.0.2.1/').catch(() => {})")
    said = ("inline event handler", "192.0.2.1", "404")  # each may be late; the page is closed before the watch ends
    until(page, lambda: all(any(words in error for error in watch.errors) for words in said))
    page.close()
    assert all("Content Security Policy" in error or "404" in error for error in watch.errors)
    assert (watch.dialogs, watch.strays) == ([], [])
    watch.errors.clear()
