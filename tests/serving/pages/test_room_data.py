"""Data in a real browser: a file is sent, its columns are told, it is checked and imported; foreign words stay text."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from playwright.sync_api import Locator, Page, expect

from serendip.store import Workspace
from serendip.store.keys import make
from tests.serving.pages.play_service import OpenPage, Watch, serving, settled

HOSTILE = "<img src=x onerror=alert(1)>"
EVENTS = "kunde;product;event;timestamp\n" + "".join(
    f"p{n % 30};i{n % 7};like;{1_700_000_000 + n}\n" for n in range(60)
)
BAD = EVENTS + ";i1;like;1700000000\n=1+1;i2;like;soon\n"


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Workspace]:
    workspace = Workspace.create(tmp_path / "bare")
    yield workspace
    workspace.close()


def panel(page: Page, title: str) -> Locator:
    return page.locator("section.panel", has=page.get_by_role("heading", name=title, exact=True, level=2))


def send(page: Page, name: str, content: bytes) -> None:
    page.locator("input[type=file]").set_input_files({"name": name, "mimeType": "text/csv", "buffer": content})
    page.get_by_role("button", name="Send and look at it").click()
    page.wait_for_url("**import=*")
    settled(page)


def test_a_file_goes_all_the_way(open_room: OpenPage, bare: Workspace, tmp_path: Path) -> None:
    with serving(bare) as url:
        page = open_room("/room/data", url)
        expect(panel(page, "Imports")).to_contain_text("Nothing was imported here yet")
        expect(panel(page, "Types of events")).to_contain_text("There are no events yet")
        send(page, "log.csv", BAD.encode())
        wizard = panel(page, "Import a file")
        expect(wizard.get_by_label("Kind of table")).to_have_value("events")
        expect(wizard.get_by_label("Separator")).to_have_value(";")
        expect(wizard.get_by_label("Unit of times")).to_have_value("s")
        expect(wizard.get_by_label("What the column product is")).to_have_value("item")
        expect(wizard.get_by_label("What the column kunde is")).to_have_value("")  # no name that is known
        wizard.get_by_label("What the column kunde is").select_option("user")
        page.get_by_role("button", name="Check all rows").click()
        checks = page.get_by_role("region", name="Checks", exact=True).first
        expect(checks).to_contain_text("60 of 62 rows can be imported", timeout=20_000)
        expect(checks).to_contain_text("the user id is missing")
        expect(checks).to_contain_text("'soon' is not a time")
        with page.expect_download() as downloading:
            page.get_by_role("button", name="Save refused rows").click()
        downloading.value.save_as(tmp_path / "refused.csv")
        with (tmp_path / "refused.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
        assert [row[0] for row in rows] == ["row", "62", "63"]
        assert rows[2][2] == "'=1+1"
        page.get_by_role("button", name="Import 60 rows").click()
        expect(wizard).to_contain_text("New events", timeout=20_000)
        assert bare.store.counts()["events"] == 60
        page.get_by_role("link", name="Import another file").click()
        settled(page)
        row = panel(page, "Imports").locator("tbody tr")
        expect(row).to_contain_text("log.csv")
        expect(row).to_contain_text("60")
        expect(panel(page, "Types of events").locator("tbody tr").first).to_contain_text("like")


def test_a_check_that_fails_asks_first(open_room: OpenPage, bare: Workspace, watch: Watch) -> None:
    with serving(bare) as url:
        page = open_room("/room/data", url)
        send(page, "log.csv", b"user,item\nann,tea\n")
        page.get_by_role("button", name="Check all rows").click()
        page.get_by_role("button", name="Import 1 rows").click()
        expect(page.locator("#screen")).to_contain_text("a check fails (enough data)")
        page.get_by_label("Import although a check fails").check()
        page.get_by_role("button", name="Import 1 rows").click()
        expect(page.locator("#screen")).to_contain_text("New events")
        watch.errors.clear()  # a browser says 422 in its console
    assert bare.store.counts()["events"] == 1


def test_a_kind_that_was_guessed_wrongly_is_changed(open_room: OpenPage, bare: Workspace) -> None:
    with serving(bare) as url:
        page = open_room("/room/data", url)
        send(page, "things.csv", b"id,title,age\n1,Ann,30\n")
        page.get_by_label("Kind of table").select_option("users")
        expect(page.get_by_label("What the column id is")).to_have_value("user_id")
        page.get_by_label("What the column age is").select_option("-")
        page.get_by_role("button", name="Check all rows").click()
        page.get_by_role("button", name="Import 1 rows").click()
        expect(page.locator("#screen")).to_contain_text("People written")
    assert bare.store.get("users", "1") == {"title": "Ann"}


def test_two_columns_are_not_the_same(open_room: OpenPage, bare: Workspace) -> None:
    with serving(bare) as url:
        page = open_room("/room/data", url)
        send(page, "log.csv", b"user,item,other\nann,tea,x\n")
        page.get_by_label("What the column other is").select_option("item")
        page.get_by_role("button", name="Check all rows").click()
        expect(page.locator("#screen")).to_contain_text("Two columns are the item (id)")


def test_what_strangers_wrote_is_text(open_room: OpenPage, bare: Workspace) -> None:
    bare.store.put("items", [(HOSTILE, {HOSTILE: HOSTILE, "tags": [HOSTILE]})])
    bare.store.put("users", [(HOSTILE, {"name": HOSTILE})])
    frame = pl.DataFrame({"user": [HOSTILE, None], HOSTILE: [HOSTILE, HOSTILE], "item": [HOSTILE, HOSTILE]})
    frame.write_parquet(bare.path / "x.parquet")
    with serving(bare) as url:
        page = open_room("/room/data", url)
        expect(panel(page, "What items are like")).to_contain_text(HOSTILE)
        expect(panel(page, "What people are like")).to_contain_text(HOSTILE)
        send(page, f"{HOSTILE}.parquet", (bare.path / "x.parquet").read_bytes())
        page.get_by_role("button", name="Check all rows").click()
        expect(page.get_by_role("region", name="Checks", exact=True).first).to_contain_text(HOSTILE, timeout=20_000)
        expect(page.locator("#screen img")).to_have_count(0)
        page.get_by_role("button", name="Discard").click()
        page.get_by_role("button", name="Discard").click()
        settled(page)
        expect(page.locator("input[type=file]")).to_be_visible()
    assert list(bare.imports_dir.iterdir()) == []


def test_it_reads_in_chinese_and_without_being_an_administrator(open_room: OpenPage, bare: Workspace) -> None:
    bare.store.put("items", [("i1", {"title": "茶", "price": 2})])
    key, text = make("looks", ["control:read"])
    with serving(bare) as url:
        page = open_room("/room/data", url)
        page.evaluate("key => sessionStorage.setItem('serendip.key', key)", text)
        bare.store.add_key(key)
        page.wait_for_timeout(700)  # until the service has seen it
        page.goto(f"{url}/room/data?lang=zh")
        settled(page)
        expect(page.locator("#heading")).to_have_text("数据")
        expect(panel(page, "导入文件")).to_contain_text("需要带有 admin 权限的密钥")
        expect(panel(page, "物品的属性")).to_contain_text("茶")
        expect(page.locator("input[type=file]")).to_have_count(0)
