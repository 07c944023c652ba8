"""What it costs or gains that people are their histories: `python -m benchmarks.user_ids [--threads 2] [--seeds 3]`.

The paper of NeuMF gives each person a vector of their own; here a person is the sum of vectors of their history, so
that somebody new is answered at once. The same networks learn three times from ml-100k/global-time: with a sum, with a
vector of each person, and with both. All learn for the same number of epochs, and the same people are asked, all of
whom were learned from. Written to results/speed/user_ids.json.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks import cases
from benchmarks.results import averaged
from benchmarks.sitting import Sitting
from serendip import models, retrieval
from serendip.data.arrays import IntArray
from serendip.evaluation.resources import commit, machine, measured, versions
from serendip.training import FitOptions
from serendip.training.loop import Schedule
from serendip.training.meetings import SPREAD
from serendip.training.profiles import CPU, ProfileLesson, Profiles, Step, among, places, teach
from serendip.training.session import torch_session

FILE = Path(__file__).parent / "results" / "speed" / "user_ids.json"
CASE = "ml-100k/global-time"
KINDS = ("gmf", "mlp", "neumf")
EPOCHS = 40
People = Literal["history", "id", "both"]


def named(net: Any, n_people: int, people: People) -> Any:
    """`net`, whose people have a vector of their own, in the place of the sum of their history or beside it."""
    net.table = nn.Embedding(n_people, net.given.embedding_dim)
    nn.init.normal_(net.table.weight, std=SPREAD)
    of_all, of_rest = net.person, net.without
    share = float(people == "both")
    if people != "history":
        net.person = lambda some: net.table(net.members) + share * of_all(some)
        net.without = lambda some: net.table(net.members)[some.rows] + share * of_rest(some)
    return net


class Lesson(ProfileLesson):
    """Tells the network who is looked at."""

    def loss(self, batch: Step) -> Tensor:
        self.net.members = torch.from_numpy(batch.members)
        return super().loss(batch)


def measure(kind: str, people: People, seeds: range, threads: int) -> dict[str, Any]:
    case = cases.find(CASE)
    sitting = Sitting(case, case.material().folds[0])
    matrix, runs, cpu_s = sitting.fold.learn.matrix(), [], 0.0
    place = places(matrix)
    known = among(matrix, place)
    taught = np.flatnonzero(np.diff(known.indptr))
    for seed in seeds:
        model: Any = models.make("neumf", {"kind": kind, "epochs": EPOCHS, "patience": 0})
        options = FitOptions(seed, threads)
        with measured() as fit, torch_session(options, matrix.nnz):
            net = named(model._build(known.shape[1]), len(taught), people)
            lesson = Lesson(net, known[taught], model.config.batch_size, CPU)
            teach(lesson, Schedule(EPOCHS, model.config.learning_rate), options, kind, model.config)
        runs.append(sitting.figures([_lists(net.eval(), sitting, known, taught, place)]))
        cpu_s += fit.cpu_s / len(seeds)
    figure = averaged(runs)[case.metrics[0]]
    return {
        "model": kind,
        "people": people,
        "ndcg@10": figure.mean,
        "low": figure.low,
        "high": figure.high,
        "cpu_s": cpu_s,
    }


def _lists(net: Any, sitting: Sitting, known: Any, taught: IntArray, place: IntArray) -> IntArray:
    """What everybody who was learned from is told, -1 for all others."""
    lists = np.full((len(sitting.people), sitting.depth), -1, np.int32)
    asked = sitting.exam.asked
    answered = np.flatnonzero(np.isin(asked, taught))
    for some in np.array_split(answered, max(1, len(answered) // 100)):
        rows = asked[some]
        net.members = torch.from_numpy(np.searchsorted(taught, rows))
        scores = np.full((len(some), len(place)), -np.inf, np.float32)
        with torch.inference_mode():
            scores[:, place >= 0] = net(Profiles.of(known[rows])).numpy()
        seen = sitting.exam.left_out(rows)
        scores[np.repeat(np.arange(len(some)), np.diff(seen.indptr)), seen.indices] = -np.inf
        lists[some] = retrieval.top_k(scores, sitting.depth)[0]
    return lists


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=3)
    chosen = parser.parse_args()
    found = []
    for kind in KINDS:
        for people in ("history", "id", "both"):
            found.append(measure(kind, people, range(chosen.seeds), chosen.threads))
            sys.stdout.write(f"{found[-1]}\n")
    around = {"case": CASE, "epochs": EPOCHS, "seeds": chosen.seeds, "threads": chosen.threads, "machine": machine()}
    around |= {"versions": versions(), "commit": commit(), "date": datetime.now(UTC).isoformat(timespec="seconds")}
    FILE.write_text(json.dumps({**around, "runs": found}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
