"""Operations: figures of all processes, sizes with bounds, and backups one at a time that leave nothing half made."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from serendip.data import InputError
from serendip.serving import storage
from serendip.serving.control import backups
from serendip.serving.control.backups import STATE_FILE, Backups
from serendip.serving.gate import BODY_LIMIT
from serendip.serving.siblings import Siblings
from serendip.serving.storage import measured
from serendip.store import Workspace
from serendip.store.backup import restore
from tests.serving.conftest import Client

Ask = Callable[[Workspace], Client]


def wait_for(ready: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 30
    while not ready():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def ended(made: Backups) -> bool:
    latest = made.latest()
    return latest is not None and latest.ended


def begins(made: Backups) -> bool:
    """Whether the one before is over."""
    try:
        return bool(made.begin())
    except InputError:
        return False


def test_an_empty_workspace_says_how_it_stands(empty: Workspace, ask_of: Ask) -> None:
    told = ask_of(empty).get("/v1/operations").json()
    assert told["health"]["ready"] is False
    assert told["health"]["why"]
    assert told["health"]["model_version"] is None
    assert told["jobs"] == {"training": False, "rounds": []}
    assert told["queues"] == {"writes": 0, "exposures": 0, "erasures": 0, "requests": 1}
    parts = {part["name"]: part for part in told["storage"]["parts"]}
    assert parts["pictures"] == {"name": "pictures", "bytes": 0, "files": 0, "whole": True}
    assert parts["store"]["bytes"] > 10_000
    assert 0 < told["storage"]["free_bytes"] < told["storage"]["total_bytes"]
    limits = {limit["name"]: limit for limit in told["limits"]}
    assert limits["reads_per_s"]["value"] == empty.settings.service.reads_per_s
    assert limits["body_bytes"]["value"] == BODY_LIMIT
    assert all(limit["about"] for limit in told["limits"])
    assert told["process"]["memory_bytes"] > 10_000_000


def test_a_service_with_a_model_is_ready(client: Client) -> None:
    told = client.get("/v1/operations").json()
    assert told["health"]["ready"] is True
    assert told["health"]["model_version"] == client.app.state.engine.deployment.current.version
    assert told["process"]["processes"] == 1


def test_the_queues_are_those_of_all_processes(untrained: Workspace, ask_of: Ask, tmp_path: Path) -> None:
    client = ask_of(untrained)
    other = (
        b"# TYPE serendip_writes_waiting gauge\nserendip_writes_waiting 7.0\n# TYPE serendip_training_running gauge\n"
    )
    beside = Siblings(tmp_path, 1, lambda: other + b"serendip_training_running 1.0\n")
    own = Siblings(tmp_path, 0, client.app.state.engine.metrics.text)
    for one in (beside, own):
        one.start()
    try:
        client.app.state.siblings = own
        told = client.get("/v1/operations").json()
    finally:
        for one in (beside, own):
            one.stop()
    assert told["process"]["processes"] == 2
    assert told["queues"]["writes"] == 7
    assert told["jobs"]["training"] is True


def test_files_are_counted_up_to_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("a", "b/c", "b/d"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "file").write_bytes(b"1234")
    (tmp_path / "loop").symlink_to(tmp_path)
    whole = measured(tmp_path)
    assert whole.whole
    assert whole.files == 4
    assert whole.bytes == 12 + (tmp_path / "loop").lstat().st_size
    monkeypatch.setattr(storage, "MOST_FILES", 2)
    part = measured(tmp_path)
    assert (part.files, part.whole) == (2, False)
    assert measured(tmp_path / "nothing") == storage.Part(0, 0, True)


def test_sizes_are_measured_once_a_minute(untrained: Workspace, ask_of: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    client = ask_of(untrained)
    first = client.get("/v1/operations").json()["storage"]
    (untrained.path / "models" / "more").write_bytes(b"x" * 1000)
    assert client.get("/v1/operations").json()["storage"] == first
    monkeypatch.setattr(storage, "KEPT_S", 0.0)
    assert client.get("/v1/operations").json()["storage"] != first


# Backups


def test_a_backup_is_made_listed_and_can_be_restored(untrained: Workspace, ask_of: Ask, tmp_path: Path) -> None:
    client = ask_of(untrained)
    assert client.get("/v1/backups").json()["data"] == []
    begun = client.post("/v1/backups", {})
    assert begun.status_code == 202
    wait_for(lambda: client.get("/v1/backups").json()["latest"]["ended"])
    told = client.get("/v1/backups").json()
    assert told["latest"]["stage"] == "done"
    (made,) = told["data"]
    assert made["name"] == begun.json()["latest"]["name"]
    assert made["made"][:13] == told["latest"]["begun"][:13]
    assert told["restore"] == f"serendip restore {told['folder']}/{made['name']} NEW_FOLDER"
    restore(Path(told["folder"]) / made["name"], tmp_path / "again")
    with Workspace.open(tmp_path / "again") as again:
        assert again.store.counts() == untrained.store.counts()
        assert not again.backups_dir.exists()


class Slow:
    """A backup that goes on until it is let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.go, self.real = Event(), backups.backup
        monkeypatch.setattr(backups, "backup", self.backup)
        monkeypatch.setattr(backups, "TELL_EVERY_S", 0.0)

    def backup(self, workspace: Workspace, path: Path, progress: Any) -> int:
        def slowly(label: str, done: int, total: int) -> None:
            progress(label, done, total)
            if label == "packing":
                self.go.wait(30)
                progress(label, done, total)

        return self.real(workspace, path, slowly)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Slow]:
    slow = Slow(monkeypatch)
    yield slow
    slow.go.set()


def test_one_backup_is_made_at_a_time_and_others_see_how_far_it_is(
    untrained: Workspace, ask_of: Ask, slow: Slow, is_problem: Any
) -> None:
    client, elsewhere = ask_of(untrained), Backups(untrained)
    client.post("/v1/backups", {})
    wait_for(lambda: elsewhere.latest() is not None and elsewhere.latest().stage == "packing")  # type: ignore[union-attr]
    told = elsewhere.latest()
    assert told is not None
    assert told.total > 10_000
    problem = is_problem(client.post("/v1/backups", {}), 422, "invalid-request")
    assert problem["detail"] == "a backup is under way already"
    with pytest.raises(InputError):
        elsewhere.begin()
    slow.go.set()
    wait_for(lambda: begins(elsewhere))
    elsewhere.stop()


def test_a_service_that_ends_leaves_nothing_half_made(untrained: Workspace, slow: Slow) -> None:
    made = Backups(untrained)
    made.begin()
    wait_for(lambda: made.latest() is not None and made.latest().stage == "packing")  # type: ignore[union-attr]
    made._ending.set()
    slow.go.set()
    made.stop()
    told = made.latest()
    assert told is not None
    assert (told.stage, told.why) == ("failed", "the service ended")
    assert [file.name for file in untrained.backups_dir.iterdir()] == [STATE_FILE]


def test_a_backup_whose_process_died_has_failed_and_its_draft_goes(untrained: Workspace) -> None:
    (untrained.backups_dir / ".backup-xyz").mkdir(parents=True)
    under = {"name": "n", "begun": "2026-01-01T00:00:00Z", "stage": "packing", "done": 1, "total": 2, "why": ""}
    (untrained.backups_dir / STATE_FILE).write_text(json.dumps(under))
    made = Backups(untrained)
    told = made.latest()
    assert told is not None
    assert (told.stage, told.ended) == ("failed", True)
    made.begin()
    wait_for(lambda: ended(made))
    assert not (untrained.backups_dir / ".backup-xyz").exists()
    made.stop()


def test_a_backup_without_room_is_not_begun(untrained: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    full = shutil.disk_usage("/")._replace(free=1_000)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: full)
        with pytest.raises(InputError, match="and the disk has 1,000 left"):
            Backups(untrained).begin()
    monkeypatch.setattr(backups, "MOST", 0)
    with pytest.raises(InputError, match="there are 0 backups in backups/"):
        Backups(untrained).begin()
