"""Asks: who asks for what, as bytes that are ready to send."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.service.load import Plan, arrivals
from benchmarks.service.shop import CATEGORIES, TYPES, Size, item_id, user_id
from serendip.data.arrays import IntArray

LIMIT = 10
ZIPF = 0.8
"""How unequally people come: the r-th most frequent one in proportion to 1 / r to this power."""
PRICES = (10, 20, 40, 80, 160)
SCORE_SLACK = 1e-3
_WHOLE = b'"degraded":[]'
_LISTED, _LIST, _EMPTY = (_WHOLE, b'"items":[{'), (_WHOLE, b'"items":['), (_WHOLE, b'"items":[]')
_STORED: tuple[bytes, ...] = (b'"accepted":1,',)

Body = Callable[[np.random.Generator, str], dict[str, Any]]


@dataclass(frozen=True)
class Mix:
    """A kind of traffic."""

    name: str
    says: str
    shares: dict[str, float]
    """Of each kind of request."""
    people: str = "zipf"
    """`zipf`: some come often; `uniform`: all alike."""


MIXES = {
    mix.name: mix
    for mix in (
        Mix("plain", "personal lists of 10 with reasons; people come by Zipf's law", {"personal": 1.0}),
        Mix("uniform", "the same; everybody comes equally often", {"personal": 1.0}, "uniform"),
        Mix(
            "varied",
            "70 % plain, 15 % with a filter by category and price, 15 % with diversity 0.5",
            {"personal": 0.70, "filtered": 0.15, "diverse": 0.15},
        ),
        Mix("empty", "plain with a filter that no item satisfies: the answer is an empty list", {"empty": 1.0}),
        Mix(
            "lived",
            "the varied mix, and 10 % single events, by anybody as often as by any other",
            {"personal": 0.63, "filtered": 0.135, "diverse": 0.135, "event": 0.10},
        ),
    )
}


def _personal(generator: np.random.Generator, user: str) -> dict[str, Any]:
    return {"user_id": user, "limit": LIMIT, "include": ["reasons"]}


def _filtered(generator: np.random.Generator, user: str) -> dict[str, Any]:
    category, price = generator.choice(CATEGORIES), generator.choice(PRICES)
    return _personal(generator, user) | {"filter": f'category == "{category}" and price < {price}'}


def _diverse(generator: np.random.Generator, user: str) -> dict[str, Any]:
    return _personal(generator, user) | {"diversity": 0.5}


def _empty(generator: np.random.Generator, user: str) -> dict[str, Any]:
    return _personal(generator, user) | {"filter": "price < -1"}


KINDS: dict[str, tuple[Body, tuple[bytes, ...]]] = {
    "personal": (_personal, _LISTED),
    "filtered": (_filtered, _LIST),
    "diverse": (_diverse, _LISTED),
    "empty": (_empty, _EMPTY),
}
"""The body of each kind, and what an answer to it holds."""


def post(path: str, body: Any, media_type: str = "application/json") -> bytes:
    """The bytes of a request."""
    content = body if isinstance(body, bytes) else json.dumps(body, separators=(",", ":")).encode()
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Content-Type: {media_type}",
        f"Content-Length: {len(content)}",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + content


def ask(kind: str, generator: np.random.Generator, user: str) -> bytes:
    return post("/v1/recommendations", KINDS[kind][0](generator, user))


def event(generator: np.random.Generator, size: Size, user: str, name: str) -> dict[str, Any]:
    """Something that `user` did just now; `name` is its id."""
    item = item_id(int(generator.integers(size.items)))
    return {"event_id": name, "type": TYPES[int(generator.integers(len(TYPES)))], "user_id": user, "item_id": item}


def people(generator: np.random.Generator, size: Size, count: int, spread: str) -> IntArray:
    """Numbers of people, (count,). Who comes often is drawn by a seed of its own, the same in every plan."""
    if spread == "uniform":
        return generator.integers(0, size.people, count)
    reached = np.cumsum(1 / np.arange(1, size.people + 1) ** ZIPF)
    order = np.random.default_rng(1).permutation(size.people)
    drawn: IntArray = order[np.searchsorted(reached, generator.random(count) * reached[-1])]
    return drawn


def plan(mix: Mix, size: Size, rate: float, seconds: float, seed: int, names: str = "") -> Plan:
    """A plan of independent requests of this mix; `names` begins the ids of its events."""
    generator = np.random.default_rng(seed)
    due_s = arrivals(generator, rate, seconds)
    kinds = generator.choice(list(mix.shares), len(due_s), p=list(mix.shares.values())).tolist()
    users = [user_id(number) for number in people(generator, size, len(due_s), mix.people).tolist()]
    # By Zipf's law the first of 100,000 people would do something every second of an hour, as no person does.
    doers = [user_id(number) for number in generator.integers(0, size.people, len(due_s)).tolist()]
    requests: list[bytes] = []
    signs: list[tuple[bytes, ...]] = []
    for place, (kind, user) in enumerate(zip(kinds, users, strict=True)):
        if kind == "event":
            requests.append(post("/v1/events", event(generator, size, doers[place], f"{names}-{place}")))
            signs.append(_STORED)
        else:
            requests.append(ask(kind, generator, user))
            signs.append(KINDS[kind][1])
    return Plan(due_s, requests, signs)


def check(bodies: Sequence[bytes]) -> dict[str, int]:
    """Look closely at answers: how many were lists, and how many of them are wrong.

    A list is wrong where its ranks are not 1, 2, ..., or the contributions of an item's reasons do not add up to its
    score.
    """
    lists = [answer for answer in map(json.loads, bodies) if answer.get("items")]
    return {
        "looked_at": len(lists),
        "wrong": sum(not _sound(answer["items"]) for answer in lists),
    }


def _sound(items: Sequence[dict[str, Any]]) -> bool:
    return [item["rank"] for item in items] == [*range(1, len(items) + 1)] and all(map(_adds_up, items))


def _adds_up(item: dict[str, Any]) -> bool:
    total = sum(reason["contribution"] for reason in item["reasons"])
    return bool(abs(total - item["score"]) <= SCORE_SLACK * max(1.0, abs(item["score"])))
