"""Outcome: what came of the ways to serve, as plain values for a file, with intervals over people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from statistics import median
from typing import Any

import numpy as np

from serendip.data.arrays import FloatArray
from serendip.evaluation.experiments import growth, learning
from serendip.evaluation.significance import Estimate, bootstrap, estimate
from serendip.metrics import coverage, gini
from serendip.serving.simulation.loop import Lived
from serendip.serving.simulation.plan import Plan, Way
from serendip.serving.simulation.together import Look, decided
from serendip.world.living import Life

DECIMALS = 5
CURVE = 100
"""Points of a curve of regret."""


def told(
    plan: Plan, life: Life, ways: Sequence[Way], lived: Mapping[str, Lived], looks: Sequence[Look]
) -> dict[str, Any]:
    """Everything: the plan, each way day by day and against the first, and the experiment if there was one."""
    first = lived.get(ways[0].name)
    found = {
        "plan": asdict(plan),
        "ways": {way.name: _way(plan, life, way, lived[way.name], first) for way in ways if way.name in lived},
        "experiment": {
            "looks": [look.to_json() for look in looks],
            "decided": {way.name: decided(looks, way.name) for way in ways[1:]},
        },
    }
    return {key: value for key, value in found.items() if key != "experiment" or looks}


def _way(plan: Plan, life: Life, way: Way, lived: Lived, first: Lived | None) -> dict[str, Any]:
    n_people = len(life.world.people)
    mine = lived.gain_of_people(n_people)
    losses = lived.best - lived.gains.sum(axis=1)
    return {
        "memory": way.memory,
        "recipe": way.recipe.model_dump(mode="json", exclude_defaults=True),
        "gain": _rounded(over_people(mine)),
        "against_the_first": (
            None if first is None or first is lived else _rounded(over_people(mine - first.gain_of_people(n_people)))
        ),
        "share_of_the_best": round(float(lived.gains.sum() / lived.best.sum()), DECIMALS),
        "regret_growth": _number(growth(losses)),
        "effect_ms": round(median(lived.effect_ms), 1) if lived.effect_ms else None,
        "days": [
            {name: _number(value) for name, value in day_figures(lived, life, day).items()} for day in range(plan.days)
        ],
    }


def _number(value: float) -> float | None:
    """Short, and None where there is none: JSON knows no NaN."""
    return round(float(value), DECIMALS) if np.isfinite(value) else None


def over_people(values: FloatArray) -> Estimate:
    """The mean of people (U,) with its interval; who never came is NaN and left out."""
    return estimate(float(np.nanmean(values)), bootstrap(values[:, None])[:, 0])


def _rounded(one: Estimate) -> dict[str, float | None]:
    return {name: None if value is None else round(value, DECIMALS) for name, value in asdict(one).items()}


def day_figures(lived: Lived, life: Life, day: int) -> dict[str, float]:
    """What a day was like; what is not a share or an index is a mean over its lists."""
    mine = lived.days == day
    slates, gains, changed = lived.slates[mine], lived.gains[mine], lived.changed[mine]
    listed, n_items = slates >= 0, len(life.world.catalogue)
    new = life.came_late[np.maximum(slates, 0)] & listed
    there = int(np.count_nonzero(life.world.catalogue.arrival_days <= life.first_day + day))
    return {
        "lists": int(mine.sum()),
        "gain": gains.sum(axis=1).mean(),
        "best": lived.best[mine].mean(),
        "regret": (lived.best[mine] - gains.sum(axis=1)).mean(),
        "opened": lived.opened[mine].mean(),
        "gini": gini(slates, n_items),
        "coverage": coverage(slates, n_items) * n_items / there,
        "new_share": new.sum() / max(1, listed.sum()),
        "new_gain": (gains * new).sum(axis=1).mean(),
        "changed": np.nanmean(changed) if np.isfinite(changed).any() else np.nan,
    }


def bandit_told(losses: FloatArray) -> dict[str, Any]:
    """How the regret of a bandit grows, and where it stands after each hundredth of the rounds."""
    slope, marks = growth(losses), np.linspace(0, len(losses), CURVE + 1).astype(int)[1:]
    return {
        "slope": _number(slope),
        "verdict": learning(slope),
        "regret": [round(float(one), 2) for one in np.cumsum(losses)[marks - 1]],
    }
