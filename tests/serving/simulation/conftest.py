"""A small world to live in, and ways that were lived in it, each once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest

from serendip.pipeline import Recipe
from serendip.pipeline.recipe import Exploration, Reranking, Source
from serendip.serving.simulation.loop import Lived, live_apart
from serendip.serving.simulation.plan import Memory, Plan, Way
from serendip.world import Laws, World

PLAN = Plan(people=320, items=300, history=6, days=7, visits=0.5, seed=1)
DEFAULT = Recipe.named("default")
NAIVE = DEFAULT.model_copy(update={"reranking": Reranking()})
EXPLORATION = Exploration(places=(3, 6, 9), share=0.5, pool=10)
RECIPES = {
    "default": DEFAULT,
    "popular": Recipe(name="popular", sources=(Source(model="popular"),)),
    "naive": NAIVE,
    "dialled": DEFAULT.model_copy(update={"reranking": Reranking(popularity=-0.3)}),
    "exploring": NAIVE.model_copy(update={"exploration": EXPLORATION}),
}
DAILY = replace(PLAN, refit_every=1)
YOUNG = replace(DAILY, laws=Laws(arrivals=0.5))
PLANS = {"still": PLAN, "daily": DAILY, "young": YOUNG}


@cache
def world_of(plan: str) -> World:
    return PLANS[plan].world()


@pytest.fixture(scope="session")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Lived]:
    """What came of one of `RECIPES` under one of `PLANS`."""

    @cache
    def live(recipe: str, memory: Memory = "live", plan: str = "still") -> Lived:
        folder = tmp_path_factory.mktemp("lived") / "shop"
        return live_apart(PLANS[plan], world_of(plan), Way(recipe, RECIPES[recipe], memory), folder)

    return live
