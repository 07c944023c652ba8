"""The contest with implicit: both sides reach the same loss, so that their times compare."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import speed_implicit
from serendip.data import Dataset, Tables, event_frame

pytest.importorskip("implicit")


def test_both_sides_come_to_the_same_loss() -> None:
    generator = np.random.default_rng(0)
    people = generator.integers(0, 80, 3000)
    things = (generator.zipf(1.4, 3000) % 30 + 20 * (people % 3)) % 70
    columns = {"user_id": people.astype(str).tolist(), "item_id": things.astype(str).tolist(), "type": ["like"] * 3000}
    dataset = Dataset.from_tables(Tables(event_frame(columns)))
    (wall, cpu, own), (_, _, other) = (side(dataset, 8, 1) for side in (speed_implicit.ours, speed_implicit.theirs))
    assert wall > 0
    assert cpu > 0
    losses = [speed_implicit.loss(dataset, factors) for factors in (own, other)]
    assert losses[0] == pytest.approx(losses[1], rel=0.01)
    # It is a loss: other factors do worse.
    assert speed_implicit.loss(dataset, np.zeros_like(own)) > 1.2 * losses[0]
