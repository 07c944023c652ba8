"""Experiments on a running service: who sees what, what is logged, what is read, and what happens to models."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serendip.data import InputError, Query
from serendip.pipeline import Pipeline, Recipe
from serendip.serving import experiments
from serendip.serving.asked import Asked
from serendip.serving.engine import Engine
from serendip.store import Arm, StoredEvent, Workspace
from serendip.training import FitOptions
from tests.serving.conftest import Client, opened, publish_model

POPULAR = Recipe.parse('name = "crowd"\n[[sources]]\nmodel = "popular"\n', "the test")
PEOPLE = [f"visitor {number}" for number in range(200)]


def fit_aside(workspace: Workspace, recipe: Recipe = POPULAR) -> str:
    reading = workspace.read()
    return workspace.adopt(Pipeline(recipe).fit(reading.dataset, FitOptions(threads=1)), reading, aside=True)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Workspace]:
    with opened(tmp_path / "shop") as workspace:
        publish_model(workspace)
        yield workspace


@pytest.fixture
def client(shop: Workspace) -> Iterator[Client]:
    from serendip.serving import create_app

    client = Client(create_app(shop))
    yield client
    client.close()


def start(client: Client, challenger: str, **more: Any) -> dict[str, Any]:
    arms = [{"name": "control"}, {"name": "new", "model_version": challenger}]
    answer = client.post("/v1/experiments", {"name": "trial", "arms": arms, **more})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def shown(client: Client, user: str, **ask: Any) -> dict[str, Any]:
    """What was logged of a list of that person."""
    answer = client.post("/v1/recommendations", {"user_id": user, **ask}).json()
    told: dict[str, Any] = client.get(f"/v1/recommendations/{answer['request_id']}").json()
    return told


def test_people_are_split_for_good_and_it_is_logged(shop: Workspace, client: Client) -> None:
    current, challenger = shop.versions()[0], fit_aside(shop)
    told = start(client, challenger)
    assert [(arm["name"], arm["recipe"]) for arm in told["arms"]] == [("control", "default"), ("new", "crowd")]
    seen = {user: shown(client, user) for user in PEOPLE[:80]}
    for user, one in seen.items():
        assert one["experiment"] == told["id"]
        assert one["model_version"] == {"control": current, "new": challenger}[one["arm"]]
        assert one["recipe"] == {"control": "default", "new": "crowd"}[one["arm"]]
        assert shown(client, user)["arm"] == one["arm"]
    assert min(Counter(one["arm"] for one in seen.values()).values()) > 20
    assert shown(client, "visitor 1", personalization=False)["experiment"] is None
    stopped = client.post(f"/v1/experiments/{told['id']}/stop", {"why": "seen enough"}).json()
    assert (stopped["stopped_why"], stopped["stopped"] is not None) == ("seen enough", True)
    assert {shown(client, user)["model_version"] for user in PEOPLE[:10]} == {current}
    assert {shown(client, user)["experiment"] for user in PEOPLE[:10]} == {None}


def test_a_part_of_the_people_and_one_surface(shop: Workspace, client: Client) -> None:
    start(client, fit_aside(shop), traffic=0.3, surface="home")
    inside = [user for user in PEOPLE if shown(client, user, surface="home")["experiment"]]
    assert 0.2 < len(inside) / len(PEOPLE) < 0.4
    assert shown(client, inside[0], surface="basket")["experiment"] is None
    second = client.post("/v1/experiments", {"name": "other", "arms": [{"name": "a"}, {"name": "b"}], "traffic": 0.8})
    assert second.status_code == 422
    assert "other experiments leave 70%" in second.json()["detail"]


def test_interleaved_lists_hold_both_and_say_who_picked(shop: Workspace, client: Client) -> None:
    versions = [shop.versions()[0], fit_aside(shop)]
    told = start(client, versions[1], kind="interleaving")
    one = shown(client, "u3", limit=6)
    assert (one["experiment"], one["arm"]) == (told["id"], None)
    assert one["model_version"] == "+".join(versions)
    assert one["recipe"] == "default+crowd"
    assert Counter(item["arm"] for item in one["items"]) == {"control": 3, "new": 3}
    assert len({item["item_id"] for item in one["items"]}) == 6
    assert all(0 < item["propensity"] <= 1 for item in one["items"])
    assert "interleaved" in one["replay"]["notes"][0]


def test_one_arm_that_fails_leaves_a_list(shop: Workspace, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    start(client, fit_aside(shop), kind="interleaving")
    engine: Engine = client.app.state.engine
    (beside,) = engine.deployment.beside.values()
    monkeypatch.setattr(beside.pipeline, "recommend", lambda *_: 1 / 0)
    assert len(client.listed(user_id="u3", limit=5)) == 5


def test_results_are_read_from_exposures_and_events_alone(shop: Workspace, client: Client) -> None:
    told = start(client, fit_aside(shop))
    for user in PEOPLE[:60]:
        one = shown(client, user)
        if one["arm"] == "new":
            event = {"type": "like", "user_id": user, "item_id": one["items"][0]["item_id"]}
            client.post("/v1/events", {**event, "request_id": one["request_id"]})
    answer = client.get(f"/v1/experiments/{told['id']}/results")
    assert answer.status_code == 200, answer.text
    control, new = answer.json()["arms"]
    assert control["people"] + new["people"] == 60
    assert (control["wanted"]["mean"], new["wanted"]["mean"]) == (0.0, 1.0)
    assert new["gain"]["mean"] == 1.0
    assert new["gain"]["low"] is None
    assert new["advice"] == {"verdict": "hold", "reason": "too_few", "why": "too few people took part to tell"}
    again = experiments.read(shop, experiments.find(shop, "trial"))  # type: ignore[arg-type]
    assert again.arms[1].people == new["people"]


def test_nothing_read_so_far_is_valid_json(shop: Workspace, client: Client) -> None:
    told = start(client, fit_aside(shop), kind="interleaving")
    arms = client.get("/v1/experiments/trial/results").json()["arms"]
    assert arms[1]["gain"] == {"mean": None, "low": None, "high": None}
    listed = client.get("/v1/experiments").json()
    assert [one["id"] for one in listed["data"]] == [told["id"]]
    assert listed["models"] == shop.versions()
    assert client.get("/v1/experiments/trial").json() == told


def test_models_of_an_experiment_outlive_the_ones_after_them(shop: Workspace, client: Client) -> None:
    needed, forgotten = fit_aside(shop), fit_aside(shop)
    start(client, needed)
    publish_model(shop)
    publish_model(shop)
    assert needed in shop.versions()
    assert forgotten not in shop.versions()  # nobody compares it
    client.post("/v1/experiments/trial/stop", {})
    publish_model(shop)
    assert needed not in shop.versions()


def test_an_experiment_ends_with_a_model_that_knew_somebody_erased(shop: Workspace, client: Client) -> None:
    challenger = fit_aside(shop)
    told = start(client, challenger)
    engine: Engine = client.app.state.engine
    client("DELETE", "/v1/users/u5")
    engine.erasures.stop()
    engine.experiments.look()
    assert challenger not in shop.versions()
    assert not engine.deployment.beside
    ended = client.get(f"/v1/experiments/{told['id']}").json()
    assert "erased" in ended["stopped_why"]
    assert len(client.listed(user_id="u3", limit=5)) == 5


def test_another_process_takes_it_up(shop: Workspace, client: Client) -> None:
    challenger = fit_aside(shop)
    begun = experiments.begin(shop, "from the command line", [Arm("control"), Arm("new", challenger)])
    engine: Engine = client.app.state.engine
    engine.experiments.look()
    assert shown(client, "u3")["experiment"] == begun.id
    assert list(engine.deployment.beside) == [challenger]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"arms": [Arm("a")]}, "2 to 8 arms"),
        ({"arms": [Arm("a"), Arm("a")]}, "names of their own"),
        ({"arms": [Arm("a"), Arm("b"), Arm("c")], "kind": "interleaving"}, "two lists"),
        ({"arms": [Arm("a"), Arm("b", "../../etc")]}, "there is no model"),
        ({"arms": [Arm("a"), Arm("b", share=0.0)]}, "the share of an arm"),
        ({"traffic": 0.0}, "traffic must be"),
    ],
)
def test_nonsense_is_refused_in_a_sentence(shop: Workspace, change: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        experiments.begin(shop, **{"name": "x", "arms": [Arm("a"), Arm("b")], **change})


def test_without_a_model_there_is_nothing_to_compare(untrained: Workspace) -> None:
    with pytest.raises(InputError, match="no model yet"):
        experiments.begin(untrained, "x", [Arm("a"), Arm("b")])


def visits(engine: Engine, user: str, taste: int, generator: np.random.Generator) -> None:
    """Somebody who likes even or odd items looks at ten, and does what they like."""
    asked = Asked("recommendations", Query(user=user, n=10))
    answer = engine.answer_here(asked)
    liked = [
        StoredEvent(user, item.item_id, "like", request_id=answer.request_id)
        for item in answer.found
        if generator.random() < (0.12 if int(item.item_id[1:]) % 2 == taste else 0.01)
    ]
    engine.store.append(liked)


CAUGHT_WITHIN = 1_500
"""Lists until a recipe that shows everybody the same must have been found out."""


def simulated(workspace: Workspace, challenger: str | None, lists: int, look: Callable[[int], bool]) -> int | None:
    """People visit, half of them in each arm, and the experiment is looked at all the time; after how many lists it
    was stopped by its own advice.
    """
    engine, generator = Engine(workspace), np.random.default_rng(3)
    experiments.begin(workspace, "simulated", [Arm("control"), Arm("new", challenger)], worth=0.05)
    engine.experiments.look()
    tastes = {f"new {number}": int(generator.integers(2)) for number in range(500)}
    engine.append([StoredEvent(user, f"i{2 * k + taste}", "like") for user, taste in tastes.items() for k in range(4)])
    users = list(tastes)
    for done in range(1, lists + 1):
        user = users[int(generator.integers(len(users)))]
        visits(engine, user, tastes[user], generator)
        if look(done):
            engine.exposures.flush()
            found = experiments.read(workspace, workspace.store.experiments()[-1])
            advice = found.arms[1].advice
            if advice is not None and advice.verdict == "stop" and "worse" in advice.why:
                return done
    return None


def test_a_recipe_that_shows_everybody_the_same_is_caught(shop: Workspace) -> None:
    """The broken arm never looks at what people did; equal arms must not be told apart by the same looks."""
    caught = simulated(shop, fit_aside(shop), CAUGHT_WITHIN, lambda done: done % 100 == 0)
    assert caught is not None
    shop.store.stop_experiment(shop.store.experiments()[-1].id, "caught")
    assert simulated(shop, None, CAUGHT_WITHIN, lambda done: done % 100 == 0) is None
