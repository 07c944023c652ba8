"""What people say, over HTTP: it counts at once, is told to them, and is gone when they are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from serendip.data.query import MOST_TEXT
from serendip.pipeline import Pipeline, Recipe
from serendip.serving import create_app
from serendip.store import Workspace
from serendip.training import FitOptions
from tests.serving.conftest import N_ITEMS, Client, opened

ODD = {f"i{item}" for item in range(1, N_ITEMS, 2)}
SECRET = "coffee for a secret meeting"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A shop whose things say whether they are tea or coffee, and a model that reads words."""
    towers = {"model": "two_tower", "config": {"epochs": 10}}
    recipe = Recipe(name="towers", sources=[towers, {"model": "popular", "weight": 0.01}])
    with opened(tmp_path_factory.mktemp("shop")) as workspace:
        named(workspace)
        reading = workspace.read()
        workspace.adopt(Pipeline(recipe).fit(reading.dataset, FitOptions(threads=1, seed=1)), reading)
        client = Client(create_app(workspace))
        with client.living():
            yield client
        client.close()


def named(workspace: Workspace) -> None:
    kinds = ("tea", "coffee")
    rows = [(f"i{item}", {"title": f"{kinds[item % 2]} of kind {item}"}) for item in range(N_ITEMS)]
    workspace.store.put("items", rows)


def say(client: Client, user_id: str, text: str, **more: Any) -> dict[str, Any]:
    answer = client.post("/v1/events", {"type": "search", "user_id": user_id, "text": text, **more})
    assert answer.status_code == 200
    return dict(answer.json())


def share_odd(item_ids: list[str]) -> float:
    return len(ODD.intersection(item_ids)) / len(item_ids)


def test_a_search_turns_the_next_lists_the_way_it_says(client: Client) -> None:
    for user_id, text, share in (("wants coffee", "coffee", 1.0), ("wants tea", "some tea", 0.0)):
        assert say(client, user_id, text)["accepted"] == 1
        assert share_odd(client.listed(user_id=user_id, diversity=0)) == share
        assert client.listed(user_id=user_id, personalization=False) == client.listed(user_id="nobody")


def test_a_bad_review_turns_nothing(client: Client) -> None:
    for user_id, value in (("pleased", 5), ("displeased", 1)):
        say(client, user_id, "the best coffee there is", type="rating", value=value, item_id="i2")
    pleased, displeased = (client.listed(user_id=user_id, diversity=0) for user_id in ("pleased", "displeased"))
    assert share_odd(pleased) > share_odd(displeased)
    assert displeased == client.listed(exclude_item_ids=["i2"], diversity=0)


def test_words_come_with_a_request_too(client: Client) -> None:
    listed = client.listed(history=[{"type": "search", "text": "coffee"}], diversity=0)
    assert share_odd(listed) == 1.0


def test_a_text_that_is_too_long_and_an_event_about_nothing_are_refused_with_a_sentence(client: Client) -> None:
    for event, why in (
        ({"text": "x" * (MOST_TEXT + 1)}, f"text: String should have at most {MOST_TEXT} characters"),
        ({"text": ""}, "text: String should have at least 1 character"),
        ({}, "Value error, give item_id, text or both"),
    ):
        answer = client.post("/v1/events", {"type": "search", "user_id": "u", **event}).json()
        assert answer["accepted"] == 0
        assert answer["rejected"][0]["detail"].removeprefix("Value error, ") == why.removeprefix("Value error, ")
    assert say(client, "u", "x" * MOST_TEXT)["accepted"] == 1


def test_a_person_sees_what_they_said(client: Client) -> None:
    say(client, "curious", SECRET)
    exported = client.get("/v1/users/curious/export").json()["events"]
    assert [(one["text"], "item_id" in one) for one in exported] == [(SECRET, False)]
    logged = client.get("/v1/users/curious/events?include=attributes").json()
    assert [(one["text"], one["item_id"]) for one in logged["data"]] == [(SECRET, None)]
    assert client.get("/v1/users/curious/history").json()["data"] == []


def test_an_erasure_takes_the_words_too(client: Client) -> None:
    say(client, "goes", SECRET)
    with_words = client.listed(user_id="goes", diversity=0)
    assert client("DELETE", "/v1/users/goes").json()["removed"]["events"] == 1
    assert client.get("/v1/users/goes/export").json()["events"] == []
    assert client.listed(user_id="goes", diversity=0) == client.listed(user_id="nobody", diversity=0) != with_words


def test_a_file_of_searches_and_reviews_is_read_where_its_column_is_named(tmp_path: Path) -> None:
    from serendip.data.readers import read

    rows = {"user_id": ["a", "b"], "item_id": ["i1", None], "type": ["rating", "search"], "words": ["good", SECRET]}
    pl.DataFrame(rows).write_csv(tmp_path / "events.csv")
    events = read("csv", tmp_path / "events.csv", text_column="words").tables.events
    assert events["text"].to_list() == ["good", SECRET]
    assert events["item_id"].to_list() == ["i1", ""]
    with pytest.raises(Exception, match="the item id is missing"):
        read("csv", tmp_path / "events.csv")
