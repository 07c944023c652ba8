"""From gorse's dump to a list, by the commands that `docs/gorse.md` names."""

from __future__ import annotations

from pathlib import Path

import pytest

from serendip.cli import main
from serendip.store import Workspace
from tests.data.gorse_files import END, FEEDBACK, ITEMS, USERS, feedback, item, user

TIME = (1_645_660_800, 0)


def test_a_dump_is_imported_fitted_and_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = [f"i{n}" for n in range(8)]
    rows = [feedback("like", f"u{n}", names[(n + step) % 8], TIME) for n in range(8) for step in range(3)]
    items = [item(name, categories=("tea",), labels=["hot"], comment=f"Tea {name}") for name in names]
    dump = b"".join((USERS, user("u0", {"city": "Oslo"}), ITEMS, *items, FEEDBACK, *rows, END))
    (tmp_path / "shop.dump").write_bytes(dump)
    shop = str(tmp_path / "shop")
    assert main(["import", "gorse", str(tmp_path / "shop.dump"), shop]) == 0
    assert "24 events, 8 items, 1 users" in capsys.readouterr().err
    assert main(["import", "gorse", str(tmp_path / "shop.dump"), shop]) == 0
    assert "imported 0 events" in capsys.readouterr().err
    assert main(["fit", shop]) == 0
    assert main(["recommend", shop, "--user", "u0", "--json"]) == 0
    assert "Tea i" in capsys.readouterr().out
    with Workspace.open(tmp_path / "shop") as workspace:
        assert workspace.store.get("users", "u0") == {"labels.city": "Oslo"}


def test_a_cut_dump_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "shop.dump").write_bytes((USERS + user("u0") + END)[:-1])
    assert main(["import", "gorse", str(tmp_path / "shop.dump"), str(tmp_path / "shop")]) == 2
    assert "shop.dump, byte 33: the dump ends here" in capsys.readouterr().err
    assert not (tmp_path / "shop").exists()
