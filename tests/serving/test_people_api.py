"""What one did, what they turn to, which lists they got and who is like them: told from the log, in pages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from serendip.data import Signals
from serendip.data.times import rfc3339
from serendip.serving.control import tastes
from serendip.serving.control.tastes import Tastes, wanted
from serendip.store import StoredEvent, Workspace


def got(client, path: str) -> Any:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def pages(client, path: str) -> list[Any]:
    found, cursor = [], ""
    while cursor is not None:
        page = got(client, path + cursor)
        found += page["data"]
        cursor = None if page["next_cursor"] is None else f"&cursor={page['next_cursor']}"
    return found


def test_who_somebody_is(shop, ask_of) -> None:
    client = ask_of(shop)
    told = got(client, "/v1/users/u7/profile")
    past = shop.store.history("u7")
    assert (told["attributes"], told["types"]) == ({"age": 20}, [{"type": "like", "events": len(past)}])
    assert (told["first"], told["last"]) == tuple(rfc3339(event.timestamp) for event in (past[0], past[-1]))
    nobody = got(client, "/v1/users/nobody/profile")
    assert (nobody["attributes"], nobody["events"], nobody["last"]) == (None, 0, None)


def test_events_are_paged_and_tell_their_list(shop, ask_of) -> None:
    client = ask_of(shop)
    listed = client.post("/v1/recommendations", {"user_id": "u3"}).json()
    shown = listed["items"][1]["item_id"]
    event = {"type": "click", "user_id": "u3", "item_id": shown, "request_id": listed["request_id"], "position": 2}
    assert client.post("/v1/events", {**event, "surface": "home"}).json()["accepted"] == 1
    found = pages(client, "/v1/users/u3/events?limit=4")
    history = got(client, "/v1/users/u3/history?limit=100")["data"]
    assert [(one["item_id"], one["timestamp"]) for one in found] == [
        (one["item_id"], one["timestamp"]) for one in history
    ]
    assert len(found) == 9
    assert found[0] | event | {"surface": "home"} == found[0]
    first = got(client, "/v1/users/u3/events?limit=2&include=attributes")
    assert {one["item_id"] for one in first["data"]} == first["attributes"].keys()
    assert first["attributes"][shown]["title"].startswith("Thing")
    assert got(client, "/v1/users/nobody/events") == {"data": [], "next_cursor": None}


@pytest.mark.parametrize("cursor", ["x", "!!", "W10", "WyJhIiwiYiJd", "eyJhIjoxfQ", "bnVsbA"])
@pytest.mark.parametrize("path", ["/v1/users/u1/events", "/v1/users/u1/requests", "/v1/items/i1/events"])
def test_a_strange_cursor_is_refused(client, is_problem, path: str, cursor: str) -> None:
    told = is_problem(client.get(f"{path}?cursor={cursor}"), 422, "invalid-request")
    assert told["detail"] == "the cursor is not one that a list gave"


def test_the_lists_that_somebody_got(untrained, train, ask_of) -> None:
    train(untrained)
    client = ask_of(untrained)
    asks = [{"limit": 3}, {"text": "thing"}, {"surface": "home"}]
    ids = [client.post("/v1/recommendations", {"user_id": "u5", **ask}).json()["request_id"] for ask in asks]
    client.post("/v1/recommendations", {"user_id": "u6"})
    client.post("/v1/similar", {"user_id": "u5", "item_id": "i1"})
    found = pages(client, "/v1/users/u5/requests?limit=2")
    assert {one["request_id"] for one in found} > set(ids)
    assert sorted(one["time"] for one in found) == [one["time"] for one in found][::-1]
    assert [one["kind"] for one in found].count("similar") == 1
    by_id = {one["request_id"]: one for one in found}
    assert len(by_id[ids[0]]["item_ids"]) == 3
    assert (by_id[ids[1]]["text"], by_id[ids[2]]["surface"]) == ("thing", "home")
    assert got(client, f"/v1/recommendations/{ids[0]}")["replay"]["same"] is True


# Taste


def test_a_taste_stands_beside_that_of_everybody(shop, ask_of) -> None:
    """Even people like even items, which are tea; there are as many of either."""
    told = got(ask_of(shop), "/v1/users/u0/taste")["taste"]
    (category,) = told["facets"]
    assert category["name"] == "category"  # titles and pictures tell of one item alone, prices are no kind
    (tea,) = category["values"]
    assert (tea["value"], tea["items"], tea["share"]) == ("tea", 8, 1.0)
    assert tea["everybody"] == pytest.approx(0.5, abs=0.05)
    assert tea["everybody"] < tea["low"] < 1.0 == tea["high"]


def test_an_item_counts_once_and_a_veto_takes_it_back(empty: Workspace) -> None:
    empty.store.put("items", [(f"i{n}", {"kind": ["a", "b"] if n % 2 else "a"}) for n in range(8)])
    likes = [StoredEvent("ann", item, "like", time_ms=5) for item in ("i0", "i0", "i1", "i2")]
    empty.store.append(
        [*likes, StoredEvent("ann", "i2", "hide", time_ms=6), StoredEvent("bo", "i4", "like", time_ms=7)]
    )
    empty.store.append([StoredEvent("bo", f"i{n}", "like", time_ms=8) for n in (5, 6, 7)])
    taste = Tastes(empty.store, Signals()).of("ann")
    assert (taste.items, taste.window, taste.window_items) == (2, 9, 6)
    (kind,) = taste.facets
    told = {turn.value: (turn.items, turn.share, turn.everybody) for turn in kind.values}
    assert told == {"a": (2, 1.0, 1.0), "b": (1, 0.5, 0.5)}


def test_nothing_done_is_no_taste(empty: Workspace, ask_of) -> None:
    told = got(ask_of(empty), "/v1/users/ann/taste")["taste"]
    assert told == {"items": 0, "window": 0, "window_items": 0, "facets": []}


def test_what_everybody_turns_to_is_read_once_in_a_while(empty: Workspace, monkeypatch) -> None:
    found = Tastes(empty.store, Signals())
    assert found.of("ann").window == 0
    empty.store.append([StoredEvent("ann", "x", "like")])
    assert found.of("ann").window == 0
    monkeypatch.setattr(tastes, "KEPT_S", -1.0)
    assert found.of("ann").window == 1


def test_wanted_pairs_are_those_that_models_learn() -> None:
    people, items = ["a", "a", "b", "a", "b"], ["x", "x", "x", "y", "z"]
    assert wanted(people, items, np.array([0.2, 1.0, 1.0, 0.0, -1.0])) == [("a", "x"), ("b", "x")]
    assert wanted([], [], np.array([])) == []


# Neighbours


def test_neighbours_want_the_same_items(shop, ask_of) -> None:
    found = got(ask_of(shop), "/v1/users/u0/neighbours?limit=5&include=attributes")
    liked = {event.item_id for event in shop.store.history("u0")}
    assert found["wanted"] == len(liked) == 8
    assert len(found["data"]) == 5
    likeness = [one["likeness"] for one in found["data"]]
    assert likeness == sorted(likeness, reverse=True)
    for one in found["data"]:
        theirs = {event.item_id for event in shop.store.history(one["user_id"])}
        assert int(one["user_id"][1:]) % 2 == 0
        assert set(one["shared"]) == liked & theirs
        assert one["likeness"] == pytest.approx(len(liked & theirs) / np.sqrt(8 * one["wanted"]))
    everybody = [f"u{n}" for n in range(60) if n]
    best = max(len(liked & {event.item_id for event in shop.store.history(one)}) for one in everybody)
    assert len(found["data"][0]["shared"]) == best
    assert {item for one in found["data"] for item in one["shared"]} == found["attributes"].keys()
    assert found["people"] == {one["user_id"]: {"age": 20} for one in found["data"]}


def test_a_stranger_has_no_neighbours(client) -> None:
    told = got(client, "/v1/users/nobody/neighbours")
    assert told == {"user_id": "nobody", "wanted": 0, "events": 0, "met": 0, "data": []}
