"""The recipe in service: told, checked, tried on people, put in its place; and what its stages do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from serendip.pipeline import Recipe
from serendip.serving import trainer
from serendip.serving.control import recipes, rehearsal
from serendip.serving.metrics import STAGES
from serendip.store import Workspace, choice
from serendip.store.keys import make
from tests.serving.conftest import Client, opened, publish_model
from tests.serving.test_training import ONLY_POPULAR, live_on, use_recipe

Problem = Callable[..., dict[str, Any]]


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with opened(tmp_path / "shop") as workspace:
        publish_model(workspace)
        yield workspace


def changed(**values: Any) -> dict[str, Any]:
    """The default recipe as a table, parts of it replaced."""
    table = Recipe.named("default").model_dump(mode="json")
    return {**table, **{name: {**table[name], **value} for name, value in values.items()}}


def weighed(name: str, weight: float) -> dict[str, Any]:
    table = changed()
    for source in table["sources"]:
        source["weight"] = weight if source["name"] == name else source["weight"]
    return table


# Told


def test_the_recipe_in_service_is_told_with_what_another_may_hold(client: Client, shop: Workspace) -> None:
    told = client.get("/v1/recipe").json()
    current = shop.current_model()
    assert current is not None
    assert told["version"] == current.name
    assert Recipe.model_validate(told["recipe"]) == Recipe.named("default") == Recipe.parse(told["toml"], "told")
    assert told["json_schema"]["$defs"]["Source"]["properties"]["weight"]["exclusiveMinimum"] == 0
    assert "share in the blended score" in told["json_schema"]["$defs"]["Source"]["properties"]["weight"]["description"]
    assert "ease" in told["models"]
    assert "default" in told["recipes"]


def test_without_a_model_it_is_what_the_first_would_be_fitted_with(untrained: Workspace, ask_of: Any) -> None:
    client = ask_of(untrained)
    told = client.get("/v1/recipe").json()
    assert (told["version"], told["recipe"]["name"]) == (None, "default")
    checked = client.post("/v1/recipe:check", {"recipe": changed()}).json()
    assert checked["needs_fit"] == "there is no model yet"
    assert client.post("/v1/recipe:dry-run", {"recipe": changed()}).status_code == 422
    assert client("PUT", "/v1/recipe", json={"version": "x", "recipe": changed()}).status_code == 422


# Checked


def test_a_check_says_what_is_another_and_what_needs_a_fit(client: Client) -> None:
    table = changed(reranking={"diversity": 0.5}, text={"encoder": "words"})
    told = client.post("/v1/recipe:check", {"recipe": table}).json()
    found = {".".join(one["place"]): one for one in told["changes"]}
    assert found["reranking.diversity"] == {
        "place": ["reranking", "diversity"],
        "before": 0.1,
        "after": 0.5,
        "fit": "",
    }
    assert found["text.encoder"]["fit"]
    assert "text.encoder" in told["needs_fit"]
    again = client.post("/v1/recipe:check", {"toml": told["toml"]}).json()
    assert again == told
    same = client.post("/v1/recipe:check", {"recipe": changed()}).json()
    assert (same["changes"], same["needs_fit"]) == ([], "")


WRONG = {
    "neither": ({}, "either as"),
    "both": ({"recipe": changed(), "toml": ""}, "either as"),
    "no TOML": ({"toml": "name = "}, "not valid TOML"),
    "a negative weight": ({"recipe": weighed("als", -1.0)}, "#/recipe/sources/1/weight"),
    "an unknown key": ({"toml": 'name = "x"\nwhat = 1\n[[sources]]\nmodel = "als"\n'}, "what"),
    "an unknown model": ({"toml": 'name = "x"\n[[sources]]\nmodel = "../als"\n'}, "there is no model"),
    "a wrong setting": ({"toml": 'name = "x"\n[[sources]]\nmodel = "als"\nconfig = {factors = "many"}\n'}, "factors"),
    "a wrong rule": ({"recipe": changed(filters={"rules": {"price": {"about": 3}}})}, "price"),
    "null in a rule": ({"recipe": changed(filters={"rules": {"price": [None]}})}, "TOML does not have"),
    "more than can be listed in time": ({"recipe": changed(reranking={"pool": 10**9})}, "more than 2,000"),
}


@pytest.mark.parametrize(("body", "words"), WRONG.values(), ids=WRONG)
def test_what_is_no_recipe_is_refused_in_words(client: Client, is_problem: Problem, body: Any, words: str) -> None:
    for path in ("/v1/recipe:check", "/v1/recipe:dry-run"):
        said = is_problem(client.post(path, body), 422, "invalid-request")
        assert words in said["detail"] + str(said.get("errors"))


FOLDERS = {
    "of texts": changed(text={"encoder": "/etc"}),
    "of pictures": changed(picture={"encoder": "~/models"}),
    "above": changed(text={"encoder": "words/../../secret"}),
    "of a model": {"name": "x", "sources": [{"model": "sasrec", "config": {"contents": "text:/etc/ssl"}}]},
}


@pytest.mark.parametrize("recipe", FOLDERS.values(), ids=FOLDERS)
def test_no_folder_of_this_machine_is_named_from_outside(
    client: Client, is_problem: Problem, monkeypatch: pytest.MonkeyPatch, recipe: dict[str, Any]
) -> None:
    for path in ("/v1/recipe:check", "/v1/recipe:dry-run", "/v1/models:train"):
        assert "is a folder of this machine" in is_problem(client.post(path, {"recipe": recipe}), 422)["detail"]
    monkeypatch.setattr(recipes, "FOLDER", re.compile("(?!)"))  # with the guard off it is taken
    assert client.post("/v1/recipe:check", {"recipe": recipe}).status_code == 200


def test_a_folder_that_the_recipe_in_service_names_is_taken(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    served = client.app.state.engine.deployment.current.pipeline
    mine = Recipe.model_validate(FOLDERS["of texts"])
    monkeypatch.setattr(served, "recipe", mine)
    assert client.post("/v1/recipe:check", {"recipe": mine.model_dump(mode="json")}).json()["changes"] == []


# Tried


def test_a_dry_run_shows_how_lists_would_change(client: Client, shop: Workspace) -> None:
    before = shop.store.counts()["exposures"]
    told = client.post("/v1/recipe:dry-run", {"recipe": weighed("popular", 50.0), "people": 20}).json()
    assert (told["people"], told["wanted"]) == (20, 20)
    assert told["changed"]["low"] < told["changed"]["mean"] <= told["changed"]["high"] <= 1
    assert 0 < told["overlap"]["mean"] < 1
    assert told["distinct_after"] <= told["distinct_before"] <= told["items"] == 40
    worst = told["shown"][0]
    assert worst["before"] == client.listed(user_id=worst["user_id"])
    assert worst["before"] != worst["after"]
    assert set(told["attributes"]) >= {*worst["before"], *worst["after"]}
    same = client.post("/v1/recipe:dry-run", {"recipe": changed(), "people": 5}).json()
    assert (same["changed"]["mean"], same["overlap"]["mean"]) == (0.0, 1.0)
    client.app.state.engine.exposures.flush()
    assert shop.store.counts()["exposures"] - before <= 1  # the one list that was asked for above


def test_a_dry_run_keeps_to_the_rules_of_the_shop(workspace: Workspace, ask_of: Callable[[Workspace], Client]) -> None:
    client, body = ask_of(workspace), {"recipe": weighed("popular", 50.0), "people": 20}

    def listed() -> set[str]:
        shown = client.post("/v1/recipe:dry-run", body).json()["shown"]
        return {item_id for one in shown for item_id in (*one["before"], *one["after"])}

    hidden = sorted(listed())[:3]
    rule = {"name": "not these", "kind": "hide", "item_ids": hidden}
    assert client.post("/v1/rules", rule).status_code == 200
    assert not listed() & set(hidden)


def test_what_a_dry_run_looks_at_is_not_kept(client: Client) -> None:
    """Else whoever may look could fill the memory, one set of attributes after the other."""
    catalogue = client.app.state.engine.deployment.current.pipeline.catalogue
    before = set(catalogue._label_tables)
    told = client.post("/v1/recipe:dry-run", {"recipe": changed(reranking={"by": ["price", "title"]}), "people": 3})
    assert told.status_code == 200
    assert set(catalogue._label_tables) == before
    catalogue.labels(("price", "title"))  # asked for without a copy it stays
    assert set(catalogue._label_tables) != before


def test_a_dry_run_ends_in_time_and_leaves_no_room_for_another(
    client: Client, is_problem: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rehearsal, "AT_MOST_S", -1.0)
    told = client.post("/v1/recipe:dry-run", {"recipe": weighed("als", 2.0), "people": 9}).json()
    assert (told["people"], told["wanted"], told["changed"]["mean"]) == (0, 9, None)
    turn = client.app.state.control.rehearsals._turn
    with turn:
        is_problem(client.post("/v1/recipe:dry-run", {"recipe": changed()}), 503, "overloaded")


def test_a_dry_run_of_what_must_be_learned_is_refused(client: Client, is_problem: Problem) -> None:
    said = is_problem(client.post("/v1/recipe:dry-run", {"recipe": changed(text={"encoder": "words"})}), 422)
    assert "needs a fit" in said["detail"]


# Put in service


def put(client: Client, version: str, recipe: dict[str, Any], **options: Any) -> httpx.Response:
    return client("PUT", "/v1/recipe", json={"version": version, "recipe": recipe}, **options)


def test_a_recipe_is_put_in_service_and_taken_back(
    workspace: Workspace, ask_of: Callable[[Workspace], Client], is_problem: Problem
) -> None:
    client = ask_of(workspace)
    old = client.get("/v1/recipe").json()["version"]
    before = client.listed(user_id="u3")
    answer = put(client, old, changed(filters={"rules": {"category": "tea"}}))
    new = answer.json()["version"]
    assert answer.json() == {"version": new, "answers": True}
    listed = client.listed(user_id="u3")
    assert listed != before
    assert all(int(item_id[1:]) % 2 == 0 for item_id in listed)
    history = client.get("/v1/models").json()["history"]
    assert [(one["version"], one["how"], one["before"]) for one in history] == [
        (new, "recipe", old),
        (old, "fit", None),
    ]
    # Another recipe that was made for the model before is not put over this one unseen.
    is_problem(put(client, old, weighed("als", 2.0)), 409, "conflict")
    assert "nothing is another" in is_problem(put(client, new, history_recipe(client, 0)), 422)["detail"]
    client.post("/v1/models:promote", {"version": old})
    assert client.listed(user_id="u3") == before


def history_recipe(client: Client, place: int) -> dict[str, Any]:
    toml = client.get("/v1/models").json()["history"][place]["recipe"]
    return Recipe.parse(toml, "history").model_dump(mode="json")


def test_a_recipe_is_put_aside_for_an_experiment(
    workspace: Workspace, ask_of: Callable[[Workspace], Client], is_problem: Problem
) -> None:
    client, current = ask_of(workspace), workspace.current_model()
    assert current is not None
    body = {"version": current.name, "recipe": {**weighed("ease", 9.0), "name": "mostly ease"}}
    told = client.post("/v1/recipe:aside", body).json()
    assert told == {"version": told["version"], "answers": False}
    assert workspace.current_model() == current
    assert told["version"] in workspace.versions()
    arms = [{"name": "control"}, {"name": "ease", "model_version": told["version"]}]
    begun = client.post("/v1/experiments", {"name": "weights", "arms": arms}).json()
    assert [arm["recipe"] for arm in begun["arms"]] == ["default", "mostly ease"]
    fitted_next, _ = choice.due(workspace.settings.recipe, workspace.pipeline())
    assert fitted_next.name == "default"  # what is put aside is not
    is_problem(client.post("/v1/recipe:aside", {**body, "version": "another"}), 409)
    needing = {**body, "recipe": changed(text={"encoder": "words"})}
    is_problem(client.post("/v1/recipe:aside", needing), 422)


def test_what_must_be_learned_is_not_put_in_service(
    workspace: Workspace, ask_of: Callable[[Workspace], Client], is_problem: Problem
) -> None:
    client = ask_of(workspace)
    version = client.get("/v1/recipe").json()["version"]
    said = is_problem(put(client, version, changed(text={"encoder": "words"})), 422)
    assert "POST /v1/models:train" in said["detail"]
    assert workspace.versions() == [version]


def test_the_key_is_written_down(workspace: Workspace, ask_of: Callable[[Workspace], Client]) -> None:
    key, text = make("boss", ["admin"])
    workspace.store.add_key(key)
    client, headers = ask_of(workspace), {"authorization": f"Bearer {text}"}
    version = client.get("/v1/recipe", headers=headers).json()["version"]
    new = put(client, version, weighed("als", 2.0), headers=headers).json()["version"]
    client.post("/v1/models:promote", {"version": version}, headers=headers)
    found = [(one.version, one.how, one.by) for one in workspace.promotions()]
    assert found == [(version, "fit", None), (new, "recipe", key.id), (version, "choice", key.id)]


def test_rounds_of_training_fit_what_was_put_in_service_until_the_settings_say_otherwise(
    workspace: Workspace, ask_of: Callable[[Workspace], Client]
) -> None:
    client = ask_of(workspace)
    version = client.get("/v1/recipe").json()["version"]
    mine = {**weighed("als", 3.0), "name": "mine"}
    put(client, version, mine)
    live_on(workspace, turned=True)
    assert trainer.train(workspace).outcome == "promoted"
    assert workspace.pipeline().recipe == Recipe.model_validate(mine)
    live_on(workspace, turned=True, seed=2)
    trainer.train(workspace)
    assert workspace.pipeline().recipe.name == "mine"  # and the one after it
    use_recipe(workspace, ONLY_POPULAR)
    live_on(workspace, turned=False, seed=3)
    trainer.train(workspace, order=trainer.Order(anyway=True))
    assert workspace.pipeline().recipe.name == "floor"


# What its stages do


def test_stages_are_counted_over_people_and_timed_over_lists(
    workspace: Workspace, ask_of: Callable[[Workspace], Client]
) -> None:
    client = ask_of(workspace)
    for user in range(5):
        client.listed(user_id=f"u{user}")
    told = client.get("/v1/pipeline").json()
    counts = told["counts"]
    assert (counts["people"], counts["items"], counts["events"], counts["listed"]) == (20, 40, 8.0, 10.0)
    proposed = {one["name"]: one["proposed"] for one in counts["sources"]}
    assert set(proposed) == {"ease", "als", "popular"}
    assert proposed["popular"] == 40.0
    seen = next(one for one in counts["filters"] if one["name"] == "seen before")
    assert seen["lets_through"] == 32.0  # each met eight of forty
    assert 0 < seen["dropped"] <= 8.0
    assert counts["listed"] <= counts["considered"] <= counts["blended"] <= 32.0
    times = {one["stage"]: one for one in told["times"]}
    assert list(times) == list(STAGES)
    assert times["sources"]["count"] >= 5
    assert times["sources"]["p50_ms"] <= times["sources"]["p95_ms"] <= times["sources"]["p99_ms"]
    assert times["exploration"] == {"stage": "exploration", "count": 0, "p50_ms": None, "p95_ms": None, "p99_ms": None}
    # What is counted is not timed.
    client.app.state.control.stages._kept = (float("-inf"), "", None)
    again = {one["stage"]: one for one in client.get("/v1/pipeline").json()["times"]}
    assert again["sources"]["count"] == times["sources"]["count"]


def test_without_a_model_or_people_stages_say_nothing(untrained: Workspace, empty: Workspace, ask_of: Any) -> None:
    for workspace in (untrained, empty):
        told = ask_of(workspace).get("/v1/pipeline").json()
        assert (told["version"], told["counts"]) == (None, None)
        assert {one["p50_ms"] for one in told["times"]} == {None}
