"""What is particular to popularity."""

from __future__ import annotations

import numpy as np
import pytest

from serendip import models
from serendip.data import Dataset, Queries, Tables, event_frame

DAY_MS = 86_400_000
START_MS = 1_700_000_000_000
NOBODY = Queries.of_histories([(np.empty(0), np.empty(0), np.empty(0))])


def dataset(rows: list[tuple[str, str, str, float | None]]) -> Dataset:
    """From (person, item, type, day) rows."""
    users, items, types, days = zip(*rows, strict=True)
    times = [None if day is None else round(START_MS + day * DAY_MS) for day in days]
    return Dataset.from_tables(
        Tables(event_frame({"user_id": users, "item_id": items, "type": types, "time_ms": times}))
    )


def shares(data: Dataset, half_life_days: float | None = None) -> dict[str, float]:
    scores = models.make("popular", {"half_life_days": half_life_days}).fit(data).score(NOBODY)[0]
    return dict(zip(data.items.vocabulary.ids(), scores.tolist(), strict=True))


def test_the_score_is_the_share_of_people() -> None:
    rows = [
        ("ann", "tea", "like", 0),
        ("bo", "tea", "view", 1),
        ("cy", "cake", "purchase", 2),
        ("di", "cake", "skip", 3),
    ]
    assert shares(dataset(rows)) == pytest.approx({"tea": 2 / 3, "cake": 1 / 3})


def test_repeats_and_scripts_lift_nothing() -> None:
    rows = [("bot", "spam", "click", day / 1000) for day in range(1000)]
    rows += [("ann", "tea", "like", 1), ("bo", "tea", "like", 1)]
    data = dataset(rows)
    assert shares(data) == pytest.approx({"spam": 1 / 3, "tea": 2 / 3})
    # Counting events instead of people would put the script's item first.
    assert np.bincount(data.events.item_rows).argmax() == data.items.vocabulary.row("spam")


def test_a_veto_takes_the_preference_back() -> None:
    rows = [("ann", "tea", "like", 0), ("ann", "tea", "hide", 1), ("bo", "cake", "like", 1)]
    assert shares(dataset(rows)) == pytest.approx({"tea": 0, "cake": 1})


def test_with_a_half_life_each_preference_halves_by_age() -> None:
    rows = [("ann", "old", "like", 0), ("bo", "old", "like", 10), ("cy", "new", "like", 20), ("di", "new", "skip", 30)]
    # The newest event, a skip on day 30, sets the clock.
    expected = {"old": (2**-3 + 2**-2) / 3, "new": 2**-1 / 3}
    assert shares(dataset(rows), half_life_days=10) == pytest.approx(expected)


def test_recent_beats_all_time_only_with_a_half_life() -> None:
    rows = [(f"u{n}", "classic", "like", 0) for n in range(10)] + [(f"v{n}", "fresh", "like", 100) for n in range(4)]
    all_time, recent = shares(dataset(rows)), shares(dataset(rows), half_life_days=7)
    assert all_time["classic"] > all_time["fresh"]
    assert recent["fresh"] > recent["classic"]


def test_without_any_times_a_half_life_changes_nothing() -> None:
    data = dataset([("ann", "tea", "like", None), ("bo", "tea", "like", None), ("bo", "cake", "like", None)])
    assert shares(data, half_life_days=1) == pytest.approx(shares(data))
