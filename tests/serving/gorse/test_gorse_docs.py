"""The page for people who come from gorse says what is so."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from serendip.serving.access import ANYBODY, POLICY
from serendip.store import Settings

PAGE = (Path(__file__).parents[3] / "docs" / "gorse.md").read_text(encoding="utf-8")


def test_the_table_of_addresses_is_the_table_of_the_doors() -> None:
    told = {}
    for line in re.findall(r"^\| `[A-Z]+ /api/.*$", PAGE, re.MULTILINE):
        addresses, scope = line.split("|")[1:3]
        for method, path in re.findall(r"`([A-Z]+) (/api/[^`]+)`", addresses):
            told[method, path] = scope.strip().strip("`")
    doors = {address: scope for address, scope in POLICY.items() if address[1].startswith("/api/")}
    assert told == {address: "none" if scope == ANYBODY else scope for address, scope in doors.items()}


def test_the_settings_it_shows_are_settings() -> None:
    (shown,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    settings = Settings.model_validate(tomllib.loads(shown))
    assert settings.events.of(["star", "read", "dislike"], [None] * 3).tolist() == [1, 0, -1]
