"""Two services over one store are one service: what is told to one counts at the other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from serendip.cli import main
from serendip.store import Workspace
from serendip.store.keys import make
from tests.serving.conftest import opened, publish_model
from tests.serving.replicas import Replica, seconds_until

PROMISED_S = 2.0  # an event sent to one counts in the other's next answer
DEADLINE_S = 20.0  # for what nobody promised to be so quick


@dataclass
class Pair:
    """Two services, and how to start another."""

    workspace: Path
    store: str | None
    key: str
    one: Replica
    other: Replica

    def another(self) -> Replica:
        return Replica(self.workspace, self.key, self.store)


@pytest.fixture(scope="module", params=["postgres", "sqlite"])
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("replicas") / "shop"
    store = request.getfixturevalue("postgres").new_database() if request.param == "postgres" else None
    with ExitStack() as stack:
        if store:
            stack.enter_context(pytest.MonkeyPatch.context()).setenv("SERENDIP_STORE", store)
        with opened(folder) as workspace:
            publish_model(workspace)
            key = new_key(workspace, "admin")
        one, other = (stack.enter_context(Replica(folder, key, store)) for _ in range(2))
        yield Pair(folder, store, key, one, other)


def new_key(workspace: Workspace, scope: str) -> str:
    key, text = make("test", [scope], None)
    workspace.store.add_key(key)
    return text


def test_an_event_sent_to_one_counts_in_the_next_answer_of_the_other(pair: Pair) -> None:
    taken_s = []
    for n in range(5):
        wanted = pair.other.listed("newcomer")[0]  # the other knows the person by now
        pair.one.send("newcomer", wanted)
        taken_s.append(seconds_until(lambda wanted=wanted: wanted not in pair.other.listed("newcomer"), PROMISED_S))
        pair.other.send("newcomer", pair.one.listed("newcomer")[n])
    print(f"event at one, effect at the other: {', '.join(f'{1000 * s:.0f}' for s in taken_s)} ms")


def test_the_first_answer_after_an_event_knows_it_where_it_was_sent(pair: Pair) -> None:
    for _ in range(5):
        wanted = pair.one.listed("prompt")[0]
        pair.one.send("prompt", wanted)
        assert wanted not in pair.one.listed("prompt")


def test_what_one_showed_is_found_at_the_other(pair: Pair) -> None:
    shown = pair.one.ask("POST", "/v1/recommendations", json={"user_id": "u1", "limit": 3})
    path = f"/v1/recommendations/{shown['request_id']}"
    seconds_until(lambda: pair.other("GET", path).status_code == 200, DEADLINE_S)
    found = pair.other.ask("GET", path)
    assert [item["item_id"] for item in found["items"]] == [item["item_id"] for item in shown["items"]]


def test_an_item_hidden_at_one_is_listed_no_more_at_the_other(pair: Pair) -> None:
    wanted = pair.other.listed("u3")[0]
    pair.one.ask("PATCH", f"/v1/items/{wanted}", json={"attributes": {"hidden": True}})
    assert wanted not in pair.one.listed("u3")
    seconds_until(lambda: wanted not in pair.other.listed("u3"), DEADLINE_S)


def test_a_key_revoked_on_the_command_line_closes_both(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if pair.store:
        monkeypatch.setenv("SERENDIP_STORE", pair.store)
    capsys.readouterr()
    assert main(["keys", "create", str(pair.workspace), "web", "--scope", "recommend:read"]) == 0
    key = capsys.readouterr().out.strip()

    def status(replica: Replica) -> int:
        return replica("POST", "/v1/recommendations", key, json={}).status_code

    for replica in (pair.one, pair.other):
        seconds_until(lambda replica=replica: status(replica) == 200, DEADLINE_S)
    assert main(["keys", "revoke", str(pair.workspace), key.split("_")[1]]) == 0
    for replica in (pair.one, pair.other):
        seconds_until(lambda replica=replica: status(replica) == 401, DEADLINE_S)


def test_a_person_erased_at_one_is_a_stranger_at_the_other(pair: Pair) -> None:
    known = pair.other.listed("u7")
    stranger = pair.other.listed("never-seen")
    assert known != stranger
    assert pair.one.ask("DELETE", "/v1/users/u7")["removed"]["events"] == 8
    seconds_until(lambda: pair.other.listed("u7") == stranger, DEADLINE_S)
    assert pair.other.ask("GET", "/v1/users/u7/export")["events"] == []


def test_when_one_is_killed_the_others_go_on_and_know_what_it_acknowledged(pair: Pair) -> None:
    with pair.another() as third:
        wanted = pair.other.listed("survivor")[:3]
        for item_id in wanted:
            third.send("survivor", item_id)
        third.kill()
    seconds_until(lambda: not set(wanted) & set(pair.other.listed("survivor")), PROMISED_S)
    pair.one.send("survivor", pair.one.listed("survivor")[0])  # nobody holds a lock that the dead one had
    assert len(pair.other.ask("GET", "/v1/users/survivor/history")["data"]) == 4
    assert pair.one("GET", "/readyz").status_code == pair.other("GET", "/readyz").status_code == 200


def test_the_model_that_one_publishes_is_taken_up_by_both(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    if pair.store:
        monkeypatch.setenv("SERENDIP_STORE", pair.store)
    with Workspace.open(pair.workspace) as workspace:
        version = publish_model(workspace)
    for replica in (pair.one, pair.other):
        seconds_until(lambda replica=replica: replica.ask("GET", "/readyz")["model_version"] == version, DEADLINE_S)
