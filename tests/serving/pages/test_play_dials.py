"""The dials of the list, and the call behind it as code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from serendip.store.keys import make
from tests.serving.pages.play_service import CARD, OpenPage, ids, make_workspace, ready, serving, settle

pytestmark = pytest.mark.browser


def wanted_by(url: str, item_ids: list[str]) -> float:
    """How far down the list that everybody gets these stand, on average: higher is less known."""
    trending = httpx.get(f"{url}/v1/trending?limit=200").json()["items"]
    rank = {item["item_id"]: item["rank"] for item in trending}
    return sum(rank.get(item, len(rank) + 1) for item in item_ids) / len(item_ids)


def test_the_novelty_dial_brings_little_known_things(open_page: OpenPage, play_url: str) -> None:
    page = open_page()
    before = ids(page)
    page.locator("#novelty").focus()
    with page.expect_request("**/v1/recommendations") as asked:
        unknown = settle(page, lambda: page.keyboard.press("End"))
    assert asked.value.post_data_json["popularity"] == -1
    expect(page.locator("#novelty-automatic")).to_have_attribute("aria-pressed", "false")
    known = settle(page, lambda: page.keyboard.press("Home"))
    assert wanted_by(play_url, known) < wanted_by(play_url, before) < wanted_by(play_url, unknown)
    expect(page.locator("#status")).to_contain_text("new")
    assert settle(page, page.locator("#novelty-automatic").click) == before


def test_without_personalisation_everybody_gets_the_same(open_page: OpenPage) -> None:
    lists, mine_of = [], []
    for place in (2, 5):
        page = open_page()
        page.locator("#person").click()
        mine = settle(page, page.locator("#people [role=option]").nth(place).click)
        page.locator("#personal").focus()
        lists.append(settle(page, lambda: page.keyboard.press("Space")))  # noqa: B023 - it is pressed at once
        mine_of.append(mine)
        expect(page.locator("#personal-note")).to_have_text("The same for everybody")
        assert "ecause you" not in page.locator("#list").inner_text()
        expect(page.locator("[data-shelf=because]")).to_be_hidden()
        expect(page.locator("[data-shelf=elsewhere]")).to_be_hidden()
        assert settle(page, page.locator("#personal").click) == mine
        expect(page.locator("[data-shelf=because]")).to_be_visible()
    shared = [len(set(one) & set(other)) for one, other in (lists, mine_of)]
    assert shared[0] > shared[1]  # but for what each has seen already


def python(code: str, **environment: str) -> str:
    run = [sys.executable, "-I", "-c", code]
    done = subprocess.run(
        run, capture_output=True, check=True, text=True, timeout=30, env={**os.environ, **environment}
    )
    return done.stdout


def listed(printed: str) -> list[str]:
    return [line.split(" ")[1] for line in printed.splitlines()]


def copied(page: Page, kind: str) -> str:
    page.locator(f"[data-code={kind}]").click()
    expect(page.locator("#copied")).to_contain_text("Copied")
    text: str = page.evaluate("navigator.clipboard.readText()")
    assert text == page.locator("#code").inner_text()
    return text


def test_both_kinds_of_code_answer_with_the_list(open_page: OpenPage) -> None:
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    settle(page, page.locator("#personal").click)
    title = page.locator(f"{CARD} .title").nth(2).inner_text()
    settle(page, lambda: page.locator("#text").fill(f'it\'s "{title}" $HOME `id` {{x}} \\n %s 静 \U0001f600'))
    shown = ids(page)
    assert shown
    command = copied(page, "curl")
    answer = subprocess.run(["sh", "-c", command], capture_output=True, check=True, timeout=20).stdout
    assert [item["item_id"] for item in json.loads(answer)["items"]] == shown
    code = copied(page, "python")
    assert listed(python(code)) == shown
    assert "False" in code
    expect(page.locator("[data-code=python]")).to_have_attribute("aria-expanded", "true")
    expect(page.locator("[data-code=curl]")).to_have_attribute("aria-expanded", "false")


def test_the_code_follows_the_list_while_it_is_open(open_page: OpenPage) -> None:
    page = open_page()
    page.locator("[data-code=python]").click()
    settle(page, page.locator("#newcomer").click)
    guest = page.evaluate("localStorage.getItem('serendip.person')")
    expect(page.locator("#code")).to_contain_text(guest)
    page.locator("[data-code=python]").click()
    expect(page.locator("#command")).to_be_hidden()


def test_a_key_is_named_in_the_code_and_never_written(open_page: OpenPage, tmp_path: Path, watch: Any) -> None:
    workspace = make_workspace(tmp_path, n_items=60, n_people=20, target_events=600)
    key, text = make("page", ["recommend:read", "data:read", "events:write"])
    workspace.store.add_key(key)
    with serving(workspace) as url:
        page = open_page(url=url, permissions=["clipboard-read", "clipboard-write"])
        page.locator("#key").fill(text)
        page.locator("#key").press("Enter")
        expect(page.locator("#problem")).to_be_hidden()
        ready(page)
        code = copied(page, "python")
        assert text not in code
        assert listed(python(code, SERENDIP_KEY=text)) == ids(page)
    workspace.close()
    watch.errors.clear()  # the browser notes the first refusal
