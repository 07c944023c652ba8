"""A new pipeline against the one in service: who may take over, and who may not."""

from __future__ import annotations

import numpy as np
import pytest

from serendip.data import Dataset, Tables, event_frame
from serendip.evaluation import Estimate
from serendip.evaluation.judging import Verdict, judge
from serendip.pipeline import Pipeline, Recipe
from serendip.training import FitOptions

PERSONAL = Recipe.parse('name="personal"\n[[sources]]\nmodel="item_knn"\n', "here")
FLOOR = Recipe.parse('name="floor"\n[[sources]]\nmodel="popular"\n', "here")


def material() -> tuple[Dataset, Dataset]:
    """Two crowds with shelves of their own; the last event of each person is kept back."""
    generator = np.random.default_rng(0)
    rows = [(person, item) for person in range(40) for item in 2 * generator.permutation(15)[:8] + person % 2]
    users, items = zip(*rows, strict=True)
    events = event_frame(
        {"user_id": [f"u{it}" for it in users], "item_id": [f"i{it}" for it in items], "type": ["like"] * len(rows)}
    )
    whole = Dataset.from_tables(Tables(events))
    late = np.arange(len(rows)) % 8 == 7
    return whole.with_events(~late), whole


def fitted(recipe: Recipe, dataset: Dataset) -> Pipeline:
    return Pipeline(recipe).fit(dataset, FitOptions(threads=1))


def test_the_better_one_is_seen_and_the_worse_one_held() -> None:
    known, whole = material()
    personal, floor = fitted(PERSONAL, known), fitted(FLOOR, known)
    won = judge(floor, personal, known, whole)
    assert won.people == 40
    assert won.difference.low is not None
    assert won.difference.low > 0
    assert won.against(0.05) == ""
    lost = judge(personal, floor, known, whole)
    assert lost.difference.mean == pytest.approx(-won.difference.mean)
    assert "worse" in lost.against(0.05)


def test_twins_are_equal() -> None:
    known, whole = material()
    verdict = judge(fitted(PERSONAL, known), fitted(PERSONAL, known), known, whole)
    assert verdict.difference == Estimate(0.0, 0.0, 0.0)
    assert verdict.against(0.0) == ""


def test_pipelines_that_know_other_items_are_compared_by_ids() -> None:
    """One was fitted when the second half of the catalogue was not there; its lists mean what they say."""
    known, whole = material()
    few = Dataset.from_tables(
        Tables(event_frame({"user_id": ["a", "a", "b"], "item_id": ["i9", "i1", "i9"], "type": ["like"] * 3}))
    )
    small = fitted(FLOOR, few)
    verdict = judge(small, fitted(PERSONAL, known), known, whole)
    # What it knows, i9 and i1, is all that it can have foretold.
    late = whole.events.item_rows[np.arange(len(whole.events)) % 8 == 7]
    can = np.isin(whole.items.vocabulary.ids(late), ["i9", "i1"]).mean()
    assert 0 < verdict.champion.mean <= can


def test_nothing_new_is_no_verdict() -> None:
    known, _ = material()
    verdict = judge(fitted(FLOOR, known), fitted(FLOOR, known), known, known)
    assert verdict.people == 0
    assert "too few" in verdict.against(0.05)


@pytest.mark.parametrize(
    ("mean", "low", "high", "people", "held"),
    [
        (+0.01, -0.01, +0.03, 100, ""),
        (-0.004, -0.02, +0.01, 100, ""),  # within the tolerance, and not sure
        (-0.006, -0.02, +0.01, 100, "lost more than 5%"),
        (-0.004, -0.006, -0.002, 100, "worse"),  # little, but sure
        (+0.01, +0.005, +0.03, 19, "too few"),
    ],
)
def test_who_may_take_over(mean: float, low: float, high: float, people: int, held: str) -> None:
    verdict = Verdict(Estimate(0.1), Estimate(0.1 + mean), Estimate(mean, low, high), people)
    assert held in verdict.against(0.05)
    assert bool(verdict.against(0.05)) == bool(held)


def test_the_verdict_says_for_whom_and_for_what() -> None:
    known, whole = material()
    verdict = judge(fitted(FLOOR, known), fitted(PERSONAL, known), known, whole)
    found = {(one.by, one.name): one for one in verdict.parts}
    # Everybody met seven items; what is right is in the head for some and in the tail for others.
    assert [key for key in found if key[0] == "history"] == [("history", "5-19")]
    warm = found["history", "5-19"]
    assert warm.people == 40
    assert [one.mean for one in warm.figures] == pytest.approx([verdict.champion.mean, verdict.challenger.mean])
    head, tail = found["popularity", "head"], found["popularity", "tail"]
    assert head.people + tail.people == 40
    assert head.figures[0].mean > tail.figures[0].mean  # popularity lists what is popular
    mean = (head.people * head.figures[1].mean + tail.people * tail.figures[1].mean) / 40
    assert mean == pytest.approx(verdict.challenger.mean)
    assert all((one.figures[0].low is None) == (one.people < 10) for one in verdict.parts)
    told = verdict.to_json()["parts"][0]
    assert told["figures"][0] == vars(warm.figures[0])
