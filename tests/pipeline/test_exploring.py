"""Places that are given by chance: the chances are those that are told, hard rules hold, and what is learned pays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from copy import copy

import numpy as np
import pytest
from scipy import stats

from serendip.data import EXPLORATION, Dataset, Query, Recommendations, Vocabulary
from serendip.data.arrays import FloatArray, IntArray
from serendip.pipeline import Pipeline, Recipe
from serendip.pipeline.course import Draws
from serendip.pipeline.exploring import Explorer, Tried, explore
from serendip.pipeline.recipe import Exploration

PLAIN = Recipe.named("default")


def exploring(pipeline: Pipeline, **settings: object) -> Pipeline:
    """The same fitted pipeline under a recipe that explores."""
    table = {"places": (2, 4), "share": 0.5, **settings}
    recipe = PLAIN.model_copy(update={"exploration": Exploration(**table)})  # type: ignore[arg-type]
    other = Pipeline(recipe)
    other.__dict__.update({**pipeline.__dict__, "recipe": recipe, "_explored": None, "tried": Tried.nothing()})
    return other


def lucky(seed: int) -> Callable[[], float]:
    return np.random.default_rng(seed).random


def drawn(pipeline: Pipeline, times: int, **query: object) -> list[Recommendations]:
    luck = lucky(0)
    return [pipeline.recommend(Query(user="p1", n=6, **query), luck) for _ in range(times)]  # type: ignore[arg-type]


def many_drawn(pipeline: Pipeline, times: int) -> tuple[IntArray, Draws]:
    """The rows of as many lists of six, (T, 6), and what chance decided of each place, (T, 6)."""
    luck, course = lucky(0), pipeline.course(Query(user="p1", n=6))
    courses = [copy(course) for _ in range(times)]
    for one in courses:
        explore(one, pipeline._explorer(course.catalogue), {}, luck)
    draws = [one.draws for one in courses if one.draws is not None]
    columns = (np.stack([getattr(one, name) for one in draws]) for name in ("chances", "explorations", "explored"))
    return np.stack([one.rows for one in courses]), Draws(*columns)


def test_without_luck_nothing_is_left_to_chance(pipeline: Pipeline) -> None:
    explored = exploring(pipeline, share=1.0)
    assert explored.recommend(Query(user="p1")).to_dict() == pipeline.recommend(Query(user="p1")).to_dict()
    assert [item.propensity for item in pipeline.recommend(Query(user="p1"), lucky(1))] == [1.0] * 10
    for query in (Query(), Query(user="p1", personalization=False), Query(user="p1", text="tea")):
        assert all(item.propensity == 1.0 for item in explored.recommend(query, lucky(1)))
    explored.exploring = False
    assert all(item.propensity == 1.0 for item in explored.recommend(Query(user="p1"), lucky(1)))


@pytest.mark.parametrize("method", ["thompson", "epsilon"])
def test_propensities_are_the_shares_in_which_items_are_shown(pipeline: Pipeline, method: str) -> None:
    explored = exploring(pipeline, method=method)
    explored.tried = Tried(("coffee-1", "coffee-2"), np.array([40.0, 30.0]), np.array([20.0, 0.0]))
    rows, draws = many_drawn(explored, 4_000)
    plain = explored.course(Query(user="p1", n=6)).rows
    for place in range(6):
        shown, counts = np.unique(rows[:, place], return_counts=True)
        chances = np.array([draws.chances[rows[:, place] == row, place][0] for row in shown])
        if place not in (1, 3):
            assert (shown.tolist(), chances.tolist()) == ([plain[place]], [1.0])
            continue
        assert chances[shown == plain[place]] >= 0.5 - 1e-12
        assert chances.sum() == pytest.approx(1.0, abs=1e-3)  # all but what is too rare to have come up
        assert stats.chisquare(counts, 4_000 * chances / chances.sum()).pvalue > 1e-3


def test_places_are_drawn_on_their_own(pipeline: Pipeline) -> None:
    """The chance of an item in its place does not depend on what the other place shows."""
    rows, draws = many_drawn(exploring(pipeline), 4_000)
    explored = draws.explored[:, [1, 3]]
    assert explored.mean(axis=0) == pytest.approx([0.5, 0.5], abs=0.03)
    assert abs(np.corrcoef(explored.T)[0, 1]) < 0.05
    assert not set(rows[:, 1].tolist()) & set(rows[:, 3].tolist())


@pytest.mark.parametrize("share", [0.05, 0.3])
def test_no_more_is_explored_than_allowed(pipeline: Pipeline, share: float) -> None:
    _, draws = many_drawn(exploring(pipeline, share=share), 2_000)
    assert draws.explorations.max() <= share + 1e-12
    assert draws.explored[:, [1, 3]].mean() == pytest.approx(share, abs=0.02)


def test_hard_rules_hold_whatever_is_drawn(pipeline: Pipeline, shop: Dataset) -> None:
    met = {event.item_id for event in shop.history("p1")}
    for one in drawn(exploring(pipeline, share=1.0), 40, max_per={"category": 3}, without=frozenset({"coffee-7"})):
        assert len(set(one.item_ids)) == len(one)
        assert not met & set(one.item_ids)
        assert not {"secret", "coffee-7"} & set(one.item_ids)
        kinds = Counter(str(item.attributes["category"]) for item in one)
        assert max(kinds.values()) <= 3


def test_a_cap_would_be_broken_if_draws_did_not_look_at_it(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    from serendip.pipeline import pipeline as module

    real = module.explore
    monkeypatch.setattr(module, "explore", lambda course, explorer, caps, luck: real(course, explorer, {}, luck))
    lists = drawn(exploring(pipeline, share=1.0), 40, max_per={"category": 3})
    kinds = [Counter(str(item.attributes["category"]) for item in one) for one in lists]
    assert max(max(one.values()) for one in kinds) > 3


def test_what_is_tried_says_so_and_scores_still_add_up(pipeline: Pipeline) -> None:
    one = next(one for one in drawn(exploring(pipeline, share=1.0), 20) if one[1].source == EXPLORATION)
    assert one[1].reasons[0].code == EXPLORATION
    for item in one:
        assert sum(reason.contribution for reason in item.reasons) == pytest.approx(item.score, abs=1e-6)


def explorer(
    n_items: int, shown: FloatArray | None = None, wanted: FloatArray | None = None, **more: object
) -> Explorer:
    ids = [f"i{number}" for number in range(n_items)]
    table = {"places": (1,), "share": 1.0, **more}
    tried = Tried.nothing() if shown is None or wanted is None else Tried(tuple(ids), shown, wanted)
    return Explorer(Exploration(**table), Vocabulary(ids), tried)  # type: ignore[arg-type]


def test_chances_are_those_of_thompson_sampling() -> None:
    shown, wanted = np.array([50.0, 20.0, 200.0, 5.0]), np.array([10.0, 5.0, 30.0, 0.0])
    found = explorer(4, shown, wanted, doubt=10.0).chances(np.arange(4))
    overall = (wanted.sum() + 1) / (shown.sum() + 20)
    draws = np.random.default_rng(0).beta(10 * overall + wanted, 10 * (1 - overall) + shown - wanted, (400_000, 4))
    assert found == pytest.approx(np.bincount(draws.argmax(axis=1), minlength=4) / 400_000, abs=0.01)


def test_the_latest_of_what_nobody_was_shown_comes_first() -> None:
    assert explorer(5).rows.tolist() == [4, 3, 2, 1, 0]
    shown, wanted = np.array([0.0, 100.0, 0.0, 100.0, 0.0]), np.array([0.0, 60.0, 0.0, 0.0, 0.0])
    assert explorer(5, shown, wanted).rows.tolist() == [1, 4, 2, 0, 3]
    assert len(explorer(5_000).rows) == 1_000


def regret(learns: bool, seed: int, rounds: int = 30_000, n_items: int = 12) -> FloatArray:
    """What was lost against always showing the best item, after each round, (T,); the list has one place.

    What was shown is learned from in batches, as a service does.
    """
    generator = np.random.default_rng(seed)
    rates = generator.permutation(np.linspace(0.05, 0.6, n_items))
    shown, wanted = np.zeros(n_items), np.zeros(n_items)
    everything = np.arange(n_items)
    lost = np.empty(rounds)
    at = 0
    while at < rounds:
        batch = min(max(20, at // 50), rounds - at)
        known = (shown, wanted) if learns else (np.zeros(n_items), np.zeros(n_items))
        chances = explorer(n_items, *known, pool=n_items).chances(everything)
        chosen = generator.choice(n_items, batch, p=chances)
        np.add.at(shown, chosen, 1)
        np.add.at(wanted, chosen[generator.random(batch) < rates[chosen]], 1)
        lost[at : at + batch] = rates.max() - rates[chosen]
        at += batch
    return np.cumsum(lost)


def slope(regrets: FloatArray) -> float:
    """Of the logarithm of regret over that of time, on the last nine tenths."""
    rounds = np.unique(np.geomspace(len(regrets) / 10, len(regrets), 50).astype(int))
    return float(np.polyfit(np.log(rounds), np.log(regrets[rounds - 1]), 1)[0])


def test_what_is_learned_pays_and_who_does_not_learn_is_seen() -> None:
    learned = np.mean([regret(True, seed) for seed in range(5)], axis=0)
    never = np.mean([regret(False, seed) for seed in range(5)], axis=0)
    assert slope(learned) <= 0.6
    assert slope(never) == pytest.approx(1.0, abs=0.03)
    assert learned[-1] < 0.1 * never[-1]
