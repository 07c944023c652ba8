"""What must come of living with the service, in a small world; docs/closed_loop.md has the larger one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from serendip.data import InputError
from serendip.evaluation.experiments import Tally, arm_of, difference, growth, learning
from serendip.serving.simulation.bandit import play
from serendip.serving.simulation.loop import Lived, live_apart
from serendip.serving.simulation.outcome import day_figures, over_people
from serendip.serving.simulation.plan import Plan, Way
from serendip.serving.simulation.together import WORTH, decided, live_together
from serendip.world.living import Life
from tests.serving.simulation.conftest import PLAN, PLANS, RECIPES, world_of

WITHIN_LISTS = 1_500
"""An experiment between a live and a stale recipe must be decided within so many lists."""

Lives = Callable[..., Lived]


def better(one: Lived, other: Lived) -> float:
    """The lower end of the interval of what a list is worth more in one way than in the other."""
    low = over_people(one.gain_of_people(PLAN.people) - other.gain_of_people(PLAN.people)).low
    assert low is not None
    return low


def figures(lived: Lived, plan: str, name: str) -> list[float]:
    life = Life(world_of(plan), PLAN.past_days)
    return [day_figures(lived, life, day)[name] for day in range(PLAN.days)]


def test_the_personalised_recipe_beats_popularity(lived: Lives) -> None:
    assert better(lived("default"), lived("popular")) > 0


def test_live_beats_histories_that_are_never_updated(lived: Lives) -> None:
    assert better(lived("default"), lived("default", "stale")) > 0


def test_much_of_that_is_showing_the_same_again(lived: Lives) -> None:
    """Taste stays as it was, but nothing that somebody met is shown again."""
    assert better(lived("default", "seen"), lived("default", "stale")) > 0


def test_an_event_counts_in_the_next_list_unless_histories_are_stale(lived: Lives) -> None:
    for memory, share in (("live", 1.0), ("stale", 0.0)):
        changed = lived("default", memory).changed
        assert np.nanmean(changed) == share
        assert np.isfinite(changed).sum() > 100


def test_nobody_does_better_than_the_oracle(lived: Lives) -> None:
    for memory in ("live", "stale"):
        one = lived("default", memory)
        assert (one.gains.sum(axis=1) <= one.best + 1e-6).all()


def test_a_naive_loop_narrows_and_the_dial_holds_it(lived: Lives) -> None:
    """Fitted every day on what came of its own lists, a recipe shows less and less of the catalogue."""
    shown, held = (figures(lived(name, plan="daily"), "daily", "coverage") for name in ("naive", "dialled"))
    assert shown[-1] < 0.85 * shown[0]
    assert all(wide > 1.2 * narrow for wide, narrow in zip(held, shown, strict=True))
    assert held[-1] > 1.5 * shown[-1]
    uneven, even = (figures(lived(name, plan="daily"), "daily", "gini") for name in ("naive", "dialled"))
    assert uneven[-1] > uneven[0]
    assert all(less < more for less, more in zip(even, uneven, strict=True))


def test_exploration_finds_new_items_and_is_paid_back(lived: Lives) -> None:
    without, exploring = (lived(name, plan="young") for name in ("naive", "exploring"))
    assert max(figures(without, "young", "new_share")) == 0  # they stay unknown for ever
    assert min(figures(exploring, "young", "new_share")[1:]) > 0
    assert sum(figures(exploring, "young", "new_gain")) > 0
    before, after = (np.array(figures(one, "young", "gain")) for one in (without, exploring))
    assert after[0] < before[0]  # what it costs
    assert after[-3:].sum() > before[-3:].sum()


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow)])
def test_a_recipe_that_never_updates_is_caught_by_the_experiment(tmp_path: Path, seed: int) -> None:
    plan = replace(PLAN, seed=seed, days=9)
    ways = [Way("default", RECIPES["default"]), Way("stale", RECIPES["default"], "stale")]
    verdict = decided(live_together(plan, plan.world(), ways, tmp_path / "one"), "stale")
    assert verdict is not None
    assert verdict[0] == "stop"
    assert verdict[1] <= WITHIN_LISTS


def test_two_of_the_same_are_hardly_ever_told_apart(lived: Lives) -> None:
    """What was lived in one way, split by 200 other hashes and read every evening: at most 5 in 100 may be wrong."""
    one, ids = lived("default"), world_of("still").people.user_ids
    wrong = sum(_told_apart(one, np.array([arm_of(user, f"split {n}", (1, 1)) for user in ids])) for n in range(200))
    assert wrong <= 0.05 * 200


def _told_apart(one: Lived, arms: np.ndarray) -> bool:
    for day in range(PLAN.days):
        so_far = one.days <= day
        found = difference(*(_tally(one, so_far & (arms[one.user_rows] == arm)) for arm in (0, 1)), WORTH)
        if found.low is not None and found.high is not None and not found.low <= 0 <= found.high:
            return True
    return False


def _tally(one: Lived, which: np.ndarray) -> Tally:
    lists = np.bincount(one.user_rows[which], minlength=PLAN.people).astype(float)
    wanted = np.bincount(one.user_rows[which], one.opened[which] > 0, minlength=PLAN.people)
    return Tally(wanted[lists > 0], lists[lists > 0])


@pytest.mark.parametrize("rounds", [1_200, pytest.param(6_000, marks=pytest.mark.slow)])
def test_the_regret_of_the_bandit_grows_like_the_root_of_time(tmp_path: Path, rounds: int) -> None:
    """The mean of some worlds; and the same policy that never looks at what came of its lists is told from it."""
    plans = [Plan(seed=seed, people=100, items=60) for seed in (1, 2, 3)]
    losses = [play(plan, plan.world(), 8, rounds, tmp_path / f"{plan.seed}") for plan in plans]
    blind = play(plans[0], plans[0].world(), 8, rounds, tmp_path / "blind", learns=False)
    assert growth(np.mean(losses, axis=0)) <= 0.6
    assert growth(blind) == pytest.approx(1.0, abs=0.08)
    assert [learning(growth(one)) for one in (np.mean(losses, axis=0), blind)] == ["learns", "never"]


def test_the_same_plan_comes_to_the_same(tmp_path: Path) -> None:
    plan = replace(PLANS["young"], people=60, items=80, days=3)
    world, way = plan.world(), Way("exploring", RECIPES["exploring"])
    one, again = (live_apart(plan, world, way, tmp_path / name) for name in ("one", "again"))
    other = live_apart(replace(plan, seed=2), world, way, tmp_path / "other")
    for name in ("user_rows", "slates", "gains", "best", "opened", "changed"):
        np.testing.assert_array_equal(getattr(one, name), getattr(again, name))
    assert not np.array_equal(one.user_rows, other.user_rows)


def test_what_makes_no_sense_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="live, seen, stale"):
        Way.parse("default=dead")
    with pytest.raises(InputError, match="no recipe 'nonsense'"):
        Way.parse("nonsense")
    with pytest.raises(InputError, match="days of at least 1"):
        Plan(days=0)
    with pytest.raises(InputError, match="visits"):
        Plan(visits=0.0)
    seen = [Way("a", RECIPES["default"]), Way("b", RECIPES["default"], "seen")]
    with pytest.raises(InputError, match="live apart"):
        live_together(PLAN, world_of("still"), seen, tmp_path)
