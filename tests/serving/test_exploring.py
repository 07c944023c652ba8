"""Exploration on a running service: logged with its chances, learned from, and stopped where it costs too much."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from serendip.data import EXPLORATION, Query
from serendip.evaluation.experiments import cost
from serendip.evaluation.off_policy import Logged, ips
from serendip.pipeline import Pipeline, Recipe
from serendip.pipeline.recipe import Exploration
from serendip.serving import create_app
from serendip.serving.asked import Asked
from serendip.serving.engine import Answer, Engine
from serendip.store import StoredEvent, Workspace
from serendip.training import FitOptions
from tests.serving.conftest import Client, opened

PLACE = 3


def adopt(workspace: Workspace, **settings: object) -> None:
    table = {"places": (PLACE,), "share": 0.5, **settings}
    recipe = Recipe.named("default").model_copy(update={"exploration": Exploration(**table)})  # type: ignore[arg-type]
    reading = workspace.read()
    workspace.adopt(Pipeline(recipe).fit(reading.dataset, FitOptions(threads=1)), reading)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with opened(tmp_path_factory.mktemp("exploring")) as workspace:
        adopt(workspace)
        yield workspace


def engine_of(workspace: Workspace, seed: int = 0) -> Engine:
    engine = Engine(workspace)
    engine.luck = np.random.default_rng(seed).random
    return engine


def ask(engine: Engine, user: str) -> Answer:
    return engine.answer_here(Asked("recommendations", Query(user=user, n=6)))


def test_what_is_drawn_is_logged_with_its_chance(fitted: Workspace) -> None:
    client = Client(create_app(fitted))
    engine: Engine = client.app.state.engine
    engine.luck = np.random.default_rng(0).random
    explored = 0
    for number in range(30):
        told = client.post("/v1/recommendations", {"user_id": f"u{number}", "limit": 6}).json()
        exposure = engine.exposures.get(told["request_id"])
        assert exposure is not None
        (drawn,) = exposure.drawn
        third = told["items"][PLACE - 1]
        assert (drawn.item_id, drawn.explored) == (third["item_id"], third["source"] == EXPLORATION)
        assert 0 < drawn.chance <= 0.5
        assert third["propensity"] == pytest.approx(1 - drawn.chance) or drawn.explored
        assert [item["propensity"] for item in told["items"] if item is not third] == [1.0] * 5
        explored += drawn.explored
    assert 5 < explored < 25
    assert "serendip_exploring 1.0" in client.get("/metrics").text
    similar = client.post("/v1/similar", {"item_id": "i3", "user_id": "u3"}).json()["items"]
    assert {item["propensity"] for item in similar} == {1.0}
    client.close()


def live(engine: Engine, lists: int, good: set[str], kept_rate: float = 0.5) -> list[tuple[Answer, bool]]:
    """People ask; the third place is wanted where a good item was tried, and at `kept_rate` where it was kept."""
    generator = np.random.default_rng(1)
    lived = []
    for number in range(lists):
        user = f"visitor {number % 400}"
        answer = ask(engine, user)
        item = answer.found[PLACE - 1]
        rate = kept_rate if item.source != EXPLORATION else 0.9 if item.item_id in good else 0.0
        wanted = bool(generator.random() < rate)
        if wanted:
            engine.store.append([StoredEvent(user, item.item_id, "like", request_id=answer.request_id)])
        lived.append((answer, wanted))
    engine.exposures.flush()
    return lived


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Workspace]:
    with opened(tmp_path / "shop") as workspace:
        yield workspace


def test_what_pays_is_tried_more_and_the_log_tells_what_it_earns(fresh: Workspace) -> None:
    """Two new items that everybody wants are found among forty."""
    fresh.store.put("items", [("new 1", {"title": "New"}), ("new 2", {"title": "Newer"})])
    adopt(fresh, share=0.9)
    engine = engine_of(fresh)
    good, shares = {"new 1", "new 2"}, []
    logged: list[tuple[Answer, bool]] = []
    for _ in range(4):
        lived = live(engine, 60, good, kept_rate=0.1)
        logged += lived
        shares.append(np.mean([answer.found[PLACE - 1].item_id in good for answer, _ in lived]))
        engine.exploring.look()
    assert shares[-1] > max(0.5, 2 * shares[0])
    rewards = np.array([float(wanted) for _, wanted in logged])
    chances = np.array([answer.found[PLACE - 1].propensity for answer, _ in logged])
    tried = np.array([answer.found[PLACE - 1].source == EXPLORATION for answer, _ in logged])
    kept = Logged(rewards, chances, np.where(tried, 0.0, 1.0), np.arange(len(rewards)), np.zeros(len(rewards), int))
    value = ips(kept).value  # what never exploring would have earned
    assert value.low is not None
    assert value.high is not None
    assert value.low <= 0.1 <= value.high


def test_exploration_that_costs_too_much_stops_by_itself(fresh: Workspace) -> None:
    adopt(fresh, most_loss=0.1)
    engine = engine_of(fresh)
    live(engine, 600, good=set())
    engine.exploring.look()
    assert engine.deployment.current is not None
    assert not engine.deployment.current.pipeline.exploring
    assert all(item.propensity == 1.0 for item in ask(engine, "visitor 1").found)
    again = Engine(fresh)  # a restart reads the same log
    again.exploring.look()
    assert again.deployment.current is not None
    assert not again.deployment.current.pipeline.exploring
    again.deployment.current.pipeline.recipe = again.deployment.current.pipeline.recipe.model_copy(
        update={"exploration": Exploration(places=(PLACE,), share=0.5, most_loss=0.9)}
    )
    again.exploring.look()
    assert again.deployment.current.pipeline.exploring  # the guard is off: nothing is too much


def simulated_draws(seed: int, loss: float, n_people: int = 400) -> pl.DataFrame:
    """Places are explored more often where the item that stands there is weak."""
    generator = np.random.default_rng(seed)
    n = 4 * n_people
    strong = generator.random(n) < 0.5
    chance = np.where(strong, 0.1, 0.6)
    explored = generator.random(n) < chance
    rate = np.where(strong, 0.6, 0.2) - loss * explored
    return pl.DataFrame(
        {
            "user_id": [f"u{number % n_people}" for number in range(n)],
            "explored": explored,
            "chance": chance,
            "wanted": generator.random(n) < rate,
        }
    )


def test_cost_does_not_mistake_weak_places_for_the_price_of_exploring() -> None:
    found = [cost(simulated_draws(seed, 0.0), 0.05) for seed in range(60)]
    assert sum((one.high or 1.0) < 0 or (one.low or -1.0) > 0 for one in found) <= 3
    assert np.mean([one.mean for one in found]) == pytest.approx(0.0, abs=0.02)
    naive = simulated_draws(0, 0.0).with_columns(pl.lit(0.5).alias("chance"))
    assert (cost(naive, 0.05).high or 1.0) < 0  # without the chances it would be stopped for nothing
    assert (cost(simulated_draws(1, 0.19), 0.05).high or 1.0) < 0


def test_a_log_that_cannot_be_read_changes_nothing(fitted: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = engine_of(fitted)
    monkeypatch.setattr(fitted.store, "exploration_log", lambda since: 1 / 0)
    engine.exploring.look()
    assert engine.deployment.current is not None
    assert engine.deployment.current.pipeline.exploring
