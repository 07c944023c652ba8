"""Whatever a model does, the answer is a 200 that says what was worked around."""

from __future__ import annotations

import time

import pytest

from serendip.pipeline import Pipeline, Recipe

LIST = "/v1/recommendations"


def damage(workspace, version: str) -> None:
    """Cut the largest file of a saved model in half."""
    files = [path for path in (workspace.models_dir / version).rglob("*") if path.is_file()]
    largest = max(files, key=lambda path: path.stat().st_size)
    largest.write_bytes(largest.read_bytes()[: largest.stat().st_size // 2])


def asked(client, **ask):
    answer = client.post(LIST, ask)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_an_empty_store_answers_with_an_explanation(empty, ask_of, is_problem) -> None:
    client = ask_of(empty)
    content = asked(client)
    assert content["items"] == []
    assert content["warnings"] == ["nothing is popular yet"]
    assert content["degraded"] == ["there is no model yet", "the list is by popularity alone"]
    assert content["model_version"] == "none"
    assert client.get("/healthz").status_code == 200
    is_problem(client.get("/readyz"), 503, "not-ready")


def test_ready_as_soon_as_there_is_something_to_list(empty, ask_of) -> None:
    client = ask_of(empty)
    assert client.get("/readyz").status_code == 503
    client.post("/v1/events", {"type": "like", "user_id": "u", "item_id": "first"})
    assert client.get("/readyz").json()["degraded"]
    assert [item["item_id"] for item in asked(client)["items"]] == ["first"]


def test_without_a_model_the_popular_is_listed_under_the_rules(untrained, ask_of) -> None:
    client = ask_of(untrained)
    content = asked(client, user_id="u0", limit=40, filter={"category": "tea"}, include=["attributes"])
    ids = [item["item_id"] for item in content["items"]]
    assert content["degraded"]
    assert ids
    assert all(item["attributes"]["category"] == "tea" for item in content["items"])
    assert not set(ids) & {event.item_id for event in untrained.store.history("u0")}
    assert asked(client, exclude_item_ids=ids[:1], limit=40)["items"]
    assert ids[0] not in [item["item_id"] for item in asked(client, exclude_item_ids=ids[:1], limit=40)["items"]]
    assert len(client.post("/v1/similar", {"item_id": "i1"}).json()["items"]) == 10
    ranked = client.post("/v1/rank", {"item_ids": ["i1", "new", "i2"]}).json()["items"]
    assert {item["item_id"] for item in ranked} == {"i1", "new", "i2"}
    assert client.get("/v1/trending").json()["items"]


def test_a_filter_without_sense_stays_an_error_without_a_model(untrained, ask_of, is_problem) -> None:
    is_problem(ask_of(untrained).post(LIST, {"filter": {"price": {"least": 1}}}), 422)


def test_a_damaged_model_at_the_start(untrained, train, ask_of) -> None:
    version = train(untrained)
    damage(untrained, version)
    content = asked(ask_of(untrained))
    assert content["items"]
    assert content["degraded"] == [f"the model {version} cannot be loaded", "the list is by popularity alone"]


def test_a_damaged_model_beside_a_good_one(untrained, train, ask_of) -> None:
    good, bad = train(untrained), train(untrained)
    damage(untrained, bad)
    content = asked(ask_of(untrained), user_id="u0")
    assert content["model_version"] == good
    assert content["degraded"] == [f"the model {bad} cannot be loaded"]
    assert content["items"]


def test_a_new_model_is_taken_up_and_a_damaged_one_is_not(untrained, train, ask_of) -> None:
    client = ask_of(untrained)
    look = client.app.state.engine.deployment.look
    assert asked(client)["model_version"] == "none"
    first = train(untrained)
    look()
    assert asked(client)["model_version"] == first
    second = train(untrained)
    damage(untrained, second)
    look()
    content = asked(client, user_id="u0")
    assert content["model_version"] == first
    assert content["degraded"] == [f"the model {second} cannot be loaded"]
    third = train(untrained)
    look()
    content = asked(client, user_id="u0")
    assert (content["model_version"], content["degraded"]) == (third, [])


def test_the_watch_takes_up_a_new_model_by_itself(untrained, train, ask_of) -> None:
    client = ask_of(untrained)
    with client.living():
        version = train(untrained)
        deadline = time.monotonic() + 10
        while asked(client)["model_version"] != version:
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.fixture
def failing(monkeypatch):
    """Makes the pipelines of these versions raise."""
    versions: set[str] = set()
    recommend = Pipeline.recommend

    def broken(self, query, *more):
        if getattr(self, "version", None) in versions:
            raise ZeroDivisionError("a fault of the model")
        return recommend(self, query, *more)

    monkeypatch.setattr(Pipeline, "recommend", broken)

    def fail(deployment, version: str) -> None:
        versions.add(version)
        for served in deployment.in_order():
            served.pipeline.version = served.version

    return fail


def test_a_pipeline_that_raises_hands_over_to_the_one_before_then_to_the_popular(
    untrained, train, ask_of, failing
) -> None:
    first = train(untrained)
    client = ask_of(untrained)
    deployment = client.app.state.engine.deployment
    second = train(untrained)
    deployment.look()
    assert asked(client)["model_version"] == second
    failing(deployment, second)
    content = asked(client, user_id="u0")
    assert (content["model_version"], content["degraded"]) == (first, [f"the model {second} failed"])
    failing(deployment, first)
    content = asked(client, user_id="u0")
    assert content["model_version"] == "none"
    assert content["items"]
    assert len(content["degraded"]) == 3
    assert "serendip_degraded_total 2.0" in client.get("/metrics").text


def test_a_store_that_cannot_say_what_is_popular_gives_an_empty_list(empty, ask_of) -> None:
    client = ask_of(empty)
    empty.close()
    content = asked(client)
    assert content["items"] == []
    assert content["warnings"] == ["nothing can be listed now"]


@pytest.mark.parametrize("lost", ["indexes/1-als.safetensors", "vocabulary.json", "models/0-item_knn/config.json"])
def test_a_file_that_is_missing_leaves_the_model_before(untrained, train, ask_of, lost: str) -> None:
    good = train(untrained)
    recipe = Recipe.named("large")
    indexed = recipe.model_copy(update={"retrieval": recipe.retrieval.model_copy(update={"index_from": 1})})
    folder = untrained.new_model_folder()
    Pipeline(indexed).fit(untrained.dataset()[0]).save(folder)
    bad = untrained.publish(folder)
    client = ask_of(untrained)
    content = asked(client, user_id="u0")
    assert (content["model_version"], content["degraded"]) == (bad, [])
    (untrained.models_dir / bad / lost).unlink()
    content = asked(ask_of(untrained), user_id="u0")
    assert (content["model_version"], content["degraded"]) == (good, [f"the model {bad} cannot be loaded"])
    assert content["items"]
