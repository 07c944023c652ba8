"""Growth: what grows is what is said to grow, limits hold, slopes are those of the logarithms."""

from __future__ import annotations

import subprocess
import sys
from xml.etree import ElementTree

import polars as pl
import pytest

from benchmarks import growth
from serendip.data import Tables, event_frame

EVENTS = {"user_id": ["a", "a", "b", "b", "c"] * 40, "item_id": [f"i{place % 7}" for place in range(200)]}
TABLES = Tables(event_frame(EVENTS | {"type": ["like"] * 200}), pl.DataFrame({"item_id": [f"i{n}" for n in range(7)]}))


def rows(model: str, *costs: float) -> list[growth.Row]:
    return [
        {"model": model, "times": times, "events": 1000 * times, "people": 10 * times, "items": 5 * times}
        | {"fit_wall_s": cost, "fit_cpu_s": cost, "peak_mb": 100 + 10 * cost, "data_mb": 100}
        for times, cost in zip((1, 2, 4, 8), costs, strict=False)
    ]


@pytest.mark.parametrize("times", [1, 3])
def test_events_people_and_items_grow_alike_and_nothing_gets_denser(times: int) -> None:
    found = growth.grown(TABLES, times)
    assert found.events.height == 200 * times
    assert found.events["user_id"].n_unique() == 3 * times
    assert found.items["item_id"].n_unique() == found.items.height == 7 * times
    lengths = found.events.group_by("user_id").len()["len"]
    assert sorted(set(lengths)) == [40, 80]  # histories stay as long


def test_copies_are_one_catalogue() -> None:
    events = growth.grown(TABLES, 2).events
    met = events.filter(pl.col("user_id") == "a/0")["item_id"].str.split("/").list.last().unique()
    assert sorted(met) == ["0", "1"]


def test_a_slope_of_1_is_linear() -> None:
    assert growth.slope(rows("m", 1, 2, 4, 8), growth.seconds) == pytest.approx(1)
    assert growth.slope(rows("m", 1, 8, 64), growth.seconds) == pytest.approx(3)
    assert growth.slope(rows("m", 1), growth.seconds) is None


def test_what_is_superlinear_or_was_ended_is_called_so() -> None:
    ended = [*rows("cubic", 1, 8), {"model": "cubic", "times": 4, "ended": "more than 600 s"}]
    linear, cubic = growth.summary([*rows("linear", 1, 2, 4), *ended])
    assert not linear["superlinear"]
    assert linear["ended"] is None
    assert cubic["superlinear"]
    assert cubic["ended"] == "more than 600 s"


def test_the_picture_is_whole_and_names_every_model() -> None:
    ended = {"model": "cubic", "times": 8, "ended": "more than 8,000 MB"}
    drawn = growth.picture([*rows("linear", 0, 2, 4, 8), *rows("cubic", 1, 8, 64), ended])
    words = "".join(ElementTree.fromstring(drawn).itertext())
    assert "linear" in words
    assert "cubic" in words


@pytest.mark.parametrize(("limits", "said"), [((0.3, 1e9), "more than 0.3 s"), ((60.0, 1.0), "more than 1 MB")])
def test_a_fit_beyond_a_limit_is_ended(limits: tuple[float, float], said: str) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        assert growth.watched(process, *limits) == said
    assert process.returncode != 0
    # Without a limit that it reaches, a process comes to its own end.
    with subprocess.Popen([sys.executable, "-c", "pass"]) as process:
        assert growth.watched(process, 60, 1e9) == ""
    assert process.returncode == 0


def test_after_one_that_was_ended_larger_sizes_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def fit(model: str, times: int, *_: object) -> growth.Row:
        asked.append((model, times))
        return {"model": model, "times": times, "ended": "more than 1 s"}

    monkeypatch.setattr(growth, "in_its_own_process", fit)
    growth.measure(["a", "b"], [1, 2], 1, 1, 1)
    assert asked == [("a", 1), ("b", 1)]
