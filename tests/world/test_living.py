"""People who live on after the log: what they know, what their lists are worth, and who can do no better."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from serendip.world import World
from serendip.world.living import Life, moment_ms

FIRST = 40


@pytest.fixture(scope="module")
def world(small_world) -> World:
    return small_world()


def everybody(life: Life) -> np.ndarray:
    return np.flatnonzero(life.world.people.joined_days <= FIRST)


def slates(life: Life, seed: int = 0) -> np.ndarray:
    rng, there = np.random.default_rng(seed), np.flatnonzero(~life.came_late)
    return np.array([rng.choice(there, 10, replace=False) for _ in everybody(life)])


def test_the_past_knows_nothing_of_what_comes(world: World) -> None:
    life = Life(world, FIRST)
    past = life.past()
    assert past.events["time_ms"].max() < moment_ms(FIRST)
    assert past.items["added_ms"].max() <= moment_ms(FIRST)
    assert past.users["joined_ms"].max() <= moment_ms(FIRST)
    later = {id_ for day in range(FIRST + 1, world.n_days + 1) for id_, _ in life.arrivals(day)}
    assert later == set(world.tables().items["item_id"]) - set(past.items["item_id"])
    assert not later & set(past.relations["head"])


def test_the_same_people_come_whatever_they_were_shown(world: World) -> None:
    one, other = Life(world, FIRST, seed=3), Life(world, FIRST, seed=3)
    one.react(everybody(one), slates(one), FIRST, np.random.default_rng(0))
    came = [[rows.tolist() for rows, _ in life.sittings(FIRST, 300)] for life in (one, other)]
    assert came[0] == came[1]
    assert came[0] != [rows.tolist() for rows, _ in Life(world, FIRST, seed=4).sittings(FIRST, 300)]


def test_nobody_opens_twice_and_what_is_known_is_worth_nothing(world: World) -> None:
    life = Life(world, FIRST)
    people, shown = everybody(life), slates(life)
    rng = np.random.default_rng(1)
    first = life.react(people, shown, FIRST, rng)
    assert first.opened.any()
    gains = life.gain(people, shown, FIRST)
    assert not gains[first.opened].any()
    again = life.react(people, shown, FIRST, rng)
    assert not (again.opened & first.opened).any()


def test_what_a_list_is_worth_is_what_comes_of_it_on_average(world: World) -> None:
    """The figure without luck agrees with the mean of many tries."""
    life = Life(world, FIRST)
    people, shown = everybody(life), slates(life)
    told = life.gain(people, shown, FIRST).sum(axis=1).mean()
    utility = np.take_along_axis(world.utility(FIRST, people), shown, axis=1)
    tries = [
        (Life(world, FIRST).react(people, shown, FIRST, np.random.default_rng(seed)).opened * utility).sum(axis=1)
        for seed in range(60)
    ]
    assert told == pytest.approx(np.mean(tries), rel=0.05)


def test_the_oracle_is_never_beaten_and_keeps_the_rules(world: World) -> None:
    life = Life(world, FIRST)
    people = everybody(life)
    best = life.best(people, FIRST, 10)
    for seed in range(5):
        assert (life.gain(people, slates(life, seed), FIRST).sum(axis=1) <= best + 1e-6).all()
    for day in (FIRST, FIRST + 10):  # its own list is worth just what it says
        open_to = (world.catalogue.arrival_days <= day) & ~life._met[people]
        own = np.argsort(-np.where(open_to, world.utility(day, people), -9.0), axis=1)[:, :10]
        np.testing.assert_allclose(life.gain(people, own, day).sum(axis=1), life.best(people, day, 10), rtol=1e-5)
    assert pl.Series(best).min() > 0
