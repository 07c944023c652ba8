"""Who met an item and what came of it; whether it is on offer."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from serendip.metrics import wilson
from serendip.pipeline import Pipeline, Recipe
from serendip.serving.control import audiences
from serendip.serving.control.audiences import over_time
from serendip.store import Exposure, StoredEvent, Workspace
from serendip.store.lately import DEEDS
from serendip.training import FitOptions

DAY_MS = 24 * 3_600_000


def got(client, path: str) -> Any:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def shown(store, request_id: str, user_id: str | None, *item_ids: str) -> None:
    items = tuple(
        {"item_id": item_id, "rank": rank, "score": 1.0, "source": "s", "propensity": 1.0}
        for rank, item_id in enumerate(item_ids, 1)
    )
    store.log_exposures([Exposure(request_id, user_id, 1_700_000_000_000, "home", "v", "r", items)])


def test_showings_and_what_came_of_them(empty: Workspace, ask_of) -> None:
    store = empty.store
    for n in range(10):
        shown(store, f"r{n}", f"u{n}", *(("a", "b") if n < 6 else ("b", "a")))
    shown(store, "stranger", None, "a")
    did = [("u0", "a", "click", "r0"), ("u0", "a", "like", "r0"), ("u1", "a", "hide", "r1"), ("u7", "a", "click", "r7")]
    others = [("u0", "b", "click", "r0"), ("u9", "a", "click", "r0"), ("u9", "a", "view", None)]
    store.append([StoredEvent(user, item, kind, request_id=request) for user, item, kind, request in did + others])
    told = got(ask_of(empty), "/v1/items/a/audience?limit=4")
    counts = ("exposures", "shown", "people", "events", "actors", "beside")
    assert {name: told[name] for name in counts} == dict(zip(counts, (11, 11, 10, 6, 4, 11), strict=True))
    first, second = told["places"]
    assert (first["position"], first["shown"], first["wanted"]) == (1, 7, 1)  # twice by one, and a hide
    assert (first["low"], first["high"]) == wilson(1, 7)
    assert (second["shown"], second["wanted"]) == (4, 1)
    assert first["others"] == pytest.approx(1 / 11)
    assert second["others"] == pytest.approx(2 / 10)
    assert len(told["showings"]) == 4
    assert {one["type"]: (one["events"], one["people"]) for one in told["types"]} == {
        "click": (3, 3),
        "like": (1, 1),
        "hide": (1, 1),
        "view": (1, 1),
    }
    everything = {one["request_id"]: one for one in got(ask_of(empty), "/v1/items/a/audience")["showings"]}
    assert everything["r0"]["did"] == ["click", "like"]
    assert (everything["stranger"]["user_id"], everything["stranger"]["did"]) == (None, [])


def test_only_the_latest_answers_are_looked_at(empty: Workspace, ask_of, monkeypatch) -> None:
    shown(empty.store, "r", "u", "a")
    shown(empty.store, "s", "u", "a")
    monkeypatch.setattr(audiences, "EXPOSURES", 1)
    told = got(ask_of(empty), "/v1/items/a/audience")
    assert (told["exposures"], told["shown"]) == (1, 1)


def test_nobody_met_an_item_that_nobody_knows(empty: Workspace, ask_of) -> None:
    told = got(ask_of(empty), "/v1/items/none/audience")
    assert (told["exposures"], told["shown"], told["since"], told["places"], told["spans"]) == (0, 0, None, [], [])


def test_events_over_time_have_no_gaps() -> None:
    times = [0, 5, 3 * DAY_MS, None]
    rows = [("u", "i", "like", None, time_ms, 0) for time_ms in times]
    unit, spans = over_time(pl.DataFrame(rows, schema=DEEDS, orient="row"))
    assert unit == DAY_MS  # in hours there would be too many
    assert [(one.begins_ms // DAY_MS, one.events) for one in spans] == [(0, 2), (1, 0), (2, 0), (3, 1)]


@pytest.mark.parametrize("years", [0, 1, 59, 60, 700, 5_000])
def test_however_long_it_is_there_are_few_stretches(years: int) -> None:
    last = years * 365 * DAY_MS
    rows = [("u", "i", "like", None, time_ms, 0) for time_ms in (0, last)]
    unit, spans = over_time(pl.DataFrame(rows, schema=DEEDS, orient="row"))
    assert 1 <= len(spans) <= audiences.MOST_SPANS
    assert sum(one.events for one in spans) == 2
    assert spans[-1].begins_ms <= last < spans[-1].begins_ms + unit


def test_events_on_an_item_are_paged(shop, ask_of) -> None:
    client, found, cursor = ask_of(shop), [], ""
    while cursor is not None:
        page = got(client, f"/v1/items/i4/events?limit=3{cursor}")
        found += page["data"]
        cursor = None if page["next_cursor"] is None else f"&cursor={page['next_cursor']}"
    everything = [event.user_id for _, event in shop.store.event_page(100, item_id="i4")]
    assert [one["user_id"] for one in found] == everything[::-1]
    assert {one["item_id"] for one in found} == {"i4"}


# Standing


def stands(client, item_id: str = "i2") -> Any:
    told = got(client, f"/v1/items/{item_id}/standing")
    return told["on_offer"], told["why"]


@pytest.mark.parametrize("trained", [True, False])
def test_what_keeps_an_item_back(untrained, train, ask_of, trained: bool) -> None:
    if trained:
        train(untrained)
    client = ask_of(untrained)
    assert stands(client) == (True, [])
    reasons = [
        ({"hidden": True}, ["hidden"]),
        ({"hidden": None, "available": False, "stock": 0}, ["not available", "out of stock"]),
        ({"available": True, "stock": 3}, []),
    ]
    for change, why in reasons:
        client("PATCH", "/v1/items/i2", json={"attributes": change})
        assert stands(client) == (not why, why)
        listed = client.listed(history=["i4"], item_ids=["i2"])
        assert listed == ([] if why or not trained else ["i2"])
    client("DELETE", "/v1/items/i2")
    assert stands(client) == (False, ["not in the catalogue"])
    assert stands(client, "none") == (False, ["not in the catalogue"])


def test_the_rule_of_a_recipe_keeps_an_item_back(untrained, ask_of) -> None:
    recipe = Recipe.named("default")
    ruled = recipe.model_copy(update={"filters": recipe.filters.model_copy(update={"rules": {"category": "coffee"}})})
    reading = untrained.read()
    untrained.adopt(Pipeline(ruled).fit(reading.dataset, FitOptions(threads=1)), reading)
    client = ask_of(untrained)
    assert stands(client) == (False, ["rule of the recipe"])
    assert stands(client, "i3") == (True, [])
    assert got(client, "/v1/items/i3/standing")["attributes"]["category"] == "coffee"


def test_a_new_item_was_not_learned(untrained, train, ask_of) -> None:
    train(untrained)
    client = ask_of(untrained)
    assert got(client, "/v1/items/i2/standing")["learned"] is True
    client("PUT", "/v1/items/new", json={"attributes": {"title": "New", "category": "tea"}})
    told = got(client, "/v1/items/new/standing")
    assert (told["on_offer"], told["learned"]) == (True, False)
