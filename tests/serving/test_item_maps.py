"""The map of items: made once for each model, kept, judged, and a person's taste on it."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from serendip.metrics.layouts import neighbours_kept
from serendip.pipeline import Pipeline, Recipe
from serendip.serving.control import item_maps
from serendip.store import StoredEvent, Workspace
from serendip.training import FitOptions
from tests.serving.conftest import Client, publish_model

CROWD = Recipe.parse('name = "crowd"\n[[sources]]\nmodel = "popular"\n', "the test")


def ready(client: Client, limit: int = 2_000) -> dict[str, Any]:
    """The map, once it is there."""
    deadline_s = time.monotonic() + 60
    while True:
        told: dict[str, Any] = client.get(f"/v1/map?limit={limit}").json()
        if told["ready"]:
            return told
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


def test_a_map_is_made_once_and_says_how_good_it_is(shop: Workspace, ask_of: Any, monkeypatch: Any) -> None:
    client = ask_of(shop)
    first = client.get("/v1/map").json()
    assert (first["ready"], first["items"], first["failed"]) == (False, [], False)
    told = ready(client)
    assert (told["source"], told["method"], told["coloured_by"], told["of"]) == ("als", "t-SNE", "category", 40)
    assert told["model_version"] == first["model_version"]
    places = {item["item_id"]: (item["x"], item["y"]) for item in told["items"]}
    assert len(places) == 40
    assert max(abs(np.array(list(places.values()))).ravel()) == pytest.approx(1.0)
    assert told["items"][0]["attributes"].keys() == {"title", "category", "image"}
    als = client.app.state.engine.deployment.current.pipeline
    vectors = als.models["als"].item_vectors()[als.items.rows(list(places))]
    found = neighbours_kept(vectors, np.array(list(places.values())), 10)
    assert (told["quality"]["kept"], told["quality"]["trustworthiness"]) == pytest.approx(found, abs=0.02)
    even = np.array([int(item_id[1:]) % 2 == 0 for item_id in places])
    distances = np.linalg.norm(np.array(list(places.values()))[:, None] - np.array(list(places.values())), axis=2)
    np.fill_diagonal(distances, np.inf)
    assert (even[distances.argmin(axis=1)] == even).mean() > 0.9, "tea lies beside tea"
    monkeypatch.setattr(item_maps, "drawn", lambda *_: 1 / 0)
    again = ask_of(shop)  # another process
    assert again.get("/v1/map").json() == told
    assert [item["item_id"] for item in again.get("/v1/map?limit=3").json()["items"]] == list(places)[:3]


def test_the_best_known_come_first_and_hidden_items_do_not_come(untrained: Workspace, ask_of: Any) -> None:
    untrained.store.put("items", [("i3", {"title": "gone", "hidden": True})])
    publish_model(untrained)
    client = ask_of(untrained)
    listed = [item["item_id"] for item in ready(client)["items"]]
    popular = [item_id for item_id, _ in untrained.store.popular(50, untrained.settings.events)]
    assert listed == [item_id for item_id in popular if item_id != "i3"]
    untrained.store.put("items", [("i4", {"title": "gone too", "hidden": True})])
    client.app.state.engine.deployment.look()
    assert "i4" not in [item["item_id"] for item in ready(client)["items"]]


def test_a_new_model_has_a_new_map_and_the_old_one_goes_with_its_model(untrained: Workspace, ask_of: Any) -> None:
    client, folder = ask_of(untrained), untrained.path / "maps"
    versions = []
    for _ in range(3):
        versions.append(publish_model(untrained))
        client.app.state.engine.deployment.look()
        assert ready(client)["model_version"] == versions[-1]
    assert sorted(file.stem for file in folder.iterdir()) == versions[1:], "the shelf holds two"
    (folder / f"{versions[-1]}.json").write_text("{")
    assert ready(ask_of(untrained))["model_version"] == versions[-1], "a damaged one is made anew"


def test_without_vectors_it_is_made_of_attributes(untrained: Workspace, ask_of: Any) -> None:
    reading = untrained.read()
    untrained.adopt(Pipeline(CROWD).fit(reading.dataset, FitOptions(threads=1)), reading)
    told = ready(ask_of(untrained))
    assert (told["source"], told["of"]) == (None, 40)
    assert told["quality"]["trustworthiness"] > 0.6  # half by chance; rounding moves some


def test_nothing_to_show_is_said(empty: Workspace, ask_of: Any) -> None:
    told = ask_of(empty).get("/v1/map").json()
    assert (told["ready"], told["model_version"], told["failed"]) == (False, None, False)
    assert ask_of(empty).get("/v1/map/people/nobody").json()["history"] == []
    bare = [StoredEvent(f"u{user}", f"x{item}", "like") for user in range(4) for item in range(2)]
    empty.store.append(bare)
    reading = empty.read()
    empty.adopt(Pipeline(CROWD).fit(reading.dataset, FitOptions(threads=1)), reading)
    told = ready(ask_of(empty))
    assert (told["of"], told["items"], told["coloured_by"]) == (0, [], None)


def test_a_map_that_cannot_be_made_is_said_and_not_tried_all_the_time(
    untrained: Workspace, ask_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_model(untrained)
    tries: list[str] = []

    def fail(version: str, *_: Any) -> None:
        tries.append(version)
        raise OSError("no")

    client = ask_of(untrained)
    with monkeypatch.context() as patch:
        patch.setattr(item_maps, "drawn", fail)
        deadline_s = time.monotonic() + 20
        while not client.get("/v1/map").json()["failed"]:
            assert time.monotonic() < deadline_s
        client.get("/v1/map")
        assert len(tries) == 1
    monkeypatch.setattr(item_maps, "AGAIN_S", 0.0)
    assert ready(client)["of"] == 40


def test_a_taste_lies_where_the_history_does(shop: Workspace, ask_of: Any, monkeypatch: Any) -> None:
    client = ask_of(shop)
    known = {item["item_id"] for item in ready(client)["items"]}
    shop.store.append([StoredEvent("u9", "i2", "hide"), StoredEvent("u9", "elsewhere", "view")])
    logged = shop.store.counts()["exposures"]
    told = client.get("/v1/map/people/u9").json()
    client.app.state.engine.exposures.flush()
    assert shop.store.counts()["exposures"] == logged, "nobody was shown anything"
    assert (told["history"][0]["item_id"], told["history"][0]["signal"] < 0) == ("i2", True)
    assert {one["item_id"] for one in told["history"]} <= known
    assert told["history_elsewhere"] == 1
    assert told["items"] == client.listed(user_id="u9", limit=20)
    client.post("/v1/rules", {"name": "no", "kind": "hide", "item_ids": told["items"][:1]})
    assert told["items"][0] not in client.get("/v1/map/people/u9").json()["items"]
