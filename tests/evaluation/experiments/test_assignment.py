"""Who is in which arm: the same for ever, evenly, and never in two experiments."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from serendip.evaluation.experiments import Stretch, arm_of, assigned, spot

PEOPLE = [f"person {number}" for number in range(20_000)]
FIRST = Stretch("one", 0.0, 0.3, (1.0, 1.0))
SECOND = Stretch("two", 0.3, 0.5, (3.0, 1.0))


def test_a_person_stays_where_they_are() -> None:
    assert spot("salt", "ann") == pytest.approx(0.9730875, abs=5e-7)  # in any process, on any machine, for ever
    assert [assigned(one, [FIRST, SECOND]) for one in PEOPLE[:100]] == [
        assigned(one, [SECOND, FIRST]) for one in PEOPLE[:100]
    ]


def test_spots_are_even_and_salts_independent() -> None:
    spots = np.array([[spot(salt, person) for salt in ("one", "two")] for person in PEOPLE])
    assert stats.kstest(spots[:, 0], "uniform").pvalue > 0.001
    assert abs(np.corrcoef(spots.T)[0, 1]) < 0.03


def test_nobody_is_in_two_experiments_and_shares_are_kept() -> None:
    found = [assigned(person, [FIRST, SECOND]) for person in PEOPLE]
    names = [one[0].experiment for one in found if one]
    assert len(names) / len(PEOPLE) == pytest.approx(0.5, abs=0.02)
    assert names.count("one") / len(names) == pytest.approx(0.6, abs=0.02)
    arms = [one[1] for one in found if one and one[0] is SECOND]
    assert arms.count(1) / len(arms) == pytest.approx(0.25, abs=0.03)


def test_arms_of_one_experiment_are_mixed_over_those_of_another() -> None:
    """With one salt for both, whoever was in an arm of the first would be in the same arm of the second."""
    both = [(arm_of(person, "one", (1, 1)), arm_of(person, "two", (1, 1))) for person in PEOPLE]
    assert np.mean([first == second for first, second in both]) == pytest.approx(0.5, abs=0.02)
    salted_alike = [(arm_of(person, "one", (1, 1)), arm_of(person, "one", (1, 1))) for person in PEOPLE]
    assert all(first == second for first, second in salted_alike)
