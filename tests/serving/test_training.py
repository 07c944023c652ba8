"""A round of training: promoted only if not worse, whole or not at all, whenever it is killed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from serendip.data import InputError, Query
from serendip.evaluation.judging import Verdict
from serendip.pipeline import Pipeline
from serendip.serving import background, trainer
from serendip.serving.background import Background, Standing, due
from serendip.serving.control import versions
from serendip.serving.deployment import Deployment
from serendip.store import StoredEvent, Workspace, rounds
from serendip.store.files import FolderLock
from serendip.store.training import TrainingSettings
from tests.serving.conftest import N_ITEMS, N_USERS, Client, opened, publish_model

HOUR_S = 3600.0


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """A shop with a model."""
    with opened(tmp_path / "shop") as workspace:
        publish_model(workspace)
        yield workspace


def live_on(workspace: Workspace, turned: bool, visits: int = 6, seed: int = 1) -> None:
    """New events; `turned`: who liked even things likes odd ones now."""
    generator = np.random.default_rng(seed)
    for _ in range(visits):
        people = generator.permutation(N_USERS)
        liked = 2 * generator.integers(0, N_ITEMS // 2, N_USERS) + (people + turned) % 2
        workspace.store.append([StoredEvent(f"u{u}", f"i{i}", "like") for u, i in zip(people, liked, strict=True)])


def use_recipe(workspace: Workspace, text: str) -> None:
    path = workspace.path / "own.toml"
    path.write_text(text, encoding="utf-8")
    workspace.settings = workspace.settings.model_copy(update={"recipe": str(path)})


ONLY_POPULAR = 'name = "floor"\n[[sources]]\nmodel = "popular"\n'


# One round


def test_the_first_model_needs_no_comparison(untrained: Workspace) -> None:
    one = trainer.train(untrained)
    assert one.outcome == "promoted"
    assert untrained.current_model() == untrained.models_dir / str(one.version)
    assert rounds.read(untrained.path) == [one]


def test_without_new_events_nothing_is_fitted(workspace: Workspace) -> None:
    before = workspace.current_model()
    assert trainer.train(workspace).outcome == "skipped"
    assert workspace.current_model() == before


def test_a_better_model_takes_over_and_says_by_how_much(workspace: Workspace) -> None:
    champion = workspace.current_model()
    live_on(workspace, turned=True)
    one = trainer.train(workspace)
    assert one.outcome == "promoted", one.why
    assert one.verdict is not None
    assert one.verdict["difference"]["low"] > 0
    assert one.verdict["people"] >= 20
    assert champion is not None
    assert workspace.versions() == [champion.name, one.version]
    # It was not taught the events that it was judged by, and its card says what it was taught.
    card = workspace.pipeline().card
    assert card["log"]["events_to"] == 480 + 180
    assert card["data"]["events"] == 480 + 180
    assert card["verdict"] == one.verdict


def test_a_worse_model_is_held_back_and_leaves_nothing(workspace: Workspace) -> None:
    champion = workspace.current_model()
    live_on(workspace, turned=False)
    use_recipe(workspace, ONLY_POPULAR)
    one = trainer.train(workspace)
    assert one.outcome == "held"
    assert "worse" in one.why
    assert workspace.current_model() == champion
    assert [path.name for path in workspace.models_dir.iterdir() if path.is_dir()] == [champion.name]


def test_without_the_comparison_the_worse_model_would_answer(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    live_on(workspace, turned=False)
    use_recipe(workspace, ONLY_POPULAR)
    monkeypatch.setattr(Verdict, "against", lambda self, tolerance: "")
    assert trainer.train(workspace).outcome == "promoted"
    assert workspace.pipeline().name == "floor"


def test_too_few_people_decide_nothing(workspace: Workspace) -> None:
    workspace.store.append([StoredEvent("u1", f"i{item}", "like") for item in range(0, 20, 2)])
    one = trainer.train(workspace)
    assert (one.outcome, one.why) == ("held", "only 1 people wanted something new since, too few to compare by")


def test_a_model_published_meanwhile_is_not_overwritten(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    live_on(workspace, turned=True)
    sign = Pipeline.note_scores
    published: list[str] = []

    def publish_another(pipeline: Pipeline, dataset: Any) -> None:
        sign(pipeline, dataset)
        if not published:
            published.append("")
            published[0] = publish_model(workspace)

    monkeypatch.setattr(Pipeline, "note_scores", publish_another)
    one = trainer.train(workspace)
    assert one.outcome == "held"
    assert workspace.current_model() == workspace.models_dir / published[0]


def test_one_process_trains_at_a_time(workspace: Workspace) -> None:
    lock = FolderLock(workspace.path)
    lock.take(wait=False)
    try:
        with pytest.raises(InputError, match="another process is training"):
            trainer.train(workspace)
    finally:
        lock.release()


def test_what_cannot_be_trained_is_said(workspace: Workspace) -> None:
    live_on(workspace, turned=True)
    workspace.settings = workspace.settings.model_copy(update={"recipe": "nothing-of-the-kind"})
    with pytest.raises(InputError, match="there is no recipe"):
        trainer.train(workspace)
    assert rounds.read(workspace.path)[-1].outcome == "failed"


# Killed


KILLED = {
    "while it reads": "serendip.serving.trainer._material",
    "while it fits": "serendip.models.ease.Ease.fit",
    "while it compares": "serendip.serving.trainer.judge",
    "while it saves": "serendip.pipeline.artifact._hashes",
    "before the pointer": "serendip.store.shelf.write_whole",
    "after the pointer": "serendip.store.shelf.ModelShelf._remove_all_but",
}
"""At which function the process is killed."""
_KILLED_AT = """
import os, pkgutil, signal, sys
from serendip.serving import trainer
from serendip.store import Workspace
owner, _, name = sys.argv[2].rpartition(".")
def die(*given, **named): os.kill(os.getpid(), signal.SIGKILL)
setattr(pkgutil.resolve_name(owner), name, die)
trainer.train(Workspace.open(sys.argv[1]))
"""


QUICK = ("while it fits", "before the pointer")
"""The other moments take as long each and are for `make test-all`."""


@pytest.mark.parametrize("moment", [pytest.param(it, marks=() if it in QUICK else pytest.mark.slow) for it in KILLED])
def test_a_round_that_is_killed_leaves_the_service_as_it_was(workspace: Workspace, moment: str) -> None:
    champion = workspace.current_model()
    assert champion is not None
    live_on(workspace, turned=True)
    ended = subprocess.run([sys.executable, "-c", _KILLED_AT, str(workspace.path), KILLED[moment]], check=False)
    assert ended.returncode == -9
    promoted = moment == "after the pointer"
    assert (workspace.current_model() != champion) == promoted
    # The service answers from whichever it is, and what is half done is not seen.
    assert len(workspace.pipeline().recommend(Query(user="u3", n=5))) == 5
    one = trainer.train(workspace)
    assert one.outcome in (("promoted", "held") if promoted else ("promoted",)), one.why
    assert not list(workspace.models_dir.glob("*.tmp"))
    assert len(workspace.versions()) <= 2


# By the clock and by number


@pytest.mark.parametrize(
    ("settings", "standing", "now_s", "expected"),
    [
        ({}, Standing(0, 0, 10_000), 1e9, ""),
        ({"every_h": 6}, Standing(1e9, 5, 10), 1e9 + 6 * HOUR_S - 1, ""),
        ({"every_h": 6}, Standing(1e9, 5, 10), 1e9 + 6 * HOUR_S, "6 hours have passed"),
        ({"every_h": 6}, Standing(1e9, 10, 10), 1e9 + 60 * HOUR_S, ""),  # nothing new
        ({"every_events": 100}, Standing(1e9, 50, 149), 1e9 + 1, ""),
        ({"every_events": 100}, Standing(1e9, 50, 150), 1e9 + 1, "100 events came"),
    ],
)
def test_when_a_round_is_due(settings: dict[str, Any], standing: Standing, now_s: float, expected: str) -> None:
    assert due(TrainingSettings(**settings), standing, now_s).startswith(expected)
    assert bool(due(TrainingSettings(**settings), standing, now_s)) == bool(expected)


def beside(workspace: Workspace, **settings: Any) -> tuple[Background, Deployment, list[str]]:
    told: list[str] = []
    deployment = Deployment(workspace, lambda version, pipeline: None)
    return Background(workspace, deployment, TrainingSettings(**settings), told.append), deployment, told


def test_a_round_in_a_process_of_its_own_is_taken_up(workspace: Workspace, caplog: pytest.LogCaptureFixture) -> None:
    live_on(workspace, turned=True)
    patient = workspace.settings.training.model_copy(update={"niceness": 0})
    workspace.settings.model_copy(update={"training": patient}).write(workspace.path / "settings.toml")
    runs, deployment, told = beside(workspace, every_events=100)
    before = deployment.current
    assert before is not None
    with caplog.at_level("INFO", "serendip"):
        runs.look()
    assert told == ["promoted"]
    assert deployment.current is not None
    assert deployment.current.version == rounds.read(workspace.path)[-1].version
    assert deployment.previous is not None
    assert deployment.previous.version == before.version
    assert f"in the place of {before.version}" in caplog.text
    runs.look()  # what it has seen is no reason for another
    assert told == ["promoted"]


def test_training_that_takes_too_much_memory_is_ended(workspace: Workspace) -> None:
    live_on(workspace, turned=True)
    runs, deployment, told = beside(workspace, every_events=100, most_memory_mb=60)
    before = deployment.current
    runs.look()
    assert told == ["failed"]
    assert rounds.read(workspace.path)[-1].why == "it held more than 60 MB of memory"
    assert deployment.current is before
    runs.look()  # it is not tried again before it is due again
    assert told == ["failed"]


def test_training_ends_with_the_service(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    live_on(workspace, turned=True)
    monkeypatch.setattr(background, "LOOK_EVERY_S", 0.01)
    runs, _, told = beside(workspace, every_events=100)
    processes: list[subprocess.Popen[bytes]] = []
    watched = Background._watched

    def noted(self: Background, process: subprocess.Popen[bytes]) -> str:
        processes.append(process)
        self._ended.set()
        return watched(self, process)

    monkeypatch.setattr(Background, "_watched", noted)
    runs.start()
    while not told:
        time.sleep(0.05)
    runs.stop()
    assert processes[0].returncode == -9
    assert rounds.read(workspace.path)[-1].why == "the service ended"


def test_drafts_that_grow_too_large_are_seen(workspace: Workspace) -> None:
    draft = workspace.new_model_folder()
    (draft / "weights").write_bytes(b"x" * 3_000_000)
    assert background.drafts_mb(workspace.models_dir) == pytest.approx(3.0)


def test_a_draft_that_becomes_a_model_while_it_is_looked_at_takes_nothing(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The walk of pathlib raised there, and the round was lost while it was saved."""
    draft = workspace.new_model_folder()
    (draft / "weights").write_bytes(b"x" * 3_000_000)
    there = os.scandir

    def renamed(path: Any) -> Any:
        if Path(path) == draft:
            raise FileNotFoundError(path)
        return there(path)

    monkeypatch.setattr(os, "scandir", renamed)
    assert background.drafts_mb(workspace.models_dir) == 0
    assert versions.brief(workspace, draft.name)["size_mb"] == 0


# From outside


def test_one_call_goes_back_and_forth(workspace: Workspace, ask_of: Callable[[Workspace], Client]) -> None:
    live_on(workspace, turned=True)
    client = ask_of(workspace)
    old = client.get("/v1/models").json()["data"]
    one = trainer.train(workspace)
    client.app.state.engine.deployment.look()
    told = client.get("/v1/models").json()
    assert told["data"][0] == {**old[0], "current": False}
    assert [(it["version"], it["current"]) for it in told["data"][1:]] == [(one.version, True)]
    assert told["rounds"] == [one.to_json()]
    assert [(it["version"], it["how"], it["there"]) for it in told["history"]] == [
        (one.version, "training", True),
        (old[0]["version"], "fit", True),
    ]

    def answered() -> str:
        return str(client.post("/v1/recommendations", {"user_id": "u1"}).json()["model_version"])

    assert answered() == one.version
    back = client.post("/v1/models:promote", {"version": old[0]["version"]})
    assert back.json() == {"version": old[0]["version"], "answers": True}
    assert answered() == old[0]["version"]
    # Another process on the same workspace follows by the pointer.
    assert workspace.current_model() == workspace.models_dir / old[0]["version"]
    assert client.post("/v1/models:promote", {"version": one.version}).status_code == 200
    assert answered() == one.version


@pytest.mark.parametrize("version", ["nothing", "..", "../models", "current"])
def test_only_what_is_there_can_be_promoted(
    workspace: Workspace,
    ask_of: Callable[[Workspace], Client],
    is_problem: Callable[[httpx.Response, int, str], dict[str, Any]],
    version: str,
) -> None:
    client = ask_of(workspace)
    before = workspace.current_model()
    is_problem(client.post("/v1/models:promote", {"version": version}), 422, "invalid-request")
    assert workspace.current_model() == before
