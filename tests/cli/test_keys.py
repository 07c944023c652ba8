"""Keys from the command line: made once, listed without their secret, revoked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from serendip.cli import main
from serendip.store import Workspace
from serendip.store.keys import matching


@pytest.fixture
def shop(tmp_path: Path) -> str:
    Workspace.create(tmp_path / "shop").close()
    return str(tmp_path / "shop")


def test_a_key_is_made_listed_and_revoked(shop: str, capsys: pytest.CaptureFixture[str]) -> None:
    scopes = ["--scope", "events:write", "--scope", "recommend:read"]
    assert main(["keys", "create", shop, "web", *scopes, "--days", "30"]) == 0
    told = capsys.readouterr()
    text = told.out.strip()
    with Workspace.open(shop) as workspace:
        key = matching(text, workspace.store.keys(), workspace.store.keys()[0].created_ms)
    assert key is not None
    assert text not in told.err
    assert main(["keys", "list", shop, "--json"]) == 0
    listed = capsys.readouterr().out
    assert text.split("_", 2)[2] not in listed
    (row,) = json.loads(listed)
    assert (row["id"], row["name"], row["state"]) == (key.id, "web", "valid")
    assert main(["keys", "revoke", shop, key.id]) == 0
    capsys.readouterr()
    assert main(["keys", "list", shop]) == 0
    assert "revoked" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["create", "SHOP", "web"], "needs a scope"),
        (["create", "SHOP", "web", "--scope", "root"], "no scope 'root'"),
        (["revoke", "SHOP", "nothing"], "no key 'nothing'"),
    ],
)
def test_what_is_wrong_is_said(shop: str, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", *(shop if word == "SHOP" else word for word in arguments)]) == 2
    assert said in capsys.readouterr().err
