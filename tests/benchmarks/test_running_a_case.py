"""From files to a result, on a generated data set in the layout of a real one."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from benchmarks import results, running
from benchmarks.__main__ import app
from benchmarks.cases import CASES, Fold, find
from benchmarks.results import Result
from benchmarks.sitting import NEW_PEOPLE, Sitting, slice_name
from serendip.data import Dataset, InputError, Tables, event_frame
from serendip.data.splits import global_time
from serendip.evaluation import evaluate
from serendip.evaluation.rankers import entrants
from serendip.training import FitOptions

ONE_THREAD = FitOptions(threads=1)
CASE = "amazon-toys/leave-one-out"
N_PEOPLE, N_ITEMS, LENGTH = 60, 40, 8


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """People of two kinds, each with items of their own: neighbours find what comes next, popularity does not."""
    folder = tmp_path_factory.mktemp("datasets")
    generator = np.random.default_rng(0)
    lines = []
    for person in range(N_PEOPLE):
        own = np.arange(N_ITEMS // 2) + person % 2 * N_ITEMS // 2
        lines.append(" ".join([f"p{person}", *(f"i{item}" for item in generator.permutation(own)[:LENGTH])]))
    (folder / "amazon-toys").mkdir()
    (folder / "amazon-toys" / "sequences.txt.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    return folder


@pytest.fixture(scope="module")
def timed() -> Dataset:
    """Events in time, with people who appear only at the end."""
    generator = np.random.default_rng(1)
    n_events = 900
    people = np.sort(generator.integers(0, 80, n_events) // 4 * 4 + generator.integers(0, 4, n_events))
    frame = event_frame(
        {
            "user_id": [f"p{person}" for person in people],
            "item_id": [f"i{item}" for item in generator.integers(0, 50, n_events)],
            "type": ["like"] * n_events,
            "time_ms": ((np.arange(n_events) + generator.integers(0, 300, n_events)) * 1_000_000).tolist(),
        }
    )
    return Dataset.from_tables(Tables(frame))


def test_a_result_says_what_was_measured_and_where(root: Path) -> None:
    result = running.measure(find(CASE), "item_knn?neighbors=20", [0, 1], ONE_THREAD, root)
    assert (result.case, result.model, result.provider) == (CASE, "item_knn?neighbors=20", "serendip")
    assert result.seeds == [0, 1]
    assert result.config["neighbors"] == 20
    assert (result.threads, result.device) == (1, "cpu")
    assert result.fit_wall_s > 0
    assert result.peak_mb > 10
    assert {"serendip", "python", "numpy"} <= set(result.versions)
    assert result.split_hash != result.data_hash
    figure = result.metrics["ndcg@10"]
    assert figure.low is not None
    assert figure.high is not None
    assert figure.low < figure.mean < figure.high
    popular = running.measure(find(CASE), "popular", [0], ONE_THREAD, root)
    assert figure.mean > popular.metrics["ndcg@10"].mean
    assert (popular.split_hash, popular.data_hash) == (result.split_hash, result.data_hash)


def test_one_fit_is_judged_on_the_validation_part_too(root: Path) -> None:
    """Where nothing is learned from it, so that settings can be chosen by recorded results."""
    case, model = find(CASE), "item_knn?neighbors=3"
    beside = running.measure(case, model, [0, 1], ONE_THREAD, root).metrics["ndcg@10 (validation)"]
    apart = running.measure(case, model, [0, 1], ONE_THREAD, root, validation=True).metrics
    assert beside == apart["ndcg@10"]
    assert "ndcg@10 (validation)" not in apart


def test_the_command_writes_a_file_that_can_be_read(root: Path, tmp_path: Path) -> None:
    file = tmp_path / "out.json"
    command = [sys.executable, "-m", "benchmarks", "run", CASE, "--models", "popular,ease", "--json", str(file)]
    environment = {"SERENDIP_DATA": str(root), "PATH": "", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=running.REPOSITORY, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert [result.model for result in results.read(file)] == ["ease", "popular"]
    assert "ndcg@10" in done.stdout
    printed = subprocess.run([*command[:-1], "-"], cwd=running.REPOSITORY, env=environment,
                             capture_output=True, text=True)  # fmt: skip
    assert [table["model"] for table in json.loads(printed.stdout)] == ["popular", "ease"]
    again = subprocess.run([*command[:5], "--models", "nobody"], cwd=running.REPOSITORY, env=environment,
                           capture_output=True, text=True)  # fmt: skip
    assert again.returncode == 1
    assert again.stderr.startswith("there is no model 'nobody'")


def test_list_says_which_data_are_missing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERENDIP_DATA", str(root))
    said = CliRunner().invoke(app, ["list"]).stdout
    assert "amazon-beauty (missing)" in said
    assert "amazon-toys (missing)" not in said
    assert "set SERENDIP_DATA to the folder" in " ".join(said.split())


def test_figures_are_those_of_evaluate(timed: Dataset) -> None:
    """The same split, model and metrics through both doors."""
    case = replace(CASES["ml-100k/global-time"], cutoffs=(5, 10))
    sitting = Sitting(case, Fold.of(global_time(timed)))
    ranker = entrants(["item_knn"])[0].ranker.fit(sitting.fold.learn, ONE_THREAD)
    figures = sitting.figures([sitting.lists(ranker, sitting.people)])
    expected = evaluate(timed, ["item_knn"], "global-time", ONE_THREAD, cutoffs=(5, 10))["item_knn"]
    assert len(sitting.exam.strangers)
    for metric in ("ndcg@10", "recall@5", "map@10", "coverage@10", "gini@5", "novelty@10"):
        assert figures[metric] == expected.metrics[metric], metric
    assert figures[slice_name("ndcg@10", "history", NEW_PEOPLE)].mean == expected.new_people["ndcg@10"].mean


def test_lists_that_hide_a_mistake_are_refused(timed: Dataset) -> None:
    sitting = Sitting(CASES["ml-100k/global-time"], Fold.of(global_time(timed)))
    twice = np.zeros((len(sitting.people), sitting.depth), np.int32)
    with pytest.raises(ValueError, match="twice"):
        sitting.figures([twice])
    with pytest.raises(ValueError, match="shape"):
        sitting.figures([twice[1:]])


def test_nothing_left_out_is_listed_and_new_candidates_only_where_asked(timed: Dataset) -> None:
    new = replace(CASES["ml-100k/global-time"], candidates="new")
    held = np.isin(timed.events.item_rows, [3, 7, 11])
    fold = Fold.of(global_time(timed))
    cold = replace(fold, learn=timed.with_events(~held), shown=timed.with_events(~held),
                   known=timed.with_events(~held), test=timed.with_events(held))  # fmt: skip
    for case, part in ((CASES["ml-100k/global-time"], fold), (new, cold)):
        sitting = Sitting(case, part)
        ranker = entrants(["popular"])[0].ranker.fit(part.learn, ONE_THREAD)
        rows = sitting.lists(ranker, sitting.exam.asked)
        people = np.repeat(sitting.exam.asked, rows.shape[1])[rows.ravel() >= 0]
        assert not sitting.exam.seen[people, rows.ravel()[rows.ravel() >= 0]].any()
        assert case is not new or set(np.unique(rows)) == {-1, 3, 7, 11}


def a_result(**changes: object) -> Result:
    table = {
        "case": CASE, "model": "ease", "provider": "serendip", "seeds": [0],
        "metrics": {"ndcg@10": {"mean": 0.1, "low": 0.09, "high": 0.11}},
        "fit_cpu_s": 1.0, "fit_wall_s": 1.0, "evaluate_wall_s": 1.0, "peak_mb": 100.0, "threads": 1, "device": "cpu",
        "machine": "m", "versions": {}, "split_hash": "s", "data_hash": "d", "config": {}, "commit": None,
        "date": "2026-01-01T00:00:00+00:00",
    }  # fmt: skip
    return Result.of(table | changes, "here")


def test_a_later_result_takes_the_place_of_an_earlier_one(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    results.write(file, [a_result(), a_result(model="als")])
    results.write(file, [a_result(threads=2)])
    assert [(result.model, result.threads) for result in results.read(file)] == [("als", 1), ("ease", 2)]
    results.write(tmp_path / "b.json", [a_result(threads=7, date="2026-02-01T00:00:00+00:00")])
    assert {result.model: result.threads for result in results.read_all(tmp_path)} == {"als": 1, "ease": 7}


def test_a_seed_that_a_file_has_is_not_fitted_again(root: Path, tmp_path: Path) -> None:
    file, model = tmp_path / "out.json", "bpr?epochs=2"
    run = ["run", CASE, "--models", model, "--threads", "1", "--json", str(file), "--seeds"]
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SERENDIP_DATA", str(root))
        for seeds in (["1"], ["3", "--keep-seeds"]):
            done = CliRunner().invoke(app, [*run, *seeds])
            assert done.exit_code == 0, done.output
        (before,) = results.read(file)
        CliRunner().invoke(app, [*run, "3", "--keep-seeds"])
    assert results.read(file) == [before]
    whole = running.measure(find(CASE), model, [0, 1, 2], ONE_THREAD, root)
    assert before.seeds == whole.seeds == [0, 1, 2]
    for name, figure in whole.metrics.items():
        assert before.metrics[name].mean == pytest.approx(figure.mean), name
    alone = running.measure(find(CASE), model, [0], ONE_THREAD, root).metrics["ndcg@10"]
    assert alone.mean != pytest.approx(whole.metrics["ndcg@10"].mean)


def test_seeds_go_together_by_how_many_they_are() -> None:
    two = a_result(seeds=[1, 2], metrics={"ndcg@10": {"mean": 0.4, "low": 0.39, "high": 0.41}}, fit_cpu_s=4.0,
                   peak_mb=50.0, commit="new", date="2026-02-01T00:00:00+00:00")  # fmt: skip
    both = results.together(a_result(), two)
    assert both.seeds == [0, 1, 2]
    assert both.metrics["ndcg@10"].mean == pytest.approx(0.3)
    assert both.metrics["ndcg@10"].low == pytest.approx(0.29)
    assert (both.fit_cpu_s, both.peak_mb, both.commit) == (3.0, 100.0, "new")
    with pytest.raises(InputError, match="seed 0 is in both"):
        results.together(a_result(), both)
    for what, other in (("data_hash", "e"), ("threads", 2)):
        with pytest.raises(InputError, match=f"differ in {what}"):
            results.together(a_result(), a_result(seeds=[1], **{what: other}))
    before, now = a_result(config={"l2": 1}), a_result(seeds=[1], config={"l2": 1, "came_later": 0.5})
    assert results.together(before, now).config == now.config
    with pytest.raises(InputError, match="recorded with l2 = 1, now 2"):
        results.together(before, a_result(seeds=[1], config={"l2": 2}))


def test_other_settings_are_refused_before_anything_is_fitted(root: Path, tmp_path: Path) -> None:
    file, model = tmp_path / "out.json", "bpr?epochs=2"
    results.write(file, [a_result(model=model, config={"epochs": 3})])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SERENDIP_DATA", str(root))
        patch.setattr(running, "in_its_own_process", lambda *_: pytest.fail("it was fitted"))
        done = CliRunner().invoke(
            app, ["run", CASE, "--models", model, "--seeds", "2", "--keep-seeds", "--json", str(file)]
        )
    assert "recorded with epochs = 3, now 2" in str(done.exception)
    without = CliRunner().invoke(app, ["run", CASE, "--models", model, "--keep-seeds"])
    assert "--keep-seeds needs a file" in str(without.exception)


@pytest.mark.parametrize("field", list(asdict(a_result())))
def test_a_result_without_a_field_is_refused(field: str, tmp_path: Path) -> None:
    table = asdict(a_result())
    del table[field]
    (tmp_path / "a.json").write_text(json.dumps([table]), encoding="utf-8")
    with pytest.raises(InputError, match=f"a.json, result 1: the field '{field}' is missing"):
        results.read(tmp_path / "a.json")


def test_settings_are_chosen_without_a_look_at_the_test(root: Path) -> None:
    case = find(CASE)
    (fold,), (trial,) = case.material(root).folds, case.material(root, validation=True).folds
    assert trial.learn is not fold.learn
    np.testing.assert_array_equal(trial.learn.events.item_rows, fold.learn.events.item_rows)
    held, test = trial.test.events, fold.test.events
    assert len(held) == N_PEOPLE
    places = {(user, item) for user, item in zip(held.user_rows, held.item_rows, strict=True)}
    assert not places & set(zip(test.user_rows, test.item_rows, strict=True))
    assert not places & set(zip(trial.shown.events.user_rows, trial.shown.events.item_rows, strict=True))
    result = running.measure(case, "item_knn", [0], ONE_THREAD, root, validation=True)
    assert result.case == f"{CASE} (validation)"
    assert result.split_hash != running.measure(case, "item_knn", [0], ONE_THREAD, root).split_hash


@pytest.mark.parametrize("name", CASES)
def test_every_case_has_a_way_to_choose_settings_that_ends_before_its_test(name: str, timed: Dataset) -> None:
    """Whatever the case divides by, the trial learns from nothing that the case does not let be learned from."""
    fold = Fold.of(global_time(timed))
    trial = CASES[name].validation(fold)
    may = set(zip(fold.learn.events.user_rows, fold.learn.events.item_rows, strict=True))
    assert set(zip(trial.learn.events.user_rows, trial.learn.events.item_rows, strict=True)) <= may
    allowed = may | set(zip(fold.known.events.user_rows, fold.known.events.item_rows, strict=True))
    assert set(zip(trial.test.events.user_rows, trial.test.events.item_rows, strict=True)) <= allowed
