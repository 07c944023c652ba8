"""Operations in a real browser: how the service stands, a backup that is made, what a key that looks may not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from serendip.serving.control.backups import Backups
from serendip.store import Workspace
from serendip.store.backup import restore
from serendip.store.keys import make
from serendip.store.rounds import Round, add
from tests.serving.pages.play_service import OpenPage, serving, settled

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Workspace]:
    workspace = Workspace.create(tmp_path / "bare")
    yield workspace
    workspace.close()


def test_a_service_with_a_model_says_how_it_stands(open_room: OpenPage) -> None:
    page = open_room("/room/operations")
    expect(page.get_by_role("region", name="Health").first).to_contain_text("Ready")
    expect(page.get_by_role("region", name="What waits").first).to_contain_text("being answered")
    expect(page.get_by_role("region", name="Storage").first).to_contain_text("Left on the disk")
    limits = page.locator("section.panel", has_text="Limits in force")
    expect(limits).to_contain_text("File to import")
    expect(limits).to_contain_text("134 MB")


def test_an_empty_workspace_is_not_ready_and_says_why(open_room: OpenPage, bare: Workspace) -> None:
    with serving(bare) as url:
        page = open_room("/room/operations", url)
        expect(page.get_by_role("region", name="Health").first).to_contain_text("Not ready")
        expect(page.get_by_role("region", name="Jobs").first).to_contain_text("no round of training yet")
        expect(page.get_by_role("region", name="Backups").first).to_contain_text("no backup yet")


def test_a_backup_is_made_on_the_page_and_can_be_restored(open_room: OpenPage, bare: Workspace, tmp_path: Path) -> None:
    bare.store.put("items", [("i1", {"title": HOSTILE})])
    with serving(bare) as url:
        page = open_room("/room/operations", url)
        panel = page.get_by_role("region", name="Backups").first
        page.get_by_role("button", name="Make a backup now").click()
        expect(panel.locator("td code")).to_have_count(1, timeout=20_000)
        expect(page.get_by_role("button", name="Make a backup now")).to_be_visible()
        command = panel.locator("pre.command").inner_text().split()
        assert command[:2] == ["serendip", "restore"]
    restore(Path(command[2]), tmp_path / "again")
    with Workspace.open(tmp_path / "again") as again:
        assert again.store.get("items", "i1") == {"title": HOSTILE}


def test_what_others_wrote_is_text(open_room: OpenPage, bare: Workspace) -> None:
    add(bare.path, Round("failed", HOSTILE, "2026-01-01T00:00:00Z", 3.0, 1))
    bare.backups_dir.mkdir()
    (bare.backups_dir / f"{HOSTILE.replace('/', '')}.tar.gz").write_bytes(b"x")
    with serving(bare) as url:
        page = open_room("/room/operations?lang=zh", url)
        expect(page.locator("#heading")).to_have_text("运维")
        expect(page.get_by_role("region", name="任务").first).to_contain_text(HOSTILE)
        expect(page.get_by_role("region", name="备份").first).to_contain_text("onerror")
        expect(page.locator("#screen img")).to_have_count(0)


def test_a_key_that_looks_makes_no_backup(open_room: OpenPage, bare: Workspace) -> None:
    key, text = make("looks", ["control:read"])
    with serving(bare) as url:
        page = open_room("/room/operations", url)
        expect(page.get_by_role("button", name="Make a backup now")).to_be_visible()
        bare.store.add_key(key)
        page.evaluate("key => sessionStorage.setItem('serendip.key', key)", text)
        page.wait_for_timeout(700)  # until the service has seen the key
        page.reload()
        settled(page)
        expect(page.get_by_role("region", name="Backups").first).to_contain_text("no backup yet")
        expect(page.get_by_role("button", name="Make a backup now")).to_have_count(0)
    assert Backups(bare).latest() is None
