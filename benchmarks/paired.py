"""Is one model better than another on the same people? `python -m benchmarks.paired CASE MODEL AGAINST [--seeds 3]`.

Both are fitted once for each seed and list for everybody whom the case asks. The difference of the case's first metric,
the mean over the seeds for each person, has an interval and a p-value by bootstrap over people, both models on the same
resamples (`evaluation.significance`). Told apart is what is right among items with few events: there only these count,
in the same lists, for those to whom one of them is right. Added to results/paired/CASE.json, where an earlier row of
the same two models is replaced.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import cases, running
from benchmarks.cases import Case
from benchmarks.results import FOLDER
from benchmarks.sitting import Sitting
from serendip.data.arrays import FloatArray, IntArray
from serendip.errors import InputError
from serendip.evaluation.exam import restricted, stored
from serendip.evaluation.rankers import entrants
from serendip.evaluation.resources import commit, machine, measured, versions
from serendip.evaluation.significance import bootstrap, estimate, p_value
from serendip.metrics import hits_in, ranking_metrics
from serendip.training import FitOptions

FEW = 10
"""Items with fewer events than that are told apart."""


def paired(
    case: Case, model: str, against: str, options: Sequence[FitOptions], few: int = FEW, root: Path | None = None
) -> dict[str, Any]:
    """How much better `model` is than `against`, fitted once with each of `options`.

    Raises:
        InputError: the data set is not there, or there is no such model for this kind of case.
    """
    if case.kind != "ranking":
        raise InputError(f"{case.name} is a case of ratings; models are paired where they rank")
    sitting = Sitting(case, case.material(root).folds[0])
    prepared = [running.prepared(case, one, root) for one in options]
    rare = sitting.exam.item_counts < few
    found, cpu_s = {}, {}
    for name in (model, against):
        values, seconds = zip(*(_values(sitting, name, one, rare) for one in prepared), strict=True)
        found[name], cpu_s[name] = np.mean(values, axis=0), float(np.mean(seconds))
    differences = {
        group: _difference(found[model][:, column], found[against][:, column])
        for column, group in enumerate(("everybody", f"items with fewer than {few} events"))
    }
    row = {"case": case.name, "model": model, "against": against, "metric": case.metrics[0], "fit_cpu_s": cpu_s}
    return row | {"seeds": [one.seed for one in options], "differences": differences}


def _values(sitting: Sitting, model: str, options: FitOptions, rare: Any) -> tuple[FloatArray, float]:
    """The case's first metric for everybody asked, of all that is right and of the rare, (P, 2); and seconds."""
    ranker = entrants([model])[0].ranker
    with measured() as fit:
        ranker.fit(sitting.fold.learn, options)
    asked = sitting.exam.asked
    lists = sitting.lists(ranker, asked, options.progress)
    relevant = sitting.exam.relevant[asked]
    kinds = [_metric(sitting.case, lists, some) for some in (relevant, restricted(relevant, rare))]
    return np.stack(kinds, axis=1), fit.cpu_s


def _metric(case: Case, lists: IntArray, relevant: Any) -> FloatArray:
    """(P,), NaN for those to whom nothing is right."""
    n_relevant = stored(relevant)
    values: FloatArray = ranking_metrics(hits_in(lists, relevant), n_relevant, case.cutoffs)[case.metrics[0]]
    return np.where(n_relevant > 0, values, np.nan)


def _difference(values: FloatArray, others: FloatArray) -> dict[str, Any]:
    """What is written of one group, from the values (P,) of both models; NaN for those who are not in it."""
    columns = np.stack([values, others], axis=1)
    means = np.nanmean(columns, axis=0)
    resampled = bootstrap(columns)
    apart = resampled[:, 0] - resampled[:, 1]
    by = estimate(float(means[0] - means[1]), apart)
    told = {"people": int(np.isfinite(values).sum()), "mean": float(means[0]), "against": float(means[1])}
    return told | {"difference": asdict(by), "p": p_value(apart)}


def added(rows: list[dict[str, Any]], row: dict[str, Any]) -> list[dict[str, Any]]:
    """`rows` with one more, in the place of an earlier one of the same two models."""
    return [one for one in rows if (one["model"], one["against"]) != (row["model"], row["against"])] + [row]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("case")
    parser.add_argument("model")
    parser.add_argument("against")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    chosen = parser.parse_args()
    options = [FitOptions(seed, chosen.threads) for seed in range(chosen.seeds)]
    row = paired(cases.find(chosen.case), chosen.model, chosen.against, options)
    row |= {"threads": chosen.threads, "machine": machine(), "versions": versions(), "commit": commit()}
    row |= {"date": datetime.now(UTC).isoformat(timespec="seconds")}
    file = FOLDER / "paired" / f"{chosen.case.replace('/', '_')}.json"
    rows = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(added(rows, row), indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(f"{json.dumps(row['differences'], indent=1)}\n")


if __name__ == "__main__":
    main()
