"""Pipeline: sources → filters → blending → re-ranking → reasons, for one request or for a batch."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Self

import numpy as np
import scipy.sparse as sp

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
from serendip.data.arrays import IntArray, Sparse
from serendip.data.vocabulary import UNKNOWN
from serendip.features.pictures import START
from serendip.models import Model
from serendip.pipeline import batch
from serendip.pipeline.artifact import Artifact
from serendip.pipeline.asking import Guard, ask, unguarded
from serendip.pipeline.blending import Blend, Part, blend, weighed
from serendip.pipeline.card import SCORED_PEOPLE, Stopwatch, data_card, score_card
from serendip.pipeline.catalogue import Catalogue
from serendip.pipeline.course import Course
from serendip.pipeline.exploring import Explorer, Luck, Tried, explore
from serendip.pipeline.filters import by_request, by_rule, passing
from serendip.pipeline.history import History
from serendip.pipeline.learning import Learned, histories_of, learned_card, teach
from serendip.pipeline.meaning import Meaning
from serendip.pipeline.offer import Offer, newcomers
from serendip.pipeline.opinions import Speaker
from serendip.pipeline.recipe import Recipe
from serendip.pipeline.rendering import render
from serendip.pipeline.reranking import caps_of, fame_of, rerank
from serendip.pipeline.rules import NO_RULES, Rules, boosted
from serendip.pipeline.saying import nothing_found, unknown_items
from serendip.pipeline.searching import by_content, by_picture, by_words
from serendip.pipeline.sight import Sight
from serendip.pipeline.sources import Sources
from serendip.training import FitOptions

Lookup = Callable[[str], Sequence[HistoryEvent]]
Clock = Callable[[str, float], None]


class Pipeline:
    """A recommender as its recipe says: `Pipeline(recipe).fit(dataset).recommend(Query(user="42"))`."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
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
        self.foresee: Callable[[Catalogue], None] = lambda catalogue: None
        """Is shown each new catalogue before anybody is answered with it."""
        self.exploring = True
        """Whether the places of `[exploration]` are given by chance; a service turns it off when it costs too much."""
        self.tried = Tried.nothing()
        """What came of such places; set by a service from its log."""
        self._explored: tuple[Catalogue, Tried, Explorer] | None = None
        self._sources = Sources(recipe)
        self._meaning: Meaning | None = None
        self._sight: Sight | None = None
        self.pictures = Path()
        """The folder that the attribute `image` of items starts from, once it was fitted."""
        self.wanted_by: IntArray = np.empty(0, np.int32)
        """How many people wanted each learned item when it was fitted; empty: that was not counted."""
        self._offer = Offer.of(Catalogue(self.learned, []), {}, {}, self.signals)

    @property
    def name(self) -> str:
        """The name of the recipe."""
        return self.recipe.name

    @property
    def models(self) -> dict[str, Model]:
        """What was fitted, by the names of the sources."""
        return self._sources.models

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
        self._sources.fit(dataset, options, watch)
        attributes = dataset.items.attributes
        records = zip(dataset.items.vocabulary.ids(), attributes.drop("item_id").to_dicts(), strict=True)
        catalogue = Catalogue.of(dataset.items.vocabulary, dict(records))
        if self.recipe.text.encoder is not None:
            with watch.measuring("meaning"):
                texts = catalogue.told(self.recipe.text.fields)
                self._meaning = Meaning(self.recipe.text.encoder).fit(texts, options.vectors)
        if self.recipe.picture.encoder is not None:
            with watch.measuring("sight"):
                self._sight = Sight(self.recipe.picture.encoder).fit(dataset, options)
        self.pictures = options.pictures or Path()
        self.wanted_by = np.bincount(dataset.matrix().indices, minlength=dataset.n_items).astype(np.int32)
        self.signals, self.lookup = dataset.signals, dataset.history
        self._open(catalogue)
        if self.recipe.ranking is not None:
            self._sources.fit_ranking(dataset, options, watch, self._listed)
            self._open(catalogue)
        self.card = data_card(dataset, self.recipe.name, watch)
        return self

    def _listed(self, queries: Queries, k: int) -> IntArray:
        """What the sources list for histories."""
        n_items = len(self.learned)
        nothing = sp.csr_array((len(queries), n_items), dtype=np.float32)
        return self.rank(queries, k, queries.matrix(n_items) if self.recipe.filters.seen else nothing)

    def _open(self, catalogue: Catalogue) -> None:
        """Offer what was fitted."""
        self.learned = catalogue.vocabulary
        self._fame = fame_of(self.wanted_by)
        self._offer = self._sources.offer(catalogue, self.signals)

    def learn(self, before: Dataset, after: Dataset) -> Learned:
        """Teach the sources that can (`models.Learns`) what people did since; not while it answers.

        Items that came after the fit are on offer as `refresh_items` says, but no source learns events on them.

        Args:
            before: what it was fitted on, and has learned since.
            after: the same and what came later.
        """
        old, new, strange = histories_of(self.learned, before, after)
        stale: dict[str, str] = {}
        for name, model in self.models.items():
            why = teach(model, old, new)
            if why:
                stale[name] = why
        self._sources.index(len(self.learned), FitOptions())
        self._open(Catalogue(self.learned, self.catalogue.records[: len(self.learned)]))
        self.signals, self.lookup = after.signals, after.history
        self.card |= {"learned": learned_card(after, stale)}
        return Learned(tuple(name for name in self.models if name not in stale), stale, strange)

    def note_scores(self, dataset: Dataset) -> None:
        """Note in the card how the scores of lists are spread that those get who did something last in `dataset`."""
        latest = dict.fromkeys(dataset.events.user_rows[::-1].tolist())
        user_ids = dataset.users.vocabulary.ids(np.fromiter(islice(latest, SCORED_PEOPLE), np.int64))
        lists = (self.recommend(Query(user=user_id)) for user_id in user_ids)
        self.card["scores"] = score_card([[item.score for item in found] for found in lists])

    def artifact(self) -> Artifact:
        """All there is to save; items that came after the fit are not."""
        fitted = self.catalogue
        if len(fitted) > len(self.learned):
            fitted = Catalogue(self.learned, fitted.records[: len(self.learned)])
        others = (self._sources.indexes, self.card, self._meaning, self._sight, self.wanted_by)
        return Artifact(self.recipe, self.signals, fitted, self.models, *others)

    @classmethod
    def of(cls, saved: Artifact) -> Pipeline:
        """A pipeline of what was fitted."""
        pipeline = cls(saved.recipe)
        pipeline._sources.models, pipeline._sources.indexes = dict(saved.models), dict(saved.indexes)
        pipeline.signals, pipeline.card = saved.signals, dict(saved.card)
        pipeline._meaning, pipeline._sight, pipeline.wanted_by = saved.meaning, saved.sight, saved.wanted_by
        pipeline._open(saved.catalogue)
        return pipeline

    def save(self, folder: Path) -> None:
        """Write a readable folder: recipe, vocabulary, catalogue, one subfolder per source, card with hashes."""
        self.artifact().save(folder)

    @classmethod
    def load(cls, folder: Path) -> Pipeline:
        """What `save` wrote.

        Raises:
            DamagedArtifactError: a file is missing, truncated or altered; the message names it.
        """
        return cls.of(Artifact.load(folder))

    def refresh_items(self, attributes: Mapping[str, Mapping[str, Any]]) -> None:
        """Replace the attributes of all items by those given, by item id; new items are on offer from now on."""
        token = START.set(self.pictures)
        try:
            self._refresh(attributes)
        finally:
            START.reset(token)

    def _refresh(self, attributes: Mapping[str, Mapping[str, Any]]) -> None:
        new = newcomers(self.learned, attributes)
        items = Vocabulary((*self.learned.ids(), *new)) if new else self.learned
        same = items == self.items
        fresh = Catalogue.of(self.items if same else items, attributes).after(self.catalogue)
        fresh.prepare(self.recipe.labels(), self.recipe.text.fields, self._meaning, self._sight)
        self.foresee(fresh)
        offer = self._sources.wider(fresh, self.signals, new)
        self._offer = replace(offer, reader=self._offer.reader) if same else offer

    # One request

    def recommend(self, query: Query, luck: Luck | None = None, rules: Rules = NO_RULES) -> Recommendations:
        """The list for `query`, under the rules of a shop. Nothing that is unknown is an error: `warnings` say it.

        With `luck`, lists of known people are explored as the recipe says; without, nothing is left to chance.

        Raises:
            InputError: a filter of the query makes no sense.
        """
        course, started_s = self.course(query, rules), time.perf_counter()
        if luck is not None and self._may_explore(course):
            explore(course, self._explorer(course.catalogue), caps_of(course, self.recipe.reranking), luck)
            started_s = self._timed("exploration", started_s)
        items = render(course)
        position = course.history.position if query.history is None and query.user is not None else None
        found = Recommendations(items, tuple(course.warnings), tuple(course.degraded), position)
        self.clock("reasons", time.perf_counter() - started_s)
        return found

    def course(self, query: Query, rules: Rules = NO_RULES) -> Course:
        """All that happens on the way from `query` to its list, to be rendered or to be looked at.

        Raises:
            InputError: a filter of the query makes no sense.
        """
        course, asked = self._begun(query), time.perf_counter()
        course.ruling = rules.on(course.catalogue)
        course.filters = [
            *course.ruling.filters,
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
        blended = blend(parts, course.allowed)
        asked = self._timed("blending", asked)
        course.blend = boosted(self._ranked(blended, course), course.ruling, course.allowed)
        asked = self._timed("ranking", asked)
        rerank(course, self.recipe.reranking, self._fame)
        self._timed("reranking", asked)
        if not len(course.rows):
            course.warnings.append(nothing_found(query))
        return course

    def _may_explore(self, course: Course) -> bool:
        query = course.query
        plain = (
            query.user is not None
            and query.history is None
            and query.personalization
            and not query.text
            and query.image is None
            and query.order == "taste"
        )
        return plain and self.exploring and bool(self.recipe.exploration.places) and len(course.rows) > 0

    def _explorer(self, catalogue: Catalogue) -> Explorer:
        """What is known of what was tried, for the items that are on offer."""
        made = self._explored
        if made is None or made[0] is not catalogue or made[1] is not self.tried:
            made = catalogue, self.tried, Explorer(self.recipe.exploration, catalogue.vocabulary, self.tried)
            self._explored = made
        return made[2]

    def similar(self, item_id: str, query: Query | None = None, rules: Rules = NO_RULES) -> Recommendations:
        """Items like `item_id`, as `query.alike` says: those that the same people want, unless it says otherwise."""
        if item_id not in self.items:
            return Recommendations((), (f"the item {item_id!r} is not known to the model",))
        return self.recommend(self.likened(item_id, query or Query()), rules=rules)

    @staticmethod
    def likened(item_id: str, query: Query) -> Query:
        """The query that asks for what is similar to an item."""
        liked = (HistoryEvent(item_id=item_id, type="like"),)
        plain = {"text": None, "image": None, "personalization": True, "order": "taste"}
        return query.model_copy(update={"history": liked, **plain})

    def order(self, query: Query, item_ids: Sequence[str]) -> Recommendations:
        """The best `query.n` of `item_ids`, best first; those the model does not know come last, as given."""
        course = self._begun(query.model_copy(update={"text": None, "image": None}))
        course.allowed = np.ones(len(course.catalogue), bool)
        distinct = list(dict.fromkeys(item_ids))
        rows = course.catalogue.vocabulary.rows(distinct)
        known = rows[rows != UNKNOWN]
        course.blend = self._ranked(blend(self.parts(course), course.allowed).of(np.sort(known)), course)
        course.rows = known[np.argsort(-course.blend.weighted(known).sum(axis=0), kind="stable")]
        items = render(course)
        strange = [item for item, row in zip(distinct, rows, strict=True) if row == UNKNOWN]
        last = [Recommendation(item, len(items) + place, 0.0, "none") for place, item in enumerate(strange, 1)]
        warnings = (*course.warnings, *unknown_items("the items", strange))
        return Recommendations((*items, *last)[: query.n], warnings, tuple(course.degraded))

    # A batch, for evaluation

    def rank(self, queries: Queries, k: int, seen: Sparse) -> IntArray:
        """The `k` best item rows of each query, (B, K), -1 where a list is shorter; `seen` (B, N) is left out."""
        return batch.best(self.recipe, self._offer, self._fame, queries, k, seen)

    # The steps

    def _begun(self, query: Query) -> Course:
        """With the history that counts for `query`, and what must be said about it."""
        started_s = time.perf_counter()
        warnings: list[str] = []
        degraded: list[str] = []
        offer = self._offer  # one per request: a change meanwhile does not mix in
        history = self._history(query, offer, warnings, degraded)
        asked = history.queries if query.personalization else history.without_taste()
        asked = asked.at(np.asarray([time.time_ns() // 1_000_000])).saying((query.text or "",))
        course = Course(query, offer, history, asked, warnings, degraded, self.guard)
        self._timed("history", started_s)
        return course

    def _history(self, query: Query, offer: Offer, warnings: list[str], degraded: list[str]) -> History:
        read = offer.reader
        if query.history is not None:
            history = read(query.history)
            warnings += unknown_items("the history's items", history.strange)
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
        asked = course.query.alike != "content"
        said = ask(course.offer.speakers, course) if asked else {}
        if asked and not said:
            raise RuntimeError("no source of the recipe answers")
        return [
            *by_content(course, self.recipe.text, sum(one.weight for one in self.recipe.sources)),
            *weighed(self.recipe.sources, said, course.query.n, course.offer.models),
            *by_words(course, self.recipe.text, self._meaning, self._sight),
            *by_picture(course, self.recipe.picture, self._sight),
        ]

    @staticmethod
    def _ranked(blended: Blend, course: Course) -> Blend:
        """As the model that ranks has it, unless there is none or it fails and the guard allows it."""
        ranker = course.offer.ranker
        if ranker is None or course.query.alike == "content":
            return blended
        found = course.guard("the ranking", lambda: ranker([blended], course.asked)[0], course.degraded)
        return blended if found is None else found

    def _timed(self, step: str, started_s: float) -> float:
        now_s = time.perf_counter()
        self.clock(step, now_s - started_s)
        return now_s


def _nobody(user_id: str) -> Sequence[HistoryEvent]:
    return ()


def _unheard(step: str, seconds: float) -> None:
    pass
