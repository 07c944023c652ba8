"""Provenance: what of the store a model was fitted on, kept in its card, so that it can be told exactly what to forget.

It names nobody: a number of the log, how many people had been erased, and the rules by which events were cleaned.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import BaseModel, ConfigDict, ValidationError

from serendip.data import Dataset, Queries, Signals, Tables, Vocabulary
from serendip.data.cleaning import CleaningReport, CleaningRules, clean
from serendip.data.tables import EVENT_SCHEMA
from serendip.pipeline import Pipeline, Recipe
from serendip.store.records import Erasure, Mark

IN_CARD = "log"


@dataclass(frozen=True)
class Reading:
    """What there is to learn from, at one moment."""

    dataset: Dataset
    report: CleaningReport
    mark: Mark
    rules: CleaningRules

    def sign(self, pipeline: Pipeline) -> None:
        """Note in the card of `pipeline` that it was fitted on this, and how it scores."""
        scripts = sum(step.removed for step in self.report.steps if step.name == "scripts")
        erasures = dict.fromkeys(pipeline.models, self.mark.erasures)
        provenance = Provenance(
            events_to=self.mark.events, erasures=erasures, cleaning=self.rules, events_of_scripts=scripts
        )
        provenance.write(pipeline)
        pipeline.note_scores(self.dataset)


def of_sources(model: Path, recipe: Recipe) -> dict[str, Any]:
    """What the card of `model` says of where it comes from, of those sources alone that `recipe` has."""
    known: dict[str, Any] = json.loads((model / "card.json").read_bytes()).get(IN_CARD) or {}
    if not known:
        return {}
    names = {one.name for one in recipe.learners}
    return {IN_CARD: {**known, "erasures": {name: n for name, n in known["erasures"].items() if name in names}}}


class Provenance(BaseModel):
    """What a fitted pipeline reflects."""

    model_config = ConfigDict(frozen=True)

    events_to: int
    """The number of the last event that was read."""
    erasures: dict[str, int]
    """By source, of how many erasures of the store there is no trace in it."""
    cleaning: CleaningRules
    events_of_scripts: int
    """How many events were left out because of what other accounts did too."""

    @classmethod
    def of(cls, card: Mapping[str, Any]) -> Provenance | None:
        """What a card says; None where it does not."""
        try:
            return cls.model_validate(card.get(IN_CARD))
        except ValidationError:
            return None

    def write(self, pipeline: Pipeline) -> None:
        pipeline.card[IN_CARD] = self.model_dump(mode="json")

    def read(self, erasure: Erasure) -> pl.DataFrame:
        """Those of the events taken out that were there to be read, (E, `EVENT_SCHEMA`)."""
        return erasure.events.filter(pl.col("seq") <= self.events_to).select(list(EVENT_SCHEMA))

    def taught(self, erasure: Erasure, items: Vocabulary, signals: Signals) -> Queries | None:
        """The history that models learned from, a batch of one or of none; None where it cannot be told exactly."""
        if self.events_of_scripts:  # whether theirs were among them hangs on accounts that may be gone
            return None
        alone = self.cleaning.model_copy(update={"identical_accounts": 0})
        cleaned, _ = clean(Tables(self.read(erasure)), alone)
        known = pl.DataFrame({"item_id": items.ids()}, schema={"item_id": pl.String})
        dataset = Dataset.from_tables(Tables(cleaned.events, known), signals)
        return dataset.histories() if dataset.n_items == len(items) else None

    def after(self, erasure: Erasure, sources: set[str]) -> Provenance:
        """The same once `sources` have forgotten who was taken out."""
        erasures = {name: erasure.mark.erasures if name in sources else n for name, n in self.erasures.items()}
        # A store may give the numbers of events that are gone to those that come.
        events_to = min(self.events_to, erasure.mark.events)
        return self.model_copy(update={"erasures": erasures, "events_to": events_to})
