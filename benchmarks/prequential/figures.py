"""Figures: how often each way had foretold what came next, and by how much one way beats another.

Events of one person are no independent draws, so people are resampled with all their events; a mean is that of all
events, the ratio of two sums over people. Resamples are the same for all ways of all models, so differences are paired.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmarks.prequential.streams import Stream
from benchmarks.prequential.walk import Walked
from serendip.data.arrays import FloatArray
from serendip.evaluation import Estimate
from serendip.evaluation.significance import bootstrap, estimate

COMPARED = (("live", "stale"), ("update", "live"), ("refit", "live"), ("refit", "update"))
Row = dict[str, Any]


def rows(stream: Stream, model: str, walked: Mapping[str, Walked]) -> list[Row]:
    """A row for each way of a model."""
    people = stream.dataset.events.user_rows[stream.asked]
    known = stream.known_people[people]
    found = []
    for way, one in walked.items():
        values = {"hit@10": one.hits, "ndcg@10": one.gains}
        row: Row = {"model": model, "way": way}
        row |= {name: _table(_mean(people, value)) for name, value in values.items()}
        row["known people"] = {name: _table(_mean(people[known], value[known])) for name, value in values.items()}
        if one.seconds:
            row |= {"steps": len(one.seconds), "seconds_a_step": round(float(np.mean(one.seconds)), 3)}
        found.append(row)
    return found


def differences(stream: Stream, model: str, walked: Mapping[str, Walked]) -> list[Row]:
    """By how much one way of a model beats another, where it goes both."""
    people = stream.dataset.events.user_rows[stream.asked]
    found = []
    for one, other in COMPARED:
        if one in walked and other in walked:
            row: Row = {"model": model, "one": one, "other": other}
            row["hit@10"] = _table(_mean(people, walked[one].hits - walked[other].hits))
            row["ndcg@10"] = _table(_mean(people, walked[one].gains - walked[other].gains))
            found.append(row)
    return found


def _mean(people: FloatArray, values: FloatArray) -> Estimate:
    """Of `values` (Q,), each of an event of one of `people` (Q,)."""
    distinct, place = np.unique(people, return_inverse=True)
    sums = np.stack([np.bincount(place, values), np.bincount(place)], axis=1)  # (people, 2)
    if not len(distinct):
        return Estimate(float("nan"))
    resampled = bootstrap(sums)
    return estimate(float(np.mean(values)), resampled[:, 0] / resampled[:, 1])


def _table(found: Estimate) -> Row:
    return {"mean": found.mean, "low": found.low, "high": found.high}
