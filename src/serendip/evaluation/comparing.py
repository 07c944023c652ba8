"""evaluate: several models asked the same questions about the same data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from serendip.data import Dataset, InputError, Progress, silent
from serendip.data.arrays import FloatArray, IntArray
from serendip.data.splits import Split, data_hash, hash_of
from serendip.evaluation.exam import Exam, Lists
from serendip.evaluation.leakage import Finding, arrays, future_items, leaks
from serendip.evaluation.protocol import GIVEN, Protocol
from serendip.evaluation.rankers import Entrant, ModelRanker, entrants
from serendip.evaluation.report import Comparison, Report, Result, better_first
from serendip.evaluation.resources import Use, commit, machine, measured, versions
from serendip.evaluation.significance import Estimate, bootstrap, estimate, holm, p_value
from serendip.evaluation.slices import Slicing, sliced, slicings
from serendip.metrics import coverage, gini
from serendip.training import FitOptions


@dataclass(frozen=True)
class Answers:
    """What one entrant listed, and what it took."""

    asked: Lists
    strangers: Lists
    fit: Use
    ranking: Use
    findings: list[Finding]


def evaluate(
    data: Dataset | Split,
    models: Sequence[Any],
    protocol: str | Protocol | None = None,
    options: FitOptions = FitOptions(),
    progress: Progress = silent,
    cutoffs: tuple[int, ...] = (5, 10, 20),
    slices: Sequence[str] = (),
) -> Report:
    """Fit each model on the training part and see how well it foretells the test part.

    Args:
        data: A dataset, or one that is divided already, see `serendip.data.splits.given`.
        models: Names such as `"ease"` or `"popular?half_life_days=30"`, models, or anything with the `fit` and
            `rank` of a `Ranker`, such as a `Pipeline`. Models and pipelines are made and fitted afresh; a ranker of
            your own is fitted as it is.
        protocol: One of `serendip.data.splits.SPLITS` with settings (`global-time?test_share=0.1`), by default
            `global-time`, or `given` for data that come divided.
        cutoffs: Lengths of list to measure at; a `Protocol` brings its own.
        slices: `history`, `popularity` or attributes of people or items, by which figures are shown in parts too.

    Raises:
        InputError: a model, protocol, setting or slice is unknown, or the split leaves nobody to ask.
    """
    protocol = protocol or (GIVEN if isinstance(data, Split) else "global-time")
    protocol = Protocol.of(protocol, cutoffs) if isinstance(protocol, str) else protocol
    contestants = entrants(models)
    exam = Exam(protocol, protocol.divide(data))
    parts = slicings(exam, slices)
    if not len(exam.asked):
        raise InputError(f"under {protocol.split}, nobody has both a history and something relevant in the test part")
    options = options if progress is silent else replace(options, progress=progress)
    answers = [_answer(entrant, exam, options) for entrant in contestants]
    values = [exam.values(exam.asked, answer.asked) for answer in answers]
    resampled = _resampled(values, options.seed)
    shared = circumstances(data, [exam.split], options)
    results = [
        _result(exam, parts, *of_one, shared) for of_one in zip(contestants, answers, values, resampled, strict=True)
    ]
    comparisons = compared(results, [protocol.named(means) for means in resampled], protocol.columns[0])
    findings = leaks(exam.split) + [finding for answer in answers for finding in answer.findings]
    return Report(protocol, _sizes(exam), results, comparisons, exam.asked, findings)


def _answer(entrant: Entrant, exam: Exam, options: FitOptions) -> Answers:
    """Models see the training part and nothing else."""
    name, report = entrant.name, options.progress
    report(f"fit {name}", 0, 1)
    with measured() as fit:
        ranker = entrant.ranker.fit(exam.split.train, options)
    report(f"fit {name}", 1, 1)
    with measured() as ranking:
        asked = exam.lists(ranker, exam.asked, f"rank {name}", report)
    strangers = exam.lists(ranker, exam.strangers, f"rank {name} for new people", report)
    return Answers(asked, strangers, fit, ranking, _findings(exam, name, ranker, asked))


def _findings(exam: Exam, name: str, ranker: Any, asked: Lists) -> list[Finding]:
    """Leaks that show in what a model keeps or lists."""
    kept = ranker.model.weights() if isinstance(ranker, ModelRanker) else {}
    fitted = {f"{name}: {key}": array for key, array in kept.items()}
    return [
        *arrays(exam.split, fitted),
        *future_items(exam.split, exam.relevant[exam.asked], asked.rows, name),
    ]


def _resampled(values: list[dict[str, FloatArray]], seed: int) -> list[dict[str, FloatArray]]:
    """Bootstrap means of every column, all from the same resamples of people, so that models can be paired."""
    columns = [column for one in values for column in one.values()]
    means = iter(bootstrap(np.stack(columns, axis=1), seed).T)
    return [{name: next(means) for name in one} for one in values]


def _result(
    exam: Exam,
    parts: Sequence[Slicing],
    entrant: Entrant,
    answers: Answers,
    values: dict[str, FloatArray],
    resampled: dict[str, FloatArray],
    shared: dict[str, Any],
) -> Result:
    seed, named = shared["seeds"][0], exam.protocol.named
    tables = [sliced(exam, part, answers.asked, values, seed) for part in parts]
    return Result(
        case=exam.protocol.case(exam.split),
        model=entrant.name,
        config=entrant.config,
        metrics=_figures(exam, answers.asked.rows, values, resampled),
        new_people=_figures_of_strangers(exam, answers.strangers, seed),
        fit_cpu_s=answers.fit.cpu_s,
        fit_wall_s=answers.fit.wall_s,
        evaluate_wall_s=answers.ranking.wall_s,
        peak_mb=max(answers.fit.peak_mb, answers.ranking.peak_mb),
        slices=[one for table, _ in tables for one in table],
        gaps=[one for _, gaps in tables for one in gaps],
        per_person=named(values),
        **shared,
    )


def _figures(
    exam: Exam, listed: IntArray, values: dict[str, FloatArray], resampled: dict[str, FloatArray]
) -> dict[str, Estimate]:
    """Means over people with their intervals, then what holds of all lists together."""
    figures = {name: estimate(_mean(values[name]), resampled[name]) for name in values}
    n_items = exam.split.train.n_items
    for k in exam.protocol.cutoffs:
        figures[f"coverage@{k}"] = Estimate(coverage(listed[:, :k], n_items))
        figures[f"gini@{k}"] = Estimate(gini(listed[:, :k], n_items))
    return exam.protocol.named(figures)


def _figures_of_strangers(exam: Exam, lists: Lists, seed: int) -> dict[str, Estimate]:
    if not len(lists.rows):
        return {}
    values = exam.values(exam.strangers, lists)
    return _figures(exam, lists.rows, values, *_resampled([values], seed))


def _mean(values: FloatArray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")


def compared(results: list[Result], resampled: list[dict[str, FloatArray]], metric: str) -> list[Comparison]:
    """The best model against each other one, by `metric`."""
    best = min(range(len(results)), key=lambda place: better_first(metric, results[place].metrics[metric].mean))
    others = [place for place in range(len(results)) if place != best]
    differences = [resampled[best][metric] - resampled[place][metric] for place in others]
    corrected = holm([p_value(difference) for difference in differences])
    means = [results[best].metrics[metric].mean - results[place].metrics[metric].mean for place in others]
    return [
        Comparison(metric, results[best].model, results[place].model, estimate(mean, difference), p)
        for place, mean, difference, p in zip(others, means, differences, corrected, strict=True)
    ]


def circumstances(data: Dataset | Split, splits: Sequence[Split], options: FitOptions) -> dict[str, Any]:
    """What is the same for every model of one evaluation."""
    return {
        "threads": options.n_threads,
        "device": options.device,
        "seeds": (options.seed,),
        "machine": machine(),
        "versions": versions(),
        "split_hash": hash_of(splits),
        "data_hash": data_hash(data) if isinstance(data, Dataset) else data_hash(*data.sides),
        "commit": commit(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _sizes(exam: Exam) -> dict[str, int]:
    train, test = exam.split.train, exam.split.test
    return {
        "train_events": len(train.events),
        "test_events": len(test.events),
        "users": train.n_users,
        "items": train.n_items,
        "candidates": int(np.count_nonzero(exam.candidates)),
        "asked": len(exam.asked),
        "new": len(exam.strangers),
        "nothing_relevant": exam.n_unanswerable,
    }
