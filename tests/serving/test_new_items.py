"""An item posted to the running service is found by words and recommended by what it is, without another fit."""

from __future__ import annotations

import time

import pytest

from serendip.data import Query
from serendip.features import TextEncoder
from serendip.pipeline import Pipeline, Recipe
from serendip.serving.engine import Engine
from serendip.training import FitOptions

NEW = {"title": "Fresh Thing", "category": "tea", "price": 3.0}
SOON_S = 1.0


def with_contents(workspace) -> None:
    reading = workspace.read()
    recipe = Recipe(name="contents", sources=[{"model": "ease"}, {"model": "content_knn"}])
    workspace.adopt(Pipeline(recipe).fit(reading.dataset, FitOptions(threads=1)), reading)


def test_a_new_item_is_recommendable_within_a_second(untrained, ask_of) -> None:
    with_contents(untrained)
    client = ask_of(untrained)
    with client.living():
        tea = {"history": ["i0", "i2"], "limit": 40}
        assert "fresh" not in client.listed(**tea)
        started = time.perf_counter()
        assert client("PUT", "/v1/items/fresh", json={"attributes": NEW}).status_code < 300
        while "fresh" not in client.listed(**tea):
            assert time.perf_counter() - started < SOON_S
        assert client.listed(text="fresh thing", limit=1) == ["fresh"]
        # It counts as soon as somebody turned to it, and is then seen.
        event = {"type": "like", "user_id": "newcomer", "item_id": "fresh"}
        assert client.post("/v1/events", event).json()["accepted"] == 1
        while len(listed := client.listed(user_id="newcomer", limit=5)) == 0:
            assert time.perf_counter() - started < 60
        assert "fresh" not in listed
        answer = client.post("/v1/similar", {"item_id": "fresh", "limit": 3}).json()
        assert answer["items"]
        assert not answer["degraded"]
        assert client("DELETE", "/v1/items/fresh").status_code < 300
        assert "fresh" not in client.listed(**tea)
        assert client.listed(text="fresh thing", limit=1) != ["fresh"]


def test_without_a_source_that_reads_contents_words_find_it_and_nobody_is_worse_off(untrained, train, ask_of) -> None:
    train(untrained)
    client = ask_of(untrained)
    with client.living():
        before = client.listed(user_id="u0", limit=10)
        assert client("PUT", "/v1/items/fresh", json={"attributes": NEW}).status_code < 300
        assert client.listed(user_id="u0", limit=10) == before
        assert client.listed(user_id="u0", text="fresh thing", limit=1) == ["fresh"]


def test_a_new_model_reads_no_text_that_the_one_before_has_read(
    untrained, train, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    real = TextEncoder.count
    monkeypatch.setattr(TextEncoder, "count", lambda self, some: real(self, (read.append(one) or one for one in some)))
    deployment = Engine(untrained).deployment
    for n, _ in enumerate("ab"):
        train(untrained)
        deployment.look()
        assert deployment.current.pipeline.recommend(Query(text="thing", n=3)).items
        assert bool(read) is (n == 0)
        read.clear()
    assert deployment.previous is not None
