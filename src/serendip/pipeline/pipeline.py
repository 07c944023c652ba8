"""Pipeline: sources → filters → blending → re-ranking → reasons, for one request or for a batch."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from serendip import models
from serendip.data import (
    Dataset,
    HistoryEvent,
    InputError,
    Queries,
    Query,
    Recommendation,
    Recommendations,
    Signals,
    Vocabulary,
)
from serendip.data.arrays import BoolArray, FloatArray, IntArray, Sparse
from serendip.data.vocabulary import UNKNOWN
from serendip.models import Model
from serendip.pipeline.artifact import Artifact
from serendip.pipeline.blending import Blend, Part, blend
from serendip.pipeline.card import Stopwatch, data_card
from serendip.pipeline.catalogue import Catalogue
from serendip.pipeline.history import History
from serendip.pipeline.recipe import Recipe
from serendip.pipeline.rendering import render
from serendip.pipeline.reranking import diversify
from serendip.retrieval import top_k
from serendip.training import FitOptions

Lookup = Callable[[str], Sequence[HistoryEvent]]

BATCH = 256


class Pipeline:
    """A recommender as its recipe says: `Pipeline(recipe).fit(dataset).recommend(Query(user="42"))`."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.models: dict[str, Model] = {}
        self.signals = Signals()
        self.catalogue = Catalogue(Vocabulary([]), [])
        self.card: dict[str, Any] = {}
        self.lookup: Lookup = _nobody
        """Finds the history of a user id; set by `fit` to the data set, by a service to its store."""

    @property
    def name(self) -> str:
        """The name of the recipe."""
        return self.recipe.name

    @property
    def items(self) -> Vocabulary:
        """The items that can be recommended."""
        return self.catalogue.vocabulary

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        """Fit each source on `dataset`.

        Raises:
            InputError: no event of the data set says that somebody wants something, or a source is misconfigured.
        """
        if not (dataset.events.signals > 0).any():
            raise InputError("there is nothing to learn from: no event says that somebody wants an item")
        watch = Stopwatch()
        unfitted = {source.name: models.make(source.model, source.config) for source in self.recipe.sources}
        for done, (name, model) in enumerate(unfitted.items()):
            options.progress("sources", done, len(unfitted))
            with watch.measuring(name):
                self.models[name] = model.fit(dataset, options)
        options.progress("sources", len(unfitted), len(unfitted))
        attributes = dataset.items.attributes
        records = zip(dataset.items.vocabulary.ids(), attributes.drop("item_id").to_dicts(), strict=True)
        self.catalogue = Catalogue.of(dataset.items.vocabulary, dict(records))
        self.signals, self.lookup = dataset.signals, dataset.history
        self.card = data_card(dataset, self.recipe.name, watch)
        return self

    def save(self, folder: Path) -> None:
        """Write a readable folder: recipe, vocabulary, catalogue, one subfolder per source, card with hashes."""
        Artifact(self.recipe, self.signals, self.catalogue, self.models, self.card).save(folder)

    @classmethod
    def load(cls, folder: Path) -> Pipeline:
        """What `save` wrote.

        Raises:
            DamagedArtifactError: a file is missing, truncated or altered; the message names it.
        """
        saved = Artifact.load(folder)
        pipeline = cls(saved.recipe)
        pipeline.signals, pipeline.catalogue = saved.signals, saved.catalogue
        pipeline.models, pipeline.card = dict(saved.models), dict(saved.card)
        return pipeline

    def refresh_items(self, attributes: Mapping[str, Mapping[str, Any]]) -> None:
        """Replace the attributes of the known items by those given, by item id."""
        self.catalogue = Catalogue.of(self.items, attributes)

    # One request

    def recommend(self, query: Query) -> Recommendations:
        """The list for `query`. Nothing that is unknown is an error: it is said in `warnings`.

        Raises:
            InputError: a filter of the query makes no sense.
        """
        catalogue = self.catalogue  # one snapshot per request: a refresh meanwhile does not mix in
        history, warnings = self._history(query)
        allowed = self._allowed(catalogue, query, history)
        if not allowed.any():
            return Recommendations((), (*warnings, "no item is left after the filters"))
        asked = history.queries if query.personalization else history.without_taste()
        blended = self._blend(catalogue, query, asked, allowed)
        rows = self._list(catalogue, blended.total[0], query.n, query.diversity)
        if not len(rows):
            lacking = "no item matches the words" if query.text else "nothing known of this person leads to an item"
            return Recommendations((), (*warnings, lacking))
        return Recommendations(render(catalogue, rows, blended, asked, history, query), tuple(warnings))

    def similar(self, item_id: str, query: Query | None = None) -> Recommendations:
        """Items that people who want `item_id` want too; `query` may filter."""
        if item_id not in self.items:
            return Recommendations((), (f"the item {item_id!r} is not known to the model",))
        liked = (HistoryEvent(item_id=item_id, type="like"),)
        asked = (query or Query()).model_copy(update={"history": liked, "text": None, "personalization": True})
        return self.recommend(asked)

    def order(self, query: Query, item_ids: Sequence[str]) -> Recommendations:
        """The best `query.n` of `item_ids`, best first; those the model does not know come last, as given."""
        catalogue = self.catalogue
        history, warnings = self._history(query)
        asked = history.queries if query.personalization else history.without_taste()
        everything = np.ones(len(catalogue), bool)
        blended = self._blend(catalogue, query.model_copy(update={"text": None}), asked, everything)
        distinct = list(dict.fromkeys(item_ids))
        rows = catalogue.vocabulary.rows(distinct)
        known = rows[rows != UNKNOWN]
        total = sum(
            factor[0] * part.scores[0, known] for part, factor in zip(blended.parts, blended.factors, strict=True)
        )
        ordered = known[np.argsort(-np.asarray(total), kind="stable")]
        items = render(catalogue, ordered, blended, asked, history, query)
        strange = [item for item, row in zip(distinct, rows, strict=True) if row == UNKNOWN]
        last = [Recommendation(item, len(items) + place, 0.0, "none") for place, item in enumerate(strange, 1)]
        warnings += _unknown_items("the items", strange)
        return Recommendations((*items, *last)[: query.n], tuple(warnings))

    # A batch, for evaluation

    def rank(self, queries: Queries, k: int, seen: Sparse) -> IntArray:
        """The `k` best item rows of each query, (B, K), -1 where a list is shorter; `seen` (B, N) is left out."""
        starts = range(0, len(queries), BATCH)
        batches = [self._best_of_batch(queries[at : at + BATCH], k, seen[at : at + BATCH]) for at in starts]
        return np.concatenate([np.empty((0, k), np.int32), *batches])

    def _best_of_batch(self, queries: Queries, k: int, seen: Sparse) -> IntArray:
        catalogue = self.catalogue
        allowed = np.broadcast_to(self._by_rule(catalogue), seen.shape).copy()
        allowed[seen.nonzero()] = False
        best = np.full((len(queries), k), UNKNOWN, np.int32)
        for place, total in enumerate(blend(self._parts(queries, k), allowed).total):
            rows = self._list(catalogue, total, k, None)
            best[place, : len(rows)] = rows
        return best

    # The steps

    def _history(self, query: Query) -> tuple[History, list[str]]:
        """The history that counts for `query`, and what must be said about it."""
        if query.history is not None:
            history = History.of(query.history, self.items, self.signals)
            return history, _unknown_items("the history's items", history.strange)
        events = self.lookup(query.user) if query.user is not None else ()
        new = query.user is not None and not events
        warnings = [f"nothing is known of {query.user!r} yet"] if new else []
        return History.of(events, self.items, self.signals), warnings

    def _by_rule(self, catalogue: Catalogue) -> BoolArray:
        """What the recipe lets through whoever asks, (N,)."""
        allowed = catalogue.matching(self.recipe.filters.rules)
        return allowed & catalogue.listable if self.recipe.filters.hidden else allowed

    def _allowed(self, catalogue: Catalogue, query: Query, history: History) -> BoolArray:
        """What may be listed for this request, (N,)."""
        allowed = self._by_rule(catalogue) & catalogue.matching(query.filter)
        if query.only is not None:
            allowed &= _mask(catalogue, query.only)
        if self.recipe.filters.seen:
            allowed[history.rows] = False
        return allowed & ~_mask(catalogue, query.without)

    def _parts(self, queries: Queries, n: int) -> list[Part]:
        fitted = ((source, self.models[source.name]) for source in self.recipe.sources)
        return [
            Part(source.name, model.score(queries), source.weight, max(source.candidates, n), model)
            for source, model in fitted
        ]

    def _blend(self, catalogue: Catalogue, query: Query, asked: Queries, allowed: BoolArray) -> Blend:
        parts = self._parts(asked, query.n)
        if query.text:
            match = catalogue.text_match(query.text, self.recipe.text.fields)
            parts.append(Part("text", match[None, :], self.recipe.text.weight, len(catalogue)))
            allowed = allowed & (match > 0)
        return blend(parts, allowed[None, :])

    def _list(self, catalogue: Catalogue, total: FloatArray, n: int, diversity: float | None) -> IntArray:
        """The rows to list, best first, (K,), from the total of each item, (N,)."""
        reranking = self.recipe.reranking
        wanted = reranking.diversity if diversity is None else diversity
        pool, scores = top_k(total[None, :], max(reranking.pool, 2 * n) if wanted else n)
        found = pool[0] != UNKNOWN
        rows: IntArray = pool[0][found]
        if not wanted:
            return rows
        order = diversify(scores[0][found], catalogue.likeness(rows, reranking.by), n, wanted)
        return np.asarray(rows[order])


def _nobody(user_id: str) -> Sequence[HistoryEvent]:
    return ()


def _mask(catalogue: Catalogue, item_ids: Collection[str]) -> BoolArray:
    mask = np.zeros(len(catalogue), bool)
    rows = catalogue.vocabulary.rows(item_ids)
    mask[rows[rows != UNKNOWN]] = True
    return mask


def _unknown_items(which: str, strange: Sequence[str]) -> list[str]:
    if not strange:
        return []
    return [f"{len(strange)} of {which} are not known to the model, such as {strange[0]!r}"]
