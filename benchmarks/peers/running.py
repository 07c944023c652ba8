"""`python -m benchmarks peers`: other libraries on our cases, evaluated by our metrics."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from rich.console import Console

from benchmarks import ratings, report, results
from benchmarks.cases import Case, Fold, Material, find
from benchmarks.peers import libraries
from benchmarks.peers.handover import Answer, PeerError, Question, ask
from benchmarks.peers.libraries import PEERS, Peer
from benchmarks.results import Figures, Result
from benchmarks.running import Costs, circumstances, in_its_own_process
from benchmarks.sitting import NEW_PEOPLE, Sitting
from serendip.evaluation.specification import parse
from serendip.training import FitOptions

CASES = ("ml-100k/global-time", "ml-latest-small/global-time", "ml-1m/leave-one-out")
out = Console()


def main(arguments: Sequence[str]) -> None:
    """The command; `arguments` without the name of the program."""
    chosen = _parser().parse_args(list(arguments))
    peers = [libraries.find(name) for name in filter(None, chosen.libraries.split(","))] or list(PEERS.values())
    for name in chosen.cases:
        case = find(name)
        if chosen.ours:
            _run_ours(case, chosen.seeds, chosen.threads, chosen.json)
        for peer in peers:
            models = tuple(filter(None, chosen.models.split(","))) or peer.models(case.kind)
            _run_all(case, peer, models, range(chosen.seeds), chosen.threads, chosen.json)


def _run_ours(case: Case, seeds: int, threads: int, file: Path | None) -> None:
    """Our models of the case, so that all times come from one run on one machine."""
    for model in case.models:
        with out.status(f"{model} on {case.name}"):
            result = in_its_own_process(case.name, model, range(seeds), threads)
        results.write(file or results.FOLDER / f"{case.name.replace('/', '_')}.json", [result])
        out.print(report.line(case, result), highlight=False)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks peers", description=__doc__)
    parser.add_argument("cases", nargs="*", default=list(CASES), help="cases of `list` (default: %(default)s)")
    parser.add_argument("--libraries", default="", help=f"names with commas between (default: {','.join(PEERS)})")
    parser.add_argument("--models", default="", help="names with commas between (default: those of each library)")
    parser.add_argument("--ours", action="store_true", help="run our models of each case first")
    parser.add_argument("--seeds", type=int, default=1, help="fit so many times, with seeds 0, 1, ...")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, help="one file for all results (default: one per case and library)")
    return parser


def _run_all(
    case: Case, peer: Peer, models: Iterable[str], seeds: Sequence[int], threads: int, file: Path | None
) -> None:
    """A library that is not installed, or a model that fails, is said and has no result."""
    if not peer.python.is_file():
        out.print(f"{peer.name} is not installed: `make peers` puts it into {peer.python.parents[1]}")
        return
    for model in models:
        with out.status(f"{peer.name} {model} on {case.name}"):
            try:
                result = measure(case, _material(case.name), peer, model, seeds, threads)
            except PeerError as error:
                out.print(f"{peer.name} {model} failed on {case.name}: {error}", highlight=False, markup=False)
                continue
        results.write(file or result_file(case, peer), [result])
        out.print(f"{peer.name} {report.line(case, result)}", highlight=False)


@cache
def _material(case: str) -> Material:
    return find(case).material()


def result_file(case: Case, peer: Peer) -> Path:
    return results.FOLDER / f"{case.name.replace('/', '_')}.{peer.name}.json"


def measure(case: Case, material: Material, peer: Peer, model: str, seeds: Sequence[int], threads: int) -> Result:
    """Fit and answer in the peer's own Python, evaluate here.

    Raises:
        PeerError: the peer ended with an error.
        InputError: the settings of `model` cannot be read.
    """
    name, settings = parse(model)
    trial = _rank if case.kind == "ranking" else _rate
    questions = [Question(name, settings, max(case.cutoffs), seed, threads, case.kind == "ratings") for seed in seeds]
    if case.kind == "ratings":
        questions = questions[:1]  # the figures are means over folds already
    answers, figures = trial(case, material, peer, questions)
    costs = Costs([answer.fit for answer in answers], [answer.answering for answer in answers])
    around = circumstances(material, FitOptions(threads=threads))
    return Result(
        case=case.name,
        model=model,
        provider=peer.name,
        seeds=[question.seed for question in questions],
        metrics=figures,
        **costs.to_json(len(questions)),
        **around | {"versions": answers[0].versions},
        config=answers[0].config,
    )


def _rank(case: Case, material: Material, peer: Peer, questions: list[Question]) -> tuple[list[Answer], Figures]:
    """Libraries are not asked about people whom they do not know, so these have no figures."""
    sitting = Sitting(case, material.folds[0])
    asked = sitting.exam.asked
    answers = [
        ask(peer.python, peer.adapter, sitting.fold, asked, question, case.seen == "excluded") for question in questions
    ]
    nobody = np.full((len(sitting.people) - len(asked), sitting.depth), -1)
    figures = sitting.figures([np.concatenate([answer.values, nobody]).astype(np.int32) for answer in answers])
    return answers, {name: figure for name, figure in figures.items() if NEW_PEOPLE not in name}


def _rate(case: Case, material: Material, peer: Peer, questions: list[Question]) -> tuple[list[Answer], Figures]:
    (question,) = questions
    answers = [_rated(peer, fold, question) for fold in material.folds]
    return answers, ratings.figures(material.folds, [answer.values for answer in answers])


def _rated(peer: Peer, fold: Fold, question: Question) -> Answer:
    events = fold.test.events
    pairs = np.stack([events.user_rows, events.item_rows], axis=1)
    return ask(peer.python, peer.adapter, fold, pairs, question)
