"""Re-ranking: how much fame counts, variety by maximal marginal relevance, caps on how many of a kind a list holds.

Carbonell and Goldstein, The use of MMR, diversity-based reranking (SIGIR 1998), section 2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from serendip.algebra.compiled import compiled_short
from serendip.data.arrays import FloatArray, IntArray
from serendip.pipeline.course import Course
from serendip.pipeline.recipe import Reranking
from serendip.retrieval import best_of


def rerank(course: Course, settings: Reranking, fame: FloatArray) -> None:
    """Fill `pool`, `rows` and `pinned` of a course that has been blended; what may not be listed is left out once more.

    Args:
        fame: how well known the items that models were fitted on are, 0..1; those that came later have none.
    """
    assert course.blend is not None
    catalogue, query = course.catalogue, course.query
    diversity = settings.diversity if query.diversity is None else query.diversity
    popularity = settings.popularity if query.popularity is None else query.popularity
    caps = caps_of(course, settings)
    if query.order == "newest":
        course.rows, course.pinned = _within(course, _newest(course), caps)
        course.pool = course.rows
        return
    if popularity and not len(fame):
        course.warnings.append(
            "this model was fitted without noting what is well known; fit it again to use popularity"
        )
    wide = max(settings.pool, 2 * query.n) if diversity or popularity else query.n
    candidates, totals = course.blend.rows, course.blend.total
    if pins := course.ruling.pins:
        loose = ~np.isin(candidates, pins.rows)
        candidates, totals = candidates[loose], totals[loose]
    size = len(candidates) if caps else wide
    course.pool, scores = best_of(candidates, totals, size, len(catalogue))
    rows = course.pool
    if popularity and len(rows):
        leaned = lean(scores[:wide], _of(fame, rows[:wide]), popularity)
        order = np.argsort(-leaned, kind="stable")
        rows, scores = np.concatenate([rows[order], rows[wide:]]), leaned[order]
    if diversity:
        k = wide if caps else query.n
        first = diversify(scores[:wide], catalogue.labels(settings.by)[rows[:wide]], k, diversity)
        rows = np.concatenate([rows[first], rows[wide:]])
    course.rows, course.pinned = _within(course, rows, caps)


def _within(course: Course, rows: IntArray, caps: Mapping[str, int]) -> tuple[IntArray, IntArray]:
    """The list of `rows`, in their order, and of what is pinned: the hard rules have the last word on both."""
    rows, n = rows[course.allowed[rows]], course.query.n
    pins = course.ruling.pins
    if not pins and not caps:
        return rows[:n], pins.rows
    pins = pins.of(course.allowed[pins.rows] & (pins.positions <= n))
    rows = np.concatenate([pins.rows, course.ruling.pins.others(rows)])
    if caps:
        labels = [course.catalogue.labels((name,))[rows] for name in caps]
        rows = rows[capped(labels, list(caps.values()), n)]
        pins = pins.of(np.isin(pins.rows, rows))
    return pins.among(rows[len(pins) :], n), pins.rows


def caps_of(course: Course, settings: Reranking) -> dict[str, int]:
    """How many of one value of which attributes the list may hold: no request loosens a rule of the shop."""
    asked = {**settings.max_per, **course.query.max_per}
    ruled = course.ruling.caps
    return asked | {name: min(most, asked.get(name, most)) for name, most in ruled.items()}


def _newest(course: Course) -> IntArray:
    """All that may be listed, or of it what was found, the last to arrive first."""
    assert course.blend is not None
    fits = course.allowed
    if course.query.text or course.query.image is not None:
        fits = np.zeros_like(fits)
        fits[course.blend.rows] = True
    order = course.catalogue.newest_first
    return np.asarray(order[fits[order]])


def lean(scores: FloatArray, fame: FloatArray, popularity: float) -> FloatArray:
    """Scores (C,) in which fame counts as much as `popularity` says, 0..1.

    (1 - |p|) * relevance + |p| * fame, or 1 - fame where p is negative; relevance is the score scaled to 0..1 over the
    candidates.
    """
    wanted = fame if popularity > 0 else 1 - fame
    return np.asarray((1 - abs(popularity)) * _relevance(scores) + abs(popularity) * wanted)


def fame_of(people: IntArray) -> FloatArray:
    """How well known items are, (N,), 0..1, on a logarithmic scale, where so many `people` (N,) want each."""
    return np.asarray(np.log1p(people) / (np.log1p(people.max(initial=0)) or 1.0), np.float32)


def _of(fame: FloatArray, rows: IntArray) -> FloatArray:
    found, known = np.zeros(len(rows), np.float32), rows < len(fame)
    found[known] = fame[rows[known]]
    return found


def _relevance(scores: FloatArray) -> FloatArray:
    span = np.ptp(scores)
    return np.asarray((scores - scores.min()) / span if span > 0 else np.ones_like(scores))


def diversify(scores: FloatArray, labels: IntArray, k: int, diversity: float) -> IntArray:
    """The order in which to list `k` of C candidates, positions (min(k, C),).

    Greedily takes the candidate with the largest (1 - d) * relevance - d * likeness to the most similar one
    already taken; relevance is the score scaled to 0..1 over the candidates, likeness the cosine of their sets of
    labels. With d = 0 it is the plain order.

    Args:
        scores: (C,), best first.
        labels: (C, L), what each is, as numbers; -1 is none.
        diversity: d, 0..1.
    """
    k = min(k, len(scores))
    if diversity == 0 or k == 0:
        return np.arange(k)
    return _diversified(_relevance(scores).astype(np.float64), labels, k, float(diversity))


@compiled_short
def _diversified(relevance: FloatArray, labels: IntArray, k: int, diversity: float) -> IntArray:
    taken = np.empty(k, np.int64)
    left = np.ones(len(relevance), np.bool_)
    nearest = np.zeros(len(relevance))
    for place in range(k):
        best, most = -1, 0.0
        for one in range(len(relevance)):
            gain = (1 - diversity) * relevance[one] - diversity * nearest[one]
            if left[one] and (best < 0 or gain > most):
                best, most = one, gain
        taken[place] = best
        left[best] = False
        for one in range(len(relevance)):
            nearest[one] = max(nearest[one], _cosine(labels[one], labels[best]))
    return taken


@compiled_short
def _cosine(some: IntArray, others: IntArray) -> float:
    """Of two sets of labels."""
    shared, size, other_size = 0, 0, 0
    for other in others:
        other_size += other >= 0
    for label in some:
        size += label >= 0
        for other in others:
            shared += label == other and label >= 0
    return shared / np.sqrt(size * other_size) if shared else 0.0


def capped(labels: Sequence[IntArray], caps: Sequence[int], k: int) -> IntArray:
    """The first `k` candidates, in their order, that keep within every cap, positions (at most k,).

    Args:
        labels: for each cap, what each candidate is, (C, L); -1 is none. One with several labels counts for each.
        caps: how many of one label may be listed.
    """
    counts: list[dict[int, int]] = [{} for _ in caps]
    listed: list[int] = []
    for place in range(len(labels[0]) if labels else 0):
        if len(listed) == k:
            break
        mine = [[label for label in table[place].tolist() if label >= 0] for table in labels]
        if all(
            count.get(label, 0) < cap for count, cap, found in zip(counts, caps, mine, strict=True) for label in found
        ):
            listed.append(place)
            for count, found in zip(counts, mine, strict=True):
                for label in found:
                    count[label] = count.get(label, 0) + 1
    return np.asarray(listed, np.int64)
