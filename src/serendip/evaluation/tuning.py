"""Tuning: the hyper-parameters that foretell best a part of the training data.

The protocol divides the data twice: its test part is put aside unread, and what is left is divided again by the same
protocol into what candidates learn from and what they are chosen by. The chosen config is the best of many on that
validation part, so its figure flatters; what it is worth says `evaluate`, on the test part.

The defaults are the first trial, so that tuning never ends below them on validation. Others are drawn from the ranges
beside each hyper-parameter by the tree-structured Parzen estimator: Bergstra, Bardenet, Bengio and Kégl, "Algorithms
for hyper-parameter optimization", NIPS 2011, as it stands in Optuna.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any, get_args

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import URL
from sqlalchemy.exc import SQLAlchemyError

from serendip import models
from serendip.data import Dataset, InputError, Progress, silent
from serendip.data.arrays import FloatArray
from serendip.data.splits import data_hash
from serendip.evaluation.exam import Exam
from serendip.evaluation.protocol import Protocol, primary_cutoff
from serendip.evaluation.rankers import ModelRanker
from serendip.evaluation.significance import Estimate, bootstrap, estimate
from serendip.models import ModelConfig, Search
from serendip.pipeline import Recipe
from serendip.pipeline.recipe import Source
from serendip.training import FitOptions
from serendip.version import __version__

TRIALS = 30
DIGITS = 3
"""Drawn numbers are rounded to so many digits: more would tell settings apart that no data can."""
CANNOT_BE_FITTED = (ArithmeticError, np.linalg.LinAlgError, MemoryError)
DONE = (TrialState.COMPLETE, TrialState.PRUNED)


@dataclass(frozen=True)
class Trial:
    """One config and how it did on validation."""

    config: dict[str, Any]
    value: float | None
    """None where the model could not be fitted: a matrix without inverse, not enough memory."""


@dataclass(frozen=True)
class TuningResult:
    """What tuning found: all its trials, the defaults first."""

    model: str
    protocol: Protocol
    metric: str
    asked: int
    """How many people the figures are means over; of few, the best is little more than the luckiest."""
    seed: int
    trials: tuple[Trial, ...]
    gain: Estimate | None = None
    """By how much the best config beats the defaults, paired by person; None where it is the defaults."""
    date: date = field(default_factory=lambda: datetime.now(UTC).date())

    @property
    def best_config(self) -> dict[str, Any]:
        """The config of the largest value; of equals the first."""
        return next(trial.config for trial in self.trials if trial.value == self.best_value)

    @property
    def best_value(self) -> float:
        return max(trial.value for trial in self.trials if trial.value is not None)

    @property
    def default_value(self) -> float | None:
        """What the defaults reach on the same validation part."""
        return self.trials[0].value

    @property
    def clear(self) -> bool:
        """Whether the 95 % interval of the gain lies above 0; if not, the best config may be no more than lucky."""
        return self.gain is not None and self.gain.low is not None and self.gain.low > 0

    def recipe(self) -> Recipe:
        """The model with the best config as a recommender of one source."""
        config = {name: value for name, value in self.best_config.items() if value is not None}  # TOML has no null
        sources = (Source(model=self.model, config=config),)
        return Recipe(name=f"{self.model}-tuned", description=f"{self.model} as tuned on validation", sources=sources)

    def to_toml(self) -> str:
        """The recipe under a comment that says where its figure comes from."""
        default = "nothing" if self.default_value is None else f"{self.default_value:.4f}"
        figure = (
            f"{self.metric} {self.best_value:.4f} on validation ({self.asked:,} people), {default} with the defaults"
        )
        source = f"{_name(self.protocol)} inside its training part, {len(self.trials)} trials, seed {self.seed}"
        return f"# Tuned {self.date.isoformat()}: {figure}; {source}.\n\n{self.recipe().to_toml()}"

    def to_json(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "protocol": self.protocol.to_json(),
            "metric": self.metric,
            "asked": self.asked,
            "seed": self.seed,
            "date": self.date.isoformat(),
            "best_config": self.best_config,
            "best_value": self.best_value,
            "default_value": self.default_value,
            "gain": None if self.gain is None else asdict(self.gain),
            "trials": [asdict(trial) for trial in self.trials],
        }


def tune(
    dataset: Dataset,
    model_name: str,
    protocol: str | Protocol = "global-time",
    trials: int = TRIALS,
    study_path: Path | None = None,
    options: FitOptions = FitOptions(),
    progress: Progress = silent,
) -> TuningResult:
    """Look for the hyper-parameters of a model that do best on a validation part of the training data.

    Every trial is kept in `study_path` when it is done. A run that was stopped, however hard, goes on from there
    and ends as if it had not been; other data, protocols, ranges or seeds have trials of their own in the same file.

    Args:
        trials: How many there are to be in all, the defaults and those of earlier runs included.
        study_path: An SQLite file, made with its folder if it is not there; None keeps nothing.

    Raises:
        InputError: the model, the protocol or a setting is unknown, the model has nothing to tune, a part of the
            data leaves nobody to ask, `study_path` is something else, or no config could be fitted.
    """
    if trials < 1:
        raise InputError(f"the number of trials is {trials}; it must be at least 1, for the defaults")
    protocol = Protocol.of(protocol) if isinstance(protocol, str) else protocol
    protocol = replace(protocol, cutoffs=(primary_cutoff(protocol.cutoffs),))  # one figure is looked at
    options = options if progress is silent else replace(options, progress=progress)
    contest = _Contest(model_name, protocol, protocol.divide(dataset).train, options)
    label = f"tuning {model_name}"
    with _study(study_path, contest.key) as study:
        _give_up_unfinished(study)
        while (done := len(study.get_trials(deepcopy=False, states=DONE))) < trials:
            options.progress(label, done, trials)
            contest.go_on(study, done)
        options.progress(label, done, done)
        found = tuple(_trial(one) for one in study.get_trials(deepcopy=False, states=DONE))
    if all(trial.value is None for trial in found):
        raise InputError(f"{model_name} could not be fitted with any of {len(found)} configs, the defaults included")
    result = TuningResult(model_name, protocol, contest.metric, len(contest.exam.asked), options.seed, found)
    best, defaults = result.best_config, found[0].config
    return result if best == defaults else replace(result, gain=contest.gain(best, defaults))


class _Contest:
    """Configs of one model, asked the same questions about the validation part."""

    def __init__(self, model_name: str, protocol: Protocol, known: Dataset, options: FitOptions) -> None:
        """`known` is all that may be read: what is learned from and what is foretold are both parts of it."""
        self.model_name, self.known, self.options = model_name, known, options
        self.config_class: type[ModelConfig] = models.load(model_name).Config
        self.ranges = ranges(self.config_class)
        if not self.ranges:
            raise InputError(
                f"the model {model_name} declares no range for any hyper-parameter, so nothing can be tuned"
            )
        self.exam = Exam(protocol, protocol.divide(known))
        if not len(self.exam.asked):
            raise InputError(f"under {protocol.split}, nobody can be asked in the validation part of the training data")
        (self.metric,) = protocol.named({f"ndcg@{protocol.depth}": 0})

    @cached_property
    def key(self) -> str:
        """Names what must be the same for two figures to compare."""
        config_class, split = self.config_class, self.exam.split
        facts = (__version__, config_class.searched(), config_class(), asdict(self.exam.protocol), self.options.seed)
        data = (data_hash(self.known), split.hash, self.known.signals)
        digest = blake2b(repr((facts, data)).encode(), digest_size=8).hexdigest()
        return f"{self.model_name} {self.exam.protocol.split} {digest}"

    def go_on(self, study: optuna.Study, done: int) -> None:
        """One more trial after `done` others."""
        if done == 0:
            self._try_defaults(study)
        else:
            self._try_another(study, done)

    def _try_defaults(self, study: optuna.Study) -> None:
        """Optuna is told of defaults inside the ranges; one outside, such as None, is nothing it could learn from."""
        config = self.config_class().model_dump(mode="json")
        searched = self.config_class.searched()
        inside = {name: value for name, value in config.items() if name in searched and _inside(value, searched[name])}
        value = self._value(config)
        study.add_trial(
            optuna.create_trial(
                state=TrialState.PRUNED if value is None else TrialState.COMPLETE,
                value=value,
                params=inside,
                distributions={name: self.ranges[name] for name in inside},
                user_attrs={"config": config},
            )
        )

    def _try_another(self, study: optuna.Study, done: int) -> None:
        """A sampler of its own for each trial: what it draws depends on the trials done, not on where a run began."""
        seed = np.random.SeedSequence([self.options.seed, done]).generate_state(1)[0]
        study.sampler = optuna.samplers.TPESampler(seed=int(seed))
        trial = study.ask(self.ranges)
        drawn = {name: _rounded(value) for name, value in trial.params.items()}
        config = models.make(self.model_name, drawn).config.model_dump(mode="json")
        trial.set_user_attr("config", config)
        value = self._value(config)
        state = TrialState.PRUNED if value is None else TrialState.COMPLETE
        study.tell(trial, value, state, skip_if_finished=True)

    def gain(self, config: dict[str, Any], defaults: dict[str, Any]) -> Estimate | None:
        """How much better `config` is than the defaults, paired by person; None where one cannot be fitted."""
        both = [self._per_person(one) for one in (config, defaults)]
        if both[0] is None or both[1] is None:
            return None
        differences = both[0] - both[1]
        return estimate(float(differences.mean()), bootstrap(differences[:, None], self.options.seed)[:, 0])

    def _value(self, config: dict[str, Any]) -> float | None:
        values = self._per_person(config)
        return None if values is None else float(values.mean())

    def _per_person(self, config: dict[str, Any]) -> FloatArray | None:
        exam, options = self.exam, self.options
        try:
            ranker = ModelRanker(models.make(self.model_name, config)).fit(exam.split.train, options)
            listed = exam.lists(ranker, exam.asked, f"rank {self.model_name}", options.progress)
        except CANNOT_BE_FITTED:
            return None
        return exam.values(exam.asked, listed)[f"ndcg@{exam.protocol.depth}"]


def ranges(config_class: type[ModelConfig]) -> dict[str, BaseDistribution]:
    """What a config declares, in Optuna's terms; whole numbers where the field is one."""
    fields = config_class.model_fields
    return {name: _range(fields[name].annotation, search) for name, search in config_class.searched().items()}


def _range(annotation: Any, search: Search) -> BaseDistribution:
    if int in (annotation, *get_args(annotation)):
        return IntDistribution(int(search.low), int(search.high), log=search.log)
    return FloatDistribution(search.low, search.high, log=search.log)


def _inside(value: Any, search: Search) -> bool:
    return isinstance(value, int | float) and search.low <= value <= search.high


def _rounded(value: int | float) -> int | float:
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def _name(protocol: Protocol) -> str:
    """As `Protocol.of` reads it, without what is left at its default."""
    own = {"seen": protocol.seen} if protocol.seen != Protocol.seen else {}
    settings = "&".join(f"{key}={value}" for key, value in (protocol.parameters | own).items())
    return f"{protocol.split}?{settings}" if settings else protocol.split


def _trial(done: FrozenTrial) -> Trial:
    return Trial(done.user_attrs["config"], done.value if done.state == TrialState.COMPLETE else None)


def _give_up_unfinished(study: optuna.Study) -> None:
    """A trial in which a former run was stopped would stay in progress for ever."""
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL, skip_if_finished=True)


@contextmanager
def _study(path: Path | None, key: str) -> Iterator[optuna.Study]:
    """The trials under `key` in the file `path`, or in memory; Optuna says nothing meanwhile."""
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with _storage(path) as storage:
            with _refused(path):
                study = optuna.create_study(study_name=key, storage=storage, direction="maximize", load_if_exists=True)
            yield study
    finally:
        optuna.logging.set_verbosity(verbosity)


@contextmanager
def _storage(path: Path | None) -> Iterator[optuna.storages.BaseStorage]:
    if path is None:
        yield optuna.storages.InMemoryStorage()
        return
    with _refused(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        url = URL.create("sqlite", database=str(path.absolute())).render_as_string()
        storage = optuna.storages.RDBStorage(url)
    try:
        yield storage
    finally:
        storage.remove_session()
        storage.engine.dispose()


@contextmanager
def _refused(path: Path | None) -> Iterator[None]:
    """What goes wrong inside says that `path` is no file of trials."""
    try:
        yield
    except (OSError, SQLAlchemyError, optuna.exceptions.OptunaError, RuntimeError) as error:
        reason = str(error.__cause__ or error).splitlines()[0]
        raise InputError(f"{path} cannot hold trials: {reason} (delete it to tune from the start)") from None
