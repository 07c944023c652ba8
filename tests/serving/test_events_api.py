"""Events over HTTP: one, many, lines; what is refused; and that they count at once."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

EVEN = {f"i{item}" for item in range(0, 40, 2)}


def send(client, content: Any) -> dict[str, Any]:
    answer = client.post("/v1/events", content)
    assert answer.status_code == 200, answer.text
    return answer.json()


def like(user_id: str, item_id: str, **more: Any) -> dict[str, Any]:
    return {"type": "like", "user_id": user_id, "item_id": item_id, **more}


def share_even(item_ids: list[str]) -> float:
    return len(EVEN.intersection(item_ids)) / len(item_ids)


def test_an_event_posted_now_changes_the_next_answer(client) -> None:
    before = client.listed(user_id="newcomer")
    send(client, [like("newcomer", item) for item in ("i1", "i3", "i5")])
    odd = client.listed(user_id="newcomer")
    assert share_even(odd) == 0
    assert not {"i1", "i3", "i5"} & set(odd)
    send(client, [like("other newcomer", item) for item in ("i0", "i2", "i4")])
    assert share_even(client.listed(user_id="other newcomer")) == 1
    assert client.listed(user_id="nobody") == before


def test_a_second_event_counts_although_the_history_was_just_read(client) -> None:
    send(client, like("twice", "i1"))
    first = client.listed(user_id="twice")
    send(client, like("twice", first[0]))
    assert first[0] not in client.listed(user_id="twice")


def test_a_person_without_an_account_is_served_from_the_history_in_the_request(client) -> None:
    assert share_even(client.listed(history=[{"item_id": "i0", "type": "like"}, "i2"])) == 1
    assert share_even(client.listed(history=["i1", "i3"])) == 0


def test_an_anonymous_person_has_a_history_too(client) -> None:
    send(client, {"type": "like", "anonymous_id": "s/1", "item_id": "i7"})
    assert "i7" not in client.listed(anonymous_id="s/1", limit=40)
    assert client.listed(anonymous_id="s/1") == client.listed(user_id="anonymous:s/1")
    assert client.get("/v1/users/anonymous%3As%2F1/history").json()["data"][0]["item_id"] == "i7"


@pytest.mark.parametrize("wrap", [lambda rows: rows, lambda rows: {"events": rows}])
def test_many_events_come_as_an_array_or_under_a_key(client, wrap) -> None:
    rows = [like("many", f"i{item}", event_id=uuid.uuid4().hex) for item in range(5)]
    assert send(client, wrap(rows)) == {"accepted": 5, "duplicates": 0, "rejected": []}
    assert send(client, wrap(rows)) == {"accepted": 0, "duplicates": 5, "rejected": []}


def test_lines_are_judged_one_by_one(client) -> None:
    lines = [json.dumps(like("lines", "i1")), "", "{broken", json.dumps({"type": "like"}), json.dumps(like("l", "i2"))]
    answer = client("POST", "/v1/events", content="\n".join(lines), headers={"content-type": "application/x-ndjson"})
    assert answer.status_code == 200
    content = answer.json()
    assert content["accepted"] == 2
    assert [(row["index"], row["type"]) for row in content["rejected"]] == [(1, "invalid"), (2, "invalid")]
    assert "not JSON" in content["rejected"][0]["detail"]
    assert "give item_id, text or both" in content["rejected"][1]["detail"]


@pytest.mark.parametrize(
    "broken",
    [
        {"type": "like", "item_id": "i1"},
        {**like("u", "i1"), "anonymous_id": "s"},
        like("u", ""),
        like("u" * 257, "i1"),
        like("u", "i1", type=""),
        like("u", "i1", timestamp="yesterday"),
        like("u", "i1", timestamp=-5),
        like("u", "i1", value="much"),
        like("u", "i1", value=True, colour="red"),
        like("u", "i1", position=-1),
        {"type": "like", "anonymous_id": "s" * 250, "item_id": "i1"},
        "like",
        None,
        [],
    ],
)
def test_a_row_that_cannot_be_stored_is_named_and_the_others_are_kept(client, broken) -> None:
    rows = [like("careful", "i1", event_id=uuid.uuid4().hex), broken, like("careful", "i2", event_id=uuid.uuid4().hex)]
    content = send(client, rows)
    assert content["accepted"] == 2
    (rejected,) = content["rejected"]
    assert rejected["index"] == 1
    assert rejected["type"] == "invalid"
    assert rejected["detail"]


def test_the_same_id_with_another_body_is_a_conflict_of_that_row(client) -> None:
    event_id = uuid.uuid4().hex
    assert send(client, like("c", "i1", event_id=event_id))["accepted"] == 1
    assert send(client, like("c", "i1", event_id=event_id))["duplicates"] == 1
    content = send(
        client, [{"type": "like"}, like("c", "i9", event_id=uuid.uuid4().hex), like("c", "i2", event_id=event_id)]
    )
    assert content["accepted"] == 1
    assert [(row["index"], row["type"]) for row in content["rejected"]] == [(0, "invalid"), (2, "conflict")]


@pytest.mark.parametrize(
    ("timestamp", "spoken"),
    [
        ("2026-11-22T10:30:00+01:00", "2026-11-22T09:30:00.000Z"),
        (1_700_000_000, "2023-11-14T22:13:20.000Z"),
        (1_700_000_000_250, "2023-11-14T22:13:20.250Z"),
    ],
)
def test_times_are_answered_in_utc(client, timestamp, spoken) -> None:
    user_id = f"clock {timestamp}"
    send(client, like(user_id, "i1", timestamp=timestamp))
    (event,) = client.get(f"/v1/users/{user_id}/history").json()["data"]
    assert event["timestamp"] == spoken


def test_history_is_the_latest_first_with_attributes_where_asked(client) -> None:
    send(client, [like("past", f"i{item}", timestamp=1_700_000_000 + item) for item in (3, 1, 2)])
    answer = client.get("/v1/users/past/history", params={"limit": 2, "include": "attributes"}).json()
    assert [(event["item_id"], event["attributes"]["title"]) for event in answer["data"]] == [
        ("i3", "Thing 3"),
        ("i2", "Thing 2"),
    ]


def test_more_than_ten_thousand_rows_are_refused_whole(client, is_problem) -> None:
    rows = [like("crowd", "i1")] * 10_001
    is_problem(client.post("/v1/events", rows), 413, "too-large")
    assert client.get("/v1/users/crowd/history").json()["data"] == []
    assert send(client, rows[:-1])["accepted"] == 10_000


def stream(megabytes: int):
    """A body without an announced length that counts how much of it was taken."""
    taken = []

    async def chunks():
        for _ in range(megabytes):
            taken.append(1)
            yield b" " * (1 << 20)

    return chunks(), taken


def test_a_body_beyond_the_limit_is_refused_while_it_streams(client, is_problem) -> None:
    endless, taken = stream(1_000)
    json_type = {"content-type": "application/json"}
    is_problem(client("POST", "/v1/events", content=endless, headers=json_type), 413, "too-large")
    assert len(taken) == 33
    endless, taken = stream(1_000)
    is_problem(client("POST", "/v1/rank", content=endless, headers=json_type), 413, "too-large")
    assert len(taken) == 2
    endless, taken = stream(1_000)  # which may hold a picture
    is_problem(client("POST", "/v1/recommendations", content=endless, headers=json_type), 413, "too-large")
    assert len(taken) == 15


def test_an_announced_body_beyond_the_limit_is_refused_unread(client, is_problem) -> None:
    endless, taken = stream(1_000)
    headers = {"content-type": "application/json", "content-length": str(1 << 30)}
    is_problem(client("POST", "/v1/rank", content=endless, headers=headers), 413, "too-large")
    assert not taken


def test_without_the_limit_the_stream_is_taken_whole(client, monkeypatch) -> None:
    monkeypatch.setattr("serendip.serving.gate.BODY_LIMIT", 1 << 40)
    endless, taken = stream(5)
    client("POST", "/v1/recommendations", content=endless, headers={"content-type": "application/json"})
    assert len(taken) == 5


@pytest.mark.parametrize("type_", ["like", "hide", "purchase", "skip"])
def test_an_undo_makes_it_as_if_nothing_had_been_said(client, type_: str) -> None:
    user = f"hesitant {type_}"
    send(client, [like(user, item) for item in ("i1", "i3")])
    before = client.listed(user_id=user)
    send(client, {"type": type_, "user_id": user, "item_id": before[0]})
    assert before[0] not in client.listed(user_id=user)
    send(client, {"type": "undo", "user_id": user, "item_id": before[0]})
    assert client.listed(user_id=user) == before
    send(client, like(user, before[0]))
    assert before[0] not in client.listed(user_id=user)


def test_an_undo_counts_without_a_model_too(untrained, ask_of) -> None:
    client = ask_of(untrained)
    before = client.listed(user_id="hesitant")
    send(client, like("hesitant", before[0]))
    assert before[0] not in client.listed(user_id="hesitant")
    send(client, {"type": "undo", "user_id": "hesitant", "item_id": before[0]})
    assert client.listed(user_id="hesitant") == before
