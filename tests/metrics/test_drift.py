"""A stability index that chance does not raise and a shift does."""

from __future__ import annotations

import numpy as np
import pytest

from serendip.metrics import stability
from serendip.metrics.drift import SHIFT


def zipf(n_cells: int) -> np.ndarray:
    shares = 1 / np.arange(1, n_cells + 1)
    return shares / shares.sum()


def test_the_index_is_the_sum_it_says() -> None:
    before, now = np.array([50, 30, 20]), np.array([20, 30, 50])
    p, q = ((counts + 0.5) / (counts + 0.5).sum() for counts in (before, now))
    found = stability(before, now)
    assert found.index == pytest.approx(float(((q - p) * np.log(q / p)).sum()))
    assert found.shifted
    assert stability(before, 10 * before).index == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize(("n", "m"), [(5_000, 2_000), (5_000, 100), (200, 100)])
def test_chance_alone_raises_nothing(n: int, m: int) -> None:
    generator, raised = np.random.default_rng(0), 0
    for _ in range(1_000):
        raised += stability(generator.multinomial(n, zipf(51)), generator.multinomial(m, zipf(51))).shifted
    assert raised <= 10


def test_by_the_common_bound_alone_chance_would_raise_it_often() -> None:
    """Why the limit grows where little is known."""
    generator = np.random.default_rng(0)
    found = [stability(generator.multinomial(200, zipf(51)), generator.multinomial(100, zipf(51))) for _ in range(200)]
    assert np.mean([one.index > SHIFT for one in found]) > 0.5


def test_a_shift_raises_it() -> None:
    generator = np.random.default_rng(0)
    for _ in range(100):
        now = generator.multinomial(2_000, zipf(51)[::-1])
        assert stability(generator.multinomial(5_000, zipf(51)), now).shifted


def test_of_nothing_nothing_is_said() -> None:
    assert not stability(np.array([5, 5]), np.array([0, 0])).shifted
    assert not stability(np.array([5]), np.array([5])).shifted


def test_draws_that_hang_together_count_less() -> None:
    before, now = np.array([500, 300, 200]), np.array([300, 300, 400])
    assert stability(before, now).limit < stability(before, now, (10, 10)).limit
