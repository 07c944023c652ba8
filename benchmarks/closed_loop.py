"""What comes of a service that learns from what it showed: people of the demo world live with it.

`python -m benchmarks.closed_loop` lets them live with some ways to serve, each in a world of its own with the same
people, the same visits and the same luck, and writes benchmarks/results/loop/closed_loop.json; `--report` writes
docs/images/loop.svg and the tables of docs/closed_loop.md from that file. All on one thread; the seed decides
everything but the milliseconds.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks import loop_report
from benchmarks.loop_report import RESULTS
from serendip.data.arrays import FloatArray
from serendip.evaluation.experiments import growth
from serendip.pipeline import Recipe
from serendip.pipeline.recipe import Exploration, Reranking, Source
from serendip.serving.simulation import bandit
from serendip.serving.simulation.loop import live_apart
from serendip.serving.simulation.outcome import bandit_told, told
from serendip.serving.simulation.plan import Plan, Way
from serendip.serving.simulation.together import live_together
from serendip.world import Laws
from serendip.world.living import Life

ROOT = Path(__file__).parents[1]
PLAN = Plan(seed=0, people=400, items=400, history=6, days=14, visits=0.4)
DAILY = replace(PLAN, refit_every=1)

DEFAULT = Recipe.named("default")
NAIVE = DEFAULT.model_copy(update={"reranking": Reranking()})
POPULAR = Recipe(name="popular", sources=(Source(model="popular", config={"half_life_days": 30}),))


def reranked(**settings: Any) -> Recipe:
    by = DEFAULT.reranking.by
    return DEFAULT.model_copy(update={"reranking": Reranking(by=by, **settings)})


def exploring(recipe: Recipe) -> Recipe:
    return recipe.model_copy(update={"exploration": Exploration(places=(3, 6, 9), share=0.3, pool=10)})


YOUNG = replace(DAILY, laws=Laws(arrivals=0.5))
DIALLED = reranked(popularity=-0.6)


@dataclass(frozen=True)
class Question:
    """Some ways that are compared, the first being what the others are compared with."""

    plan: Plan
    ways: tuple[Way, ...]
    together: bool = False


QUESTIONS = {
    "memory": Question(
        PLAN,
        (
            Way("default", DEFAULT),
            Way("popular", POPULAR),
            Way("stale", DEFAULT, "stale"),
            Way("seen", DEFAULT, "seen"),
        ),
    ),
    "memory, more visits": Question(
        replace(PLAN, people=500, visits=0.5), (Way("default", DEFAULT), Way("seen", DEFAULT, "seen"))
    ),
    "concentration": Question(
        DAILY,
        (
            Way("naive", NAIVE),
            Way("dial -0.3", reranked(popularity=-0.3)),
            Way("dial -0.6", DIALLED),
            Way("diversity 0.5", reranked(diversity=0.5)),
            Way("both", reranked(popularity=-0.6, diversity=0.5)),
        ),
    ),
    "new items": Question(YOUNG, (Way("naive", NAIVE), Way("exploring", exploring(NAIVE)))),
    "new items, dialled": Question(YOUNG, (Way("dial -0.6", DIALLED), Way("and exploring", exploring(DIALLED)))),
    "broken": Question(PLAN, (Way("default", DEFAULT), Way("stale", DEFAULT, "stale")), together=True),
    "the same": Question(PLAN, (Way("default", DEFAULT), Way("again", DEFAULT)), together=True),
}
BANDIT_SEEDS, BANDIT_ITEMS, ROUNDS = range(5), 8, 4_000


def answer(question: Question) -> dict[str, Any]:
    """What comes of it, and how long it took."""
    started_s = time.process_time()
    world = question.plan.world()
    with TemporaryDirectory() as folder:
        if question.together:
            looks, lived = live_together(question.plan, world, question.ways, Path(folder) / "together"), {}
        else:
            lived = {way.name: live_apart(question.plan, world, way, Path(folder) / way.name) for way in question.ways}
            looks = []
    found = told(question.plan, Life(world, question.plan.past_days), question.ways, lived, looks)
    return {**found, "cpu_s": round(time.process_time() - started_s, 1)}


def play() -> dict[str, Any]:
    """The bandit and the policy that never looks at what came of it: the mean regret of some seeds, and each."""
    found: dict[str, Any] = {"items": BANDIT_ITEMS, "rounds": ROUNDS}
    for name in ("learns", "never"):
        losses = np.array([_played(seed, name == "learns") for seed in BANDIT_SEEDS])
        found[name] = {"mean": bandit_told(losses.mean(axis=0)), "seeds": [growth(one) for one in losses]}
    return found


def _played(seed: int, learns: bool) -> FloatArray:
    plan = Plan(seed=seed, people=100, items=60)
    with TemporaryDirectory() as folder:
        return bandit.play(plan, plan.world(), BANDIT_ITEMS, ROUNDS, Path(folder), learns)


def measure(names: Sequence[str]) -> None:
    """Answer the questions of these names, and keep the others."""
    known = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    for name in names:
        known[name] = play() if name == "bandit" else answer(QUESTIONS[name])
        RESULTS.parent.mkdir(parents=True, exist_ok=True)
        RESULTS.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [*QUESTIONS, "bandit"]
    parser.add_argument("--only", nargs="+", choices=names, default=names, help="Some of the questions.")
    parser.add_argument("--report", action="store_true", help="Only write the page and the picture.")
    arguments = parser.parse_args()
    if not arguments.report:
        measure(arguments.only)
    for file in loop_report.write():
        sys.stdout.write(f"wrote {file.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
