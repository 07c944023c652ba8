"""Sources: what a recipe learns, and who speaks for each of its models, also once items were added."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from serendip import models, retrieval
from serendip.data import Dataset, InputError, Signals
from serendip.models import Embeds, Imitates, Model
from serendip.pipeline.card import Stopwatch
from serendip.pipeline.catalogue import Catalogue
from serendip.pipeline.offer import FirstItems, Offer, grown, of_first
from serendip.pipeline.opinions import Chances, Speaker, speaker
from serendip.pipeline.ranking import Ranker
from serendip.pipeline.recipe import RANKING, Recipe, Source
from serendip.retrieval import Index
from serendip.training import FitOptions
from serendip.training.options import Retriever

Records = Mapping[str, Mapping[str, Any]]


class Sources:
    """What is learned as a recipe says."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.models: dict[str, Model] = {}
        """By name, that of the ranking among them."""
        self.indexes: dict[str, Index] = {}
        """By name, where the catalogue is large."""
        self._speakers: dict[str, Speaker] = {}
        self._n_items = 0

    def fit(self, dataset: Dataset, options: FitOptions, watch: Stopwatch) -> None:
        """Fit each source, but not what ranks.

        Raises:
            InputError: a source, or what ranks, is misconfigured.
        """
        unfitted = {one.name: models.make(one.model, one.config) for one in self.recipe.learners}
        unfitted.pop(RANKING, None)
        for name in self.recipe.taught:
            if not isinstance(unfitted[name], Imitates):
                raise InputError(f"the ranking cannot teach {name!r}: it learns from no other model, as two_tower does")
        for done, (name, model) in enumerate(unfitted.items()):
            options.progress("sources", done, len(unfitted))
            with watch.measuring(name):
                self.models[name] = model.fit(dataset, replace(options, curve=watch.learned(name)))
        options.progress("sources", len(unfitted), len(unfitted))
        with watch.measuring("indexes"), options.limited():
            self.index(dataset.n_items, options)

    def fit_ranking(self, dataset: Dataset, options: FitOptions, watch: Stopwatch, listed: Retriever) -> None:
        """Fit what ranks on what the sources list, and then once more the sources that it teaches."""
        ranking = self.recipe.ranking
        assert ranking is not None
        told = replace(options, retriever=listed)
        with watch.measuring(RANKING):
            model = models.make(ranking.model, ranking.config)
            teacher = model.fit(dataset, replace(told, curve=watch.learned(RANKING)))
        taught = {}
        for source in [one for one in self.recipe.sources if one.name in self.recipe.taught]:
            with watch.measuring(source.name):
                told = replace(told, teacher=teacher.score, curve=watch.learned(source.name))
                taught[source.name] = models.make(source.model, source.config).fit(dataset, told)
        self.models |= {RANKING: teacher, **taught}  # until here it is the models of before that list
        if taught:
            with watch.measuring("indexes"), options.limited():
                self.index(dataset.n_items, options)

    def index(self, n_items: int, options: FitOptions) -> None:
        """Build an index for each source that can have one, where the catalogue is large."""
        asked = self.recipe.retrieval
        if n_items < asked.index_from:
            return
        searched = {one.name: self.models[one.name] for one in self.recipe.sources if one.chances is None}
        vectors = {name: model.item_vectors() for name, model in searched.items() if isinstance(model, Embeds)}
        self.indexes = {
            name: retrieval.build(asked.index, one, options.seed, asked.slack) for name, one in vectors.items()
        }

    def offer(self, catalogue: Catalogue, signals: Signals) -> Offer:
        """Exactly what was fitted."""
        self._n_items = len(catalogue)
        self._speakers = {
            source.name: self._speaker(source, self.models[source.name]) for source in self.recipe.sources
        }
        return Offer.of(catalogue, self.models, self._speakers, signals, self._ranker({}))

    def wider(self, catalogue: Catalogue, signals: Signals, new: Records) -> Offer:
        """The same, and the items that are `new`; of those that a model cannot take it says nothing."""
        asked = {source.name: self._with(source, new) for source in self.recipe.sources}
        behind, speakers = ({name: pair[side] for name, pair in asked.items()} for side in (0, 1))
        return Offer.of(catalogue, behind, speakers, signals, self._ranker(new))

    def _with(self, source: Source, new: Records) -> tuple[Any, Speaker]:
        """What stands behind a source, and who speaks for it."""
        model, fitted = self.models[source.name], self._speakers[source.name]
        if not new:
            return model, fitted
        longer = grown(model, new)
        if longer is None:
            return of_first(model, self._n_items), FirstItems(fitted, self._n_items)
        return longer, self._speaker(source, longer)

    def _speaker(self, source: Source, model: Model) -> Speaker:
        if source.chances is not None:
            return Chances(model, source.chances)
        return speaker(model, self.indexes.get(source.name))

    def _ranker(self, new: Records) -> Ranker | None:
        if self.recipe.ranking is None or not self.recipe.ranking.weight or RANKING not in self.models:
            return None
        model = self.models[RANKING]
        longer = grown(model, new) if new else None
        if longer is None:
            return Ranker(model, self.recipe.ranking, self._n_items)
        return Ranker(longer, self.recipe.ranking, self._n_items + len(new))
