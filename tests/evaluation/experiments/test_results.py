"""An experiment is read from what was shown and what came of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from serendip.data import Signals
from serendip.evaluation.experiments import Results, results

ARMS = [("control", 1.0), ("new", 1.0)]
SIGNALS = Signals()
WORTH = 0.05


def frames(lists: list[tuple[Any, ...]], outcomes: list[tuple[Any, ...]]) -> tuple[pl.DataFrame, pl.DataFrame]:
    shown = pl.DataFrame(
        lists,
        schema={"request_id": pl.String, "user_id": pl.String, "arm": pl.String, "empty": pl.Boolean},
        orient="row",
    )
    came = pl.DataFrame(
        outcomes,
        schema={"request_id": pl.String, "type": pl.String, "value": pl.Float64, "arm": pl.String},
        orient="row",
    )
    return shown, came


def crowd(rates: tuple[float, float], kind: str = "like", n_people: int = 800) -> Results:
    """Each person asks three times; what comes of a list happens with the rate of its arm."""
    generator = np.random.default_rng(1)
    lists, outcomes = [], []
    for person in range(n_people):
        arm = int(generator.integers(2))
        for turn in range(3):
            request = f"{person}-{turn}"
            lists.append((request, f"u{person}", ARMS[arm][0], False))
            if generator.random() < rates[arm]:
                outcomes.append((request, kind, None, ARMS[arm][0]))
            if generator.random() < 0.2:
                outcomes.append((request, "like", None, ARMS[arm][0]))
    return results("split", *frames(lists, outcomes), ARMS, WORTH, SIGNALS)


def test_a_better_arm_is_shipped_and_a_worse_one_stopped() -> None:
    control, new = crowd((0.0, 0.3)).arms
    assert (control.gain, control.advice) == (None, None)
    assert new.gain is not None
    assert new.gain.mean == pytest.approx(0.24, abs=0.04)
    assert new.wanted.mean - control.wanted.mean == pytest.approx(new.gain.mean)
    assert new.advice is not None
    assert new.advice.verdict == "ship"
    assert crowd((0.3, 0.0)).arms[1].advice.verdict == "stop"  # type: ignore[union-attr]


def test_an_arm_that_people_hide_more_is_stopped_although_it_is_liked() -> None:
    found = crowd((0.02, 0.2), "hide").arms[1]
    assert found.advice is not None
    assert found.advice.verdict == "stop"
    assert "vetoes" in found.advice.why


def test_a_list_counts_once_however_much_comes_of_it() -> None:
    lists = [("r1", "ann", "control", False), ("r2", "ann", "control", True), ("r3", "bo", "new", False)]
    outcomes = [("r1", "like", None, "control"), ("r1", "purchase", None, "control"), ("r3", "rating", 2.0, "new")]
    control, new = results("split", *frames(lists, outcomes), ARMS, WORTH, SIGNALS).arms
    assert (control.people, control.lists, control.wanted.mean) == (1, 2, pytest.approx(float("nan"), nan_ok=True))
    assert (new.people, new.lists) == (1, 1)
    assert new.gain is not None
    assert new.gain.low is None


def test_a_broken_split_is_told_and_nothing_else_is_believed() -> None:
    lists = [(f"r{n}", f"u{n}", "control" if n < 700 else "new", False) for n in range(1_300)]
    outcomes = [(f"r{n}", "like", None, "new") for n in range(700, 1_300)]
    found = results("split", *frames(lists, outcomes), ARMS, WORTH, SIGNALS)
    assert found.split_broken is False  # 700 to 600: p = 0.006
    lists += [(f"s{n}", f"v{n}", "control", False) for n in range(100)]
    found = results("split", *frames(lists, outcomes), ARMS, WORTH, SIGNALS)
    assert found.split_broken
    assert found.arms[1].advice is not None
    assert found.arms[1].advice.verdict == "hold"
    assert found.to_json()["split_broken"] is True


def test_interleaved_lists_favour_who_picked_what_was_chosen() -> None:
    generator = np.random.default_rng(2)
    lists = [(f"r{n}", f"u{n}", None, False) for n in range(600)]
    outcomes = []
    for n in range(600):
        if generator.random() < 0.4:
            outcomes.append((f"r{n}", "click", None, "new" if generator.random() < 0.7 else "control"))
    control, new = results("interleaving", *frames(lists, outcomes), ARMS, 0.1, SIGNALS).arms
    assert new.gain is not None
    assert new.advice is not None
    assert new.gain.mean == pytest.approx(new.wanted.mean - control.wanted.mean)
    assert (new.people, new.advice.verdict) == (600, "ship")


def test_an_experiment_that_nobody_has_seen_says_so() -> None:
    for kind in ("split", "interleaving"):
        found = results(kind, *frames([], []), ARMS, WORTH, SIGNALS)  # type: ignore[arg-type]
        assert found.arms[1].advice is not None
        assert found.arms[1].advice.why == "too few people took part to tell"
