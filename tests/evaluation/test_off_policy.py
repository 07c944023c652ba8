"""What another policy would have earned, checked on made-up worlds whose truth is known, and on a real log."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from serendip.data import InputError
from serendip.data.arrays import FloatArray, IntArray
from serendip.evaluation import off_policy
from serendip.evaluation.off_policy import Logged, direct, doubly_robust, foretell, ips, on_policy, snips

N_ITEMS, N_PLACES = 8, 3
EXAMINED = np.array([1.0, 0.6, 0.4])


@dataclass(frozen=True, eq=False)
class Tried:
    """A log, the chances of the judged policy, and what it truly earns."""

    logged: Logged
    items: IntArray
    chances: FloatArray
    truth: float


def tastes(crowd: int, n_people: int) -> tuple[FloatArray, np.random.Generator]:
    """How much each of some people wants each item, (P, N), drawn from one crowd."""
    generator = np.random.default_rng([7, crowd])
    shared = np.random.default_rng(11).normal(size=(N_ITEMS, 3))
    return generator.normal(size=(n_people, 3)) @ shared.T, generator


def policies(wanted: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The policy of the log, which shows what people want a little less, and the judged one, which shows it more."""
    likes = np.exp(0.9 * wanted)
    dislikes = np.exp(-0.3 * wanted)
    logging = 0.6 * dislikes / dislikes.sum(axis=1, keepdims=True) + 0.4 / N_ITEMS
    return logging, likes / likes.sum(axis=1, keepdims=True)


def clicked(wanted: FloatArray) -> FloatArray:
    return 1 / (1 + np.exp(2.0 - wanted))


def truth() -> float:
    wanted, _ = tastes(10**6, 400_000)
    return float((policies(wanted)[1] * clicked(wanted)).sum(axis=1).mean() * EXAMINED.sum())


TRUTH = truth()


def world(seed: int, n_people: int = 500, lists_each: int = 2) -> Tried:
    """Each place is filled on its own; a click depends on the person, the item and the place."""
    wanted, generator = tastes(seed, n_people)
    person = np.repeat(np.arange(n_people), lists_each * N_PLACES)
    place = np.tile(np.arange(N_PLACES), n_people * lists_each)
    logging, judged = policies(wanted)
    drawn = generator.random((len(person), 1)) > np.cumsum(logging, axis=1)[person]
    items = np.minimum(drawn.sum(axis=1), N_ITEMS - 1)
    chance = clicked(wanted)[person, items] * EXAMINED[place]
    rewards = (generator.random(len(person)) < chance).astype(float)
    lists = np.arange(len(person)) // N_PLACES
    log = Logged(rewards, logging[person, items], judged[person, items], lists, place, person)
    return Tried(log, items, judged[person], TRUTH)


def covered(estimator: str, seeds: range) -> float:
    """How often the interval of an estimator holds the truth."""
    held = 0
    for seed in seeds:
        tried = world(seed)
        if estimator == "doubly_robust":
            found = doubly_robust(tried.logged, foretell(tried.logged, tried.items, tried.chances))
        else:
            found = getattr(off_policy, estimator)(tried.logged)
        held += found.value.low <= tried.truth <= found.value.high
    return held / len(seeds)


def test_snips_finds_the_truth_that_the_naive_estimate_misses() -> None:
    tried = world(0, n_people=60_000)
    naive, found = on_policy(tried.logged).value.mean, snips(tried.logged).value.mean
    assert abs(naive / tried.truth - 1) >= 0.15
    assert abs(found / tried.truth - 1) <= 0.01
    for other in (ips(tried.logged), doubly_robust(tried.logged, foretell(tried.logged, tried.items, tried.chances))):
        assert abs(other.value.mean / tried.truth - 1) <= 0.015


@pytest.mark.parametrize("estimator", ["ips", "snips", "doubly_robust"])
def test_intervals_hold_the_truth_in_a_few_worlds(estimator: str) -> None:
    assert 0.90 <= covered(estimator, range(150)) <= 0.99


@pytest.mark.slow
@pytest.mark.parametrize("estimator", ["ips", "snips", "doubly_robust"])
def test_intervals_hold_the_truth_in_a_thousand_worlds(estimator: str) -> None:
    assert 0.93 <= covered(estimator, range(1_000)) <= 0.97


def test_lists_of_one_person_count_as_one_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    """With each list taken for somebody else's, intervals of people who come often are too narrow to hold the truth."""
    held, believed = 0, 0
    for seed in range(100):
        tried = world(seed, n_people=60, lists_each=40)
        found = snips(tried.logged).value
        naive = snips(replace(tried.logged, people=None)).value
        held += found.low <= tried.truth <= found.high
        believed += naive.low <= tried.truth <= naive.high
    assert held >= 88
    assert believed <= held - 15


def test_a_wrong_model_is_put_right_by_weights_and_a_right_one_spares_them() -> None:
    tried = world(3, n_people=20_000)
    wrong = foretell(tried.logged, tried.items, tried.chances, rates=lambda rewards, items, places, n: np.ones((3, n)))
    assert abs(direct(tried.logged, wrong).value.mean / tried.truth - 1) > 0.5
    assert abs(doubly_robust(tried.logged, wrong).value.mean / tried.truth - 1) < 0.06
    fair = foretell(tried.logged, tried.items, tried.chances)
    width = [one.value.high - one.value.low for one in (doubly_robust(tried.logged, fair), ips(tried.logged))]
    assert width[0] < width[1]


def test_wrong_propensities_show_in_the_weights() -> None:
    tried = world(4, n_people=5_000)
    assert not snips(tried.logged).notes
    flat = replace(tried.logged, propensities=np.full(len(tried.items), 1 / N_ITEMS) * 0.5)
    assert "not 1" in snips(flat).notes[0]


def test_few_rows_that_carry_all_are_told() -> None:
    n = 1_000
    chances = np.full(n, 0.5)
    chances[:2] = 0.001
    log = Logged(np.ones(n), chances, np.where(np.arange(n) < 2, 0.9, 0.001), np.arange(n), np.zeros(n, int))
    found = ips(log)
    assert found.effective < 3
    assert found.heavy_share == 0.002
    assert "too few" in found.notes[0]


@pytest.mark.parametrize("missing", [np.nan, 0.0, -0.1])
def test_without_propensities_nothing_is_told(missing: float) -> None:
    tried = world(5, n_people=10)
    chances = tried.logged.propensities.copy()
    chances[:2] = missing
    with pytest.raises(InputError, match="2 of 60 rows have no propensity above 0"):
        replace(tried.logged, propensities=chances)


def test_nonsense_is_refused_in_a_sentence() -> None:
    tried = world(5, n_people=10).logged
    with pytest.raises(InputError, match="between 0 and 1"):
        replace(tried, targets=tried.targets + 2)
    with pytest.raises(InputError, match="of one length"):
        replace(tried, rewards=tried.rewards[:-1])
    with pytest.raises(InputError, match="not a number"):
        replace(tried, rewards=np.full(60, np.inf))
    with pytest.raises(InputError, match="never shows"):
        snips(replace(tried, targets=np.where(tried.places == 1, 0.0, tried.targets)))


def test_the_interval_of_a_plain_mean_is_that_of_the_textbook() -> None:
    values = np.array([1.0, 2.0, 4.0, 5.0])  # symmetric: nothing to take out
    n = len(values)
    log = Logged(values, np.ones(n), np.ones(n), np.arange(n), np.zeros(n, int))
    found = on_policy(log).value
    reach = 3.182446 * values.std(ddof=1) / 2
    assert (found.mean, found.low, found.high) == pytest.approx((3.0, 3.0 - reach, 3.0 + reach), rel=1e-5)
    assert ips(log).value == found


def test_skewness_is_worth_taking_out() -> None:
    """Of skewed sums a plain interval misses on one side; the truth then lies above it far too often."""
    generator = np.random.default_rng(0)
    above = {"plain": 0, "taken out": 0}
    for _ in range(400):
        sample = generator.lognormal(0, 1.2, 100)
        mean, truth_ = sample.mean(), np.exp(0.72)
        above["plain"] += truth_ > mean + 1.984 * sample.std(ddof=1) / 10
        above["taken out"] += truth_ > off_policy.interval(mean, (sample - mean) / 100).high
    assert above["taken out"] < 0.6 * above["plain"]


def test_what_random_lists_earned_is_found_in_the_log_of_another_policy(data_root: Path) -> None:
    """Real impressions: from lists of Thompson sampling, what the random policy earned beside it."""
    from benchmarks.off_policy import measure

    told = measure(data_root / "open-bandit-small", "men")
    (found,) = [one for one in told if one["judged"] == "random" and one["estimator"] == "snips"]
    assert found["low"] <= found["on_policy"] <= found["high"]
