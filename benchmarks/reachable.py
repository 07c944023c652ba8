"""What could be reached with items that nobody met? `python -m benchmarks.reachable [CASE] [--threads 1]`.

A case of new items is judged by models that know what they should not, so that figures of honest ones can be read
against something:

    how many want each item    the test itself is counted; everybody is told the same
    others met the items       `ease?l2=500` learns from all that nine tenths of the people did, new items and all, and
                               lists these for the last tenth, from what they did with others; ten times
    taste, and how many        `two_tower`, fitted as it should be, whose foretold fame is replaced by what is counted:
                               how good its taste is, if it only knew what will be wanted

Written to results/reachable/CASE.json.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import numpy as np

from benchmarks import cases, running
from benchmarks.cases import Case
from benchmarks.results import FOLDER, Figures
from benchmarks.sitting import Sitting
from serendip import retrieval
from serendip.data import Dataset, Queries
from serendip.data.arrays import IntArray, Sparse
from serendip.errors import InputError
from serendip.evaluation.rankers import entrants
from serendip.evaluation.resources import commit, machine, versions
from serendip.models.two_tower import TwoTower
from serendip.training import FitOptions

COUNTED, MET, TASTE = "how many want each item", "others met the items", "taste, and how many"
PARTS = 10


def reachable(case: Case, options: FitOptions, root: Path | None = None) -> dict[str, Figures]:
    """The metrics that the case shows, of all three.

    Raises:
        InputError: the data set is not there, or the case is not one of new items.
    """
    if case.candidates != "new":
        raise InputError(f"{case.name} lists items that people met; this is for cases of new ones")
    material = case.material(root)
    sitting, options = Sitting(case, material.folds[0]), running.prepared(case, options, root)
    counted = entrants(["popular"])[0].ranker
    counted.fit(sitting.fold.test, options)
    informed = Informed().fit(sitting.fold.learn, options).told(sitting.fold.test.matrix().count_nonzero(axis=0))
    lists = {
        COUNTED: sitting.lists(counted, sitting.people),
        MET: _met_by_others(sitting, material.whole[0], options),
        TASTE: sitting.lists(informed, sitting.people),
    }
    figures = {name: sitting.figures([some]) for name, some in lists.items()}
    return {name: {metric: all_of[metric] for metric in case.metrics} for name, all_of in figures.items()}


def _met_by_others(sitting: Sitting, whole: Dataset, options: FitOptions) -> IntArray:
    """What everybody is told by what others did, new items and all, (P, K)."""
    new = sitting.exam.candidates[whole.events.item_rows]
    order = np.random.default_rng(0).permutation(len(sitting.people))
    told = []
    for part in np.array_split(order, PARTS):
        ranker, own = entrants(["ease?l2=500"])[0].ranker, sitting.people[part]
        ranker.fit(whole.with_events(~(new & np.isin(whole.events.user_rows, own))), options)
        told.append(sitting.lists(ranker, own))
    return np.concatenate(told)[np.argsort(order)]


class Informed:
    """Two towers that are told how many people want each item in the test."""

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        self.tower = TwoTower().fit(dataset, options)
        return self

    def told(self, wanted: IntArray) -> Self:
        self.items = np.column_stack([self.tower.item_vectors()[:, :-1], np.log1p(wanted)]).astype(np.float32)
        return self

    def rank(self, queries: Queries, k: int, seen: Sparse) -> IntArray:
        people = self.tower.query_vectors(queries)
        people[:, -1] = 1
        return retrieval.recommend(people, self.items, k, seen)[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("case", nargs="?", default="ml-1m/cold-item")
    parser.add_argument("--threads", type=int, default=1)
    chosen = parser.parse_args()
    found = reachable(cases.find(chosen.case), FitOptions(threads=chosen.threads))
    told: dict[str, Any] = {"case": chosen.case, "machine": machine(), "versions": versions(), "commit": commit()}
    told |= {"date": datetime.now(UTC).isoformat(timespec="seconds")}
    told["runs"] = {name: {metric: asdict(one) for metric, one in figures.items()} for name, figures in found.items()}
    file = FOLDER / "reachable" / f"{chosen.case.replace('/', '_')}.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(f"{json.dumps(told['runs'], indent=1)}\n")


if __name__ == "__main__":
    main()
