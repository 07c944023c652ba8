"""People live with recipes from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from serendip.cli import main

SMALL = ["--days", "2", "--people", "40", "--items", "60"]


def test_a_result_and_a_picture_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "lab"
    recipes = ["--recipe", "popular", "--recipe", "popular=stale"]
    assert main(["simulate", str(folder), *recipes, *SMALL, "--experiment"]) == 0
    told = capsys.readouterr()
    assert "popular-stale" in told.out
    assert "not decided" in told.err
    outcome = json.loads((folder / "simulation.json").read_text())
    assert [len(way["days"]) for way in outcome["ways"].values()] == [2, 2]
    assert outcome["ways"]["popular-stale"]["against_the_first"]["mean"] < 0
    assert [look["lists"] for look in outcome["experiment"]["looks"]] == [28, 56]
    picture = ElementTree.fromstring((folder / "simulation.svg").read_text())
    assert len(picture.findall(".//{http://www.w3.org/2000/svg}circle")) >= 10
    assert main(["simulate", str(folder), *recipes, *SMALL]) == 2
    assert "not an empty folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--recipe", "popular", "--recipe", "popular"], "named once"),
        (["--recipe", "popular", "--experiment"], "at least two"),
        (["--recipe", "nonsense"], "no recipe"),
        (["--recipe", "popular", "--visits", "0"], "visits"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(
    tmp_path: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", str(tmp_path / "lab"), *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
