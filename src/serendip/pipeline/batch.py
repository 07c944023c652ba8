"""Batch: lists for many histories at once, without reasons, for evaluation and for what learns on lists."""

from __future__ import annotations

import numpy as np

from serendip.data import Queries, Query
from serendip.data.arrays import BoolArray, FloatArray, IntArray, Sparse
from serendip.data.vocabulary import UNKNOWN
from serendip.pipeline.blending import blend, weighed
from serendip.pipeline.course import Course
from serendip.pipeline.filters import by_rule, passing
from serendip.pipeline.history import History
from serendip.pipeline.offer import Offer
from serendip.pipeline.recipe import Recipe
from serendip.pipeline.reranking import rerank

AT_ONCE = 256


def best(recipe: Recipe, offer: Offer, fame: FloatArray, queries: Queries, k: int, seen: Sparse) -> IntArray:
    """The `k` best item rows of each query, (B, K), -1 where a list is shorter; `seen` (B, N) is left out.

    `fame` is what `rerank` looks at.
    """
    starts = range(0, len(queries), AT_ONCE)
    parts = [_best(recipe, offer, fame, queries[at : at + AT_ONCE], k, seen[at : at + AT_ONCE]) for at in starts]
    return np.concatenate([np.empty((0, k), np.int32), *parts])


def _best(recipe: Recipe, offer: Offer, fame: FloatArray, queries: Queries, k: int, seen: Sparse) -> IntArray:
    nobody, n_items = Query(n=k), len(offer.catalogue)
    allowed = passing(list(by_rule(offer.catalogue, recipe.filters)), n_items)
    opinions = {name: list(one.opinions(queries)) for name, one in offer.speakers.items()}
    courses, blends = [], []
    for place in range(len(queries)):
        course = Course(nobody, offer, History.nobody(), History.nobody().queries)
        course.allowed = _but(allowed, seen.indices[seen.indptr[place] : seen.indptr[place + 1]])
        said = {name: of_batch[place] for name, of_batch in opinions.items()}
        blends.append(blend(weighed(recipe.sources, said, k, offer.models), course.allowed))
        courses.append(course)
    ranked = blends if offer.ranker is None else offer.ranker(blends, queries)
    found = np.full((len(queries), k), UNKNOWN, np.int32)
    for place, (course, blended) in enumerate(zip(courses, ranked, strict=True)):
        course.blend = blended
        rerank(course, recipe.reranking, fame)
        found[place, : len(course.rows)] = course.rows
    return found


def _but(allowed: BoolArray, rows: IntArray) -> BoolArray:
    allowed = allowed.copy()
    allowed[rows] = False
    return allowed
