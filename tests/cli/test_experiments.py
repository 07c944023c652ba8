"""Experiments from the command line: a model put aside, compared, read and let go."""

from __future__ import annotations

import json

import numpy as np
import pytest

from serendip.cli import main
from serendip.data import Tables, event_frame
from serendip.store import Exposure, StoredEvent, Workspace


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A workspace with a current model."""
    folder = tmp_path_factory.mktemp("cli") / "shop"
    generator = np.random.default_rng(0)
    rows = [(f"u{user}", f"i{item}") for user in range(30) for item in generator.choice(20, 6, replace=False)]
    events = {"user_id": [one for one, _ in rows], "item_id": [two for _, two in rows], "type": ["like"] * len(rows)}
    with Workspace.create(folder) as workspace:
        workspace.store.import_tables(Tables(event_frame(events)))
    assert main(["fit", str(folder), "--threads", "1"]) == 0
    return str(folder)


def test_an_experiment_from_beginning_to_end(shop: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", shop, "--aside", "--threads", "1", "--json"]) == 0
    challenger = json.loads(capsys.readouterr().out)["model_version"]
    with Workspace.open(shop) as workspace:
        current = workspace.current_model()
        assert current is not None
        assert workspace.versions() == [current.name, challenger]
    arms = ["--arm", "control=current", "--arm", f"new={challenger}=2"]
    assert main(["experiment", "start", shop, "trial", *arms, "--traffic", "0.5", "--worth", "0.02"]) == 0
    id_ = capsys.readouterr().out.strip()
    with Workspace.open(shop) as workspace:
        (begun,) = workspace.store.experiments(running=True)
        assert (begun.id, begun.traffic, begun.worth) == (id_, 0.5, 0.02)
        assert [(arm.name, arm.model_version, arm.share) for arm in begun.arms] == [
            ("control", None, 1.0),
            ("new", challenger, 2.0),
        ]
        item = {"item_id": "i1", "rank": 1, "score": 1.0, "source": "ease", "propensity": 1.0}
        shown = [
            Exposure(f"r{n}", f"u{n}", n, "home", "m", "r", (item,), experiment=id_, arm=("control", "new")[n % 3 > 0])
            for n in range(9)
        ]
        workspace.store.log_exposures(shown)
        workspace.store.append([StoredEvent("u1", "i1", "like", request_id="r1")])
    assert main(["experiment", "results", shop, "trial", "--json"]) == 0
    control, new = json.loads(capsys.readouterr().out)["arms"]
    assert (control["people"], new["people"], new["wanted"]["mean"]) == (3, 6, pytest.approx(1 / 6))
    assert main(["experiment", "results", shop, id_]) == 0
    told = capsys.readouterr()
    assert "16.67% (too few to tell)" in " ".join(told.out.split())
    assert "new: hold; too few people" in told.err
    assert main(["experiment", "stop", shop, "trial", "--why", "decided"]) == 0
    assert main(["experiment", "stop", shop, "trial"]) == 2
    assert "was stopped before" in capsys.readouterr().err
    assert main(["experiment", "list", shop]) == 0
    assert "stopped: decided" in " ".join(capsys.readouterr().out.split())
    assert main(["experiment", "list", shop, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["stopped_why"] == "decided"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["start", "x", "--arm", "control"], "is not NAME=MODEL"),
        (["start", "x", "--arm", "control=current=none"], "is not NAME=MODEL"),
        (["start", "x", "--arm", "a=current", "--arm", "b=nothing"], "there is no model 'nothing'"),
        (["results", "nothing"], "there is no experiment 'nothing'"),
        (["stop", "nothing"], "there is no experiment 'nothing'"),
    ],
)
def test_nonsense_is_told_in_a_sentence(
    shop: str, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command, *rest = arguments
    assert main(["experiment", command, shop, *rest]) == 2
    assert said in capsys.readouterr().err
