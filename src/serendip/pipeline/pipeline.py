"""Pipeline: sources → filters → blending → re-ranking → reasons, for one request or for a batch."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from serendip import models
from serendip.data import (
    Dataset,
    HistoryEvent,
    InputError,
    Past,
    Queries,
    Query,
    Recommendation,
    Recommendations,
    Signals,
    Vocabulary,
)
from serendip.data.arrays import BoolArray, FloatArray, IntArray, Sparse
from serendip.data.vocabulary import UNKNOWN
from serendip.models import Embeds, Model
from serendip.pipeline.artifact import Artifact
from serendip.pipeline.asking import Guard, ask, unguarded
from serendip.pipeline.blending import Part, blend
from serendip.pipeline.card import Stopwatch, data_card
from serendip.pipeline.catalogue import Catalogue
from serendip.pipeline.course import Course
from serendip.pipeline.exploring import Explorer, Luck, Tried, explore
from serendip.pipeline.filters import by_request, by_rule, passing
from serendip.pipeline.history import History
from serendip.pipeline.meaning import Meaning
from serendip.pipeline.offer import FirstItems, Offer, grown, newcomers, of_first
from serendip.pipeline.opinions import Chances, Dense, Opinion, Speaker, speaker
from serendip.pipeline.recipe import Recipe, Source
from serendip.pipeline.rendering import render
from serendip.pipeline.reranking import fame_of, rerank
from serendip.retrieval import InvertedLists
from serendip.training import FitOptions

Lookup = Callable[[str], Sequence[HistoryEvent]]
Clock = Callable[[str, float], None]

BATCH = 256


class Pipeline:
    """A recommender as its recipe says: `Pipeline(recipe).fit(dataset).recommend(Query(user="42"))`."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.models: dict[str, Model] = {}
        self.signals = Signals()
        self.learned = Vocabulary([])
        """The items that the models were fitted on; items that came later stand behind them."""
        self.card: dict[str, Any] = {}
        self.lookup: Lookup = _nobody
        """Finds the history of a user id; set by `fit` to the data set, by a service to its store."""
        self.guard: Guard = unguarded
        """How sources are asked: a fault is raised, unless a service puts a guard here that leaves them out."""
        self.clock: Clock = _unheard
        """Is told how many seconds each step of a request took."""
        self.exploring = True
        """Whether the places of `[exploration]` are given by chance; a service turns it off when it costs too much."""
        self.tried = Tried.nothing()
        """What came of such places; set by a service from its log."""
        self._explored: tuple[Catalogue, Tried, Explorer] | None = None
        self._indexes: dict[str, InvertedLists] = {}  # by source name
        self._fitted: dict[str, Speaker] = {}  # by source name
        self._meaning: Meaning | None = None
        self._fame: FloatArray = np.empty(0, np.float32)  # of the learned items, where the recipe looks at it
        self._offer = Offer.of(Catalogue(self.learned, []), {}, {}, self.signals)

    @property
    def name(self) -> str:
        """The name of the recipe."""
        return self.recipe.name

    @property
    def catalogue(self) -> Catalogue:
        """The items that can be recommended, and their attributes."""
        return self._offer.catalogue

    @property
    def items(self) -> Vocabulary:
        """The items that can be recommended."""
        return self.catalogue.vocabulary

    @property
    def _speakers(self) -> Mapping[str, Speaker]:
        return self._offer.speakers

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
        with watch.measuring("indexes"), options.limited():
            self._indexes = self._indexed(dataset.n_items, options)
        attributes = dataset.items.attributes
        records = zip(dataset.items.vocabulary.ids(), attributes.drop("item_id").to_dicts(), strict=True)
        catalogue = Catalogue.of(dataset.items.vocabulary, dict(records))
        if self.recipe.text.encoder is not None:
            with watch.measuring("meaning"):
                texts = catalogue.told(self.recipe.text.fields)
                self._meaning = Meaning(self.recipe.text.encoder).fit(texts, options.vectors)
        if self.recipe.reranking.popularity:
            self._fame = fame_of(np.bincount(dataset.matrix().indices, minlength=dataset.n_items))
        self.signals, self.lookup = dataset.signals, dataset.history
        self.card = data_card(dataset, self.recipe.name, watch)
        self._open(catalogue)
        return self

    def _indexed(self, n_items: int, options: FitOptions) -> dict[str, InvertedLists]:
        """An index for each source that can have one, where the catalogue is large."""
        if n_items < self.recipe.retrieval.index_from:
            return {}
        searched = {one.name: self.models[one.name] for one in self.recipe.sources if one.chances is None}
        vectors = {name: model.item_vectors() for name, model in searched.items() if isinstance(model, Embeds)}
        return {name: InvertedLists.build(items, options.seed) for name, items in vectors.items()}

    def _open(self, catalogue: Catalogue) -> None:
        """Offer what was fitted."""
        self.learned = catalogue.vocabulary
        self._fitted = {source.name: self._speaker(source, self.models[source.name]) for source in self.recipe.sources}
        self._offer = Offer.of(catalogue, self.models, self._fitted, self.signals)

    def _speaker(self, source: Source, model: Model) -> Speaker:
        if source.chances is not None:
            return Chances(model, source.chances)
        return speaker(model, self._indexes.get(source.name), self.recipe.retrieval.slack)

    def save(self, folder: Path) -> None:
        """Write a readable folder: recipe, vocabulary, catalogue, one subfolder per source, card with hashes."""
        fitted = self.catalogue
        if len(fitted) > len(self.learned):
            fitted = Catalogue(self.learned, fitted.records[: len(self.learned)])
        Artifact(
            self.recipe, self.signals, fitted, self.models, self._indexes, self.card, self._meaning, self._fame
        ).save(folder)

    @classmethod
    def load(cls, folder: Path) -> Pipeline:
        """What `save` wrote.

        Raises:
            DamagedArtifactError: a file is missing, truncated or altered; the message names it.
        """
        saved = Artifact.load(folder)
        pipeline = cls(saved.recipe)
        pipeline.models, pipeline.card = dict(saved.models), dict(saved.card)
        pipeline.signals, pipeline._indexes = saved.signals, dict(saved.indexes)
        pipeline._meaning, pipeline._fame = saved.meaning, saved.fame
        pipeline._open(saved.catalogue)
        return pipeline

    def refresh_items(self, attributes: Mapping[str, Mapping[str, Any]]) -> None:
        """Replace the attributes of all items by those given, by item id; new items are on offer from now on."""
        new = newcomers(self.learned, attributes)
        items = Vocabulary((*self.learned.ids(), *new)) if new else self.learned
        same = items == self.items
        fresh = Catalogue.of(self.items if same else items, attributes)
        fresh.prepare(self.recipe.labels(), self.recipe.text.fields, self._meaning)
        asked = {source.name: self._of_all(source, new) for source in self.recipe.sources}
        models, speakers = ({name: pair[side] for name, pair in asked.items()} for side in (0, 1))
        offer = Offer.of(fresh, models, speakers, self.signals)
        self._offer = replace(offer, reader=self._offer.reader) if same else offer

    def _of_all(self, source: Source, new: Mapping[str, Mapping[str, Any]]) -> tuple[Any, Speaker]:
        """What stands behind a source, and who speaks for it, once items were added."""
        model, fitted, n_items = self.models[source.name], self._fitted[source.name], len(self.learned)
        if not new:
            return model, fitted
        longer = grown(model, new)
        if longer is None:
            return of_first(model, n_items), FirstItems(fitted, n_items)
        return longer, self._speaker(source, longer)

    # One request

    def recommend(self, query: Query, luck: Luck | None = None) -> Recommendations:
        """The list for `query`. Nothing that is unknown is an error: it is said in `warnings`.

        With `luck`, lists of known people are explored as the recipe says; without, nothing is left to chance.

        Raises:
            InputError: a filter of the query makes no sense.
        """
        course = self.course(query)
        if luck is not None and self._may_explore(course):
            caps = {**self.recipe.reranking.max_per, **query.max_per}
            explore(course, self._explorer(course.catalogue), caps, luck)
        started_s = time.perf_counter()
        items = render(course)
        position = course.history.position if query.history is None and query.user is not None else None
        found = Recommendations(items, tuple(course.warnings), tuple(course.degraded), position)
        self.clock("reasons", time.perf_counter() - started_s)
        return found

    def course(self, query: Query) -> Course:
        """All that happens on the way from `query` to its list, to be rendered or to be looked at.

        Raises:
            InputError: a filter of the query makes no sense.
        """
        course, asked = self._begun(query), time.perf_counter()
        course.filters = [
            *by_rule(course.catalogue, self.recipe.filters),
            *by_request(course.catalogue, self.recipe.filters, query, course.history.rows),
        ]
        course.allowed = passing(course.filters, len(course.catalogue))
        asked = self._timed("filters", asked)
        if not course.allowed.any():
            course.warnings.append("no item is left after the filters")
            return course
        parts = self.parts(course)
        asked = self._timed("sources", asked)
        course.blend = blend(parts, course.allowed)
        asked = self._timed("ranking", asked)
        rerank(course, self.recipe.reranking, self._fame)
        self._timed("reranking", asked)
        if not len(course.rows):
            lacking = "no item matches the words" if query.text else "nothing known of this person leads to an item"
            course.warnings.append(lacking)
        return course

    def _may_explore(self, course: Course) -> bool:
        query = course.query
        plain = query.user is not None and query.history is None and query.personalization and not query.text
        return plain and self.exploring and bool(self.recipe.exploration.places) and len(course.rows) > 0

    def _explorer(self, catalogue: Catalogue) -> Explorer:
        """What is known of what was tried, for the items that are on offer."""
        made = self._explored
        if made is None or made[0] is not catalogue or made[1] is not self.tried:
            made = catalogue, self.tried, Explorer(self.recipe.exploration, catalogue.vocabulary, self.tried)
            self._explored = made
        return made[2]

    def similar(self, item_id: str, query: Query | None = None) -> Recommendations:
        """Items that people who want `item_id` want too; `query` may filter."""
        if item_id not in self.items:
            return Recommendations((), (f"the item {item_id!r} is not known to the model",))
        return self.recommend(self.likened(item_id, query or Query()))

    @staticmethod
    def likened(item_id: str, query: Query) -> Query:
        """The query that asks for what is similar to an item."""
        liked = (HistoryEvent(item_id=item_id, type="like"),)
        return query.model_copy(update={"history": liked, "text": None, "personalization": True})

    def order(self, query: Query, item_ids: Sequence[str]) -> Recommendations:
        """The best `query.n` of `item_ids`, best first; those the model does not know come last, as given."""
        course = self._begun(query.model_copy(update={"text": None}))
        course.allowed = np.ones(len(course.catalogue), bool)
        course.blend = blend(self.parts(course), course.allowed)
        distinct = list(dict.fromkeys(item_ids))
        rows = course.catalogue.vocabulary.rows(distinct)
        known = rows[rows != UNKNOWN]
        course.rows = known[np.argsort(-course.blend.weighted(known).sum(axis=0), kind="stable")]
        items = render(course)
        strange = [item for item, row in zip(distinct, rows, strict=True) if row == UNKNOWN]
        last = [Recommendation(item, len(items) + place, 0.0, "none") for place, item in enumerate(strange, 1)]
        warnings = (*course.warnings, *_unknown_items("the items", strange))
        return Recommendations((*items, *last)[: query.n], warnings, tuple(course.degraded))

    # A batch, for evaluation

    def rank(self, queries: Queries, k: int, seen: Sparse) -> IntArray:
        """The `k` best item rows of each query, (B, K), -1 where a list is shorter; `seen` (B, N) is left out."""
        starts = range(0, len(queries), BATCH)
        batches = [self._best_of_batch(queries[at : at + BATCH], k, seen[at : at + BATCH]) for at in starts]
        return np.concatenate([np.empty((0, k), np.int32), *batches])

    def _best_of_batch(self, queries: Queries, k: int, seen: Sparse) -> IntArray:
        nobody, offer, catalogue = Query(n=k), self._offer, self.catalogue
        allowed = passing(list(by_rule(catalogue, self.recipe.filters)), len(catalogue))
        opinions = {name: list(one.opinions(queries)) for name, one in offer.speakers.items()}
        best = np.full((len(queries), k), UNKNOWN, np.int32)
        for place in range(len(queries)):
            course = Course(nobody, offer, History.nobody(), History.nobody().queries)
            course.allowed = _but(allowed, seen.indices[seen.indptr[place] : seen.indptr[place + 1]])
            said = {name: of_batch[place] for name, of_batch in opinions.items()}
            course.blend = blend(self._weighed(said, k, offer), course.allowed)
            rerank(course, self.recipe.reranking, self._fame)
            best[place, : len(course.rows)] = course.rows
        return best

    # The steps

    def _begun(self, query: Query) -> Course:
        """With the history that counts for `query`, and what must be said about it."""
        started_s = time.perf_counter()
        warnings: list[str] = []
        degraded: list[str] = []
        offer = self._offer  # one per request: a change meanwhile does not mix in
        history = self._history(query, offer, warnings, degraded)
        asked = history.queries if query.personalization else history.without_taste()
        asked = asked.at(np.asarray([time.time_ns() // 1_000_000]))
        course = Course(query, offer, history, asked, warnings, degraded, self.guard)
        self._timed("history", started_s)
        return course

    def _history(self, query: Query, offer: Offer, warnings: list[str], degraded: list[str]) -> History:
        read = offer.reader
        if query.history is not None:
            history = read(query.history)
            warnings += _unknown_items("the history's items", history.strange)
            return history
        if query.user is None:
            return read(())
        user = query.user
        events = self.guard("the history", lambda: self.lookup(user), degraded)
        if not events:
            warnings += [f"nothing is known of {user!r} yet"] if events is not None else []
            return read(())
        return events.made(read, read) if isinstance(events, Past) else read(events)

    def parts(self, course: Course) -> list[Part]:
        """What each source says, and the words; sources that fail are left out if the guard allows it."""
        said = ask(course.offer.speakers, course)
        if not said:
            raise RuntimeError("no source of the recipe answers")
        parts = self._weighed(said, course.query.n, course.offer)
        if course.query.text:
            match = course.catalogue.text_match(course.query.text, self.recipe.text.fields, self._meaning)
            parts.append(Part("text", Dense(match), self.recipe.text.weight, len(course.catalogue)))
            course.allowed = course.allowed & (match > 0)
        return parts

    def _weighed(self, said: Mapping[str, Opinion], n: int, offer: Offer) -> list[Part]:
        return [
            Part(one.name, said[one.name], one.weight, max(one.candidates, n), offer.models[one.name])
            for one in self.recipe.sources
            if one.name in said
        ]

    def _timed(self, step: str, started_s: float) -> float:
        now_s = time.perf_counter()
        self.clock(step, now_s - started_s)
        return now_s


def _nobody(user_id: str) -> Sequence[HistoryEvent]:
    return ()


def _unheard(step: str, seconds: float) -> None:
    pass


def _but(allowed: BoolArray, rows: IntArray) -> BoolArray:
    allowed = allowed.copy()
    allowed[rows] = False
    return allowed


def _unknown_items(which: str, strange: Sequence[str]) -> list[str]:
    if not strange:
        return []
    return [f"{len(strange)} of {which} are not known to the model, such as {strange[0]!r}"]
