"""One world of full size, made once, and a small recipe for worlds under other laws."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from serendip.world import Laws, World, generate


@pytest.fixture(scope="session")
def world() -> World:
    return generate()


@pytest.fixture(scope="session")
def small_world() -> Callable[..., World]:
    """A world of 300 items and 200 people, each with many events, under the given laws; each is made once."""

    @cache
    def make(seed: int = 0, **laws: float) -> World:
        return generate(seed, n_items=300, n_people=200, n_days=60, target_events=50_000, laws=Laws(**laws))

    return make
