"""Asks: the same seed asks the same, some people come often, wrong answers are found out."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from benchmarks.service import asks
from benchmarks.service.shop import SIZES
from serendip.serving.bodies import Ask, EventBody

SIZE = SIZES["tiny"]


@pytest.mark.parametrize("mix", asks.MIXES)
def test_every_request_is_one_that_the_service_takes(mix: str) -> None:
    plan = asks.plan(asks.MIXES[mix], SIZE, 100, 2, 0, "x")
    assert len(plan) == len(plan.due_s) == len(plan.signs) > 100
    for request in plan.requests:
        head, _, body = request.partition(b"\r\n\r\n")
        assert f"Content-Length: {len(body)}".encode() in head
        (EventBody if b" /v1/events " in head else Ask).model_validate_json(body)


def test_the_same_seed_asks_the_same_and_names_are_never_repeated() -> None:
    mix = asks.MIXES["lived"]
    first, again, other = (asks.plan(mix, SIZE, 100, 2, seed, "x") for seed in (1, 1, 2))
    assert first.requests == again.requests != other.requests
    named = [request for request in first.requests if b"event_id" in request]
    assert len(set(named)) == len(named) > 0


def test_some_people_come_often_or_all_alike() -> None:
    zipf, uniform = (asks.people(np.random.default_rng(0), SIZE, 20_000, spread) for spread in ("zipf", "uniform"))
    most = [np.bincount(found, minlength=SIZE.people).max() for found in (zipf, uniform)]
    assert most[0] > 5 * most[1]
    assert len(np.unique(uniform)) == SIZE.people


def answer(**changed: Any) -> bytes:
    reasons = [{"contribution": 0.5}, {"contribution": 0.25}]
    items = [{"rank": rank, "score": 0.75, "reasons": reasons} for rank in (1, 2)]
    items[1] = items[1] | changed
    return json.dumps({"degraded": [], "items": items}).encode()


def test_reasons_that_do_not_add_up_and_wrong_ranks_are_found_out() -> None:
    assert asks.check([answer()])["wrong"] == 0
    assert asks.check([answer(score=0.8)])["wrong"] == 1
    assert asks.check([answer(rank=3)])["wrong"] == 1
    assert asks.check([b'{"degraded":[],"items":[]}'])["looked_at"] == 0
