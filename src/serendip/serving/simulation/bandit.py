"""Bandit: one place and a few unknown items; how much is lost until the service has found the one most people want.

Here the truth does not move and nobody remembers: one day, visitors who come fresh, a single place that exploration
fills. So a perfect learner exists, who shows the best item to everybody, and what is lost against it must stop growing.
(Whole lists have no such end: nobody learns the taste of each person to the last bit, so their regret goes on.)
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from serendip.data import Progress, Query, silent, track
from serendip.data.arrays import FloatArray, IntArray
from serendip.pipeline import Recipe
from serendip.pipeline.recipe import Exploration, Filters, Source
from serendip.serving.simulation.plan import Plan
from serendip.serving.simulation.service import Service
from serendip.store import StoredEvent
from serendip.world import World
from serendip.world.living import Life, moment_ms

AT_ONCE = 100
"""Lists between two looks at what came of them."""


def play(
    plan: Plan, world: World, n_items: int, rounds: int, folder: Path, learns: bool = True, progress: Progress = silent
) -> FloatArray:
    """What each round lost against the item that most visitors open, (T,), as a chance to be opened.

    Args:
        learns: False: what came of the lists is never looked at.
    """
    life = Life(world, plan.past_days)
    service = Service(folder, life.past(), plan.seed)
    try:
        service.fit(_recipe(n_items))
        rng = np.random.default_rng([plan.seed, n_items])
        arms = rng.choice(np.flatnonzero(~life.came_late), n_items, replace=False)
        chances = world.behaviour.laws.click.chance(world.taste.utility(plan.past_days)[:, arms])  # (U, M)
        losses, fair = [], chances.mean(axis=0)
        for _ in track(range(rounds // AT_ONCE), "a place and a few items", rounds // AT_ONCE, progress):
            shown = _round(plan, service, world, arms, chances, rng)
            losses.append(fair.max() - fair[shown])
            if learns:
                service.look()
            else:
                service.engine.exposures.flush()
    finally:
        service.close()
    return np.concatenate(losses)


def _recipe(n_items: int) -> Recipe:
    exploration = Exploration(places=(1,), share=1.0, pool=n_items, most_loss=0.99)
    return Recipe(
        name="bandit", sources=(Source(model="popular"),), filters=Filters(seen=False), exploration=exploration
    )


def _round(
    plan: Plan, service: Service, world: World, arms: IntArray, chances: FloatArray, rng: np.random.Generator
) -> IntArray:
    """Which of the arms each of some visitors is shown, (AT_ONCE,)."""
    ids = [world.catalogue.items[row].item_id for row in arms]
    place = {item_id: number for number, item_id in enumerate(ids)}
    visitors = rng.integers(len(world.people), size=AT_ONCE)
    shown, events = [], []
    for visitor in visitors.tolist():
        user_id = world.people.user_ids[visitor]
        answer = service.ask(Query(user=user_id, n=1, only=frozenset(ids)))
        (item,) = answer.found
        shown.append(place[item.item_id])
        if rng.random() < chances[visitor, place[item.item_id]]:
            time_ms = moment_ms(plan.past_days)
            events.append(StoredEvent(user_id, item.item_id, "click", None, time_ms, request_id=answer.request_id))
    service.tell(events)
    return np.asarray(shown)
