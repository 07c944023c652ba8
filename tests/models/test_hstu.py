"""HSTU: what is special about it; the promises of every model are in test_contract.py."""

from __future__ import annotations

import numpy as np
import pytest

from serendip import models
from serendip.data import Dataset, Queries, Tables, event_frame
from serendip.training import FitOptions

OPTIONS = FitOptions(seed=3, threads=1)
N_ITEMS = 20
START_MS = 1_700_000_000_000
SOON_MS, HOUR_MS, LATE_MS = 10_000, 3_600_000, 10 * 86_400_000


def sittings(n_people: int = 3_000) -> Dataset:
    """Three events each: the third is said by the first where the second came soon after, else by the second."""
    generator = np.random.default_rng(5)
    soon = generator.random(n_people) < 0.5
    first, second = np.array([generator.choice(N_ITEMS, 2, replace=False) for _ in range(n_people)]).T
    third = (np.where(soon, first, second) + 7) % N_ITEMS
    times = START_MS + np.cumsum(
        [np.zeros(n_people, int), np.where(soon, SOON_MS, LATE_MS), np.full(n_people, 60_000)], 0
    )
    columns = {
        "user_id": np.repeat([f"u{person:04}" for person in range(n_people)], 3).tolist(),
        "item_id": [f"i{item:02}" for item in np.stack([first, second, third], 1).ravel()],
        "type": ["like"] * n_people * 3,
        "time_ms": times.T.ravel(),
    }
    return Dataset.from_tables(Tables(event_frame(columns)))


def right(model: models.Model, data: Dataset) -> float:
    """How often the third event is foreseen, for pairs of items with either time between them."""
    generator = np.random.default_rng(8)
    rows = data.items.vocabulary.rows([f"i{item:02}" for item in range(N_ITEMS)])
    asked, wanted = [], []
    for place in range(200):
        pair, between = generator.choice(N_ITEMS, 2, replace=False), (SOON_MS, LATE_MS)[place % 2]
        asked.append((rows[pair], START_MS + np.array([0, between]), np.ones(2)))
        wanted.append(rows[(pair[place % 2] + 7) % N_ITEMS])
    return float((model.score(Queries.of_histories(asked)).argmax(1) == wanted).mean())


@pytest.mark.parametrize(("times", "low", "high"), [("past", 0.9, 1.0), ("none", 0.3, 0.6)])
def test_the_time_between_two_events_says_which_one_counts(times: str, low: float, high: float) -> None:
    data = sittings()
    changed = {"embedding_size": 32, "blocks": 1, "dropout": 0.0, "learning_rate": 0.01, "epochs": 40, "patience": 0}
    found = right(models.make("hstu", {**changed, "times": times}).fit(data, OPTIONS), data)
    assert low <= found <= high


def returns(n_people: int = 3_000) -> Dataset:
    """Three events each: the third is said by the second where it came soon after that, else by the first."""
    generator = np.random.default_rng(5)
    soon = generator.random(n_people) < 0.5
    first, second = np.array([generator.choice(N_ITEMS, 2, replace=False) for _ in range(n_people)]).T
    third = (np.where(soon, second, first) + 7) % N_ITEMS
    times = np.cumsum([np.full(n_people, START_MS), np.full(n_people, HOUR_MS), np.where(soon, SOON_MS, LATE_MS)], 0)
    columns = {
        "user_id": np.repeat([f"u{person:04}" for person in range(n_people)], 3).tolist(),
        "item_id": [f"i{item:02}" for item in np.stack([first, second, third], 1).ravel()],
        "type": ["like"] * n_people * 3,
        "time_ms": times.T.ravel(),
    }
    return Dataset.from_tables(Tables(event_frame(columns)))


@pytest.mark.parametrize(("times", "low", "high"), [("asking", 0.9, 1.0), ("past", 0.3, 0.6)])
def test_the_time_of_asking_says_which_event_counts(times: str, low: float, high: float) -> None:
    """What is learned from the time of what happened is answered to who asks then; others cannot know."""
    data, generator = returns(), np.random.default_rng(8)
    changed = {"embedding_size": 32, "blocks": 1, "dropout": 0.0, "learning_rate": 0.01, "epochs": 40, "patience": 0}
    model = models.make("hstu", {**changed, "times": times}).fit(data, OPTIONS)
    rows = data.items.vocabulary.rows([f"i{item:02}" for item in range(N_ITEMS)])
    pairs = np.array([generator.choice(N_ITEMS, 2, replace=False) for _ in range(100)])
    asked = Queries.of_histories([(rows[pair], [START_MS, START_MS + HOUR_MS], [1.0, 1.0]) for pair in pairs])
    found = []
    for later_ms, which in ((SOON_MS, 1), (LATE_MS, 0)):
        answers = model.score(asked.at(np.full(100, START_MS + HOUR_MS + later_ms))).argmax(1)
        found.append(answers == rows[(pairs[:, which] + 7) % N_ITEMS])
    assert low <= np.mean(found) <= high


def detours(n_people: int = 200) -> Dataset:
    """What comes next is said by the item before the newest one; no times are known."""
    generator = np.random.default_rng(5)
    walks = np.empty((n_people, 8), int)
    for person in range(n_people):  # of different remainders, so that nothing comes twice
        walks[person, :2] = generator.choice(5, 2, replace=False) + 5 * generator.integers(0, 4, 2)
    for step in range(2, 8):
        walks[:, step] = (walks[:, step - 2] + 5) % N_ITEMS
    columns = {
        "user_id": np.repeat([f"u{person:03}" for person in range(n_people)], 8).tolist(),
        "item_id": [f"i{item:02}" for item in walks.ravel()],
        "type": ["like"] * walks.size,
    }
    return Dataset.from_tables(Tables(event_frame(columns)))


@pytest.mark.parametrize("settings", [{}, {"heads": 2, "blocks": 1}, {"temperature": 0.1, "negatives": 8}])
def test_without_times_it_learns_from_order(settings: dict[str, object]) -> None:
    data = detours()
    changed = {"dropout": 0.0, "learning_rate": 5e-3, "epochs": 40, "patience": 0, **settings}
    model = models.make("hstu", changed).fit(data, OPTIONS)
    rows = data.items.vocabulary.rows([f"i{item:02}" for item in range(N_ITEMS)])
    asked = Queries.of_histories([(rows[h], np.zeros(3), np.ones(3)) for h in ([13, 4, 18], [4, 13, 9], [9, 5, 14])])
    assert list(data.items.vocabulary.ids(model.score(asked).argmax(1))) == ["i09", "i18", "i10"]
