"""Measures: the highest rate is found, growth is told, records are kept, and a quick run goes through everything."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.service import command, latency, record, report, standing, world
from benchmarks.service.figures import Load
from benchmarks.service.shop import SIZES
from benchmarks.service.targets import TARGETS
from serendip.errors import InputError
from serendip.store import Workspace

RECIPE = """name = "plain"
[[sources]]
model = "item_knn"
[[sources]]
model = "popular"
weight = 0.1
"""


def load(rate: float, p99_ms: float) -> Load:
    numbers = {
        "p50_ms": 1.0,
        "p90_ms": 2.0,
        "p99_ms": p99_ms,
        "p999_ms": p99_ms,
        "max_ms": p99_ms,
        "tail_p99_ms": p99_ms,
    }
    rest = {"late_p99_ms": 0.1, "client_cpu_us": 50, "client_share": 0.1, "server_cpu_us": 500, "server_share": 0.5}
    counts = {"requests": 9, "answered": 9, "right": 9, "connections": 1, "reconnected": 0, "looked_at": 1, "wrong": 0}
    return Load(rate=rate, faults=[], **numbers, **rest, **counts)


@pytest.mark.parametrize(("capacity", "highest"), [(870, 850), (100, 100), (5_000, 3_000), (20, 0), (1_000, 1_000)])
def test_the_highest_sustained_rate_is_found(monkeypatch: pytest.MonkeyPatch, capacity: float, highest: float) -> None:
    def step(sitting: Any, server: Any, shop: Any, mix: str, rate: float, seconds: float, seed: int) -> Load:
        return load(rate, 30.0 if rate <= capacity else 900.0)

    monkeypatch.setattr(latency, "_step", step)
    tried = latency._highest(None, None, None, "plain", 1.0)  # type: ignore[arg-type]
    assert latency._best(tried) == highest
    assert len(tried) <= 12


def test_growth_is_counted_from_the_fifth_minute() -> None:
    sizes = [100, 140, 150, 155, 160, 168, 164]
    minutes = [{"resident_mb": size, "requests": 9, "right": 9, "wrong": 0, "p99_ms": 5.0} for size in sizes]
    minutes[3]["right"] = 8
    found = standing._growth(minutes, 60)
    assert found["growth"] == 0.05
    assert found["growth_to_end"] == 0.025
    assert found["errors"] == 1
    assert found["seconds"] == 420


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("worlds")
    (root / "plain.toml").write_text(RECIPE)
    return root


def test_a_world_is_made_once_and_fitted_again_for_another_recipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    monkeypatch.setattr(
        world, "_fitted", lambda folder, recipe: made.append(recipe) or {"model_version": str(len(made))}
    )
    said: list[str] = []
    one, other = tmp_path / "one.toml", tmp_path / "other.toml"
    one.write_text(RECIPE)
    other.write_text(RECIPE.replace("0.1", "0.2"))
    first = world.prepared("tiny", tmp_path, str(one), said.append)
    assert first.facts["events"] > SIZES["tiny"].events / 2
    assert len(said) == 2
    assert world.prepared("tiny", tmp_path, str(one), said.append).facts == first.facts
    assert len(said) == 2
    assert world.prepared("tiny", tmp_path, str(other), said.append).facts["model_version"] == "2"
    assert world.prepared("tiny", tmp_path, str(other), said.append, refit=True).facts["model_version"] == "3"
    with pytest.raises(InputError, match="no world 'none'"):
        world.prepared("none", tmp_path, str(one), said.append)


def test_what_is_written_into_a_copy_leaves_the_world_as_it_was(root: Path) -> None:
    made = world.prepared("tiny", root, str(root / "plain.toml"), lambda line: None)
    with Workspace.open(made.copy(root / "copy")) as copied:
        copied.store.put("items", [("new", {"title": "New"})])
        assert copied.current_model() is not None
        copied.pipeline()
    with Workspace.open(made.folder) as workspace:
        assert workspace.store.get("items", "new") is None


def test_a_quick_run_measures_records_and_makes_the_page(root: Path) -> None:
    out = root / "out"
    command.service(root, "latency,events", str(root / "plain.toml"), False, False, 0, True, out)
    tables = {name: json.loads((out / f"{name}.json").read_text()) for name in ("latency", "events")}
    loads = tables["latency"]["loads"].values()
    assert all(load["right"] == load["requests"] > 0 for load in loads)
    assert sum(load["looked_at"] for load in loads) > 0
    assert tables["events"]["nothing_lost"]
    assert tables["events"]["single"]["acknowledged"] > 0
    assert all(table["quick"] and table["world"]["recipe_name"] == "plain" for table in tables.values())
    page = report.page(out)
    assert "not measured yet" in page
    assert f"| {tables['latency']['loads']['plain']['p50_ms']:.1f} |" in page


@pytest.mark.slow
def test_every_measurement_goes_through(root: Path) -> None:
    out = root / "all"
    command.service(root, ",".join([*command.MEASURES, "soak"]), str(root / "plain.toml"), False, False, 1, True, out)
    assert {file.stem for file in out.iterdir()} == {*command.MEASURES, "soak"}
    assert not json.loads((out / "effect.json").read_text())["alone"]["without_effect"]
    assert "not measured yet" not in report.page(out)


def test_what_this_commit_was_measured_by_is_not_measured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record.write(tmp_path, "latency", {"commit": "abc"})
    monkeypatch.setattr(record, "code_commit", lambda: "abc")
    assert record.is_done(tmp_path, "latency")
    assert not record.is_done(tmp_path, "events")
    for now in ("abd", "abc-dirty", None):
        monkeypatch.setattr(record, "code_commit", lambda now=now: now)
        assert not record.is_done(tmp_path, "latency")


@pytest.mark.parametrize(
    ("only", "soak", "said"), [("soak", 0, "how many seconds"), ("latency,speed", 0, "no measurement 'speed'")]
)
def test_what_cannot_be_measured_is_said(only: str, soak: float, said: str) -> None:
    with pytest.raises(InputError, match=said):
        command._chosen(only, soak)


def test_every_figure_to_reach_is_measured_by_something() -> None:
    assert {target.measure for target in TARGETS} <= {*command.MEASURES, "soak"}


def test_the_page_says_what_is_recorded() -> None:
    assert report.PAGE.read_text(encoding="utf-8") == report.page(), "run `python -m benchmarks report`"
