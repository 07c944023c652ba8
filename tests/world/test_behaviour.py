from __future__ import annotations

import numpy as np
import pytest

from serendip.world.laws import START_MS
from serendip.world.shop import race


def react(world, slates: np.ndarray, seed: int = 0, day: float = 10.0):
    people = np.arange(len(slates))
    return world.behaviour.react(people, slates, day, np.random.default_rng(seed))


@pytest.fixture
def world(small_world):
    return small_world()


def test_the_same_draws_give_the_same_reactions(world):
    slates = np.tile(np.arange(10), (200, 1))
    one, again, other = react(world, slates, 1), react(world, slates, 1), react(world, slates, 2)
    np.testing.assert_array_equal(one.clicked, again.clicked)
    np.testing.assert_array_equal(one.ratings, again.ratings)
    assert (one.clicked != other.clicked).any()


def test_one_thing_follows_from_another(world):
    reactions = react(world, np.tile(np.arange(20), (200, 1)))
    assert (reactions.clicked <= reactions.examined).all()
    for after in (reactions.liked, reactions.carted, ~np.isnan(reactions.ratings)):
        assert (after <= reactions.opened).all()
        assert after.any()
    assert (reactions.purchased <= reactions.carted).all()
    assert not (reactions.clicked & (reactions.skipped | reactions.hidden)).any()
    assert not (reactions.skipped & reactions.hidden).any()
    assert not reactions.viewed.any()


def test_empty_places_get_no_reaction(world):
    slates = np.tile(np.array([4, -1, 7, -1]), (200, 1))
    reactions = react(world, slates)
    assert not reactions.examined[:, [1, 3]].any()
    assert not reactions.opened[:, [1, 3]].any()
    assert np.isnan(reactions.ratings[:, [1, 3]]).all()
    assert reactions.examined[:, 0].all()


def test_better_slates_are_clicked_more(world):
    order = np.argsort(-world.utility(10), axis=1)
    best, worst = react(world, order[:, :10]), react(world, order[:, -10:])
    assert best.clicked.mean() > 3 * worst.clicked.mean()
    assert worst.hidden.sum() + worst.skipped.sum() > best.hidden.sum() + best.skipped.sum()


def test_what_is_looked_up_is_viewed_and_never_skipped(world):
    people = np.arange(200)
    reactions = world.behaviour.look_up(people, np.tile([3, 5], (200, 1)), 10.0, np.random.default_rng(0))
    assert reactions.viewed.all()
    assert not (reactions.clicked | reactions.skipped | reactions.hidden).any()


def test_events_say_what_happened_and_when(world):
    reactions = react(world, np.tile(np.arange(10), (200, 1)))
    starts_ms = np.full(200, START_MS)
    events = reactions.events(starts_ms, np.random.default_rng(0))
    counts = dict(events["type"].value_counts().iter_rows())
    assert counts["click"] == reactions.clicked.sum()
    assert counts["purchase"] == reactions.purchased.sum()
    assert counts["rating"] == (~np.isnan(reactions.ratings)).sum()
    assert "view" not in counts
    assert (events["time_ms"] >= START_MS).all()


def test_race_draws_in_proportion_to_weights_and_never_what_weighs_nothing():
    weights = np.tile([1.0, 3.0, 0.0, 6.0], (20_000, 1))
    drawn = race(weights, 4, np.random.default_rng(0))
    first = np.bincount(drawn[:, 0], minlength=4) / len(drawn)
    np.testing.assert_allclose(first, [0.1, 0.3, 0.0, 0.6], atol=0.015)
    assert (drawn[:, 3] == -1).all()
    assert not (drawn == 2).any()
    assert race(weights[:1], 9, np.random.default_rng(0)).shape == (1, 4)
