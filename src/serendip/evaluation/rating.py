"""evaluate_ratings: how near the ratings that models expect come to those given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from serendip.data import Dataset, InputError, Progress, silent
from serendip.data.arrays import FloatArray
from serendip.data.splits import Split
from serendip.evaluation.comparing import circumstances, compared
from serendip.evaluation.leakage import Finding, arrays, leaks
from serendip.evaluation.protocol import GIVEN
from serendip.evaluation.rankers import Entrant, ModelRanker, entrants
from serendip.evaluation.rating_exam import K_FOLD, RatingExam, RatingProtocol
from serendip.evaluation.report import Report, Result
from serendip.evaluation.resources import Use, measured
from serendip.evaluation.significance import Estimate, bootstrap, estimate
from serendip.evaluation.specification import parse
from serendip.metrics import mae, rmse
from serendip.models import Rates
from serendip.training import FitOptions


@dataclass(frozen=True, eq=False)
class Answers:
    """What one entrant foretold in all splits, and what it took."""

    foretold: FloatArray  # (E,)
    fit: Use
    rating: Use
    findings: list[Finding]


def evaluate_ratings(
    data: Dataset | Split | Sequence[Split],
    models: Sequence[Any],
    protocol: str | RatingProtocol | None = None,
    options: FitOptions = FitOptions(),
    progress: Progress = silent,
) -> Report:
    """Fit each model on the training part, or on that of each fold, and compare what it expects with what was given.

    Args:
        data: A dataset, one that is divided already, or several such, as published folds are.
        models: Names, or models, that satisfy `serendip.models.Rates`; they are made and fitted afresh.
        protocol: By default `k-fold`, all five folds, or `given` for data that come divided.

    Raises:
        InputError: a model, protocol or setting is unknown, a model does not rate, or there are no ratings to foretell.
    """
    protocol = protocol or (K_FOLD if isinstance(data, Dataset) else GIVEN)
    protocol = RatingProtocol(*parse(protocol)) if isinstance(protocol, str) else protocol
    contestants = [(entrant, _rater(entrant)) for entrant in entrants(models)]
    exam = RatingExam(protocol.divisions(data))
    if not len(exam.given):
        raise InputError(f"under {protocol.split}, the test part holds no ratings")
    options = options if progress is silent else replace(options, progress=progress)
    answers = [_answer(entrant.name, model, exam, options) for entrant, model in contestants]
    values = [_values(exam, answer.foretold) for answer in answers]
    resampled = [_resampled(one, options.seed) for one in values]
    shared = circumstances(data if isinstance(data, Dataset | Split) else data[0], exam.splits, options)
    results = [
        _result(exam, *of_one, shared)
        for of_one in zip([entrant for entrant, _ in contestants], answers, values, resampled, strict=True)
    ]
    findings = [*_of_splits(exam), *(finding for answer in answers for finding in answer.findings)]
    return Report(protocol, _sizes(exam), results, compared(results, resampled, "rmse"), exam.people, findings)


def _rater(entrant: Entrant) -> Any:
    """The model of an entrant, which must rate."""
    model = entrant.ranker.model if isinstance(entrant.ranker, ModelRanker) else entrant.ranker
    if not isinstance(model, Rates):
        raise InputError(f"{entrant.name} lists items and does not say how somebody would rate them")
    return model


def _answer(name: str, model: Any, exam: RatingExam, options: FitOptions) -> Answers:
    """Models see the training part of each split and nothing else."""
    foretold: list[FloatArray] = []
    findings: list[Finding] = []
    fits, ratings = [], []
    for place, split in enumerate(exam.splits):
        options.progress(f"fit and rate {name}", place, len(exam.splits))
        with measured() as fit:
            model.fit(split.train, options)
        with measured() as rating:
            foretold.append(exam.foretold(model, place))
        fits.append(fit)
        ratings.append(rating)
        kept = model.weights() if hasattr(model, "weights") else {}
        findings += arrays(split, {f"{name}: {key}": array for key, array in kept.items()})
    options.progress(f"fit and rate {name}", len(exam.splits), len(exam.splits))
    return Answers(np.concatenate(foretold), _total(fits), _total(ratings), findings)


def _total(uses: list[Use]) -> Use:
    return Use(sum(it.wall_s for it in uses), sum(it.cpu_s for it in uses), max(it.peak_mb for it in uses))


def _of_splits(exam: RatingExam) -> list[Finding]:
    return [finding for split in exam.splits for finding in leaks(split, ratings=True)]


def _values(exam: RatingExam, foretold: FloatArray) -> dict[str, FloatArray]:
    """Of each person: the number of ratings, the sum of squared errors and that of absolute ones, (people,) each."""
    _, own = np.unique(exam.raters, return_inverse=True)
    errors = foretold.astype(np.float64) - exam.given
    weights = {"number": np.ones(len(own)), "squares": np.square(errors), "distances": np.abs(errors)}
    return {name: np.bincount(own, one).astype(np.float64) for name, one in weights.items()}


def _resampled(values: dict[str, FloatArray], seed: int) -> dict[str, FloatArray]:
    """RMSE and MAE over all ratings of resampled people, (R,) each."""
    number, squares, distances = bootstrap(np.stack(list(values.values()), axis=1), seed).T
    return {"rmse": np.sqrt(squares / number), "mae": distances / number}


def _result(
    exam: RatingExam,
    entrant: Entrant,
    answer: Answers,
    values: dict[str, FloatArray],
    resampled: dict[str, FloatArray],
    shared: dict[str, Any],
) -> Result:
    means = {"rmse": rmse(answer.foretold, exam.given), "mae": mae(answer.foretold, exam.given)}
    figures: dict[str, Estimate] = {name: estimate(mean, resampled[name]) for name, mean in means.items()}
    return Result(
        case=exam.splits[0].name,
        model=entrant.name,
        config=entrant.config,
        metrics=figures,
        new_people={},
        fit_cpu_s=answer.fit.cpu_s,
        fit_wall_s=answer.fit.wall_s,
        evaluate_wall_s=answer.rating.wall_s,
        peak_mb=max(answer.fit.peak_mb, answer.rating.peak_mb),
        per_person={
            "rmse": np.sqrt(values["squares"] / values["number"]),
            "mae": values["distances"] / values["number"],
        },
        **shared,
    )


def _sizes(exam: RatingExam) -> dict[str, int]:
    train = exam.splits[0].train
    return {
        "splits": len(exam.splits),
        "ratings": len(exam.given),
        "users": train.n_users,
        "items": train.n_items,
        "asked": len(exam.people),
    }
