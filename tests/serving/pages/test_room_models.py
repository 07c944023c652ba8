"""The screen Models in a real browser: a model trained and watched, evaluated, put in service again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from serendip.pipeline import Pipeline, Recipe
from serendip.store import Workspace, rounds, underway
from serendip.store.files import FolderLock
from serendip.store.keys import make
from serendip.store.underway import Underway
from serendip.training import FitOptions
from tests.serving.pages.play_service import OpenPage, Watch, region, serving, settled, until
from tests.serving.pages.recipe_shop import HOSTILE, make_shop

TRAINED_WITHIN_MS = 90_000


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    workspace = make_shop(tmp_path_factory.mktemp("shop"))
    yield workspace
    workspace.close()


@pytest.fixture(scope="module")
def url(shop: Workspace) -> Iterator[str]:
    with serving(shop) as url:
        yield url


def test_a_model_is_told_and_evaluated(open_room: OpenPage, url: str, shop: Workspace) -> None:
    page = open_room("/room/models", url)
    model = region(page, "One model")
    current = shop.current_model()
    assert current is not None
    expect(model).to_contain_text(current.name)
    expect(model).to_contain_text("40 people, 120 items")
    expect(model).to_contain_text("It was not evaluated yet")
    model.get_by_role("button", name="Evaluate on the latest events").click()
    expect(model.get_by_role("list", name="How well it foretells what people want").locator("li")).to_have_count(3)
    expect(model).to_contain_text("latest events, none of which it had learned")
    expect(model).to_contain_text("well known fifth")
    model.get_by_text("Its recipe").click()
    expect(model.locator("pre.toml")).to_contain_text("[[sources]]")


def test_training_is_begun_watched_and_its_model_taken_back(open_room: OpenPage, url: str, shop: Workspace) -> None:
    old = shop.current_model()
    assert old is not None
    page = open_room("/room/models", url)
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Train now").click()
    training = region(page, "Training")
    expect(training.locator("[aria-current=step]")).to_be_visible(timeout=TRAINED_WITHIN_MS)
    expect(training).to_contain_text("took over", timeout=TRAINED_WITHIN_MS)
    expect(region(page, "Versions").locator("tbody tr")).to_have_count(2)
    expect(region(page, "Rounds of training")).to_contain_text("took over")
    new = shop.current_model()
    assert new not in (None, old)
    page.reload()
    settled(page)
    expect(region(page, "One model")).to_contain_text("Against the model before it")
    expect(page.get_by_role("table", name="Against the model before it")).to_contain_text("Everybody")
    versions = region(page, "Versions")
    versions.get_by_role("button", name="Put in service").click()
    versions.get_by_role("button", name="Put in service").click()
    until(page, lambda: shop.current_model() == old)
    versions.get_by_role("link", name=new.name if new else "").click()
    settled(page)
    expect(region(page, "One model")).to_contain_text(str(new and new.name))


def test_a_round_of_another_process_is_seen_and_so_is_its_end(open_room: OpenPage, url: str, shop: Workspace) -> None:
    now = Underway("2026-01-01T00:00:00.000Z", "asked", None, HOSTILE, 3, None, "fitting", f"{HOSTILE}: loss 6.1", 2, 9)
    lock = FolderLock(shop.path)
    lock.take(wait=False)
    (shop.path / underway.FILE).write_text(json.dumps(now.to_json()))
    page = open_room("/room/models", url)
    training = region(page, "Training")
    expect(training.locator("[aria-current=step]")).to_have_text("fitting")
    expect(training).to_contain_text(f"{HOSTILE}: loss 6.1 · 2 / 9")
    assert page.locator("main img[src=x]").count() == 0
    assert training.locator("progress").evaluate("node => node.value") == 2
    lock.release()  # as it is when the process is killed
    expect(training).to_contain_text("failed")
    expect(training).to_contain_text(f"it was ended while fitting ({HOSTILE}: loss 6.1)")
    expect(region(page, "Rounds of training")).to_contain_text("it was ended while fitting")
    assert rounds.read(shop.path)[-1].outcome == "failed"


def test_learning_curves_are_drawn(open_room: OpenPage, tmp_path: Path, watch: Watch) -> None:
    workspace = make_shop(tmp_path / "net")
    table = {"name": HOSTILE, "sources": [{"model": "mult_vae", "name": HOSTILE, "config": {"epochs": 4}}]}
    reading = workspace.read()
    workspace.adopt(Pipeline(Recipe.model_validate(table)).fit(reading.dataset, FitOptions(threads=1)), reading)
    with serving(workspace) as url:
        page = open_room("/room/models", url)
        model = region(page, "One model")
        expect(model).to_contain_text(f"Learning curve of {HOSTILE}")
        expect(model.get_by_role("img", name="Loss by epoch (smaller is better)")).to_be_visible()
        model.get_by_role("button", name="Evaluate on the latest events").click()
        expect(model).to_contain_text("it has learned every event there is")
        page.close()
        watch.errors.clear()  # a browser says 422 in its console
    workspace.close()


def test_it_speaks_chinese(open_room: OpenPage, url: str) -> None:
    page = open_room("/room/models?lang=zh", url)
    expect(region(page, "版本")).to_contain_text("正在使用")
    expect(page.get_by_role("button", name="立即训练")).to_be_visible()


def test_an_empty_workspace_says_so(open_room: OpenPage, tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "empty")
    with serving(workspace) as url:
        page = open_room("/room/models", url)
        for name, said in (
            ("Versions", "Nothing is trained yet"),
            ("One model", "Nothing is trained yet"),
            ("Rounds of training", "No round of training yet"),
            ("Is it still the world it learned?", "Too little has happened"),
        ):
            expect(region(page, name)).to_contain_text(said)
        page.close()
    workspace.close()


def test_who_may_only_look_changes_nothing(open_room: OpenPage, tmp_path: Path, watch: Watch) -> None:
    workspace = make_shop(tmp_path / "keyed")
    key, text = make("viewer", ["control:read"])
    workspace.store.add_key(key)
    with serving(workspace) as url:
        page = open_room("/room/models", url)
        page.locator("#key").fill(text)
        page.get_by_role("button", name="Use this key").click()
        page.wait_for_selector(".panel")
        settled(page)
        expect(region(page, "Train now")).to_contain_text("needs a key with the scope admin")
        assert page.locator("#screen button").all_inner_texts() == []
        page.close()
        watch.errors.clear()  # a browser says 401 in its console
    workspace.close()
