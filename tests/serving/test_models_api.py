"""Models over HTTP: their cards, what they foretell, and rounds of training that somebody asks for and watches."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from serendip.pipeline import Recipe
from serendip.serving import trainer
from serendip.serving.background import Background
from serendip.serving.control import examining
from serendip.serving.trainer import Order
from serendip.store import Workspace, exams, rounds, underway
from serendip.store.files import FolderLock
from serendip.store.underway import Underway
from tests.serving.conftest import Client, opened, publish_model
from tests.serving.test_training import ONLY_POPULAR, live_on

Problem = Callable[..., dict[str, Any]]
FLOOR = Recipe.parse(ONLY_POPULAR, "here")


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with opened(tmp_path / "shop") as workspace:
        publish_model(workspace)
        hurried = workspace.settings.training.model_copy(update={"niceness": 0})
        workspace.settings = workspace.settings.model_copy(update={"training": hurried})
        workspace.settings.write(workspace.path / "settings.toml")
        yield workspace


@pytest.fixture
def client(workspace: Workspace, ask_of: Callable[[Workspace], Client]) -> Client:
    return ask_of(workspace)


def current(workspace: Workspace) -> str:
    folder = workspace.current_model()
    assert folder is not None
    return folder.name


# What is known of a model


def test_a_card_is_told_without_loading_the_model(workspace: Workspace, client: Client, is_problem: Problem) -> None:
    told = client.get(f"/v1/models/{current(workspace)}").json()
    assert (told["recipe"], told["current"]) == ("default", True)
    assert (told["data"]["events"], told["data"]["users"]) == (480, 60)
    assert told["parameters"]["als"] >= 40
    assert set(told["fit_seconds"]) >= {"ease", "als", "popular"}
    assert Recipe.parse(told["toml"], "told") == Recipe.named("default")
    files = [file for file in (workspace.models_dir / current(workspace)).rglob("*") if file.is_file()]
    assert told["size_mb"] == pytest.approx(sum(file.stat().st_size for file in files) / 1e6, abs=0.001)
    assert (told["verdict"], told["exam"], told["curves"]) == (None, None, [])
    for version in ("none", "..", "current"):
        is_problem(client.get(f"/v1/models/{version}"), 404, "not-found")


def test_a_card_that_is_damaged_is_told_as_far_as_it_goes(workspace: Workspace, client: Client) -> None:
    (workspace.models_dir / current(workspace) / "card.json").write_text("{")
    (brief,) = client.get("/v1/models").json()["data"]
    assert (brief["recipe"], brief["fitted_at"], brief["current"]) == (None, None, True)
    assert client.get(f"/v1/models/{current(workspace)}").json()["data"] is None


def test_drift_is_told_with_its_limit(workspace: Workspace, client: Client) -> None:
    assert client.get("/v1/alerts").json()["drift"] == {}
    live_on(workspace, turned=True)
    client.app.state.engine.drift._found = (float("-inf"), "", {})
    drift = client.get("/v1/alerts").json()["drift"]
    assert set(drift) == {"items", "types"}
    assert drift["items"]["index"] >= 0
    assert drift["items"]["limit"] > 0


# What it foretells


def test_a_model_is_examined_by_what_it_has_not_learned(
    workspace: Workspace, client: Client, is_problem: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = current(workspace)
    said = is_problem(client.post("/v1/models:evaluate", {"version": version}), 422)
    assert "learned every event" in said["detail"]
    live_on(workspace, turned=False)
    exam = client.post("/v1/models:evaluate", {"version": version}).json()
    assert exam["events"] == 360
    assert 20 <= exam["people"] <= 60
    assert exam["metrics"]["ndcg@10"]["low"] <= exam["metrics"]["ndcg@10"]["mean"] <= exam["metrics"]["ndcg@10"]["high"]
    assert {(one["by"], one["name"]) for one in exam["parts"]} >= {("history", "5-19"), ("popularity", "head")}
    assert client.get(f"/v1/models/{version}").json()["exam"] == exam
    # Who turned to other things is foretold worse: it is the model that is measured.
    trainer.train(workspace, order=Order(FLOOR, anyway=True))
    live_on(workspace, turned=False, seed=5)
    floor = client.post("/v1/models:evaluate", {"version": current(workspace)}).json()
    assert floor["metrics"]["ndcg@10"]["mean"] < exam["metrics"]["ndcg@10"]["mean"]
    monkeypatch.setattr(examining, "AT_MOST_S", -1.0)
    assert "too few" in is_problem(client.post("/v1/models:evaluate", {"version": version}), 422)["detail"]


def test_what_was_wanted_is_right_however_the_list_came_about(workspace: Workspace, client: Client) -> None:
    """By hand: of everybody asked, the share who got something that they wanted next and had not met."""
    after = workspace.store.mark().events
    live_on(workspace, turned=False)
    exam = client.post("/v1/models:evaluate", {"version": current(workspace)}).json()
    hits = []
    pipeline = workspace.pipeline()
    wanted: dict[str, set[str]] = {}
    for place, event in workspace.store.event_page(10_000, after):
        assert place > after
        wanted.setdefault(event.user_id, set()).add(event.item_id)
    from serendip.data import Query

    for user_id, items in wanted.items():
        past = workspace.store.history(user_id, until=after)
        if new := items - set(past.item_ids):
            listed = pipeline.recommend(Query(history=tuple(past), n=10))
            hits.append(bool(new & {item.item_id for item in listed}))
    assert exam["people"] == len(hits)
    assert exam["metrics"]["hit@10"]["mean"] == pytest.approx(sum(hits) / len(hits))


def test_exams_of_models_that_are_gone_are_forgotten(tmp_path: Path) -> None:
    exams.keep(tmp_path, "a", {"n": 1}, ["a"])
    exams.keep(tmp_path, "b", {"n": 2}, ["b"])
    assert exams.read(tmp_path) == {"b": {"n": 2}}
    (tmp_path / exams.FILE).write_text("no json")
    assert exams.read(tmp_path) == {}


# Rounds that somebody asks for


def finished(client: Client, within_s: float = 60.0) -> dict[str, Any]:
    """The training told once nothing goes on, with the steps that were seen."""
    deadline_s, steps, moments = time.monotonic() + within_s, [], set()
    while (told := client.get("/v1/models/training").json())["running"] is not None:
        steps.append(told["running"]["step"])
        moments.add(told["running"]["started_at"])
        assert time.monotonic() < deadline_s, told
        time.sleep(0.02)
    assert len(moments) <= 1  # one round from its announcement to its end
    return {**told, "steps": list(dict.fromkeys(steps))}


def test_a_round_is_asked_for_watched_and_takes_over(workspace: Workspace, client: Client, is_problem: Problem) -> None:
    before = current(workspace)
    live_on(workspace, turned=True)
    assert client.get("/v1/models/training").json()["events_since"] == 360
    answer = client.post("/v1/models:train", {})
    assert answer.status_code == 202
    began = answer.json()["running"]
    assert (began["champion"], began["step"]) == (before, "starting")
    assert "starter" not in began
    is_problem(client.post("/v1/models:train", {}), 409, "conflict")
    told = finished(client)
    assert "fitting" in told["steps"]
    assert told["last"]["outcome"] == "promoted", told["last"]["why"]
    assert client.get("/v1/models").json()["history"][0]["how"] == "training"
    assert {part["by"] for part in told["last"]["verdict"]["parts"]} == {"history", "popularity"}
    client.app.state.background.stop()
    assert client.app.state.engine.deployment.current.version == current(workspace) != before


def test_a_recipe_is_trained_although_nothing_came_to_compare_by(workspace: Workspace, client: Client) -> None:
    assert trainer.train(workspace, order=Order(FLOOR)).outcome == "skipped"
    answer = client.post("/v1/models:train", {"toml": ONLY_POPULAR, "anyway": True})
    assert answer.json()["running"]["recipe"] == "floor"
    told = finished(client)
    assert (told["last"]["outcome"], told["last"]["why"]) == ("promoted", "nothing came since to compare by")
    assert workspace.pipeline().recipe == FLOOR


def test_what_is_worse_takes_over_only_where_that_is_asked_for(workspace: Workspace) -> None:
    live_on(workspace, turned=False)
    assert trainer.train(workspace, order=Order(FLOOR)).outcome == "held"
    one = trainer.train(workspace, order=Order(FLOOR, anyway=True, by="k1"))
    assert one.outcome == "promoted"
    assert "anyway: it is worse" in one.why
    assert workspace.promotions()[-1].by == "k1"


def test_a_recipe_that_is_none_begins_nothing(client: Client, is_problem: Problem) -> None:
    is_problem(client.post("/v1/models:train", {"toml": "x = "}), 422)
    assert client.get("/v1/models/training").json()["running"] is None


def test_a_round_ends_with_the_service_and_is_told_as_failed(workspace: Workspace, client: Client) -> None:
    live_on(workspace, turned=True)
    with client.living():
        client.post("/v1/models:train", {})
    assert rounds.read(workspace.path)[-1].why == "the service ended"
    assert client.get("/v1/models/training").json()["running"] is None


_HANGS = """
import sys, time
from serendip.serving import trainer
from serendip.store import Workspace
trainer.judge = lambda *given: time.sleep(600)
trainer.train(Workspace.open(sys.argv[1]))
"""


def test_any_process_tells_what_goes_on_and_that_it_was_killed(workspace: Workspace, client: Client) -> None:
    live_on(workspace, turned=True)
    process = subprocess.Popen([sys.executable, "-c", _HANGS, str(workspace.path)])
    try:
        deadline_s = time.monotonic() + 60
        while (now := underway.read(workspace.path)) is None or now.step != "comparing":
            assert time.monotonic() < deadline_s
            time.sleep(0.05)
        told = client.get("/v1/models/training").json()
        assert told["running"]["step"] == "comparing"
        assert client.post("/v1/models:train", {}).status_code == 409
        assert rounds.read(workspace.path) == []
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    told = client.get("/v1/models/training").json()
    assert told["running"] is None
    assert (told["last"]["outcome"], told["last"]["why"]) == ("failed", "it was ended while comparing")
    assert [one.outcome for one in rounds.read(workspace.path)] == ["failed"]  # once, whoever looks


def test_who_comes_second_leaves_no_failure_behind(
    workspace: Workspace, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody trains at the command line just when a round was announced: the lock lets one of them train."""
    live_on(workspace, turned=True)
    background: Background = client.app.state.background
    run, processes = background._run, []

    def run_second(order: Order) -> str:
        processes.append(subprocess.Popen([sys.executable, "-c", _HANGS, str(workspace.path)]))
        while (now := underway.read(workspace.path)) is None or now.starter:
            time.sleep(0.05)
        return run(order)

    monkeypatch.setattr(background, "_run", run_second)
    assert background.begin(Order())
    assert not background.begin(Order())
    try:
        background._asked.join()  # type: ignore[union-attr]
        assert rounds.read(workspace.path) == []
        now = underway.read(workspace.path)
        assert now is not None
        assert now.why == "it was asked for"
    finally:
        processes[0].kill()
        processes[0].wait()


def test_one_round_is_announced_at_a_time_and_ends_with_who_announced_it(workspace: Workspace) -> None:
    now = Underway("2026-01-01T00:00:00.000Z", "asked", None, "", 3, None)
    assert underway.announce(workspace.path, now)
    assert not underway.announce(workspace.path, now)
    told = underway.read(workspace.path)
    assert told is not None
    assert (told.step, told.starter) == ("starting", os.getpid())
    underway.withdraw(workspace.path)
    assert underway.read(workspace.path) is None
    script = "import sys; from pathlib import Path; from serendip.store import underway; from serendip.store.underway "
    script += "import Underway; assert underway.announce(Path(sys.argv[1]), Underway('', 'asked', None, '', 3, None))"
    subprocess.run([sys.executable, "-c", script, str(workspace.path)], check=True)
    assert underway.read(workspace.path) is None  # whoever announced it is gone
    assert rounds.read(workspace.path)[-1].why == "it was ended while starting"


def test_a_service_that_starts_writes_down_what_ended_with_the_one_before(workspace: Workspace) -> None:
    left = Underway("2026-01-01T00:00:00.000Z", "asked", None, "", 3, None, "fitting", "sasrec: loss 6.1", 2, 9)
    (workspace.path / underway.FILE).write_text(json.dumps(left.to_json()))
    Background(workspace, None, workspace.settings.training, lambda outcome: None).start()  # type: ignore[arg-type]
    (one,) = rounds.read(workspace.path)
    assert (one.outcome, one.why) == ("failed", "it was ended while fitting (sasrec: loss 6.1)")
    assert underway.read(workspace.path) is None


def test_while_somebody_holds_the_lock_nothing_is_written_down(workspace: Workspace) -> None:
    left = Underway("2026-01-01T00:00:00.000Z", "asked", None, "", 3, None)
    (workspace.path / underway.FILE).write_text(json.dumps(left.to_json()))
    lock = FolderLock(workspace.path)
    lock.take(wait=False)
    assert underway.read(workspace.path) == left
    lock.release()
    assert underway.read(workspace.path) is None
    (workspace.path / underway.FILE).write_text("no json")
    assert underway.read(workspace.path) is None
