"""Rankers: whatever can be evaluated, behind one small protocol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np

from serendip import models, retrieval
from serendip.data import Dataset, Queries
from serendip.data.arrays import FloatArray, IntArray, Sparse
from serendip.evaluation.specification import parse
from serendip.pipeline import Pipeline, Recipe
from serendip.training import FitOptions


class Ranker(Protocol):
    """Learns from a dataset and lists items for histories; a `Pipeline` is one, a `Model` is made one."""

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self: ...

    def rank(self, queries: Queries, k: int, seen: Sparse) -> IntArray:
        """Item rows (B, K) of at most `k` items for each query, best first, -1 where there are fewer.

        Args:
            seen: (B, N); the items stored in a row are to be left out of that list.
        """
        ...


@runtime_checkable
class Scorer(Ranker, Protocol):
    """A ranker that scores all items and lists the best, so that the order of the others can be judged too."""

    def scores(self, queries: Queries, seen: Sparse) -> FloatArray:
        """(B, N), larger is better, -inf for the items stored in `seen` (B, N)."""
        ...

    def best(self, scores: FloatArray, k: int) -> IntArray:
        """Item rows (B, K) of the best scored, best first; what `rank` lists."""
        ...


class ModelRanker:
    """A model that lists its best scored items."""

    def __init__(self, model: models.Model) -> None:
        self.model = model
        self._seed = 0

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        self.model.fit(dataset, options)
        self._seed = options.seed
        return self

    def rank(self, queries: Queries, k: int, seen: Sparse) -> IntArray:
        if isinstance(self.model, models.Embeds):  # several times as fast, the same list
            vectors, items = self.model.query_vectors(queries), self.model.item_vectors()
            return retrieval.recommend(vectors, items, k, seen, self._seed)[0]
        return self.best(self.scores(queries, seen), k)

    def scores(self, queries: Queries, seen: Sparse) -> FloatArray:
        scores = np.array(self.model.score(queries))  # (B, N), our own: the model may hand out what it keeps
        scores[np.repeat(np.arange(len(queries)), np.diff(seen.indptr)), seen.indices] = -np.inf
        return scores

    def best(self, scores: FloatArray, k: int) -> IntArray:
        rows, _ = retrieval.top_k(scores, k, self._seed)
        return rows


@dataclass(frozen=True)
class Entrant:
    """A ranker under the name it has in a report."""

    name: str
    ranker: Ranker
    config: dict[str, Any]


def entrants(things: Sequence[Any]) -> list[Entrant]:
    """Each of `things` ready to be evaluated: names such as `ease?l2=200`, recipes, models, pipelines, other rankers.

    Models and pipelines are made afresh from their config or recipe, so that a fitted one stays as it is.

    Raises:
        InputError: a name or a setting is unknown.
    """
    made: list[Entrant] = []
    for thing in things:
        entrant = _entrant(thing)
        twins = sum(other.name == entrant.name or other.name.startswith(f"{entrant.name} (") for other in made)
        name = f"{entrant.name} ({twins + 1})" if twins else entrant.name
        made.append(Entrant(name, entrant.ranker, entrant.config))
    return made


def _entrant(thing: Any) -> Entrant:
    if isinstance(thing, str) and parse(thing)[0] in Recipe.names():
        thing = Pipeline(Recipe.find(thing))
    if isinstance(thing, str):
        model = models.make(*parse(thing))
        return Entrant(thing.strip(), ModelRanker(model), model.config.model_dump(mode="json"))
    if isinstance(thing, Pipeline):
        return Entrant(thing.recipe.name, Pipeline(thing.recipe), thing.recipe.model_dump(mode="json"))
    if hasattr(thing, "rank"):
        return Entrant(getattr(thing, "name", type(thing).__name__), thing, {})
    if hasattr(thing, "score") or isinstance(thing, models.Rates):
        return Entrant(_model_name(thing), ModelRanker(type(thing)(thing.config)), thing.config.model_dump(mode="json"))
    raise TypeError(f"{thing!r} is no name of a model and has neither `rank`, `score` nor `rate`")


def _model_name(model: models.Model) -> str:
    """The name under which the model is found, with the settings that differ from its defaults."""
    package, _, module = type(model).__module__.rpartition(".")
    name = module if package == models.__name__ else type(model).__name__
    changed = model.config.model_dump(mode="json", exclude_defaults=True)
    settings = "&".join(f"{key}={value}" for key, value in changed.items())
    return f"{name}?{settings}" if settings else name
