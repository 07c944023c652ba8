"""A list is tried: it is what would be answered, its way is told, and nothing of it is kept."""

from __future__ import annotations

from typing import Any

import pytest

from serendip.pipeline import Pipeline, Recipe
from serendip.training import FitOptions

TRACE = "/v1/recommendations:trace"


def tried(client, **ask: Any) -> Any:
    answer = client.post(TRACE, ask)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize(
    "ask",
    [
        {"user_id": "u0", "limit": 7, "include": ["reasons"]},
        {"user_id": "u0", "diversity": 0.7, "filter": {"category": "tea"}},
        {"text": "thing 7", "limit": 3},
        {"history": ["i1", "i3"]},
        {"user_id": "stranger"},
    ],
)
def test_it_is_the_list_that_would_be_answered(shop, ask_of, ask) -> None:
    client = ask_of(shop)
    real, trial = client.post("/v1/recommendations", ask).json(), tried(client, **ask)
    assert trial["items"] == real["items"]
    assert trial["trace"]["item_ids"] == [item["item_id"] for item in real["items"]]
    assert (trial["model_version"], trial["warnings"]) == (real["model_version"], real["warnings"])


def test_what_is_similar_can_be_tried(shop, ask_of) -> None:
    client = ask_of(shop)
    for alike in ("behaviour", "content", "both"):
        ask = {"item_id": "i4", "limit": 5, "alike": alike, "include": ["reasons"]}
        trial = tried(client, **ask)
        assert trial["items"] == client.post("/v1/similar", ask).json()["items"]
        assert trial["items"][0]["reasons"]
    unknown = tried(client, item_id="none")
    assert (unknown["items"], unknown["trace"]) == ([], None)
    assert unknown["warnings"] == ["the item 'none' is not known to the model"]


def test_nothing_is_logged_or_counted(shop, ask_of) -> None:
    client = ask_of(shop)
    engine = client.app.state.engine

    def kept() -> tuple[Any, ...]:
        engine.exposures.flush()
        lines = client.get("/metrics").text.splitlines()
        told = [line for line in lines if line.startswith(("serendip_answers", "serendip_lists"))]
        return shop.store.counts()["exposures"], told

    before = kept()
    tried(client, user_id="u0")
    assert kept() == before
    client.post("/v1/recommendations", {"user_id": "u0"})
    after = kept()
    assert after[0] == before[0] + 1
    assert after[1] != before[1]


def test_attributes_are_told_where_they_are_asked_for(shop, ask_of) -> None:
    client = ask_of(shop)
    assert "attributes" not in tried(client, user_id="u0")
    trial = tried(client, user_id="u0", include=["attributes"])
    proposed = {one["item_id"] for source in trial["trace"]["sources"] for one in source["candidates"]}
    assert proposed
    assert all(trial["attributes"][item_id]["title"] for item_id in proposed)
    real = client.post("/v1/recommendations", {"user_id": "u0"}).json()
    replay = client.get(f"/v1/recommendations/{real['request_id']}?include=attributes").json()
    assert replay["attributes"].keys() == trial["attributes"].keys()


def test_without_a_model_it_says_so(untrained, ask_of) -> None:
    trial = tried(ask_of(untrained), user_id="u0", include=["attributes"])
    assert (trial["model_version"], trial["trace"], trial["items"]) == (None, None, [])
    assert trial["warnings"] == ["there is no model yet: lists are by popularity alone"]


def test_a_filter_without_sense_is_refused(shop, ask_of, is_problem) -> None:
    is_problem(ask_of(shop).post(TRACE, {"filter": "price <"}), 422, "invalid-request")


def test_a_model_that_fails_is_said(shop, ask_of, monkeypatch) -> None:
    client = ask_of(shop)
    served = client.app.state.engine.deployment.current
    monkeypatch.setattr(served.pipeline, "course", lambda query: 1 / 0)
    trial = tried(client, user_id="u0")
    assert trial["trace"] is None
    assert trial["notes"] == [f"the model {served.version} failed"]


def test_the_arm_of_the_person_answers(untrained, train, ask_of) -> None:
    old = train(untrained)
    new = train(untrained)
    client = ask_of(untrained)
    arms = [{"name": "control"}, {"name": "old", "model_version": old}]
    started = client.post("/v1/experiments", {"name": "both", "arms": arms})
    assert started.status_code == 200, started.text
    told = {(one["arm"], one["model_version"]) for one in (tried(client, user_id=f"u{n}") for n in range(20))}
    assert told == {("control", new), ("old", old)}


def test_interleaved_lists_are_said(untrained, train, ask_of) -> None:
    old = train(untrained)
    train(untrained)
    client = ask_of(untrained)
    arms = [{"name": "control"}, {"name": "old", "model_version": old}]
    assert client.post("/v1/experiments", {"name": "both", "kind": "interleaving", "arms": arms}).status_code == 200
    trial = tried(client, user_id="u0")
    assert (trial["arm"], trial["notes"]) == (None, ["two lists are interleaved for this person; this is one of them"])


def test_what_chance_would_decide_is_said(untrained, ask_of) -> None:
    default = Recipe.named("default")
    recipe = default.model_copy(update={"exploration": default.exploration.model_copy(update={"places": (2,)})})
    reading = untrained.read()
    untrained.adopt(Pipeline(recipe).fit(reading.dataset, FitOptions(threads=1)), reading)
    client = ask_of(untrained)
    told = [tried(client, user_id="u0") for _ in range(5)]
    assert told[0]["notes"] == ["places that are given by chance are not drawn"]
    assert len({tuple(one["trace"]["item_ids"]) for one in told}) == 1


def test_the_rules_of_the_shop_hold(untrained, train, ask_of) -> None:
    train(untrained)
    client = ask_of(untrained)
    first, second, *_, last = tried(client, user_id="u0")["trace"]["item_ids"]
    for rule in ({"kind": "hide", "item_ids": [first]}, {"kind": "pin", "item_ids": [last], "position": 1}):
        made = client.post("/v1/rules", {"name": "a rule", **rule})
        assert made.status_code == 200, made.text
    trial = tried(client, user_id="u0")
    assert trial["trace"]["pinned"] == [last]
    assert trial["trace"]["item_ids"][:2] == [last, second]
    assert trial["items"] == client.post("/v1/recommendations", {"user_id": "u0"}).json()["items"]
    assert client.get(f"/v1/items/{first}/standing").json()["why"] == ["rule of the shop"]
    assert client.get(f"/v1/items/{last}/standing").json()["on_offer"] is True
