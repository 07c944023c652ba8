"""How many requests one client may make, and what happens to the one too many."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from serendip.serving import access, create_app, limits
from serendip.serving.limits import Allowance, Limits
from serendip.serving.problems import Refused
from serendip.store import ServiceSettings, Workspace
from serendip.store.keys import make
from tests.serving.conftest import Client, opened

SLOW = {"reads_per_s": 0.001, "writes_per_s": 0.001, "anonymous_per_s": 0.001, "failures_per_minute": 1}
"""So little that nothing comes back while a test runs."""

TRENDING = "/v1/trending"


def test_an_allowance_is_spent_at_once_and_comes_back_evenly() -> None:
    allowance = Allowance(rate=2, burst=3)
    assert [allowance.take("a", 0.0) for _ in range(3)] == [0, 0, 0]
    assert allowance.take("a", 0.0) == pytest.approx(0.5)
    assert allowance.wait_s("a", 0.2) == pytest.approx(0.3)
    assert allowance.take("a", 0.5) == 0
    assert allowance.take("a", 0.5) > 0
    assert [allowance.take("a", 99.0) for _ in range(4)] == [0, 0, 0, pytest.approx(0.5)]


def test_clients_do_not_share_an_allowance() -> None:
    allowance = Allowance(rate=1, burst=1)
    assert allowance.take("a", 0.0) == 0
    assert allowance.take("a", 0.0) > 0
    assert allowance.take("b", 0.0) == 0


def test_a_rate_of_nothing_is_no_limit() -> None:
    allowance = Allowance(rate=0, burst=0)
    assert not any(allowance.take("a", 0.0) for _ in range(1_000))
    assert len(allowance) == 0


def test_many_addresses_do_not_fill_the_memory() -> None:
    bounded, unbounded = Allowance(rate=1, burst=1, most=100), Allowance(rate=1, burst=1, most=10**9)
    for n in range(5_000):
        bounded.take(f"10.0.{n}", 0.0)
        unbounded.take(f"10.0.{n}", 0.0)
    assert len(bounded) <= 100
    assert len(unbounded) == 5_000  # with the guard off
    assert bounded.take("10.0.4999", 0.0) > 0  # the latest are remembered


def test_those_who_waited_go_before_those_who_did_not() -> None:
    allowance = Allowance(rate=1, burst=10, most=4)
    for _ in range(10):
        allowance.take("busy", 0.0)
    for n in range(20):
        allowance.take(f"quiet {n}", 2.0 + n / 10)
    assert allowance.take("busy", 4.0) == 0
    assert len(allowance) <= 4


class Limited:
    """A service with a key and hardly any allowance."""

    def __init__(self, workspace: Workspace, **settings: float) -> None:
        self.workspace = workspace
        service = ServiceSettings.model_validate(SLOW | settings)
        workspace.settings = workspace.settings.model_copy(update={"service": service})
        self.client: Client | None = None

    def key(self, *scopes: str) -> dict[str, str]:
        key, text = make("test", scopes)
        self.workspace.store.add_key(key)
        return {"x-api-key": text}

    def open(self, limit_anybody: bool = False) -> Client:
        self.client = Client(create_app(self.workspace, limit_anybody=limit_anybody))
        return self.client


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[Callable[..., Limited]]:
    with opened(tmp_path / "limited") as workspace:
        made: list[Limited] = []

        def make_one(**settings: float) -> Limited:
            made.append(Limited(workspace, **settings))
            return made[-1]

        yield make_one
        for one in made:
            if one.client is not None:
                one.client.close()


def statuses(ask: Callable[[], httpx.Response], times: int) -> list[int]:
    return [ask().status_code for _ in range(times)]


def test_one_request_too_many_is_a_429_that_says_when_to_come_back(limited: Any, is_problem: Any) -> None:
    service = limited()
    headers = service.key("recommend:read")
    client = service.open()
    assert client.get(TRENDING, headers=headers).status_code == 200
    refused = client.get(TRENDING, headers=headers)
    is_problem(refused, 429, "too-many-requests")
    assert 900 <= int(refused.headers["retry-after"]) <= 1000
    assert 'serendip_limited_total{limit="reads"} 1.0' in client.app.state.engine.metrics.text().decode()


def test_without_a_limit_nothing_stops_a_client(limited: Any) -> None:
    service = limited(reads_per_s=0)
    headers = service.key("recommend:read")
    client = service.open()
    assert set(statuses(lambda: client.get(TRENDING, headers=headers), 20)) == {200}


def test_keys_have_allowances_of_their_own_for_reading_and_for_writing(limited: Any) -> None:
    service = limited()
    ours, others = service.key("recommend:read", "data:write"), service.key("recommend:read")
    client = service.open()
    assert statuses(lambda: client.get(TRENDING, headers=ours), 2) == [200, 429]
    assert statuses(lambda: client.get("/v1/users", headers=ours), 2) == [200, 429]
    assert statuses(lambda: client.get(TRENDING, headers=others), 2) == [200, 429]


def test_addresses_without_a_key_are_limited_where_others_reach_the_service(limited: Any, is_problem: Any) -> None:
    client = limited().open(limit_anybody=True)
    assert client.get(TRENDING).status_code == 200
    is_problem(client.get(TRENDING), 429, "too-many-requests")


def test_on_this_machine_without_keys_there_is_no_limit(limited: Any) -> None:
    client = limited().open()
    assert set(statuses(lambda: client.get(TRENDING), 5)) == {200}


def test_what_needs_no_key_is_limited_by_address_and_health_never(limited: Any) -> None:
    service = limited()
    service.key("admin")
    client = service.open()
    assert statuses(lambda: client.get("/v1/items/i1/image"), 2) == [200, 429]
    assert set(statuses(lambda: client.get("/healthz"), 5)) == {200}
    assert set(statuses(lambda: client.get("/readyz"), 5)) == {200}


def guessed(client: Client, right: dict[str, str], wrong: int) -> list[int]:
    """What somebody is answered who tries wrong keys and then the right one."""
    tries = [{"x-api-key": f"sk_{n:012x}_{'A' * 43}"} for n in range(wrong)]
    return [client.get(TRENDING, headers=headers).status_code for headers in (*tries, right)]


def test_who_guesses_keys_is_not_told_the_right_one(limited: Any, is_problem: Any) -> None:
    service = limited(reads_per_s=0, failures_per_minute=3)
    known, right = service.key("recommend:read"), service.key("recommend:read")
    client = service.open()
    assert client.get(TRENDING, headers=known).status_code == 200
    assert guessed(client, right, wrong=5) == [401, 401, 401, 429, 429, 429]
    is_problem(client.get(TRENDING, headers=right), 429, "too-many-requests")
    assert client.get(TRENDING, headers=known).status_code == 200  # a neighbour behind the same address


def test_with_no_limit_of_failures_a_guesser_goes_on_until_it_is_right(limited: Any) -> None:
    service = limited(reads_per_s=0, failures_per_minute=0)
    right = service.key("recommend:read")
    assert guessed(service.open(), right, wrong=5) == [401] * 5 + [200]


def test_known_keys_do_not_fill_the_memory_either(limited: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "MOST_CLIENTS", 4)
    service = limited(reads_per_s=0)
    headers = [service.key("recommend:read") for _ in range(9)]
    client = service.open()
    assert {client.get(TRENDING, headers=one).status_code for one in headers} == {200}
    assert len(client.app.state.access._proven) <= 4


def test_a_refusal_speaks_of_whole_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits.time, "monotonic", lambda: 5.0)
    counted: list[str] = []
    few = Limits(ServiceSettings(reads_per_s=0.5), counted.append)
    few.take("reads", "k")
    with pytest.raises(Refused, match="try again in 2 seconds") as refused:
        few.take("reads", "k")
    assert refused.value.headers == {"retry-after": "2"}
    assert counted == ["reads"]
