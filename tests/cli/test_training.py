"""Train, list and promote from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from serendip.cli import main
from serendip.store import Workspace
from tests.serving.conftest import opened, publish_model


@pytest.fixture
def shop(tmp_path: Path) -> str:
    with opened(tmp_path / "shop") as workspace:
        publish_model(workspace)
    return str(tmp_path / "shop")


def test_a_round_is_told_and_listed(shop: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", shop]) == 0
    assert "skipped: no events came" in capsys.readouterr().err
    assert main(["models", shop, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["current"] for one in told["versions"]] == [True]
    assert [one["outcome"] for one in told["rounds"]] == ["skipped"]
    assert main(["models", shop]) == 0
    assert "current" in capsys.readouterr().out


def test_a_recipe_of_ones_own_is_fitted(shop: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "own.toml").write_text('name = "own"\n[[sources]]\nmodel = "popular"\n')
    assert main(["train", shop, "--recipe", str(tmp_path / "own.toml")]) == 0
    assert "skipped" in capsys.readouterr().err  # there is nothing to compare by
    assert main(["train", shop, "--recipe", str(tmp_path / "own.toml"), "--anyway"]) == 0
    assert "promoted" in capsys.readouterr().err
    with Workspace.open(shop) as workspace:
        assert workspace.pipeline().name == "own"
        assert workspace.promotions()[-1].how == "training"


def test_rounds_go_on_with_the_recipe_that_somebody_fitted_by_name(shop: str, tmp_path: Path) -> None:
    """They fitted that of the settings, so that a shop of 100,000 items got one that was not made for it."""
    (tmp_path / "own.toml").write_text('name = "own"\n[[sources]]\nmodel = "popular"\n')
    assert main(["fit", shop, "--recipe", str(tmp_path / "own.toml")]) == 0
    assert main(["train", shop, "--anyway"]) == 0
    with Workspace.open(shop) as workspace:
        assert workspace.promotions()[-1].how == "training"
        assert workspace.pipeline().name == "own"
    assert main(["fit", shop]) == 0  # what the settings name
    assert main(["train", shop, "--anyway"]) == 0
    with Workspace.open(shop) as workspace:
        assert workspace.pipeline().name == "default"


def test_the_model_before_is_a_command_away(shop: str, capsys: pytest.CaptureFixture[str]) -> None:
    with Workspace.open(shop) as workspace:
        (before,) = workspace.versions()
        assert publish_model(workspace) != before
    assert main(["promote", shop, before]) == 0
    with Workspace.open(shop) as workspace:
        assert workspace.current_model() == workspace.models_dir / before
    assert main(["promote", shop, "nothing"]) == 2
    assert "there is no model 'nothing'" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "6", "six hours", "-1h", "nanh", "6w"])
def test_what_is_no_time_is_refused(shop: str, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", shop, "--train-every", text]) == 2
    assert "--train-every" in capsys.readouterr().err
