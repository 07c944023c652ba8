"""What happens now against what was learned from: quiet where nothing moved, said where it did."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from serendip.serving import drift
from serendip.store import StoredEvent, Workspace, rounds
from serendip.store.rounds import Round
from tests.serving.conftest import N_ITEMS, N_USERS, Client, opened, publish_model


@pytest.fixture
def client(
    tmp_path: Path, ask_of: Callable[[Workspace], Client], monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Workspace, Client]]:
    monkeypatch.setattr(drift, "KEPT_S", 0.0)
    with opened(tmp_path / "shop") as workspace:
        publish_model(workspace)
        yield workspace, ask_of(workspace)


def codes(client: Client) -> list[str]:
    return [one["code"] for one in client.get("/v1/alerts").json()["data"]]


def gauge(client: Client, name: str) -> float:
    (line,) = [line for line in client.get("/metrics").text.splitlines() if line.startswith(f"serendip_{name} ")]
    return float(line.split()[1])


def happen(workspace: Workspace, items: np.ndarray, types: np.ndarray | str = "like") -> None:
    """Events on `items`, as people of the shop have them."""
    kinds = [types] * len(items) if isinstance(types, str) else types.tolist()
    people = np.random.default_rng(3).integers(0, N_USERS // 2, len(items)) * 2 + items % 2
    rows = zip(people, items, kinds, strict=True)
    workspace.store.append([StoredEvent(f"u{user}", f"i{item}", kind) for user, item, kind in rows])


def test_more_of_the_same_raises_nothing(client: tuple[Workspace, Client]) -> None:
    workspace, ask = client
    assert np.isnan(gauge(ask, "drift_items"))  # nothing is known yet
    happen(workspace, np.random.default_rng(1).integers(0, N_ITEMS, 400))
    for user in range(drift.FEWEST):
        ask.listed(user_id=f"u{user % N_USERS}")
    assert codes(ask) == []
    assert gauge(ask, "alerts") == 0
    assert 0 <= gauge(ask, "drift_items") < 0.25
    assert gauge(ask, "drift_scores") >= 0


def test_other_items_are_a_drift(client: tuple[Workspace, Client]) -> None:
    workspace, ask = client
    happen(workspace, np.random.default_rng(1).integers(0, 8, 400))
    assert codes(ask) == ["drift_items"]
    assert gauge(ask, "drift_items") > 0.25
    assert gauge(ask, "alerts") == 1


def test_items_that_nobody_knew_are_a_drift(client: tuple[Workspace, Client]) -> None:
    workspace, ask = client
    happen(workspace, np.random.default_rng(1).integers(N_ITEMS, 2 * N_ITEMS, 400))
    assert codes(ask) == ["drift_items"]


def test_another_mix_of_types_is_a_drift(client: tuple[Workspace, Client]) -> None:
    workspace, ask = client
    generator = np.random.default_rng(1)
    happen(workspace, generator.integers(0, N_ITEMS, 400), generator.choice(["like", "skip"], 400))
    assert codes(ask) == ["drift_types"]


def test_scores_of_another_kind_are_a_drift(client: tuple[Workspace, Client]) -> None:
    """Strangers alone ask: what is popular scores otherwise than what is personal."""
    _, ask = client
    for _ in range(drift.FEWEST):
        ask.listed(user_id="stranger")
    assert codes(ask) == ["drift_scores"]


def test_a_new_model_starts_anew(client: tuple[Workspace, Client]) -> None:
    workspace, ask = client
    happen(workspace, np.random.default_rng(1).integers(0, 8, 400))
    assert codes(ask) == ["drift_items"]
    publish_model(workspace)
    ask.app.state.engine.deployment.look()
    assert codes(ask) == []


def test_an_old_model_and_training_that_failed_are_said(
    client: tuple[Workspace, Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, ask = client
    rounds.add(workspace.path, Round("failed", "it held more than 60 MB of memory", "2026-11-30T00:00:00Z", 1.0, 480))
    monkeypatch.setattr(drift.time, "time", lambda: drift.time.time_ns() / 1e9 + 8 * 24 * 3600)
    told = ask.get("/v1/alerts").json()["data"]
    assert [one["code"] for one in told] == ["training_failed", "model_old"]
    assert told[0]["detail"] == "it held more than 60 MB of memory"
    assert told[1]["value"] == pytest.approx(8 * 24, abs=0.2)
    assert told[1]["limit"] == 168


def test_a_damaged_model_is_said(client: tuple[Workspace, Client]) -> None:
    workspace, ask = client
    folder = workspace.new_model_folder()
    (folder / "card.json").write_text("{}", encoding="utf-8")
    workspace.publish(folder)
    ask.app.state.engine.deployment.look()
    assert codes(ask) == ["model_damaged"]
