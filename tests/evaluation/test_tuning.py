"""Tuning: what it may read, that it finds what is better, and that it goes on where it was stopped."""

from __future__ import annotations

import sqlite3
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import optuna
import pytest

from serendip import evaluate, models
from serendip.data import Dataset, InputError, Signals, Tables, event_frame
from serendip.data.splits import SPLITS, Split, global_time
from serendip.evaluation import Estimate, tuning
from serendip.evaluation.tuning import TuningResult, tune
from serendip.pipeline import Pipeline, Recipe
from serendip.training import FitOptions

ONE_THREAD = FitOptions(threads=1)
PEOPLE, ITEMS, EVENTS = 40, 30, 600

LEANING = '''
"""Leaning: popular items first, or last."""

from typing import Annotated

import numpy as np
from pydantic import Field

from serendip.models.base import ModelConfig, NotSearched, Search, take


class LeaningConfig(ModelConfig):
    lean: Annotated[float, Search(-1, 1)] = Field(DEFAULT, ge=-1, le=1)
    """Above 0 popular items come first."""
    width: Annotated[int, Search(2, 9)] = 5
    """Does nothing."""
    depth: Annotated[int, NotSearched("does nothing either")] = 7
    """Does nothing."""


class Leaning:
    Config = LeaningConfig
    personalised = False

    def __init__(self, config=LeaningConfig()):
        self.config = config

    def fit(self, dataset, options=None):
        if not -1 <= self.config.lean <= LIMIT:
            raise np.linalg.LinAlgError("singular")
        self.scores = np.float32(self.config.lean) * dataset.matrix().sum(axis=0)
        return self

    def score(self, queries, rows=None):
        return take(np.tile(self.scores, (len(queries), 1)), rows)
'''


@pytest.fixture
def leaning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model whose best setting is known, in its file."""
    return add_model(tmp_path, monkeypatch, default=-0.5, limit=1.0)


def add_model(folder: Path, monkeypatch: pytest.MonkeyPatch, default: float, limit: float) -> Path:
    path = folder / "found" / "leaning.py"
    path.parent.mkdir()
    path.write_text(LEANING.replace("DEFAULT", str(default)).replace("LIMIT", str(limit)), encoding="utf-8")
    monkeypatch.setattr(models, "__path__", [*models.__path__, str(path.parent)])
    # Registered and taken back, so that the module does not outlive the test.
    monkeypatch.setitem(sys.modules, "serendip.models.leaning", None)
    del sys.modules["serendip.models.leaning"]
    return path


def log(seed: int = 0) -> list[tuple[int, int]]:
    """Pairs of person and item in order of time: two tastes, and in each a few items that most people want."""
    generator = np.random.default_rng(seed)
    people = generator.integers(0, PEOPLE, EVENTS)
    items = np.minimum(generator.geometric(0.12, EVENTS) - 1, ITEMS // 2 - 1) * 2 + people % 2
    items[:ITEMS] = np.arange(ITEMS)  # all are met early, so that what comes late cannot change their rows
    return [(int(person), int(item)) for person, item in zip(people, items, strict=True)]


def data(pairs: Sequence[tuple[int, int]] | None = None, types: str = "like", **signals: float) -> Dataset:
    pairs = log() if pairs is None else pairs
    columns = {
        "user_id": [f"u{person}" for person, _ in pairs],
        "item_id": [f"i{item}" for _, item in pairs],
        "type": [types] * len(pairs),
        "time_ms": list(range(1, len(pairs) + 1)),
    }
    return Dataset.from_tables(Tables(event_frame(columns)), Signals(weights=signals) if signals else None)


def values(result: TuningResult) -> list[float | None]:
    return [trial.value for trial in result.trials]


class Sealed:
    """The test part of a split in an envelope: whoever opens it fails."""

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"somebody reads {name!r} of the test part")


def seal_the_test_part(monkeypatch: pytest.MonkeyPatch) -> None:
    def sealed(dataset: Dataset, test_share: float = 0.2) -> Split:
        split = global_time(dataset, test_share)
        return Split(split.train, Sealed(), split.name) if len(dataset.events) == EVENTS else split

    monkeypatch.setitem(SPLITS, "global-time", sealed)


def test_the_test_part_is_never_read(monkeypatch: pytest.MonkeyPatch) -> None:
    seal_the_test_part(monkeypatch)
    assert len(tune(data(), "ease", trials=2, options=ONE_THREAD).trials) == 2
    with pytest.raises(AssertionError, match="of the test part"):  # the seal does break for whoever reads it
        evaluate(data(), ["ease"], options=ONE_THREAD)


def test_other_test_events_change_nothing_and_other_validation_events_do() -> None:
    pairs, generator = log(), np.random.default_rng(1)
    after, within = int(EVENTS * 0.8), int(EVENTS * 0.8 * 0.8)
    result = tune(data(), "ease", trials=3, options=ONE_THREAD)

    def shuffled(start: int, stop: int) -> list[tuple[int, int]]:
        items = generator.permutation([item for _, item in pairs[start:stop]]).tolist()
        new = [(person, item) for (person, _), item in zip(pairs[start:stop], items, strict=True)]
        return [*pairs[:start], *new, *pairs[stop:]]

    assert tune(data(shuffled(after, EVENTS)), "ease", trials=3, options=ONE_THREAD).trials == result.trials
    assert tune(data(shuffled(within, after)), "ease", trials=3, options=ONE_THREAD).trials != result.trials


def test_a_figure_is_that_of_the_same_protocol_inside_the_training_part() -> None:
    result = tune(data(), "ease", trials=2, options=ONE_THREAD)
    report = evaluate(global_time(data()).train, ["ease"], options=ONE_THREAD)
    assert result.metric == "ndcg@10"
    assert result.default_value == pytest.approx(report.results[0].metrics["ndcg@10"].mean)
    assert result.asked == report.sizes["asked"]


@pytest.mark.parametrize("protocol", ["leave-one-out", "random-per-user?test_share=0.3&seen=allowed"])
def test_any_protocol_can_tune(protocol: str) -> None:
    result = tune(data(), "item_knn", protocol, trials=2, options=ONE_THREAD)
    assert result.to_json()["protocol"]["split"] == protocol.partition("?")[0]
    assert f"; {protocol} inside its training part" in result.to_toml()
    assert result.best_value == max(value for value in values(result) if value is not None)


@pytest.mark.usefixtures("leaning")
def test_it_finds_the_better_setting_and_starts_from_the_defaults() -> None:
    result = tune(data(), "leaning", trials=8)
    assert result.trials[0].config == {"lean": -0.5, "width": 5, "depth": 7}
    assert result.best_config["lean"] > 0
    assert result.default_value is not None
    assert result.best_value > result.default_value
    assert result.gain is not None
    assert result.gain.mean == pytest.approx(result.best_value - result.default_value)
    low, high = result.gain.low, result.gain.high
    assert low is not None
    assert high is not None
    assert low < result.gain.mean < high
    assert result.clear == (low > 0)
    assert replace(result, gain=Estimate(0.1, 0.05, 0.2)).clear
    assert {trial.config["depth"] for trial in result.trials} == {7}
    assert len({trial.config["width"] for trial in result.trials}) > 2
    assert all(isinstance(trial.config["width"], int) and 2 <= trial.config["width"] <= 9 for trial in result.trials)


def test_among_equals_the_defaults_win(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_model(tmp_path, monkeypatch, default=0.5, limit=1.0)
    result = tune(data(), "leaning", trials=6)
    assert values(result).count(result.best_value) > 1
    assert result.best_config == result.trials[0].config
    assert result.gain is None
    assert not result.clear


def test_a_config_that_cannot_be_fitted_is_the_worst(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_model(tmp_path, monkeypatch, default=0.5, limit=0.3)
    result = tune(data(), "leaning", trials=8)
    assert {trial.value is None for trial in result.trials if trial.config["lean"] > 0.3} == {True}
    assert result.default_value is None
    assert 0 < result.best_config["lean"] <= 0.3
    assert "nothing with the defaults" in result.to_toml()


def test_no_config_that_can_be_fitted_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_model(tmp_path, monkeypatch, default=0.5, limit=-2.0)
    with pytest.raises(InputError, match="leaning could not be fitted with any of 2 configs"):
        tune(data(), "leaning", trials=2)


def test_the_same_seed_tries_the_same_and_another_seed_something_else() -> None:
    once, again = (tune(data(), "item_knn", trials=4, options=ONE_THREAD) for _ in range(2))
    other = tune(data(), "item_knn", trials=4, options=FitOptions(seed=1, threads=1))
    assert once.trials == again.trials
    assert once.trials[0] == other.trials[0]
    assert once.trials[1].config != other.trials[1].config


class StoppedError(Exception):
    pass


def test_a_stopped_run_goes_on_and_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    """Past the ten random draws with which Optuna begins, so that what it learned counts as well."""
    fits = 0

    def stop_inside_a_fit(label: str, done: int, total: int) -> None:
        nonlocal fits
        fits += label == "EASE" and done == 0
        if fits == 5:
            raise StoppedError

    path = tmp_path / "made" / "on demand?" / "ease.db"
    with pytest.raises(StoppedError):
        tune(data(), "ease", trials=13, study_path=path, options=ONE_THREAD, progress=stop_inside_a_fit)
    seen: list[tuple[int, int]] = []

    def watch(label: str, done: int, total: int) -> None:
        if label == "tuning ease":
            seen.append((done, total))

    resumed = tune(data(), "ease", trials=13, study_path=path, options=ONE_THREAD, progress=watch)
    assert seen == [(done, 13) for done in range(4, 14)]  # four trials were kept, the fifth is begun anew
    assert resumed.trials == tune(data(), "ease", trials=13, options=ONE_THREAD).trials


def test_nothing_is_left_to_do_where_all_is_done(tmp_path: Path) -> None:
    def nothing_is_fitted(label: str, done: int, total: int) -> None:
        """No trial, that is: the best and the defaults are asked once more, to compare them person by person."""
        assert label != "tuning ease" or done == total

    first = tune(data(), "ease", trials=3, study_path=tmp_path / "ease.db", options=ONE_THREAD)
    second = tune(data(), "ease", "global-time", 2, tmp_path / "ease.db", ONE_THREAD, nothing_is_fitted)
    assert second.trials == first.trials


def test_trials_that_do_not_compare_are_kept_apart(tmp_path: Path, leaning: Path) -> None:
    path = tmp_path / "trials.db"

    def studies() -> int:
        return len(optuna.get_all_study_names(f"sqlite:///{path}"))

    tune(data(), "popular", trials=1, study_path=path)
    tune(data(), "popular", trials=1, study_path=path)
    assert studies() == 1
    tune(data(log(seed=2)), "popular", trials=1, study_path=path)
    tune(data(types="purchase"), "popular", trials=1, study_path=path)
    tune(data(like=0.5), "popular", trials=1, study_path=path)
    tune(data(), "popular", "leave-one-out", trials=1, study_path=path)
    tune(data(), "popular", "global-time?seen=allowed", trials=1, study_path=path)
    tune(data(), "popular", trials=1, study_path=path, options=FitOptions(seed=1))
    assert studies() == 7
    tune(data(), "leaning", trials=1, study_path=path)
    leaning.write_text(leaning.read_text(encoding="utf-8").replace("Search(2, 9)", "Search(2, 90)"), encoding="utf-8")
    del sys.modules["serendip.models.leaning"]
    tune(data(), "leaning", trials=1, study_path=path)
    assert studies() == 9


def test_the_best_config_is_a_recipe_that_says_where_it_comes_from() -> None:
    result = tune(data(), "item_knn", trials=3, options=ONE_THREAD)
    first = result.to_toml().splitlines()[0]
    assert first.startswith(f"# Tuned {result.date.isoformat()}: ndcg@10 {result.best_value:.4f} on validation")
    assert "global-time" in first
    recipe = Recipe(**tomllib.loads(result.to_toml()))
    assert recipe == result.recipe()
    assert recipe.name == "item_knn-tuned"
    report = evaluate(global_time(data()).train, [Pipeline(recipe)], options=ONE_THREAD)
    assert report.results[0].metrics["ndcg@10"].mean == pytest.approx(result.best_value)


def test_a_setting_that_toml_cannot_write_is_left_out_of_the_recipe() -> None:
    result = tune(data(), "popular", trials=1)
    assert result.best_config == {"half_life_days": None}
    assert Recipe(**tomllib.loads(result.to_toml())).sources[0].config == {}


def test_drawn_numbers_are_short_and_inside_the_range() -> None:
    for trial in tune(data(), "als", trials=5, options=ONE_THREAD).trials:
        for name, search in models.load("als").Config.searched().items():
            if trial.config[name] is None:  # a default that no range holds
                continue
            assert search.low <= trial.config[name] <= search.high
            assert len(f"{trial.config[name]:g}".replace(".", "").strip("0")) <= 3


def test_optuna_says_nothing_and_is_left_as_it_was(caplog: pytest.LogCaptureFixture) -> None:
    before = optuna.logging.get_verbosity()
    tune(data(), "popular", trials=2)
    assert not caplog.records
    assert optuna.logging.get_verbosity() == before
    optuna.create_study()  # without care it does speak
    assert "new study" in caplog.text


@pytest.mark.parametrize(
    ("model", "protocol", "trials", "words"),
    [
        ("nobody", "global-time", 2, "no model 'nobody'"),
        ("ease", "by-moon", 2, "no protocol 'by-moon'"),
        ("ease", "global-time?test_share=2", 2, "test_share is 2"),
        ("ease", "global-time", 0, "number of trials is 0"),
    ],
)
def test_what_cannot_be_tuned_is_said(model: str, protocol: str, trials: int, words: str) -> None:
    with pytest.raises(InputError, match=words.replace("?", r"\?")):
        tune(data(), model, protocol, trials, options=ONE_THREAD)


def test_people_met_once_leave_nobody_to_ask() -> None:
    with pytest.raises(InputError, match="nobody can be asked in the validation part"):
        tune(data([(person, person % 5) for person in range(50)]), "ease", trials=1)


def test_a_model_without_ranges_is_refused(leaning: Path) -> None:
    text = leaning.read_text(encoding="utf-8")
    leaning.write_text(text.replace("Search(-1, 1)", "0").replace("Search(2, 9)", "0"), encoding="utf-8")
    with pytest.raises(InputError, match="leaning declares no range"):
        tune(data(), "leaning")


def test_a_file_that_holds_no_trials_is_refused(tmp_path: Path) -> None:
    text, folder, foreign = tmp_path / "notes.txt", tmp_path / "folder", tmp_path / "foreign.db"
    text.write_text("not a database, and long enough to be seen as something else\n" * 20, encoding="utf-8")
    folder.mkdir()
    with sqlite3.connect(foreign) as other:
        other.execute("create table studies (said text)")
    other.close()
    for path in (text, folder, foreign, text / "below.db"):
        with pytest.raises(InputError, match=f"{path.name}.* cannot hold trials"):
            tune(data(), "popular", trials=1, study_path=path)


def test_ranges_are_told_in_optunas_terms() -> None:
    found = tuning.ranges(models.load("als").Config)
    assert found["embedding_size"] == optuna.distributions.IntDistribution(16, 512, log=True)
    assert found["alpha"] == optuna.distributions.FloatDistribution(0.5, 100, log=True)
    found = tuning.ranges(models.load("popular").Config)
    assert isinstance(found["half_life_days"], optuna.distributions.FloatDistribution)
