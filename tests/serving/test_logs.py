"""What the service writes about itself: a line per request, and never a key, a person or a thing."""

from __future__ import annotations

import io
import json
import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from serendip.pipeline import Pipeline
from serendip.serving import create_app, logs
from serendip.serving.access import POLICY
from serendip.serving.logs import REQUEST_ID, Discreet, Json, content
from serendip.store import StoredEvent, Workspace
from serendip.store.keys import make
from tests.serving.conftest import Client, opened, publish_model
from tests.serving.running import Running

PERSON, THING = "canary-person", "canary-thing"
SECRETS = (PERSON, THING, "canary-word")
WORDS = ("category", "feedback_type", "name")  # of paths
READS = (
    "keys",
    "get",
    "page",
    "event_page",
    "history",
    "popular",
    "exposure",
    "export",
    "attributes",
    "catalogue_version",
    "timeline",
    "latest_on",
    "latest",
    "latest_of_each",
    "requests",
    "showings",
)
WRITES = ("append", "put", "patch", "delete", "erase")


@contextmanager
def written(*formatters: logging.Formatter) -> Iterator[list[io.StringIO]]:
    """Everything that is logged meanwhile, by each formatter."""
    streams = [io.StringIO() for _ in formatters]
    handlers = [logging.StreamHandler(stream) for stream in streams]
    root = logging.getLogger()
    before = root.level, logs.requests.level
    for handler, formatter in zip(handlers, formatters, strict=True):
        handler.setFormatter(formatter)
        root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    logs.requests.setLevel(logging.INFO)
    try:
        yield streams
    finally:
        for handler in handlers:
            root.removeHandler(handler)
        root.setLevel(before[0])
        logs.requests.setLevel(before[1])


class Watched:
    """A service with a key, whose store and model can be made to fail with telling messages."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.key, self.text = make("canary-word", ["admin"])
        workspace.store.add_key(self.key)
        workspace.store.put("items", [(THING, {"image": "pictures/i1.png"})])
        workspace.store.put("users", [(PERSON, {})])
        workspace.store.append([StoredEvent(PERSON, THING, "like")])
        publish_model(workspace)
        self.client = Client(create_app(workspace))

    def ask_everything(self) -> list[httpx.Response]:
        headers = {"authorization": f"Bearer {self.text}"}
        answers = [
            self.client(
                method,
                path.format(
                    item_id=THING,
                    user_id=PERSON,
                    request_id=PERSON,
                    experiment_id=PERSON,
                    rule_id=PERSON,
                    import_id=PERSON,
                    key_id=PERSON,
                    version=PERSON,
                    **dict.fromkeys(WORDS, "canary-word"),
                ),
                headers=headers,
                **_body(method, path),
            )
            for method, path in sorted(POLICY, key=lambda route: route[0] == "DELETE")
        ]
        for path in (f"/{PERSON}", f"/v1/users/{PERSON}/x", "/v1/items?limit=canary-word", "/"):
            answers.append(self.client.get(path, headers=headers))
        answers.append(self.client.get("/v1/users", headers={"x-api-key": self.text[:-1]}))
        answers.append(self.client("CANARY-WORD", "/v1/items", headers=headers))
        return answers

    def break_everything(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_: object, **__: object) -> None:
            try:
                raise KeyError(PERSON)
            except KeyError as error:
                raise RuntimeError(f"[parameters: ({PERSON!r}, {THING!r})]\n{self.text}") from error

        for name in (*READS, *WRITES):
            monkeypatch.setattr(self.workspace.store, name, fail)
        monkeypatch.setattr(Pipeline, "recommend", fail)
        monkeypatch.setattr(Pipeline, "course", fail)
        monkeypatch.setattr(self.client.app.state.engine.erasures, "erase", fail)


def _body(method: str, path: str) -> dict[str, Any]:
    bodies: dict[str, Any] = {
        "/v1/recommendations": {"user_id": PERSON, "exclude_item_ids": [THING], "text": "canary-word"},
        "/v1/recommendations:trace": {"user_id": PERSON, "item_id": THING, "text": "canary-word"},
        "/v1/similar": {"item_id": THING},
        "/v1/rank": {"item_ids": [THING], "user_id": PERSON},
        "/v1/events": [
            {"type": "view", "user_id": PERSON, "item_id": THING},
            {"type": "search", "user_id": PERSON, "text": "canary-word"},
            {"type": "search", "user_id": PERSON, "text": "canary-word" * 200},
            {"canary-word": 1},
        ],
        "/v1/items:batch": [{"item_id": THING, "attributes": {"image": "pictures/i1.png"}}],
        "/v1/users:batch": [{"user_id": PERSON, "attributes": {"note": "canary-word"}}],
        "/api/user": {"UserId": PERSON, "Comment": "canary-word"},
        "/api/item": {"ItemId": THING, "Comment": "canary-word"},
        "/api/feedback": [{"FeedbackType": "canary-word", "UserId": PERSON, "ItemId": THING, "Comment": "canary-word"}],
        "/api/session/recommend": [{"FeedbackType": "canary-word", "ItemId": THING}],
    }
    return {} if method in ("GET", "DELETE") else {"json": bodies.get(path, {"attributes": {"note": "canary-word"}})}


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    with opened(tmp_path / "watched") as workspace:
        service = Watched(workspace)
        yield service
        service.client.close()


def test_no_route_logs_a_key_a_person_or_a_thing(watched: Watched) -> None:
    with written(Discreet(), Json()) as (text, lines):
        answers = watched.ask_everything()
    assert {answer.status_code for answer in answers} >= {200, 204, 401, 404, 405, 422}
    told = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert sum(one["logger"] == "serendip.requests" for one in told) == len(answers)
    for output in (text.getvalue(), lines.getvalue()):
        assert watched.text not in output
        assert watched.text.split("_", 2)[2] not in output
        assert not [secret for secret in SECRETS if secret in output.lower()]


def test_no_failure_logs_them_either(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    naive = logging.Formatter("%(message)s")
    with written(Discreet(), Json(), naive) as (text, lines, all_of_it):
        monkeypatch.setattr("serendip.serving.access.SECONDS_KEPT", 1e9)
        watched.break_everything(monkeypatch)
        answers = watched.ask_everything()
    assert sum(answer.status_code == 500 for answer in answers) > 10
    for output in (text.getvalue(), lines.getvalue()):
        assert "builtins.RuntimeError" in output
        assert "test_logs.py" in output  # where it was raised
        assert watched.text not in output
        assert not [secret for secret in SECRETS if secret in output.lower()]
    for secret in (PERSON, THING, watched.text):  # with the guard off
        assert secret in all_of_it.getvalue()


def test_a_line_says_what_a_request_was(watched: Watched) -> None:
    with written(Json()) as (lines,):
        answer = watched.client.get(
            f"/v1/users/{PERSON}/history", headers={"x-api-key": watched.text, "x-request-id": "find-me"}
        )
    (told,) = [json.loads(line) for line in lines.getvalue().splitlines() if "serendip.requests" in line]
    assert told["time"].endswith("Z")
    assert told["milliseconds"] > 0
    expected = {
        "level": "INFO",
        "message": "request",
        "request_id": "find-me",
        "method": "GET",
        "route": "/v1/users/{user_id}/history",
        "status": 200,
        "key": watched.key.id,
        "bytes_in": 0,
        "bytes_out": len(answer.content),
    }
    assert {name: told[name] for name in expected} == expected


def test_a_fault_is_found_by_the_request_id(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it is logged far from the request, in the thread that works for it."""

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Pipeline, "recommend", fail)
    with written(Json()) as (lines,):
        headers = {"x-api-key": watched.text, "x-request-id": "find-me"}
        assert watched.client.post("/v1/recommendations", {}, headers=headers).status_code == 200
    (told,) = [json.loads(line) for line in lines.getvalue().splitlines() if "trace" in line]
    assert told["logger"] == "serendip.serving.engine"
    assert told["request_id"] == "find-me"
    assert told["trace"][0] == "builtins.ZeroDivisionError"


def test_other_packages_say_only_what_is_fixed() -> None:
    def told(name: str) -> str:
        record = logging.LogRecord(name, logging.ERROR, "", 0, "it failed: %s\nwhole story", (PERSON,), None)
        return str(content(record)["message"])

    assert told("asyncio") == "it failed: %s"
    assert told("serendip.store") == f"it failed: {PERSON}\nwhole story"  # what we say ourselves, we have looked at


def test_one_record_is_one_line_of_json() -> None:
    REQUEST_ID.set("")
    record = logging.LogRecord("serendip", logging.ERROR, "", 0, "one\ntwo", (), None)
    assert "\n" not in Json().format(record)
    assert json.loads(Json().format(record))["message"] == "one\ntwo"


@pytest.mark.parametrize("style", ["quiet", "text", "json"])
def test_a_running_service_writes_as_it_was_told(tmp_path: Path, style: str) -> None:
    with Running(tmp_path / "shop", style) as running:
        assert httpx.get(f"{running.address}/v1/users/{PERSON}").status_code == 404
        assert running.end(signal.SIGINT) == 0
        lines = running.log().splitlines()
    if style == "quiet":
        assert lines == []
    elif style == "text":
        (line,) = lines
        assert "route=/v1/users/{user_id} status=404" in line
    else:
        (line,) = lines
        assert json.loads(line)["route"] == "/v1/users/{user_id}"


def test_a_process_that_logs_already_keeps_its_way() -> None:
    root = logging.getLogger()
    before = list(root.handlers)
    with written(Discreet()):
        logs.configure("json")
        assert len(root.handlers) == len(before) + 1
