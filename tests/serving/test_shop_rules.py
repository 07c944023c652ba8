"""Rules of a shop on a running service: where they hold, from when, what is logged, and what a preview says."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from serendip.data.times import rfc3339
from serendip.serving import create_app
from serendip.serving.control import previewing
from serendip.serving.rule_body import RuleBody
from serendip.store import StoredRule, Workspace
from tests.serving.conftest import Client, opened, publish_model

LISTS = "/v1/recommendations"
BEST = "i28"  # of u0
HIDE_BEST = {"name": "not now", "kind": "hide", "item_ids": [BEST]}
HOUR_MS = 3_600_000


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with opened(tmp_path / "shop") as workspace:
        publish_model(workspace)
        yield workspace


@pytest.fixture
def client(workspace: Workspace) -> Iterator[Client]:
    client = Client(create_app(workspace))
    yield client
    client.close()


def made(client: Client, **rule: Any) -> dict[str, Any]:
    answer = client.post("/v1/rules", {"name": "a rule", **rule})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def replay(client: Client, **ask: Any) -> tuple[str, dict[str, Any]]:
    request_id = client.post(LISTS, ask).json()["request_id"]
    return request_id, client.get(f"{LISTS}/{request_id}").json()["replay"]


def ids(answer: Any) -> list[str]:
    return [item["item_id"] for item in answer.json()["items"]]


def test_a_rule_is_made_told_changed_and_ended(client: Client, is_problem: Any) -> None:
    assert client.listed(user_id="u0", limit=3)[0] == BEST
    told = made(client, **HIDE_BEST)
    assert (told["active"], told["concerns"], told["filter"], told["surface"]) == (True, 1, None, None)
    listed = client.get("/v1/rules").json()
    assert (listed["data"], listed["attributes"][BEST]["title"]) == ([told], "Thing 28")
    assert BEST not in client.listed(user_id="u0", limit=20)
    pin = {"name": "second", "kind": "pin", "item_ids": ["i7"], "position": 2}
    changed = client("PUT", f"/v1/rules/{told['id']}", json=pin).json()
    assert (changed["id"], changed["created"], changed["kind"]) == (told["id"], told["created"], "pin")
    assert client.listed(user_id="u0", limit=3)[:2] == [BEST, "i7"]
    assert client("DELETE", f"/v1/rules/{told['id']}").status_code == 204
    assert client.get("/v1/rules").json()["data"] == []
    assert "i7" not in client.listed(user_id="u0", limit=3)
    is_problem(client("DELETE", f"/v1/rules/{told['id']}"), 404, "not-found")
    is_problem(client("PUT", "/v1/rules/nothing", json=pin), 404, "not-found")


def test_other_processes_take_it_up_and_a_restart_keeps_it(workspace: Workspace, client: Client) -> None:
    other = Client(create_app(workspace))
    with other.living():
        assert other.listed(user_id="u0", limit=1) == [BEST]
        made(client, **HIDE_BEST)
        deadline_s = time.monotonic() + 10
        while other.listed(user_id="u0", limit=1) == [BEST]:
            assert time.monotonic() < deadline_s
            time.sleep(0.05)
    other.close()
    again = Client(create_app(workspace))
    assert BEST not in again.listed(user_id="u0", limit=20)
    again.close()


def test_what_is_hidden_is_nowhere(workspace: Workspace, client: Client) -> None:
    """The same lists show it without the rule."""
    workspace.store.put("items", [(BEST, {"title": "Thing 28", "category": "tea", "timestamp": "2026-01-01"})])
    client.app.state.engine.deployment.look()

    def everywhere() -> dict[str, list[str]]:
        return {
            "list": client.listed(user_id="u0", limit=40),
            "stranger": client.listed(limit=40),
            "search": client.listed(text="thing 28"),
            "trending": ids(client.get("/v1/trending?limit=40")),
            "similar": ids(client.post("/v1/similar", {"item_id": "i26", "limit": 40})),
            "gorse": client.get("/api/recommend/u0?n=40").json(),
            "gorse popular": [one["Id"] for one in client.get("/api/popular?n=40").json()],
            "gorse neighbours": [one["Id"] for one in client.get("/api/item/i26/neighbors?n=40").json()],
            "gorse latest": [one["Id"] for one in client.get("/api/latest?n=40").json()],
        }

    assert all(BEST in listed for listed in everywhere().values())
    made(client, **HIDE_BEST)
    found = everywhere()
    assert not [where for where, listed in found.items() if BEST in listed]
    assert found["trending"]
    assert BEST in ids(client.post("/v1/rank", {"item_ids": [BEST, "i1"]})), "who hands items over has chosen them"


def test_lists_without_a_model_keep_to_rules_too(untrained: Workspace, ask_of: Any) -> None:
    client = ask_of(untrained)
    popular = client.listed(limit=40)
    made(client, kind="hide", item_ids=popular[:1])
    made(client, kind="filter", filter="price < 30")
    made(client, kind="pin", item_ids=["i1", popular[0], "i35"], position=2)
    answer = client.post(LISTS, {"limit": 40}).json()["items"]
    expected = [one for one in popular[1:] if int(one[1:]) < 29 and one != "i1"]
    assert [item["item_id"] for item in answer] == [expected[0], "i1", *expected[1:]]
    assert [item["source"] for item in answer[:3]] == ["popular", "pin", "popular"]


def test_a_rule_of_a_surface_holds_there_alone(client: Client) -> None:
    made(client, **HIDE_BEST, surface="basket")
    assert client.listed(user_id="u0", limit=1, surface="home") == [BEST]
    assert client.listed(user_id="u0", limit=1) == [BEST]
    assert BEST not in client.listed(user_id="u0", limit=20, surface="basket")


def test_a_calendar_begins_and_ends(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    now_ms = time.time_ns() // 1_000_000
    calendar = {"from": rfc3339(now_ms + HOUR_MS), "until": rfc3339(now_ms + 2 * HOUR_MS)}
    told = made(client, **HIDE_BEST, **calendar)
    assert (told["active"], told["from"], told["until"]) == (False, *calendar.values())
    rules = client.app.state.engine.rules
    for hours, holds in ((0, False), (1, True), (1.99, True), (2, False)):
        monkeypatch.setattr("serendip.serving.shop_rules._now_ms", lambda at=now_ms + hours * HOUR_MS: int(at))
        rules.look()
        assert (BEST not in client.listed(user_id="u0", limit=20)) == holds
        assert client.get("/v1/rules").json()["data"][0]["active"] == holds


def test_pins_stay_out_of_lists_about_something(client: Client) -> None:
    made(client, kind="pin", item_ids=["i7"], position=1)
    assert client.listed(user_id="u0", limit=3)[0] == "i7"
    assert ids(client.get("/v1/trending"))[0] == "i7"
    assert client.listed(text="thing 28", limit=3)[0] == BEST
    assert ids(client.post("/v1/similar", {"item_id": BEST, "limit": 3}))[0] != "i7"
    assert client.listed(user_id="u0", limit=3, order="newest")[0] != "i7"


def test_an_item_says_that_a_rule_moved_it(client: Client) -> None:
    made(client, kind="pin", item_ids=["i7"], position=2)
    made(client, kind="boost", item_ids=["i6"], factor=50)
    ask = {"user_id": "u0", "limit": 3, "include": ["reasons"], "context": {"language": "zh"}}
    first, second, _ = client.post(LISTS, ask).json()["items"]
    assert (first["item_id"], first["source"]) == ("i6", "boost")
    assert (second["item_id"], second["source"]) == ("i7", "pin")
    assert "店家推荐" in [reason["text"] for reason in first["reasons"]]
    assert second["reasons"][0]["text"] == "店家把它放在这个位置"
    for item in (first, second):
        assert sum(reason["contribution"] for reason in item["reasons"]) == pytest.approx(item["score"], abs=1e-5)


def test_an_answer_under_rules_can_be_given_again(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    _, plain = replay(client, user_id="u0", limit=5)
    assert (plain["same"], plain["notes"]) == (True, [])
    rule = made(client, kind="pin", item_ids=["i7"], position=2, until=rfc3339(time.time_ns() // 1_000_000 + HOUR_MS))
    request_id, told = replay(client, user_id="u0", limit=5)
    assert (told["same"], told["notes"], told["trace"]["pinned"]) == (True, [], ["i7"])
    over = time.time_ns() // 1_000_000 + 2 * HOUR_MS
    monkeypatch.setattr("serendip.serving.shop_rules._now_ms", lambda: over)
    client.app.state.engine.rules.look()
    assert "i7" not in client.listed(user_id="u0", limit=5)
    told = client.get(f"{LISTS}/{request_id}").json()["replay"]
    assert (told["same"], told["notes"]) == (True, []), "its time is over, but it is still the same rule"
    client("DELETE", f"/v1/rules/{rule['id']}")
    told = client.get(f"{LISTS}/{request_id}").json()["replay"]
    assert (told["same"], told["notes"]) == (False, ["rules were changed since"])


def test_a_preview_says_what_then_happens(workspace: Workspace, client: Client) -> None:
    rule = {"name": "coffee", "kind": "boost", "filter": {"category": "coffee"}, "factor": 20.0}
    made(client, kind="pin", item_ids=["i7"], position=3)
    people = [f"u{number}" for number in range(60)]
    before = {user: client.listed(user_id=user, limit=10) for user in people}
    logged = workspace.store.counts()["exposures"]
    told = client.post("/v1/rules:preview", rule).json()
    client.app.state.engine.exposures.flush()
    assert workspace.store.counts()["exposures"] == logged + len(people), "the preview itself is shown to nobody"
    made(client, **rule)
    after = {user: client.listed(user_id=user, limit=10) for user in people}
    changed = {user for user in people if before[user] != after[user]}
    assert (told["people"], told["drawn_from"], told["cut_short"]) == (60, 60, False)
    assert told["lists_changed"] == len(changed) > 0
    assert told["share"]["low"] <= len(changed) / 60 <= told["share"]["high"]
    assert told["places"] == 600
    moved = sum(one != other for user in people for one, other in zip(before[user], after[user], strict=True))
    assert told["places_changed"] == moved
    for one in told["examples"]:
        assert (one["before"], one["after"]) == (before[one["user_id"]], after[one["user_id"]])
    for one in (*told["gained"], *told["lost"]):
        holding = [sum(one["item_id"] in listed for listed in side.values()) for side in (before, after)]
        assert [one["before"], one["after"]] == holding
        assert one["item_id"] in told["attributes"]
    assert all(one["after"] > one["before"] for one in told["gained"])


def test_a_preview_of_a_change_leaves_the_old_rule_out(client: Client) -> None:
    told = made(client, **HIDE_BEST)
    same = client.post(f"/v1/rules:preview?instead_of={told['id']}", HIDE_BEST).json()
    assert same["lists_changed"] == 0
    other = {"name": "nothing", "kind": "hide", "item_ids": ["nothing"]}
    assert client.post("/v1/rules:preview", other).json()["lists_changed"] == 0
    back = client.post(f"/v1/rules:preview?instead_of={told['id']}", other).json()
    assert back["lists_changed"] > 0
    assert BEST in [one["item_id"] for one in back["gained"]]


def test_a_preview_ends_in_time_and_says_so(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    assert client.post("/v1/rules:preview?people=7", HIDE_BEST).json()["people"] == 7
    monkeypatch.setattr(previewing, "LONGEST_S", 0.0)
    told = client.post("/v1/rules:preview", HIDE_BEST).json()
    assert (told["people"], told["cut_short"]) == (1, True)


def test_a_preview_without_anything(empty: Workspace, untrained: Workspace, ask_of: Any) -> None:
    for workspace, known in ((empty, 0), (untrained, 60)):
        told = ask_of(workspace).post("/v1/rules:preview", HIDE_BEST).json()
        assert (told["model_version"], told["people"], told["share"]) == (None, 0, None)
        assert told["drawn_from"] == known


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"kind": "pin", "position": 1}, "a rule of the kind pin needs item_ids"),
        ({"kind": "pin", "item_ids": ["i1"]}, "a rule of the kind pin needs position"),
        ({"kind": "hide"}, "a rule of the kind hide needs item_ids or filter, one of them"),
        ({"kind": "hide", "item_ids": ["i1"], "filter": "a == 1"}, "needs item_ids or filter, one of them"),
        ({"kind": "hide", "item_ids": ["i1"], "factor": 2}, "a rule of the kind hide has no factor"),
        ({"kind": "boost", "item_ids": ["i1"], "factor": 0}, "#/factor"),
        ({"kind": "cap", "attribute": "category"}, "a rule of the kind cap needs most"),
        ({"kind": "filter", "filter": "price <"}, "#/filter: the filter cannot be read at its end"),
        ({"kind": "filter", "filter": {}}, "a rule of the kind filter needs filter"),
        ({"kind": "hide", "item_ids": []}, "#/item_ids"),
        ({"kind": "hide", "item_ids": ["i1"] * 1_001}, "#/item_ids"),
        ({"kind": "hide", "item_ids": ["i1"], "from": "noon"}, "#/from"),
        ({"kind": "hide", "item_ids": ["i1"], "from": "2027-01-01", "until": "2027-01-01"}, "later than from"),
        ({"kind": "burn", "item_ids": ["i1"]}, "#/kind"),
    ],
)
def test_what_makes_no_sense_is_refused(client: Client, is_problem: Any, wrong: dict[str, Any], said: str) -> None:
    for path in ("/v1/rules", "/v1/rules:preview"):
        told = is_problem(client.post(path, {"name": "wrong", **wrong}), 422, "invalid-request")
        assert said in told["detail"]
    assert client.get("/v1/rules").json()["data"] == []


def test_a_rule_that_cannot_be_read_harms_no_list(workspace: Workspace, client: Client) -> None:
    workspace.store.add_rule(StoredRule("broken", {"name": "x", "kind": "filter", "filter": "price <"}, 1))
    made(client, **HIDE_BEST)
    assert len(client.listed(user_id="u0", limit=5)) == 5
    assert [one["name"] for one in client.get("/v1/rules").json()["data"]] == ["not now"]


def test_while_the_store_fails_rules_go_on(workspace: Workspace) -> None:
    client = Client(create_app(workspace))
    made(client, **HIDE_BEST)
    workspace.store.close()
    client.app.state.engine.rules.look()
    assert BEST not in client.listed(history=["i26", "i30"], limit=20)
    client.close()


def test_a_body_comes_back_from_the_store_as_it_went_in() -> None:
    body = RuleBody.model_validate({**HIDE_BEST, "from": "1970-01-02T00:00:00Z", "until": 1_800_000_000})
    stored = body.model_dump(mode="json", by_alias=True, exclude_none=True)
    assert (stored["from"], stored["until"]) == ("1970-01-02T00:00:00.000Z", "2027-01-15T08:00:00.000Z")
    assert RuleBody.model_validate(stored) == body


def test_how_many_items_a_rule_is_about(client: Client, untrained: Workspace, ask_of: Any) -> None:
    told = made(client, kind="boost", filter="category == 'tea'", factor=2)
    assert told["concerns"] == 20
    client("PATCH", "/v1/items/i2", json={"attributes": {"category": "coffee"}})
    client.app.state.engine.deployment.look()
    assert client.get("/v1/rules").json()["data"][0]["concerns"] == 19
    changed = {"name": "less", "kind": "hide", "item_ids": ["i1", "i3", "nothing"]}
    assert client("PUT", f"/v1/rules/{told['id']}", json=changed).json()["concerns"] == 2
    assert made(client, kind="cap", attribute="category", most=3)["concerns"] is None
    assert made(ask_of(untrained), **HIDE_BEST)["concerns"] is None


def test_no_list_waits_until_rules_are_worked_out(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not after rules changed, nor after items did."""
    made(client, **HIDE_BEST)
    made(client, kind="pin", item_ids=["i7"], position=1, surface="home")
    client("PUT", "/v1/items/i7", json={"attributes": {"title": "other", "category": "tea"}})
    client.app.state.engine.deployment.look()
    monkeypatch.setattr("serendip.pipeline.rules._ruling", lambda *_: pytest.fail("worked out for a request"))
    assert BEST not in client.listed(user_id="u0", limit=20)
    assert client.listed(user_id="u0", surface="home")[0] == "i7"
    assert BEST not in ids(client.post("/v1/similar", {"item_id": "i26", "limit": 40}))
