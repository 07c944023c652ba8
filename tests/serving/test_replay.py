"""An answer can be given again from the log: what was proposed, what was dropped and why, what was moved."""

from __future__ import annotations

import pytest

from serendip.data import Query
from serendip.serving.asked import Asked

LIST = "/v1/recommendations"


def replayed(client, request_id: str):
    answer = client.get(f"{LIST}/{request_id}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def asked(client, **ask):
    answer = client.post(LIST, ask)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_every_step_is_told(shop, ask_of) -> None:
    client = ask_of(shop)
    seen = {event.item_id for event in shop.store.history("u0")}
    ask = {"user_id": "u0", "limit": 5, "filter": {"category": "tea"}, "exclude_item_ids": ["i2"], "diversity": 0.5}
    content = asked(client, **ask)
    told = replayed(client, content["request_id"])
    replay = told["replay"]
    trace = replay["trace"]
    assert replay["same"] is True
    assert replay["notes"] == []
    assert trace["item_ids"] == [item["item_id"] for item in content["items"]]
    assert trace["events"] == len(shop.store.history("u0"))
    assert {source["name"] for source in trace["sources"]} == {"ease", "als", "popular"}
    dropped = {
        candidate["item_id"]: candidate["dropped_by"]
        for source in trace["sources"]
        for candidate in source["candidates"]
    }
    odd = {item_id for item_id in dropped if int(item_id[1:]) % 2}
    assert odd
    assert all(dropped[item_id] == "filter of the request" for item_id in odd)
    assert all(dropped[item_id] == "seen before" for item_id in seen & set(dropped) - odd)
    assert dropped["i2"] in ("excluded by the request", "seen before")
    assert not {item["item_id"] for item in content["items"]} & {id_ for id_, why in dropped.items() if why}
    filters = {one["name"]: one for one in trace["filters"]}
    assert filters["filter of the request"]["lets_through"] == 20
    assert filters["seen before"]["lets_through"] == 40 - len(seen)
    assert odd <= set(filters["filter of the request"]["dropped"])
    for place in trace["ranking"]:
        assert sum(place["shares"].values()) == pytest.approx(place["score"])
    scores = {item["item_id"]: item["score"] for item in content["items"]}
    listed = {one["item_id"]: one for one in trace["ranking"] if one["listed_at"]}
    assert {item["item_id"]: item["rank"] for item in content["items"]} == {
        item_id: one["listed_at"] for item_id, one in listed.items()
    }
    assert all(listed[item_id]["score"] == pytest.approx(score, abs=1e-5) for item_id, score in scores.items())
    by_blend = [one["score"] for one in trace["ranking"]]
    assert by_blend == sorted(by_blend, reverse=True)


def test_the_history_of_then_counts(untrained, train, ask_of) -> None:
    train(untrained)
    client = ask_of(untrained)
    before = asked(client, user_id="u0")
    liked = before["items"][0]["item_id"]
    client.post("/v1/events", {"type": "like", "user_id": "u0", "item_id": liked})
    # An older time does not move an event into the past of the log.
    client.post("/v1/events", {"type": "like", "user_id": "u0", "item_id": "i33", "timestamp": "2001-01-01T00:00:00Z"})
    after = asked(client, user_id="u0")
    assert liked not in [item["item_id"] for item in after["items"]]
    for content in (before, after):
        assert replayed(client, content["request_id"])["replay"]["same"] is True


def test_an_answer_of_an_older_model_is_replayed_by_it(untrained, train, ask_of) -> None:
    first = train(untrained)
    client = ask_of(untrained)
    content = asked(client, user_id="u0")
    client.app.state.engine.exposures.flush()
    train(untrained)
    fresh = ask_of(untrained)  # has the new one alone in service
    assert [served.version for served in fresh.app.state.engine.deployment.in_order()] != [first]
    told = replayed(fresh, content["request_id"])
    assert (told["model_version"], told["replay"]["same"]) == (first, True)
    train(untrained)  # models older than the one before are removed
    assert replayed(ask_of(untrained), content["request_id"])["replay"] == {
        "trace": None,
        "same": False,
        "notes": [f"the model {first} is not there any more"],
    }


def test_changed_items_are_said(untrained, train, ask_of) -> None:
    train(untrained)
    client = ask_of(untrained)
    content = asked(client, user_id="u0")
    first = content["items"][0]["item_id"]
    client("PATCH", f"/v1/items/{first}", json={"attributes": {"hidden": True}})
    replay = replayed(client, content["request_id"])["replay"]
    assert replay["same"] is False
    assert replay["notes"] == ["items were changed since"]
    (offer,) = [one for one in replay["trace"]["filters"] if one["name"] == "not on offer"]
    assert first in offer["dropped"]


def test_other_kinds_of_lists(shop, ask_of) -> None:
    client = ask_of(shop)
    similar = client.post("/v1/similar", {"item_id": "i4", "limit": 3}).json()
    assert replayed(client, similar["request_id"])["replay"]["same"] is True
    trending = client.get("/v1/trending").json()
    assert replayed(client, trending["request_id"])["replay"]["same"] is True
    ranked = client.post("/v1/rank", {"item_ids": ["i1", "i2"]}).json()
    assert replayed(client, ranked["request_id"])["replay"]["trace"] is None
    history = client.post(LIST, {"history": ["i1", {"item_id": "i3", "timestamp": 5}], "limit": 3}).json()
    assert replayed(client, history["request_id"])["replay"]["same"] is True


def test_a_filter_that_leaves_nothing_still_tells_what_was_proposed(shop, ask_of) -> None:
    client = ask_of(shop)
    content = asked(client, user_id="u0", filter={"category": "nothing"})
    assert content["items"] == []
    trace = replayed(client, content["request_id"])["replay"]["trace"]
    assert trace["ranking"] == []
    assert all(candidate["dropped_by"] for source in trace["sources"] for candidate in source["candidates"])


def test_what_was_asked_is_told_and_read_back() -> None:
    query = Query(user="ann", history=("a",), filter="price < 3", n=7, without=frozenset({"x"}), surface="home")
    for asked_ in (Asked("recommendations", query), Asked.similar_to("b", query), Asked("rank", query, None, ("c",))):
        told = asked_.to_json()
        assert "ann" not in str(told)
        assert Asked.of_json(told, "ann", "home") == asked_


def test_an_answer_from_before_replay_is_told_without(shop, ask_of) -> None:
    from serendip.store import Exposure

    shop.store.log_exposures([Exposure("old", None, 5, "home", "v", "r", ())])
    replay = replayed(ask_of(shop), "old")["replay"]
    assert replay == {"trace": None, "same": False, "notes": ["what was asked was not logged then"]}
