"""The shelves below the list: what is on them, when they come, and what can be done there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest
from playwright.sync_api import Locator, Page, expect

from serendip.data import Tables
from serendip.data.tables import event_frame
from serendip.pipeline import Pipeline, Recipe
from serendip.store import Workspace
from serendip.training import FitOptions
from tests.serving.pages.play_service import CARD, OpenPage, Watch, ids, serving, settle, until

pytestmark = pytest.mark.browser

SHELVES = ("because", "newest", "trending", "elsewhere")


def shelf(page: Page, name: str) -> Locator:
    return page.locator(f"[data-shelf={name}]")


def fill(page: Page, name: str) -> list[str]:
    """Go to a shelf and wait for what it holds; the ids."""
    shelf(page, name).scroll_into_view_if_needed()
    expect(shelf(page, name).locator(".card:not(.ghost)").first).to_be_visible()
    return on(page, name)


def on(page: Page, name: str) -> list[str]:
    cards = f"[data-shelf={name}] .card:not(.ghost)"
    return page.eval_on_selector_all(cards, "cards => cards.map(card => card.dataset.item)")  # type: ignore[no-any-return]


def attributes(url: str, item_id: str) -> dict[str, Any]:
    return httpx.get(f"{url}/v1/items/{item_id}").json()["attributes"]  # type: ignore[no-any-return]


def test_shelves_are_filled_when_somebody_comes_near(open_page: OpenPage) -> None:
    asked: list[str] = []
    page = open_page()
    page.on("request", lambda one: asked.append(one.post_data_json["surface"]) if one.method == "POST" else None)
    page.wait_for_timeout(300)
    assert asked == []
    fill(page, "because")
    assert "play-because" in asked
    assert "play-elsewhere" not in asked
    fill(page, "elsewhere")
    assert sorted(asked) == ["play-because", "play-elsewhere", "play-newest", "play-trending"]


def test_nothing_stands_on_the_page_twice(open_page: OpenPage) -> None:
    page = open_page()
    shown = [
        *ids(page),
        *(item for name in ("because", "newest", "trending", "elsewhere") for item in fill(page, name)),
    ]
    assert len(shown) > 50
    assert len(set(shown)) == len(shown)


def test_the_newest_are_the_newest(open_page: OpenPage, play_url: str) -> None:
    page = open_page()
    times = [attributes(play_url, item)["added_ms"] for item in fill(page, "newest")]
    assert times == sorted(times, reverse=True)
    everything = httpx.get(f"{play_url}/v1/items?limit=1000").json()["data"]
    seen = {event["item_id"] for event in past(page, play_url)} | set(ids(page)) | set(on(page, "because"))
    left = [item["attributes"]["added_ms"] for item in everything if item["item_id"] not in seen]
    assert times[0] == max(left)


def past(page: Page, url: str) -> list[dict[str, Any]]:
    person = page.evaluate("localStorage.getItem('serendip.person')")
    return httpx.get(f"{url}/v1/users/{person}/history?limit=1000").json()["data"]  # type: ignore[no-any-return]


def test_other_categories_are_others(open_page: OpenPage, play_url: str) -> None:
    page = open_page()
    heading = shelf(page, "elsewhere").locator("h2").inner_text()
    left_out = heading.removeprefix("From other categories: not ").split(", ")
    found = {attributes(play_url, item)["category"] for item in fill(page, "elsewhere")}
    assert found
    assert not found & set(left_out)
    assert {attributes(play_url, event["item_id"])["category"] for event in past(page, play_url)[:24]} >= set(left_out)


def test_a_like_makes_a_shelf_of_what_is_like_it(open_page: OpenPage, play_url: str) -> None:
    page = open_page()
    fill(page, "because")
    liked = ids(page)[3]
    title = attributes(play_url, liked)["title"]
    settle(page, page.locator(f"{CARD}[data-item={liked}] [data-do=like]").click)
    expect(shelf(page, "because").locator("h2")).to_have_text(f"Because you liked {title}")
    similar = httpx.post(f"{play_url}/v1/similar", json={"item_id": liked, "limit": 200}).json()["items"]
    until(page, lambda: on(page, "because")[0] in [item["item_id"] for item in similar[:40]])
    assert not set(on(page, "because")) & {liked, *ids(page)}
    title = page.locator(f"{CARD} .title").first.inner_text()
    settle(page, page.locator(f"{CARD} [data-do=purchase]").first.click)
    expect(shelf(page, "because").locator("h2")).to_have_text(f"Because you bought {title}")


def test_what_is_done_on_a_shelf_answers_to_its_list(open_page: OpenPage, play_url: str) -> None:
    page = open_page()
    items = fill(page, "trending")
    shelf(page, "trending").locator("[data-do=skip]").nth(1).focus()
    with page.expect_request("**/v1/events") as sent:
        settle(page, lambda: page.keyboard.press("Enter"))
    event = sent.value.post_data_json
    assert {"type": "skip", "item_id": items[1], "surface": "play-trending", "position": 2}.items() <= event.items()
    shown = httpx.get(f"{play_url}/v1/recommendations/{event['request_id']}").json()
    assert shown["surface"] == "play-trending"
    assert items[1] not in on(page, "trending")
    focus = page.evaluate("[document.activeElement.dataset.do, document.activeElement.closest('.card').dataset.item]")
    assert focus == ["skip", items[2]], "the next one is one key away"


def test_reasons_open_on_a_shelf_too(open_page: OpenPage) -> None:
    page = open_page()
    fill(page, "because")
    title = shelf(page, "because").locator(".title").first.inner_text()
    shelf(page, "because").locator(".reason").first.click()
    expect(page.locator("#details-title")).to_have_text(title)
    assert page.locator(".cause").count() >= 1


def test_what_is_only_new_says_that_nothing_speaks_for_it(open_page: OpenPage) -> None:
    page = open_page()
    fill(page, "newest")
    for card in shelf(page, "newest").locator(".card").all():
        silent = card.locator(".reason").is_hidden()
        card.locator(".picture").click()
        expect(page.locator("#no-causes")).to_be_visible(visible=silent)
        page.keyboard.press("Escape")


def test_a_shelf_is_one_stop_of_the_tab_key_and_the_arrows_walk_it(open_page: OpenPage) -> None:
    page = open_page()
    items = fill(page, "newest")
    row = shelf(page, "newest").locator(".row")
    row.locator("[data-do=like]").first.focus()
    for _ in range(7):
        page.keyboard.press("ArrowRight")
    focused = "[document.activeElement.dataset.do, document.activeElement.closest('.card').dataset.item]"
    assert page.evaluate(focused) == ["like", items[7]]
    assert row.evaluate("row => row.scrollLeft") > 100
    page.keyboard.press("End")
    assert page.evaluate(focused) == ["like", items[-1]]
    for _ in range(4):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('[data-shelf]')?.dataset.shelf") != "newest"


def test_the_buttons_turn_a_shelf_to_its_end_and_back(open_page: OpenPage) -> None:
    page = open_page()
    fill(page, "newest")
    back, on_ = shelf(page, "newest").locator(".turn").all()
    row = shelf(page, "newest").locator(".row")
    expect(back).to_be_disabled()
    for _ in range(4):
        if on_.is_enabled():
            on_.click()
            page.wait_for_timeout(80)
    expect(on_).to_be_disabled()
    assert row.evaluate("row => row.scrollLeft + row.clientWidth >= row.scrollWidth - 1")
    expect(back).to_be_enabled()


def test_a_shelf_that_fails_says_so_and_is_tried_again(open_page: OpenPage, watch: Watch) -> None:
    page = open_page()
    page.context.set_offline(True)
    shelf(page, "because").scroll_into_view_if_needed()
    failed = shelf(page, "because").locator(".failed")
    expect(failed).to_be_visible()
    page.context.set_offline(False)
    failed.get_by_role("button").click()
    expect(shelf(page, "because").locator(".card:not(.ghost)").first).to_be_visible()
    expect(failed).to_be_hidden()
    watch.errors.clear()  # the browser notes the failed request


def test_without_a_model_or_categories_only_what_is_known_is_shown(open_page: OpenPage, tmp_path: Path) -> None:
    people, items = zip(*[(f"p{one % 9}", f"i{one % 40}") for one in range(200)], strict=True)
    events = event_frame({"user_id": people, "item_id": items, "type": ["like"] * 200})
    workspace = Workspace.create(tmp_path / "bare")
    workspace.store.import_tables(Tables(events=events, items=pl.DataFrame({"item_id": sorted(set(items))})))
    workspace.store.put("users", [("p1", {"n": 1})])
    with serving(workspace) as url:
        page = open_page(url=url)
        shelf(page, "trending").scroll_into_view_if_needed()
        expect(shelf(page, "because")).to_be_hidden()  # what is alike is not known either
        expect(shelf(page, "newest")).to_be_hidden()
        expect(shelf(page, "elsewhere")).to_be_hidden()
        page.locator("#newcomer").click()
        expect(page.locator(".choice")).to_have_count(12)
    workspace.close()


def test_a_name_in_a_filter_is_only_a_name(open_page: OpenPage, play_url: str) -> None:
    """A category that would end the condition if it were not quoted."""
    page = open_page()
    strange = 'te"a\\" or true'
    unquoted = {"filter": f'has category and not category in ["{strange}"]'}
    assert httpx.post(f"{play_url}/v1/recommendations", json=unquoted).status_code == 422
    for event in past(page, play_url)[:24]:
        item = json.dumps({"attributes": {"category": strange, "category_zh": strange}})
        httpx.patch(
            f"{play_url}/v1/items/{event['item_id']}", content=item, headers={"content-type": "application/json"}
        ).raise_for_status()
    page.reload()
    expect(shelf(page, "elsewhere").locator("h2")).to_have_text(f"From other categories: not {strange}")
    until(page, lambda: bool(fill(page, "elsewhere")))
    assert all(attributes(play_url, item)["category"] != strange for item in on(page, "elsewhere"))


def films(folder: Path) -> Workspace:
    """Films of several genres each, and people who rate, as MovieLens has them: no pictures, no categories."""
    kinds = ["Drama", "Comedy", "Action", "War", "Crime"]
    rows = [(f"p{one % 20}", f"f{one * 7 % 60}", 1.0 + one % 5, one) for one in range(400)]
    people, items, values, times = zip(*rows, strict=True)
    log = {"user_id": people, "item_id": items, "type": ["rating"] * 400, "value": values, "time_ms": times}
    genres = [[kinds[(film + step) % 5] for step in range(1 + film % 4)] for film in range(60)]
    catalogue = {"item_id": [f"f{film}" for film in range(60)], "genres": genres, "year": [*range(1960, 2020)]}
    workspace = Workspace.create(folder)
    workspace.store.import_tables(Tables(events=event_frame(log), items=pl.DataFrame(catalogue)))
    saved = workspace.new_model_folder()
    Pipeline(Recipe.named("default")).fit(workspace.dataset()[0], FitOptions(seed=1, threads=1)).save(saved)
    workspace.publish(saved)
    return workspace


def test_a_workspace_of_ratings_and_genres_has_its_shelves_and_its_start(open_page: OpenPage, tmp_path: Path) -> None:
    workspace = films(tmp_path / "films")
    with serving(workspace) as url:
        page = open_page(url=url)
        expect(page.locator(".choice").nth(7)).to_be_visible()
        page.locator("#person").fill("p3")
        settle(page, lambda: page.keyboard.press("Enter"))
        best = max(past(page, url)[:24], key=lambda event: event["value"])
        heading = f"Because you rated {best['item_id']} {best['value']:g}"
        expect(shelf(page, "because").locator("h2")).to_have_text(heading)
        years = [attributes(url, item)["year"] for item in fill(page, "newest")]
        assert years == sorted(years, reverse=True)
        left_out = shelf(page, "elsewhere").locator("h2").inner_text().removeprefix("From other categories: not ")
        assert all(
            not set(left_out.split(", ")) & set(attributes(url, item)["genres"]) for item in on(page, "elsewhere")
        )
        facts = page.locator(".card:not(.ghost) .facts").all_inner_texts()
        assert max(len(fact.split(" · ")) for fact in facts) == 4  # three genres and a year
    workspace.close()
