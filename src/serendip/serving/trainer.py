"""Trainer: one round of training in this process: fit a challenger, compare it with the champion, promote it or not.

The most recent events are kept from the challenger, and neither has learned them; both are asked to foretell them. The
challenger takes over where it is not worse (`evaluation.judging`). Nothing before that touches what is served: the
model is a draft folder until one rename and one pointer, each whole or not at all, make it the current one. A round
that is killed leaves a draft, which the next one removes, and the champion.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from serendip.data import Dataset, InputError, Tables
from serendip.data.cleaning import clean
from serendip.data.times import rfc3339
from serendip.evaluation.judging import Verdict, judge
from serendip.pipeline import Pipeline, Recipe
from serendip.pipeline.card import peak_mb
from serendip.serving.deployment import Mirror
from serendip.store import Mark, Workspace, rounds
from serendip.store.files import FolderLock
from serendip.store.provenance import Provenance, Reading
from serendip.store.rounds import Outcome, Round
from serendip.training import FitOptions

PAGE = 10_000
Say = Callable[[str], None]


@dataclass(frozen=True)
class Material:
    """What a round works with."""

    lesson: Reading
    """What the challenger is fitted on."""
    known: Dataset
    """The same events, over all people and items of `whole`."""
    whole: Dataset
    """And the most recent events, which neither has learned."""


def train(workspace: Workspace, say: Say = lambda line: None, seed: int = 0) -> Round:
    """One round; what came of it is written down beside the models, failures too.

    Raises:
        InputError: another process is training, or what is to be learned or the recipe makes no sense.
    """
    lock = FolderLock(workspace.path)
    try:
        if not lock.take(wait=False):
            raise InputError(f"another process is training in {workspace.path}")
        workspace.drop_models(())  # drafts of rounds that were killed
        return _noted(workspace, say, seed)
    finally:
        lock.release()


def _noted(workspace: Workspace, say: Say, seed: int) -> Round:
    started_s, mark, champion = time.time(), workspace.store.mark(), workspace.current_model()

    def ended(outcome: Outcome, why: str, **more: Any) -> Round:
        one = Round(
            outcome,
            why,
            rfc3339(int(started_s * 1000)),
            round(time.time() - started_s, 1),
            mark.events,
            champion.name if champion else None,
            peak_mb=peak_mb(),
            **more,
        )
        rounds.add(workspace.path, one)
        return one

    try:
        return _round(workspace, champion, mark, say, seed, ended)
    except Exception as error:
        ended("failed", str(error) if isinstance(error, InputError) else type(error).__name__)
        raise


def _round(
    workspace: Workspace, champion: Path | None, mark: Mark, say: Say, seed: int, ended: Callable[..., Round]
) -> Round:
    settings = workspace.settings.training
    served = Pipeline.load(champion) if champion else None
    learned_to = _learned_to(served)
    window = min(settings.judged_by, (mark.events - learned_to) // 2) if served else 0
    if served and window < 1:
        return ended("skipped", "no events came since the model in service was fitted")
    say("reading the store")
    material = _material(workspace, mark, window)
    if material is None:
        return ended("skipped", "somebody was erased while the log was read")
    options = FitOptions(
        seed=seed,
        threads=settings.threads,
        vectors=workspace.text_vectors,
        pictures=workspace.path,
    )
    say("fitting")
    challenger = Pipeline(Recipe.find(workspace.settings.recipe)).fit(material.lesson.dataset, options)
    verdict: Verdict | None = None
    if served:
        say("comparing")
        catalogue = Mirror(workspace.store)
        for each in (served, challenger):
            catalogue.give(each)
        verdict = judge(served, challenger, material.known, material.whole, seed)
        challenger.card["verdict"] = verdict.to_json()
        against = verdict.against(settings.tolerance)
        if against:
            return ended("held", against, verdict=verdict.to_json())
    say("saving")
    version = _promoted(workspace, challenger, material.lesson, champion)
    if version is None:
        return ended("held", "another model was put in service meanwhile", verdict=verdict and verdict.to_json())
    why = str(verdict) if verdict else "there was no model yet"
    return ended("promoted", why, version=version, verdict=verdict and verdict.to_json())


def _learned_to(served: Pipeline | None) -> int:
    """The number of the last event that a pipeline may have learned."""
    provenance = Provenance.of(served.card) if served else None
    return provenance.events_to if provenance else 0


def _material(workspace: Workspace, mark: Mark, window: int) -> Material | None:
    """All there is, the last `window` numbers of the log apart; None where somebody was erased since `mark`."""
    store, settings = workspace.store, workspace.settings
    tables, _ = store.marked_tables()
    late = _late_events(workspace, mark.events - window)
    if store.mark().erasures != mark.erasures:
        return None
    recent = pl.Series("event_id", late, dtype=pl.String)
    cut = replace(mark, events=mark.events - window)
    whole, _ = clean(tables, settings.cleaning)
    lesson, report = clean(_without(tables, recent), settings.cleaning)
    dataset = Dataset.from_tables(whole, settings.events)
    beside = Tables(_without(whole, recent).events, dataset.items.attributes, dataset.users.attributes)
    return Material(
        Reading(Dataset.from_tables(lesson, settings.events), report, cut, settings.cleaning),
        Dataset.from_tables(beside, settings.events),
        dataset,
    )


def _late_events(workspace: Workspace, after: int) -> list[str]:
    """The ids of the events with greater numbers than `after`."""
    found: list[str] = []
    while page := workspace.store.event_page(PAGE, after):
        found += [event.event_id for _, event in page if event.event_id is not None]
        after = page[-1][0]
    return found


def _without(tables: Tables, event_ids: pl.Series) -> Tables:
    kept = tables.events.join(event_ids.to_frame(), on="event_id", how="anti", maintain_order="left")
    return replace(tables, events=kept)


def _promoted(workspace: Workspace, pipeline: Pipeline, lesson: Reading, champion: Path | None) -> str | None:
    """Put `pipeline` in service, if the champion still is; its version."""
    lesson.sign(pipeline)
    draft = workspace.new_model_folder()
    pipeline.save(draft)
    return workspace.succeed_model(draft, champion)
