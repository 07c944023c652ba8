"""Lists over HTTP: recommendations, similar items, rankings, trends, and what was shown."""

from __future__ import annotations

import re

import pytest

LIST = "/v1/recommendations"


def test_an_answer_has_the_declared_shape(client) -> None:
    answer = client.post(LIST, {"user_id": "u0", "limit": 5, "include": ["reasons", "attributes"]})
    content = answer.json()
    assert list(content) == ["request_id", "model_version", "degraded", "warnings", "took_ms", "items"]
    assert content["degraded"] == []
    assert content["took_ms"] > 0
    assert [item["rank"] for item in content["items"]] == [1, 2, 3, 4, 5]
    for item in content["items"]:
        assert item["attributes"]["title"] == f"Thing {item['item_id'][1:]}"
        assert item["reasons"]
        assert sum(reason["contribution"] for reason in item["reasons"]) == pytest.approx(item["score"], rel=1e-3)
        assert set(item["reasons"][0]) == {"code", "text", "contribution", "evidence"}


def test_reasons_and_attributes_come_only_where_asked(client) -> None:
    (item,) = client.post(LIST, {"user_id": "u0", "limit": 1}).json()["items"]
    assert set(item) == {"item_id", "rank", "score", "source", "propensity", "exploration"}


def test_rules_of_the_request_hold(client) -> None:
    first = client.listed(user_id="u0")
    assert first[0] not in client.listed(user_id="u0", exclude_item_ids=[first[0]])
    assert set(client.listed(user_id="u1", filter={"category": "tea"})) <= {f"i{item}" for item in range(0, 40, 2)}
    assert set(client.listed(user_id="nobody", item_ids=["i3", "i4"])) <= {"i3", "i4"}


def test_nothing_left_is_a_warning_and_no_error(client) -> None:
    content = client.post(LIST, {"user_id": "u0", "filter": {"category": "wine"}}).json()
    assert content["items"] == []
    assert content["warnings"]
    assert client.post(LIST, {"user_id": "never seen"}).json()["warnings"] == ["nothing is known of 'never seen' yet"]


def test_similar_items_share_their_audience(client) -> None:
    content = client.post("/v1/similar", {"item_id": "i4", "limit": 5}).json()
    ids = [item["item_id"] for item in content["items"]]
    assert len(ids) == 5
    assert "i4" not in ids
    assert all(int(item_id[1:]) % 2 == 0 for item_id in ids)
    assert client.post("/v1/similar", {"item_id": "no such"}).json()["warnings"]


def test_rank_orders_exactly_the_given_items(client) -> None:
    given = [f"i{item}" for item in range(20)] + ["unknown"]
    content = client.post("/v1/rank", {"history": ["i21", "i23"], "item_ids": given}).json()
    ids = [item["item_id"] for item in content["items"]]
    assert sorted(ids) == sorted(given)
    assert ids[-1] == "unknown"
    assert all(int(item_id[1:]) % 2 == 1 for item_id in ids[:8])
    assert len(client.post("/v1/rank", {"user_id": "u0", "item_ids": given, "limit": 3}).json()["items"]) == 3


def test_trending_is_the_same_for_everybody(client) -> None:
    content = client.get("/v1/trending", params={"limit": 4, "include": "attributes"}).json()
    assert len(content["items"]) == 4
    assert content["items"][0]["attributes"]["title"]


def test_what_was_shown_can_be_read_back_at_once_and_later(client, shop) -> None:
    content = client.post(LIST, {"user_id": "u3", "surface": "home"}).json()
    shown = client.get(f"{LIST}/{content['request_id']}").json()
    assert shown["user_id"] == "u3"
    assert shown["surface"] == "home"
    assert shown["model_version"] == content["model_version"]
    assert shown["recipe"] == "default"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", shown["time"])
    assert shown["items"] == [
        {key: item[key] for key in ("item_id", "rank", "score", "source", "propensity")} for item in content["items"]
    ]
    client.app.state.engine.exposures.flush()
    assert client.get(f"{LIST}/{content['request_id']}").json() == shown
    assert shop.store.exposure(content["request_id"]) is not None


def test_each_answer_has_an_id_of_its_own_whatever_the_client_calls_the_request(client) -> None:
    answers = [client.post(LIST, {}, headers={"x-request-id": "mine"}) for _ in range(2)]
    assert [answer.headers["x-request-id"] for answer in answers] == ["mine", "mine"]
    assert len({answer.json()["request_id"] for answer in answers}) == 2
    assert client.post(LIST, {}, headers={"x-request-id": "x" * 500}).headers["x-request-id"] != "x" * 500


def test_a_new_item_attribute_counts_in_the_next_answer(client) -> None:
    first = client.listed(user_id="u5")[0]
    assert client("PATCH", f"/v1/items/{first}", json={"attributes": {"hidden": True}}).status_code == 200
    assert first not in client.listed(user_id="u5", limit=40)
    client("PATCH", f"/v1/items/{first}", json={"attributes": {"hidden": None}})
    assert client.listed(user_id="u5")[0] == first


def test_a_deleted_item_is_listed_no_more(client) -> None:
    first = client.listed(user_id="u7")[0]
    kept = client.get(f"/v1/items/{first}").json()
    assert client("DELETE", f"/v1/items/{first}").status_code == 204
    assert first not in client.listed(user_id="u7", limit=40)
    client("PUT", f"/v1/items/{first}", json={"attributes": kept["attributes"]})
    assert client.listed(user_id="u7")[0] == first


def test_the_words_of_reasons_follow_the_language(client) -> None:
    def words(language: str) -> str:
        ask = {"user_id": "u0", "limit": 1, "include": ["reasons"], "context": {"language": language}}
        return client.post(LIST, ask).json()["items"][0]["reasons"][0]["text"]

    assert words("en") != words("zh")


def test_a_list_is_filtered_by_a_condition(client, is_problem) -> None:
    ask = {"user_id": "u0", "limit": 40, "include": ["attributes"]}
    answer = client.post("/v1/recommendations", ask | {"filter": "category == 'tea' and price < 10"}).json()
    assert answer["items"]
    assert all(item["attributes"]["category"] == "tea" and item["attributes"]["price"] < 10 for item in answer["items"])
    same = client.post("/v1/recommendations", ask | {"filter": {"category": "tea", "price": {"max": 9.99}}}).json()
    assert [item["item_id"] for item in answer["items"]] == [item["item_id"] for item in same["items"]]
    refused = client.post("/v1/recommendations", ask | {"filter": "price <"})
    assert "at its end" in is_problem(refused, 422, "invalid-request")["detail"]


def test_the_newest_are_listed_logged_and_replayed(client) -> None:
    for place, item in enumerate(("i7", "i30", "i12"), 1):
        client("PATCH", f"/v1/items/{item}", json={"attributes": {"added_ms": 1_700_000_000_000 + place}})
    answer = client.post("/v1/recommendations", {"order": "newest", "limit": 3, "popularity": 0.3}).json()
    assert [item["item_id"] for item in answer["items"]] == ["i12", "i30", "i7"]
    shown = client.get(f"/v1/recommendations/{answer['request_id']}").json()
    assert shown["items"][0]["source"] == "newest"
    assert shown["replay"]["same"]
