"""Access in a real browser: the first key, others, their end, and what the audit and the receipts say of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from serendip.store import StoredEvent, Workspace
from serendip.store.keys import make
from tests.serving.pages.play_service import OpenPage, Watch, serving, settled

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Workspace]:
    workspace = Workspace.create(tmp_path / "bare")
    yield workspace
    workspace.close()


def panel(page: Page, title: str) -> Locator:
    return page.locator("section.panel", has=page.get_by_role("heading", name=title, exact=True))


def entered(open_room: OpenPage, url: str, workspace: Workspace, scope: str, path: str = "/room/access") -> Page:
    """The page, read with a new key."""
    page = open_room(path, url)
    key, text = make(f"of {scope}", [scope])
    workspace.store.add_key(key)
    page.evaluate("key => sessionStorage.setItem('serendip.key', key)", text)
    page.wait_for_timeout(700)  # until the service has seen it
    page.reload()
    settled(page)
    return page


def test_the_first_key_is_made_shown_once_and_used_at_once(open_room: OpenPage, bare: Workspace) -> None:
    with serving(bare) as url:
        page = open_room("/room/access", url)
        expect(panel(page, "Keys")).to_contain_text("There is no key yet")
        expect(panel(page, "Make a key")).to_contain_text("This will be the first key")
        page.get_by_label("Name").fill(HOSTILE)
        page.get_by_role("button", name="Make the first key").click()
        text = page.get_by_label("The key", exact=True).input_value()
        expect(panel(page, "Make a key")).to_contain_text(f"The key “{HOSTILE}” is shown this once")
        assert httpx.get(f"{url}/v1/keys").status_code == 401
        assert httpx.get(f"{url}/v1/keys", headers={"x-api-key": text}).status_code == 200
        page.get_by_role("button", name="I have kept it").click()
        settled(page)
        expect(page.locator("#role")).to_contain_text(f"Admin · {HOSTILE}")
        row = panel(page, "Keys").locator("tbody tr")
        expect(row).to_contain_text(HOSTILE)
        expect(row).to_contain_text("this one")
        expect(panel(page, "Audit")).to_contain_text("POST /v1/keys")
        assert text not in page.content()


def test_a_key_is_made_and_revoked_and_the_last_admin_stays(open_room: OpenPage, bare: Workspace, watch: Watch) -> None:
    with serving(bare) as url:
        page = entered(open_room, url, bare, "admin")
        page.get_by_label("Name").fill("shop")
        page.get_by_label("recommend:read").check()
        page.get_by_label("events:write").check()
        page.get_by_label("Days until it ends").fill("30")
        page.get_by_role("button", name="Make the key").click()
        expect(page.get_by_label("The key", exact=True)).not_to_be_empty()
        page.get_by_role("button", name="I have kept it").click()
        settled(page)
        made = bare.store.keys()[1]
        assert (made.name, made.scopes) == ("shop", ("events:write", "recommend:read"))
        shop = panel(page, "Keys").locator("tbody tr", has_text="shop")
        expect(shop).to_contain_text("not yet")
        shop.get_by_role("button", name="Revoke").click()
        shop.get_by_role("button", name="Revoke").click()
        expect(panel(page, "Keys").locator("tbody tr", has_text="shop")).to_contain_text("revoked")
        own = panel(page, "Keys").locator("tbody tr", has_text="of admin")
        own.get_by_role("button", name="Revoke").click()
        expect(own).to_contain_text("This is the key you are using")
        own.get_by_role("button", name="Revoke").click()
        expect(own).to_contain_text("is the last one with the scope admin")
    assert bare.store.keys()[0].revoked_ms is None
    watch.errors.clear()  # a browser says 422 in its console


def test_receipts_and_refusals_are_told_without_names(open_room: OpenPage, bare: Workspace) -> None:
    bare.store.append([StoredEvent("ann-of-green-gables", "i1", "like") for _ in range(3)])
    with serving(bare) as url:
        page = entered(open_room, url, bare, "admin")
        weak, text = make("weak", ["recommend:read"])
        bare.store.add_key(weak)
        page.wait_for_timeout(700)
        httpx.delete(f"{url}/v1/users/ann-of-green-gables", headers={"x-api-key": text})
        own = page.evaluate("sessionStorage.getItem('serendip.key')")
        httpx.delete(f"{url}/v1/users/ann-of-green-gables", headers={"x-api-key": own})
        page.reload()
        settled(page)
        expect(panel(page, "Receipts of erasures").locator("tbody tr").first).to_contain_text("events 3")
        refused = panel(page, "Audit").locator("tbody tr", has_text="weak")
        expect(refused).to_contain_text("refused · 403")
        assert "ann-of-green-gables" not in page.content()
        page.get_by_label("Of which key").select_option(label="weak")
        settled(page)
        expect(panel(page, "Audit").locator("tbody tr")).to_have_count(1)


def test_a_key_that_looks_sees_the_keys_and_changes_none(open_room: OpenPage, bare: Workspace) -> None:
    with serving(bare) as url:
        page = entered(open_room, url, bare, "control:read", "/room/access?lang=zh")
        expect(page.locator("#heading")).to_have_text("权限")
        expect(panel(page, "密钥")).to_contain_text("of control:read")
        expect(page.get_by_role("button", name="吊销")).to_have_count(0)
        expect(page.get_by_role("button", name="创建密钥")).to_have_count(0)


def test_the_audit_turns_its_pages(open_room: OpenPage, bare: Workspace) -> None:
    with serving(bare) as url:
        for n in range(25):
            httpx.delete(f"{url}/v1/keys/none-{n}")
        page = open_room("/room/access", url)
        rows = panel(page, "Audit").locator("tbody tr")
        expect(rows).to_have_count(20)
        expect(rows.first).to_contain_text("none-24")
        page.get_by_role("button", name="More").click()
        expect(rows).to_have_count(5)
        expect(rows.last).to_contain_text("none-0")
