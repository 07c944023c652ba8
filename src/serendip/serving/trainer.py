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
from serendip.store import Mark, Workspace, choice, rounds, underway
from serendip.store.files import FolderLock
from serendip.store.promotions import Deed
from serendip.store.provenance import Provenance, Reading
from serendip.store.rounds import Outcome, Round
from serendip.store.training import TrainingSettings
from serendip.store.underway import Report, Underway
from serendip.training import FitOptions

PAGE = 10_000
TRIES, PAUSE_S = 3, 0.1
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


@dataclass(frozen=True)
class Order:
    """What somebody asks of a round, in the place of what is done by the clock."""

    recipe: Recipe | None = None
    """What is fitted; None: the one that is due, see `store.choice`."""
    anyway: bool = False
    """The new model takes over although it is not better, or although nothing came since to compare by."""
    by: str | None = None
    """The id of the key with which it was asked for."""
    why: str = "it was asked for"


def train(workspace: Workspace, say: Say = lambda line: None, seed: int = 0, order: Order = Order()) -> Round:
    """One round; what came of it is written down beside the models, failures too.

    Raises:
        InputError: another process is training, or what is to be learned or the recipe makes no sense.
    """
    lock = FolderLock(workspace.path)
    try:
        if not _taken(lock):
            raise InputError(f"another process is training in {workspace.path}")
        workspace.drop_models(())  # drafts of rounds that were killed
        return _noted(workspace, say, seed, order)
    finally:
        lock.release()


def _taken(lock: FolderLock) -> bool:
    """Whether the lock is ours; who looks whether somebody trains holds it for a moment (`underway`)."""
    for _ in range(TRIES):
        if lock.take(wait=False):
            return True
        time.sleep(PAUSE_S)
    return False


def _noted(workspace: Workspace, say: Say, seed: int, order: Order) -> Round:
    started_s, mark, champion = time.time(), workspace.store.mark(), workspace.current_model()
    began, name = rfc3339(int(started_s * 1000)), champion.name if champion else None

    def ended(outcome: Outcome, why: str, **more: Any) -> Round:
        spent_s = round(time.time() - started_s, 1)
        one = Round(outcome, why, began, spent_s, mark.events, name, peak_mb=peak_mb(), **more)
        rounds.add(workspace.path, one)
        return one

    recipe = order.recipe.name if order.recipe else ""
    with underway.told(workspace.path, Underway(began, order.why, order.by, recipe, mark.events, name)) as report:
        try:
            return _Round(workspace, champion, mark, order, seed, say, report, ended).run()
        except Exception as error:
            ended("failed", str(error) if isinstance(error, InputError) else type(error).__name__)
            raise


@dataclass(frozen=True)
class _Round:
    workspace: Workspace
    champion: Path | None
    mark: Mark
    order: Order
    seed: int
    say: Say
    report: Report
    ended: Callable[..., Round]

    def run(self) -> Round:
        served = Pipeline.load(self.champion) if self.champion else None
        window = min(self._settings.judged_by, (self.mark.events - _learned_to(served)) // 2) if served else 0
        if served and window < 1 and not self.order.anyway:
            return self.ended("skipped", "no events came since the model in service was fitted")
        self._step("reading the store")
        material = _material(self.workspace, self.mark, window)
        if material is None:
            return self.ended("skipped", "somebody was erased while the log was read")
        challenger = self._fitted(served, material)
        verdict = self._compared(served, challenger, material) if served and window else None
        told = verdict and verdict.to_json()
        against = verdict.against(self._settings.tolerance) if verdict else ""
        if against and not self.order.anyway:
            return self.ended("held", against, verdict=told)
        self._step("saving")
        version = _promoted(self.workspace, challenger, material.lesson, self.champion, self.order.by)
        if version is None:
            return self.ended("held", "another model was put in service meanwhile", verdict=told)
        nothing = "nothing came since to compare by" if served else "there was no model yet"
        why = f"it was to take over anyway: {against}" if against else str(verdict) if verdict else nothing
        return self.ended("promoted", why, version=version, verdict=told)

    @property
    def _settings(self) -> TrainingSettings:
        return self.workspace.settings.training

    def _step(self, name: str) -> None:
        self.say(name)
        self.report.step(name)

    def _fitted(self, served: Pipeline | None, material: Material) -> Pipeline:
        self._step("fitting")
        asked, workspace = self.order.recipe, self.workspace
        named = workspace.settings.recipe
        recipe, note = (asked, choice.chosen(named)) if asked else choice.due(named, served)
        options = FitOptions(
            seed=self.seed,
            threads=self._settings.threads,
            vectors=workspace.text_vectors,
            pictures=workspace.path,
            progress=self.report,
        )
        challenger = Pipeline(recipe).fit(material.lesson.dataset, options)
        challenger.card |= note
        return challenger

    def _compared(self, served: Pipeline, challenger: Pipeline, material: Material) -> Verdict:
        self._step("comparing")
        catalogue = Mirror(self.workspace.store)
        for each in (served, challenger):
            catalogue.give(each)
        verdict = judge(served, challenger, material.known, material.whole, self.seed)
        challenger.card["verdict"] = verdict.to_json()
        return verdict


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


def _promoted(
    workspace: Workspace, pipeline: Pipeline, lesson: Reading, champion: Path | None, by: str | None
) -> str | None:
    """Put `pipeline` in service, if the champion still is; its version."""
    lesson.sign(pipeline)
    draft = workspace.new_model_folder()
    pipeline.save(draft)
    return workspace.succeed_model(draft, champion, Deed("training", by))
