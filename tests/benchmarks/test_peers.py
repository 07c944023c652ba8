"""Other libraries on our cases: what is handed over, what comes back, and that nothing is made up on the way.

The peer of these tests is our own Python with an adapter of a few lines, reached as any other peer is.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from benchmarks import running
from benchmarks.cases import Case, Fold, Material
from benchmarks.cases.folds import leave_last_out, validation_of_each_person
from benchmarks.peers import libraries
from benchmarks.peers import running as peers
from benchmarks.peers.handover import PeerError, Question, ask, told
from benchmarks.peers.libraries import PEERS, Peer
from benchmarks.peers.task import Task
from benchmarks.results import Result, read
from serendip.data import Dataset, Tables, event_frame
from serendip.data.splits import random_per_user
from serendip.training import FitOptions

POPULAR = """
import numpy as np
from task import Run, Task

DISTRIBUTION = "numpy"

def prepare(task: Task) -> Run:
    counts = np.zeros(task.n_items)
    def fit():
        counts[:] = np.bincount(task.wanted["item_row"], minlength=task.n_items)
    return Run({"learned": "counts"}, fit, lambda: task.best(lambda users: np.tile(counts, (len(users), 1))))
"""
MEAN = """
import numpy as np
from task import Run

DISTRIBUTION = "numpy"

def prepare(task):
    return Run({}, lambda: None, lambda: np.full(len(task.pairs), task.train["value"].mean()))
"""
OWN = Peer("own", "here", rankers=("popular",), raters=("mean",))


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Peer:
    """A peer whose environment is ours."""
    python = tmp_path / "environments" / "here" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    monkeypatch.setattr(libraries, "ENVIRONMENTS", tmp_path / "environments")
    monkeypatch.setattr(libraries, "FOLDER", tmp_path)
    monkeypatch.setitem(PEERS, "own", OWN)
    return OWN


def adapted(peer: Peer, text: str) -> Peer:
    peer.adapter.parent.mkdir(exist_ok=True)
    peer.adapter.write_text(text)
    return peer


def ratings() -> Dataset:
    """A hundred and twenty people rate twelve things, each thing by another number of people; every fifth is low."""
    generator = np.random.default_rng(1)
    pairs = [(user, item) for item in range(12) for user in generator.permutation(120)[: 9 * item + 9].tolist()]
    columns = {
        "user_id": [f"u{user}" for user, _ in pairs],
        "item_id": [f"i{item}" for _, item in pairs],
        "type": ["rating"] * len(pairs),
        "value": [2.0 if place % 5 == 0 else 5.0 for place in range(len(pairs))],
        "time_ms": 1000 * (generator.permutation(len(pairs)) + 1),
    }
    return Dataset.from_tables(Tables(event_frame(pl.DataFrame(columns))))


def case_of(dataset: Dataset, kind: str = "ranking") -> Case:
    fold = Fold.of(random_per_user(dataset))
    return Case(
        name="small/random",
        folder=".",
        reading="made here",
        protocol="a random fifth of each person's ratings",
        open=lambda folder: Material((dataset,), (fold,)),
        validation=validation_of_each_person,
        metrics=("ndcg@5",) if kind == "ranking" else ("rmse",),
        kind=kind,  # type: ignore[arg-type]
        cutoffs=(2, 5),
    )


def of_peer(case: Case, peer: Peer, tmp_path: Path) -> Result:
    (model,) = peer.models(case.kind)
    return peers.measure(case, case.material(tmp_path), peer, model, [0], threads=1)


def without_equals(dataset: Dataset) -> bool:
    """Whether popularity decides everything: among equals, libraries choose as they like."""
    counts = np.bincount(dataset.matrix().indices, minlength=dataset.n_items)
    return len(np.unique(counts)) == len(counts)


def test_a_peer_reaches_exactly_the_figures_of_the_same_model_of_ours(own: Peer, tmp_path: Path) -> None:
    case = case_of(ratings())
    assert without_equals(case.material(tmp_path).folds[0].learn)
    theirs = of_peer(case, adapted(own, POPULAR), tmp_path)
    ours = running.measure(case, "popular", [0], FitOptions(threads=1), tmp_path)
    assert theirs.metrics == {name: figure for name, figure in ours.metrics.items() if "new people" not in name}
    assert 0 < theirs.metrics["ndcg@5"].mean < 1
    assert (theirs.split_hash, theirs.data_hash) == (ours.split_hash, ours.data_hash)
    assert (theirs.provider, theirs.model, theirs.config) == ("own", "popular", {"learned": "counts"})
    assert {"python", "numpy"} <= theirs.versions.keys()
    assert "serendip" not in theirs.versions
    assert theirs.peak_mb > 10
    assert theirs.fit_wall_s > 0


def test_another_model_has_other_figures(own: Peer, tmp_path: Path) -> None:
    case = case_of(ratings())
    unpopular = POPULAR.replace("np.tile(counts", "np.tile(-counts")
    theirs = of_peer(case, adapted(own, unpopular), tmp_path)
    ours = running.measure(case, "popular", [0], FitOptions(threads=1), tmp_path)
    assert theirs.metrics["ndcg@5"].mean < ours.metrics["ndcg@5"].mean


def test_ratings_are_predicted_for_every_fold(own: Peer, tmp_path: Path) -> None:
    case = case_of(ratings(), kind="ratings")
    theirs = of_peer(case, adapted(own, MEAN), tmp_path)
    ours = running.measure(case, "global_mean", [0], FitOptions(threads=1), tmp_path)
    assert theirs.metrics["rmse"].mean == pytest.approx(ours.metrics["rmse"].mean, abs=1e-6)


def test_a_peer_learns_from_what_is_shown_and_never_from_the_test() -> None:
    fold = leave_last_out(ratings().liked())
    assert len(fold.shown.events) > len(fold.learn.events)
    given = told(fold)
    assert len(given) == len(fold.shown.events)
    assert given["time_ms"].is_sorted()
    tested = set(zip(fold.test.events.user_rows.tolist(), fold.test.events.item_rows.tolist(), strict=True))
    assert len(tested) > 30
    assert not tested & set(given.select("user_row", "item_row").iter_rows())


def test_people_who_are_shown_nothing_are_learned_from() -> None:
    dataset = ratings()
    shown = dataset.with_events(dataset.events.user_rows < 5)
    learn = dataset.with_events(dataset.events.user_rows >= 3)
    given = told(Fold(learn, shown, shown, dataset))
    assert len(given) == len(dataset.events)
    assert not given.select("user_row", "item_row").is_duplicated().any()


def test_a_peer_that_fails_has_no_result_and_says_why(
    own: Peer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    case, file = case_of(ratings()), tmp_path / "results.json"
    adapted(own, "raise RuntimeError('no such solver')")
    with pytest.raises(PeerError, match="no such solver"):
        of_peer(case, own, tmp_path)
    monkeypatch.setattr(peers, "find", lambda name: case)
    monkeypatch.setattr(peers, "_material", lambda name: case.material(tmp_path))
    peers.main([case.name, "--libraries", "own", "--json", str(file)])
    assert "no such solver" in capsys.readouterr().out
    assert not file.exists()
    adapted(own, POPULAR)
    peers.main([case.name, "--libraries", "own", "--json", str(file), "--threads", "1"])
    assert [(result.provider, result.threads) for result in read(file)] == [("own", 1)]


def test_a_peer_that_is_not_installed_is_said(
    own: Peer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own.python.unlink()
    monkeypatch.setattr(peers, "find", lambda name: case_of(ratings()))
    peers.main(["small/random", "--libraries", "own", "--json", str(tmp_path / "results.json")])
    assert "own is not installed" in capsys.readouterr().out


def test_the_peer_has_its_own_process_and_threads(own: Peer, tmp_path: Path) -> None:
    """Our paths do not reach it: an adapter that could import Serendip from them would measure us."""
    prints = POPULAR.replace('{"learned": "counts"}', "dict(threads=os.environ['OMP_NUM_THREADS'], path=PATH)")
    header = "import os\nPATH = os.environ.get('PYTHONPATH')\n"
    fold = case_of(ratings()).material(tmp_path).folds[0]
    question = Question("popular", {}, 5, 0, threads=3)
    answer = ask(own.python, adapted(own, header + prints).adapter, fold, np.arange(4), question)
    assert answer.config == {"threads": "3", "path": None}
    assert answer.values.shape == (4, 5)


def handed(folder: Path, k: int) -> Task:
    """Person 0 wants items 0 and 1 and has seen 2 too; person 1 wants 3."""
    rows = "0,0,1,5,1\n0,1,1,5,2\n0,2,0,2,3\n1,3,1,nan,4\n"
    (folder / "train.csv").write_text("user_row,item_row,weight,value,time_ms\n" + rows)
    (folder / "seen.csv").write_text("user_row,item_row\n0,0\n0,1\n0,2\n1,3\n")
    np.save(folder / "asked.npy", np.array([1, 0]))
    return Task(folder, "any", {}, n_users=2, n_items=6, k=k, seed=0, threads=1)


def test_lists_leave_out_all_that_is_seen(tmp_path: Path) -> None:
    task = handed(tmp_path, 3)
    assert task.matrix.toarray().tolist() == [[1, 1, 0, 0, 0, 0], [0, 0, 0, 1, 0, 0]]
    scores = np.tile(np.array([6, 5, 4, 3, 2, -np.inf]), (2, 1))
    assert task.best(lambda users: scores[users]).tolist() == [[0, 1, 2], [3, 4, -1]]


def test_a_peer_that_knows_only_the_wanted_is_asked_for_longer_lists(tmp_path: Path) -> None:
    task = handed(tmp_path, 2)
    assert task.spare == 1  # item 2, which person 0 has seen and does not want
    recommended = {0: [2, 3, 4], 1: [0, 1, 2]}
    users, items = np.repeat([0, 1], 3), np.concatenate([recommended[0], recommended[1]])
    assert task.cut(users, items).tolist() == [[0, 1], [3, 4]]
    # Without the spare place, person 0 would get one item instead of two.
    shorter = np.array([0, 0, 1, 1]), np.array([2, 3, 0, 1])
    assert task.cut(*shorter).tolist() == [[0, 1], [3, -1]]


@pytest.mark.parametrize("peer", PEERS.values(), ids=lambda peer: peer.name)
def test_every_peer_has_an_adapter_and_a_pin(peer: Peer) -> None:
    text = peer.adapter.read_text(encoding="utf-8")
    (distribution,) = re.findall(r'^DISTRIBUTION = "(.+)"$', text, re.MULTILINE)
    pins = (libraries.FOLDER / f"requirements-{peer.environment}.txt").read_text(encoding="utf-8").splitlines()
    assert any(pin.lower().startswith(f"{distribution.lower()}==") for pin in pins)
    assert all("==" in pin for pin in pins)
    assert peer.rankers or peer.raters
