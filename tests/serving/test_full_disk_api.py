"""A disk that is full or takes no writes: 507 or 503, lists as ever, nothing acknowledged lost."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from serendip.store import Workspace, relational
from tests.serving.conftest import opened
from tests.store.power import environment
from tests.store.small_disk import filled, small_disk

SERVE = """
import sys
from pathlib import Path
from serendip.serving import serve
from serendip.store import Workspace
serve(Workspace.open(Path(sys.argv[1])), port=0, announce=lambda address: print(address, flush=True))
"""
LIKE = {"type": "like", "user_id": "new", "item_id": "i2"}


def like(name: str, size: int = 200) -> dict[str, Any]:
    return {**LIKE, "event_id": name, "context": {"note": "x" * size}}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", megabytes=8) as folder:
        yield folder


def test_a_full_disk_refuses_writes_and_lists_on(disk, ask_of, train, is_problem) -> None:
    with opened(disk / "shop") as workspace:
        version = train(workspace)
        client = ask_of(workspace)
        with client.living():
            assert client.post("/v1/events", like("before")).json()["accepted"] == 1
            with filled(disk):
                acknowledged = post_until_refused(client.post, is_problem)
                is_problem(client("PUT", "/v1/items/i1", json={"attributes": {"note": "x" * 90_000}}), 507)
                is_problem(client("DELETE", "/v1/users/u1"), 507, "insufficient-storage")
                answer = client.post("/v1/recommendations", {"user_id": "u1"}).json()
                assert (answer["model_version"], answer["degraded"], bool(answer["items"])) == (version, [], True)
                assert client.get("/readyz").status_code == 200
                assert len(client.get("/v1/users/u1/history").json()["data"]) == 8
            assert client.post("/v1/events", like("after")).json()["accepted"] == 1
            assert client("DELETE", "/v1/users/u1").json()["removed"]["events"] == 8
    with Workspace.open(disk / "shop") as workspace:
        mine = {event["event_id"] for event in workspace.store.export("new")["events"]}
        assert mine == {"before", "after", *acknowledged}


def post_until_refused(post: Callable[..., httpx.Response], is_problem: Callable[..., Any]) -> list[str]:
    for n in range(1_000):
        answer = post("/v1/events", like(f"full-{n}", 9_000))
        if answer.status_code != 200:
            is_problem(answer, 507, "insufficient-storage")
            return [f"full-{place}" for place in range(n)]
    raise AssertionError("the disk was never full")


def test_without_the_kinds_a_full_disk_is_any_failure(disk, ask_of, is_problem, monkeypatch) -> None:
    monkeypatch.setattr(relational, "KINDS", {})
    with opened(disk / "shop") as workspace:
        client = ask_of(workspace)
        with filled(disk), pytest.raises(AssertionError, match="503"):
            post_until_refused(client.post, is_problem)


@contextmanager
def serving(path: Path, fault: Path) -> Iterator[str]:
    """The service in a process whose changes of the store fail while there is a file `fault`; its address."""
    command = [sys.executable, "-c", SERVE, str(path)]
    surroundings = environment(path / "serendip.db", fault=fault)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=surroundings) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().decode().strip()
        finally:
            os.kill(process.pid, signal.SIGTERM)
            process.wait(20)


@pytest.mark.parametrize(
    ("error", "status", "name"),
    [
        (errno.EROFS, 503, "store-unavailable"),
        (errno.EIO, 503, "store-unavailable"),
        (errno.ENOSPC, 507, "insufficient-storage"),
    ],
)
def test_a_disk_that_fails_is_said_and_lists_go_on(tmp_path, train, is_problem, error, status, name) -> None:
    with opened(tmp_path / "shop") as workspace:
        train(workspace)
    fault = tmp_path / "fault"
    with serving(tmp_path / "shop", fault) as address, httpx.Client(base_url=address) as client:
        assert client.post("/v1/events", json=like("before")).json()["accepted"] == 1
        fault.write_text(str(int(error)))
        is_problem(client.post("/v1/events", json=like("refused")), status, name)
        is_problem(client.delete("/v1/users/u1"), status, name)
        answer = client.post("/v1/recommendations", json={"user_id": "u1"}).json()
        assert answer["items"]
        assert answer["degraded"] == []
        fault.unlink()
        assert client.post("/v1/events", json=like("after")).json()["accepted"] == 1
    with Workspace.open(tmp_path / "shop") as workspace:
        mine = {event["event_id"] for event in workspace.store.export("new")["events"]}
        assert mine == {"before", "after"}


def test_a_store_that_takes_no_writes_is_a_503(untrained, ask_of, is_problem) -> None:
    client = ask_of(untrained)
    writer = untrained.store._writer
    writer.exec_driver_sql("PRAGMA query_only=ON")
    writer.rollback()
    is_problem(client.post("/v1/events", LIKE), 503, "store-read-only")
    assert client.listed(user_id="u1")
    writer.exec_driver_sql("PRAGMA query_only=OFF")
    writer.rollback()
    assert client.post("/v1/events", LIKE).json()["accepted"] == 1
