"""The screen Pipeline in a real browser: the stages, the recipe changed, tried, put in service and taken back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from serendip.store import Workspace
from serendip.store.keys import make
from tests.serving.pages.play_service import OpenPage, Watch, region, serving, settled, until
from tests.serving.pages.recipe_shop import HOSTILE, make_shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    workspace = make_shop(tmp_path_factory.mktemp("shop"))
    yield workspace
    workspace.close()


@pytest.fixture(scope="module")
def url(shop: Workspace) -> Iterator[str]:
    with serving(shop) as url:
        yield url


def change(page: Page, part: str, name: str, value: str) -> None:
    """Fill a field of the recipe and wait for what is another."""
    page.locator("details.part > summary", has_text=part).first.click()
    page.locator(f'[name="{part}_{name}"]').fill(value)
    expect(page.locator(".outcome")).to_contain_text(f"{part}.{name}")


def test_the_stages_are_told_with_counts_and_times(open_room: OpenPage, url: str) -> None:
    page = open_room("/room/pipeline", url)
    stages = page.locator(".stage")
    names = ["History", "Sources", "Filters", "Blend", "Ranking", "Re-ranking", "Exploration", "List"]
    expect(stages.locator("h3")).to_have_text(names)
    expect(stages.nth(1)).to_contain_text("candidates of 3 sources")
    expect(stages.nth(1)).to_contain_text("ms")
    expect(stages.nth(6)).to_contain_text("nothing is left to chance")
    expect(region(page, "The way of a list")).to_contain_text("averages over 20 people")
    expect(page.get_by_role("table", name="Sources")).to_contain_text("popular")


def test_a_recipe_is_changed_tried_put_in_service_and_taken_back(
    open_room: OpenPage, url: str, shop: Workspace
) -> None:
    old = shop.current_model()
    page = open_room("/room/pipeline", url)
    change(page, "reranking", "diversity", "0.9")
    expect(page.locator(".outcome")).to_contain_text("nothing: at once")
    page.get_by_role("button", name="Try it").click()
    tried = page.locator("[aria-live]", has_text="Tried on 30 people")
    expect(tried).to_contain_text("Lists that change")
    expect(tried.locator("details[open] .ranked li")).to_have_count(20)
    page.get_by_role("button", name="Put in service").click()
    expect(page.locator(".outcome")).to_contain_text("answers everybody from now on")
    page.get_by_role("button", name="Put in service").click()
    history = region(page, "What was in service")
    expect(page.locator(".outcome")).to_contain_text("It is in service")
    expect(page.locator(".outcome")).to_contain_text("Nothing is another")
    expect(history).to_contain_text("another recipe")
    expect(history).to_contain_text("reranking.diversity 0.1 → 0.9")
    assert shop.current_model() != old
    assert shop.pipeline().recipe.reranking.diversity == 0.9
    assert page.locator('[name="reranking_diversity"]').input_value() == "0.9"
    history.get_by_role("button", name="Go back to it").click()
    history.get_by_role("button", name="Go back to it").click()
    until(page, lambda: shop.current_model() == old)
    expect(history).to_contain_text("chosen")
    expect(page.locator(".outcome")).to_contain_text("reranking.diversity")  # the form still says what it said
    history.get_by_role("button", name="Into the form").first.click()
    expect(page.locator('[name="reranking_diversity"]')).to_have_value("0.1")
    expect(page.locator(".outcome")).to_contain_text("Nothing is another")


def test_what_has_to_be_learned_can_only_be_trained(open_room: OpenPage, url: str) -> None:
    page = open_room("/room/pipeline", url)
    page.locator("details.part > summary", has_text="sources").click()
    page.get_by_label("Another source").select_option("item_knn")
    page.get_by_role("button", name="Add", exact=True).first.click()
    outcome = page.locator(".outcome")
    expect(outcome).to_contain_text("sources.item_knn.model")
    expect(outcome).to_contain_text("a model learns it")
    expect(outcome.get_by_role("button", name="Train with it")).to_be_visible()
    expect(outcome.get_by_role("button", name="Try it")).to_have_count(0)
    expect(outcome.get_by_role("button", name="Put in service")).to_have_count(0)
    page.locator("fieldset", has_text="item_knn").last.get_by_role("button", name="Remove").click()
    expect(outcome).to_contain_text("Nothing is another")


def test_a_recipe_is_written_as_toml_too_and_what_is_wrong_is_said(open_room: OpenPage, url: str, watch: Watch) -> None:
    page = open_room("/room/pipeline", url)
    change(page, "reranking", "pool", "50")
    page.get_by_role("button", name="TOML").click()
    area = page.get_by_role("textbox", name="TOML")
    text = area.input_value()
    assert "pool = 50" in text
    area.fill(text.replace("pool = 50", "pool = 0"))
    expect(page.locator(".outcome")).to_contain_text("greater than or equal to 1")
    page.get_by_role("button", name="Form", exact=True).click()
    expect(area).to_be_visible()  # what is no recipe stays where it can be mended
    area.fill(text.replace("pool = 50", "pool = 60"))
    expect(page.locator(".outcome")).to_contain_text("60")
    page.get_by_role("button", name="Form", exact=True).click()
    expect(page.locator('[name="reranking_pool"]')).to_have_value("60")
    page.locator("details.part > summary", has_text="filters").first.click()
    page.locator('[name="filters_rules"]').fill("{no json")
    expect(page.locator(".outcome")).to_contain_text("What stands in “filters.rules” cannot be read.")
    watch.errors.clear()  # a browser says 422 in its console


def test_it_speaks_chinese(open_room: OpenPage, url: str) -> None:
    page = open_room("/room/pipeline?lang=zh", url)
    expect(page.locator(".stage h3").first).to_have_text("历史")
    change(page, "reranking", "diversity", "0.5")
    expect(page.locator(".outcome")).to_contain_text("无需，立即可用")
    page.get_by_role("button", name="试一试").click()
    expect(page.locator("main")).to_contain_text("已在 30 位用户上试用")


def test_hostile_names_are_text(open_room: OpenPage, url: str) -> None:
    page = open_room("/room/pipeline", url)
    expect(page.locator('[name="description"]')).to_have_value(HOSTILE)
    change(page, "filters", "rules", '{"category": "<b>"}')
    page.locator('[name="name"]').fill(HOSTILE)
    expect(page.locator(".outcome ins", has_text="<img")).to_have_text(HOSTILE)
    page.get_by_role("spinbutton", name="People to try it on").fill("50")
    page.get_by_role("button", name="Try it").click()
    expect(page.locator("main")).to_contain_text("Tried on 41 people")
    assert page.locator("main img[src=x]").count() == 0


def test_an_empty_workspace_says_what_to_do(open_room: OpenPage, tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "empty")
    with serving(workspace) as url:
        page = open_room("/room/pipeline", url)
        expect(region(page, "The way of a list")).to_contain_text("Nothing is trained yet")
        expect(page.locator(".outcome")).to_contain_text("train a model with this recipe")
        expect(region(page, "What was in service")).to_contain_text("Nothing was put in service")
        page.close()
    workspace.close()


def test_who_may_only_look_can_try_and_nothing_else(open_room: OpenPage, tmp_path: Path, watch: Watch) -> None:
    workspace = make_shop(tmp_path / "keyed")
    key, text = make("viewer", ["control:read"])
    workspace.store.add_key(key)
    with serving(workspace) as url:
        page = open_room("/room/pipeline", url)
        page.locator("#key").fill(text)
        page.get_by_role("button", name="Use this key").click()
        page.wait_for_selector(".stage")
        settled(page)
        change(page, "reranking", "diversity", "0.7")
        outcome = page.locator(".outcome")
        expect(outcome).to_contain_text("needs a key with the scope admin")
        expect(outcome.get_by_role("button")).to_have_text(["Try it"])
        outcome.get_by_role("button", name="Try it").click()
        expect(page.locator("main")).to_contain_text("Tried on 30 people")
        page.close()
        watch.errors.clear()  # a browser says 401 in its console
    workspace.close()


def test_on_a_narrow_screen_nothing_stands_out(open_room: OpenPage, url: str) -> None:
    page = open_room("/room/pipeline", url, viewport={"width": 390, "height": 844})
    change(page, "reranking", "diversity", "0.9")
    page.get_by_role("button", name="Try it").click()
    expect(page.locator("main")).to_contain_text("Tried on")
    width = page.locator("html").bounding_box()
    assert width is not None
    assert page.locator("main").bounding_box()["width"] <= width["width"] == 390  # type: ignore[index]
