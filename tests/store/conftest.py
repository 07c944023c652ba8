"""The engines that every contract test runs on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from serendip.store import Store, open_store

ENGINES = ["sqlite", "postgres"]


@pytest.fixture(params=ENGINES)
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Store]:
    """Opens the same store at each call, as another process would."""
    if request.param == "postgres":
        url = request.getfixturevalue("postgres").new_database()
        return lambda: open_store(url)
    return lambda: open_store(tmp_path / "serendip.db")


@pytest.fixture
def store(reopen: Callable[[], Store]) -> Iterator[Store]:
    opened = reopen()
    yield opened
    opened.close()
