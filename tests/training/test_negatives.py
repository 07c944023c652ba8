"""Negatives: samplers report the chances they draw with, and with these, sums are estimated without bias."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from serendip.training import negatives
from serendip.training.negatives import Sampler

PEOPLE = np.array([50.0, 20, 10, 10, 5, 3, 1, 1])
N_ITEMS = len(PEOPLE)
N_DRAWS = 3_000
LOOKED_AT = 3
BESIDE = np.arange(N_ITEMS) != LOOKED_AT
OF_ANSWERS = {"in_batch": negatives.in_batch(PEOPLE), "mixed": negatives.mixed(PEOPLE, 4)}
APART = {
    "uniform": negatives.uniform(N_ITEMS, 4),
    "popular": negatives.popular(PEOPLE, 4, 0.5),
    "as popularity is": negatives.popular(PEOPLE, 4, 1.0),
}


def answers(generator: np.random.Generator) -> np.ndarray:
    """Five right answers, the first that of the place that is looked at, the others as likely as people want them."""
    return np.append(LOOKED_AT, generator.choice(N_ITEMS, 4, p=PEOPLE / PEOPLE.sum()))


def met(sampler: Sampler, targets: np.ndarray | None, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """How often each item is among the candidates, and the chance of that as reported, NaN if it never was."""
    generator = np.random.default_rng(seed)
    often, chance = np.zeros(N_ITEMS), np.full(N_ITEMS, np.nan)
    for _ in range(N_DRAWS):
        drawn = sampler(answers(generator) if targets is None else targets, generator)
        often[drawn.places] += 1
        chance[drawn.places] = np.exp(drawn.log_chance)
    return often / N_DRAWS, chance


def assert_chances(often: np.ndarray, chance: np.ndarray) -> None:
    error = 4.5 * np.sqrt(chance * (1 - chance) / N_DRAWS) + 1e-6
    assert (np.abs(often - chance) < error).all(), (often, chance)


@pytest.mark.parametrize("name", OF_ANSWERS)
def test_what_comes_with_the_answers_reports_the_chance_beside_the_answer_looked_at(name: str) -> None:
    often, chance = met(OF_ANSWERS[name], None)
    assert_chances(often[BESIDE], chance[BESIDE])


@pytest.mark.parametrize("name", APART)
def test_what_is_drawn_apart_reports_the_chance_beside_these_answers_which_are_there_for_certain(name: str) -> None:
    often, chance = met(APART[name], np.array([0, 6, 6]))
    assert_chances(often, chance)
    np.testing.assert_array_equal(chance[[0, 6]], 1.0)


@pytest.mark.parametrize("name", [*APART, *OF_ANSWERS])
def test_the_sum_over_candidates_estimates_the_sum_over_all_without_bias(name: str) -> None:
    """Σ_{c≠t} x_c / P(c is a candidate) has the expectation Σ_{i≠t} x_i: Horvitz and Thompson 1952."""
    sampler, generator = (APART | OF_ANSWERS)[name], np.random.default_rng(1)
    terms = np.exp(generator.standard_normal(N_ITEMS)) * BESIDE
    found = []
    for _ in range(N_DRAWS):
        drawn = sampler(answers(generator), generator)
        found.append((terms[drawn.places] * np.exp(-drawn.log_chance)).sum())
    error = np.std(found) / np.sqrt(N_DRAWS)
    assert abs(np.mean(found) - terms.sum()) < 4.5 * error
    # Without the chances the sum is off by far: the correction is needed.
    assert sum(terms) - sum(terms * met(sampler, None)[0]) > 10 * error


@pytest.mark.parametrize("name", [*APART, *OF_ANSWERS])
def test_candidates_are_in_order_each_once_and_the_answers_are_among_them(name: str) -> None:
    targets = np.array([7, 0, 7, 3])
    drawn = (APART | OF_ANSWERS)[name](targets, np.random.default_rng(0))
    np.testing.assert_array_equal(drawn.places, np.unique(drawn.places))
    np.testing.assert_array_equal(drawn.places[drawn.among(targets)], targets)
    assert drawn.log_chance.dtype == np.float32
    assert (drawn.log_chance <= 0).all()


@pytest.mark.parametrize("name", [*APART, *OF_ANSWERS])
def test_the_same_generator_the_same_candidates(name: str) -> None:
    sampler = (APART | OF_ANSWERS)[name]
    one, other = (sampler(np.array([1]), np.random.default_rng(4)).places for _ in range(2))
    np.testing.assert_array_equal(one, other)


def test_everything_is_every_item_for_certain() -> None:
    drawn = negatives.everything(5)(np.array([3, 1]), np.random.default_rng(0))
    np.testing.assert_array_equal(drawn.places, np.arange(5))
    np.testing.assert_array_equal(drawn.log_chance, np.zeros(5))
    np.testing.assert_array_equal(drawn.among(np.array([3, 1])), [3, 1])


def test_what_nobody_wants_is_not_drawn_by_popularity() -> None:
    sampler = negatives.popular(np.array([1.0, 0, 1, 0]), 50, 0.5)
    drawn = sampler(np.array([0]), np.random.default_rng(0))
    np.testing.assert_array_equal(drawn.places, [0, 2])


def test_others_are_any_but_the_positive_each_as_likely() -> None:
    positives = np.repeat([0, 2, 4], 4_000)
    drawn = negatives.others(positives, 5, 3, np.random.default_rng(0))
    assert drawn.shape == (12_000, 3)
    assert (drawn != positives[:, None]).all()
    for positive in (0, 2, 4):
        shares = np.bincount(drawn[positives == positive].ravel(), minlength=5) / 12_000
        np.testing.assert_allclose(np.delete(shares, positive), 0.25, atol=0.02)


def test_where_there_is_one_item_there_is_no_other() -> None:
    np.testing.assert_array_equal(negatives.others(np.array([0]), 1, 2, np.random.default_rng(0)), [[0, 0]])


def test_the_hardest_are_those_that_score_best() -> None:
    scores = torch.tensor([[0.1, 0.9, 0.5], [3.0, 1.0, 2.0]], requires_grad=True)
    found = negatives.hardest(scores, 2).sort(dim=1).values
    assert found.tolist() == [[1, 2], [0, 2]]
    assert negatives.hardest(scores, 9).shape == (2, 3)
