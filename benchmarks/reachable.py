"""What could be reached with items that nobody met? `python -m benchmarks.reachable [CASE] [--threads 1]`.

A case of new items is judged twice by models that know what they should not, so that figures of honest ones can be read
against something:

    how many want each item    the test itself is counted; everybody is told the same
    others met the items       `ease?l2=500` learns from all that nine tenths of the people did, new items and all, and
                               lists these for the last tenth, from what they did with others; ten times

Written to results/reachable/CASE.json.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import cases
from benchmarks.cases import Case
from benchmarks.results import FOLDER, Figures
from benchmarks.sitting import Sitting
from serendip.errors import InputError
from serendip.evaluation.rankers import entrants
from serendip.evaluation.resources import commit, machine, versions
from serendip.training import FitOptions

COUNTED, MET = "how many want each item", "others met the items"
PARTS = 10


def reachable(case: Case, options: FitOptions, root: Path | None = None) -> dict[str, Figures]:
    """The metrics that the case shows, of both.

    Raises:
        InputError: the data set is not there, or the case is not one of new items.
    """
    if case.candidates != "new":
        raise InputError(f"{case.name} lists items that people met; this is for cases of new ones")
    material = case.material(root)
    whole, fold = material.whole[0], material.folds[0]
    sitting = Sitting(case, fold)
    counted = entrants(["popular"])[0].ranker
    counted.fit(fold.test, options)
    lists = {COUNTED: sitting.lists(counted, sitting.people), MET: np.empty((0, sitting.depth), np.int32)}
    new = sitting.exam.candidates[whole.events.item_rows]
    order = np.random.default_rng(0).permutation(len(sitting.people))
    for part in np.array_split(order, PARTS):
        ranker, own = entrants(["ease?l2=500"])[0].ranker, sitting.people[part]
        ranker.fit(whole.with_events(~(new & np.isin(whole.events.user_rows, own))), options)
        lists[MET] = np.concatenate([lists[MET], sitting.lists(ranker, own)])
    lists[MET] = lists[MET][np.argsort(order)]
    return {name: _shown(case, sitting.figures([some])) for name, some in lists.items()}


def _shown(case: Case, figures: Figures) -> Figures:
    return {name: figures[name] for name in case.metrics}


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
