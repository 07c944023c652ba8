"""The engines that every contract test runs on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from serendip.store import Store, open_store

ENGINES: dict[str, Callable[[Path], Store]] = {"sqlite": lambda folder: open_store(folder / "serendip.db")}


@pytest.fixture(params=sorted(ENGINES))
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Store]:
    """Opens the same store at each call, as another process would."""
    return lambda: ENGINES[request.param](tmp_path)


@pytest.fixture
def store(reopen: Callable[[], Store]) -> Iterator[Store]:
    opened = reopen()
    yield opened
    opened.close()
