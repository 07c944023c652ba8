"""GRU4Rec: what is special about it; the promises of every model are in test_contract.py."""

from __future__ import annotations

import numpy as np
import pytest

from serendip import models
from serendip.data import Dataset, Queries, Tables, event_frame
from serendip.training import FitOptions

OPTIONS = FitOptions(seed=3, threads=1)


def walks(n_people: int = 200, n_items: int = 20) -> Dataset:
    """The first item of a walk says how long all its steps are, 1 or 3: whoever forgets it cannot go on."""
    generator = np.random.default_rng(5)
    steps = 2 * generator.integers(0, 2, n_people) + 1
    places = (generator.integers(0, n_items, (n_people, 1)) + steps[:, None] * np.arange(6)) % n_items
    first = np.where(steps == 1, "short", "long")
    columns = {
        "user_id": np.repeat([f"u{person:03}" for person in range(n_people)], 7).tolist(),
        "item_id": [name for f, row in zip(first, places, strict=True) for name in (f, *(f"i{i:02}" for i in row))],
        "type": ["like"] * n_people * 7,
        "time_ms": np.tile(np.arange(1, 8), n_people),
    }
    return Dataset.from_tables(Tables(event_frame(columns)))


def asked(data: Dataset, *histories: list[str]) -> Queries:
    rows = [data.items.vocabulary.rows(history) for history in histories]
    return Queries.of_histories([(row, np.arange(len(row)), np.ones(len(row))) for row in rows])


@pytest.mark.parametrize("settings", [{}, {"layers": 2, "growth": 1}, {"temperature": 0.1, "negatives": 8}])
def test_it_remembers_the_first_event_of_a_history(settings: dict[str, object]) -> None:
    data = walks()
    changed = {"dropout": 0.0, "learning_rate": 0.01, "epochs": 40, "patience": 0, **settings}
    model = models.make("gru4rec", changed).fit(data, OPTIONS)
    histories = [["short", "i04"], ["long", "i04"], ["short", "i10", "i11", "i12"]]
    assert list(data.items.vocabulary.ids(model.score(asked(data, *histories)).argmax(1))) == ["i05", "i07", "i13"]


def test_an_event_that_arrived_just_now_changes_the_answer() -> None:
    data = walks()
    model = models.make("gru4rec", {"epochs": 3}).fit(data, OPTIONS)
    one, other = model.score(asked(data, ["short", "i03"], ["short", "i03", "i04"]))
    assert not np.allclose(one, other, atol=1e-3)
