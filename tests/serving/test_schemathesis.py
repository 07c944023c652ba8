"""Whatever the OpenAPI document allows or forbids is sent, and every answer is one that the document declares."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from copy import deepcopy
from datetime import timedelta
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from serendip.serving.access import ANYBODY, POLICY
from serendip.serving.app import bare_app, create_app
from serendip.serving.problems import KINDS, Refused
from serendip.store import Exposure, Workspace
from serendip.store.keys import make
from tests.serving.conftest import Client, opened, publish_model

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
QUICK = settings(
    max_examples=12,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
LONG = settings(QUICK, max_examples=1_000, derandomize=False)
BASE = "http://127.0.0.1"

KNOWN = {"item_id": "i1", "user_id": "u1", "request_id": "r1"}
DOCUMENT = bare_app().openapi()


def operations(document: dict[str, Any]) -> dict[str, APIOperation]:
    """By method and path."""
    found = (result.ok() for result in schemathesis.openapi.from_dict(deepcopy(document)).get_all_operations())
    return {operation.label: operation for operation in found}


OPERATIONS = operations(DOCUMENT)


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A shop whose data nobody minds, and its key: without one, the first that is made would close the door."""
    with opened(tmp_path_factory.mktemp("fuzzed")) as workspace:
        publish_model(workspace)
        shown = {"item_id": "i1", "rank": 1, "score": 0.5, "source": "ease", "propensity": 1.0}
        workspace.store.log_exposures([Exposure("r1", "u1", 1_700_000_000_000, "home", "v1", "default", (shown,))])
        key, text = make("fuzz", ["admin"])
        workspace.store.add_key(key)
        client = Client(create_app(workspace), text)
        client.app.state.background.running = True  # as if a round went on: what it takes is tested elsewhere
        yield client
        client.close()


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)


def send(client: Client, case: Any, key: str | None = None) -> httpx.Response:
    sent = case.as_transport_kwargs(base_url=BASE)
    headers = {**dict(sent.get("headers") or {}), **({"x-api-key": key} if key else {})}
    request = httpx.Request(
        sent["method"],
        sent["url"],
        params=sent.get("params") or None,
        headers=headers,
        **{name: sent[name] for name in ("json", "content", "files") if sent.get(name) is not None},
        **({"content": sent["data"]} if sent.get("data") is not None else {}),
    )
    return client.send(request)


def judge(case: Any, answer: httpx.Response) -> None:
    """Raises FailureGroup or AssertionError where the answer is not one of the document."""
    case.validate_response(answer, checks=CHECKS)
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json()
        assert KINDS[problem["type"].rpartition(":")[2]].status == problem["status"] == answer.status_code
        assert problem["request_id"] == answer.headers["x-request-id"]


def cases(operation: APIOperation) -> st.SearchStrategy[Any]:
    """Requests as the document has them, and requests as it has them not."""
    positive = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    if not (list(operation.iter_parameters()) or operation.body):
        return positive  # there is nothing to get wrong
    known = operation.as_strategy(path_parameters=KNOWN) if "{" in operation.path else positive
    return known | positive | operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)


def fuzz(client: Client, operation: APIOperation, how: settings) -> None:
    @how
    @given(case=cases(operation))
    def every_answer_is_declared(case: Any) -> None:
        judge(case, send(client, case, client.key))

    every_answer_is_declared()


@pytest.mark.parametrize("label", OPERATIONS)
def test_every_answer_is_in_the_document(fuzzed: Client, label: str) -> None:
    fuzz(fuzzed, OPERATIONS[label], QUICK)


@pytest.mark.slow
@pytest.mark.parametrize("label", OPERATIONS)
def test_every_answer_is_in_the_document_at_length(fuzzed: Client, label: str) -> None:
    fuzz(fuzzed, OPERATIONS[label], LONG)


# Without a key, and with one that is not enough


@pytest.mark.parametrize("label", OPERATIONS)
def test_a_closed_door_is_in_the_document(empty: Workspace, label: str) -> None:
    key, text = make("test", ["events:write"])
    empty.store.add_key(key)
    client = Client(create_app(empty))
    operation = OPERATIONS[label]
    closed = POLICY[operation.method.upper(), operation.path] != ANYBODY

    @settings(QUICK, max_examples=2)
    @given(case=operation.as_strategy())
    def every_answer_is_declared(case: Any) -> None:
        for sent in ("", text):
            answer = send(client, case, sent)
            if answer.status_code != 503:  # the workspace is empty, and so not ready
                judge(case, answer)
            assert answer.status_code == 401 or sent or not closed

    every_answer_is_declared()
    client.close()


def test_every_problem_is_declared_somewhere() -> None:
    everywhere = {
        status for methods in DOCUMENT["paths"].values() for one in methods.values() for status in one["responses"]
    }
    never = {kind.status for kind in KINDS.values()} - {int(status) for status in everywhere}
    assert never == {405}  # the answer to a method that is no operation


# What the checks would find


def planted(*_: object) -> Any:
    raise RuntimeError("planted")


def test_a_fault_of_the_service_would_be_found(fuzzed: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzzed.app.state.engine.store, "page", planted)
    with pytest.raises(FailureGroup, match="Server error"):
        fuzz(fuzzed, OPERATIONS["GET /v1/items"], QUICK)


def test_an_undeclared_status_would_be_found(fuzzed: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise Refused("method-not-allowed", "planted")

    monkeypatch.setattr(fuzzed.app.state.engine.store, "page", refuse)
    with pytest.raises(FailureGroup, match="Undocumented status code"):
        fuzz(fuzzed, OPERATIONS["GET /v1/items"], QUICK)


def test_a_status_that_the_document_no_longer_has_would_be_found(fuzzed: Client) -> None:
    poorer = deepcopy(DOCUMENT)
    del poorer["paths"]["/v1/items/{item_id}"]["get"]["responses"]["404"]
    with pytest.raises(FailureGroup, match="Undocumented status code"):
        fuzz(fuzzed, operations(poorer)["GET /v1/items/{item_id}"], QUICK)


def test_an_answer_of_another_shape_would_be_found(fuzzed: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzzed.app.state.engine.store, "page", lambda *_: [("i1", ["no", "table"])])
    with pytest.raises(FailureGroup, match="schema"):
        fuzz(fuzzed, OPERATIONS["GET /v1/items"], QUICK)


def test_a_failure_that_is_no_problem_document_would_be_found(fuzzed: Client) -> None:
    plain = httpx.Response(404, json={"detail": "planted"}, request=httpx.Request("GET", BASE))
    plain.elapsed = timedelta()
    with pytest.raises(FailureGroup, match="Content-Type"):
        judge(OPERATIONS["GET /v1/items/{item_id}"].Case(path_parameters=KNOWN), plain)
