"""Two lists become one that is fair to both, and its chances are those with which it is made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serendip.evaluation.experiments import Drafted, Tally, difference, rate, team_draft

WORTH = 0.03
LISTS = st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=8)


def coins(*tosses: bool) -> Callable[[], bool]:
    left = list(tosses)
    return lambda: left.pop(0)


def ids(drafted: list[Drafted]) -> str:
    return "".join(one.item_id for one in drafted)


def test_sides_pick_in_turns_and_a_coin_says_who_is_first() -> None:
    sides = ("abc", "bde")
    drafted = team_draft(sides, 4, coins(False, True))
    assert [(one.item_id, one.side) for one in drafted] == [("a", 0), ("b", 1), ("d", 1), ("c", 0)]
    assert ids(team_draft(sides, 3, coins(True, False))) == "bac"
    assert ids(team_draft(("ab", ""), 5, coins(True, True, True))) == "ab"
    assert team_draft(("", ""), 5, coins(True)) == []


@given(LISTS, LISTS, st.integers(1, 6))
def test_chances_are_those_of_all_coins(first: list[str], second: list[str], n: int) -> None:
    seen: Counter[tuple[int, str]] = Counter()
    drafts = [team_draft((first, second), n, coins(*tosses)) for tosses in product((False, True), repeat=8)]
    for drafted in drafts:
        seen.update((place, one.item_id) for place, one in enumerate(drafted))
    for drafted in drafts:
        assert len({one.item_id for one in drafted}) == len(drafted) == min(n, len({*first, *second}))
        for place, one in enumerate(drafted):
            assert one.chance == pytest.approx(seen[place, one.item_id] / len(drafts))


@given(LISTS, LISTS)
def test_each_side_may_pick_as_often_as_the_other(first: list[str], second: list[str]) -> None:
    drafted = team_draft((first, second), 4, coins(True, False, True, False, True))
    sides = Counter(one.side for one in drafted[: 2 * (len(drafted) // 2)])
    if len(drafted) == 4 and len(first) == len(second) == 8:
        assert sides[0] == sides[1] == 2


def test_long_lists_take_no_time() -> None:
    generator = np.random.default_rng(0)
    sides = tuple([str(one) for one in generator.permutation(400)] for _ in range(2))
    drafted = team_draft((sides[0], sides[1]), 100, lambda: bool(generator.integers(2)))
    assert len(drafted) == 100
    assert all(0 < one.chance <= 1 for one in drafted)


def preferred(n_people: int, seed: int, gain: float) -> bool:
    """Whether interleaving tells the better side, each person asking once."""
    generator = np.random.default_rng(seed)
    wants = generator.random((n_people, 20))  # what each person would click
    good = np.argsort(-(wants * (1 + gain) + generator.random(wants.shape)), axis=1)
    plain = np.argsort(-(wants + generator.random(wants.shape)), axis=1)
    score = np.zeros(n_people)
    for person in range(n_people):
        sides = tuple([str(one) for one in order[person, :10]] for order in (plain, good))
        drafted = team_draft((sides[0], sides[1]), 10, lambda: bool(generator.integers(2)))
        clicks = [one.side for one in drafted if generator.random() < 0.2 * wants[person, int(one.item_id)]]
        score[person] = np.sign(sum(1 if side else -1 for side in clicks))
    found = rate(Tally(score, np.ones(n_people)), WORTH)
    return found.low is not None and found.low > 0


def split_tells(n_people: int, seed: int, gain: float) -> bool:
    """Whether a split of as many people does."""
    generator = np.random.default_rng(seed)
    wants = generator.random((n_people, 20))
    noise = generator.random(wants.shape)
    arm = generator.integers(0, 2, n_people)
    order = np.argsort(-(wants * np.where(arm, 1 + gain, 1)[:, None] + noise), axis=1)[:, :10]
    clicks = generator.random((n_people, 10)) < 0.2 * np.take_along_axis(wants, order, axis=1)
    got = clicks.any(axis=1).astype(float)
    parts = [got[arm == one] for one in (0, 1)]
    found = difference(*(Tally(part, np.ones(len(part))) for part in parts), WORTH)
    return found.low is not None and found.low > 0


def test_interleaving_tells_with_people_with_whom_a_split_does_not() -> None:
    assert sum(preferred(1_500, seed, 2.0) for seed in range(8)) >= 7
    assert sum(split_tells(1_500, seed, 2.0) for seed in range(8)) <= 2
    assert sum(preferred(1_500, seed, 0.0) for seed in range(8)) <= 1
