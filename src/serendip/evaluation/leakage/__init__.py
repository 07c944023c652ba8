"""Leaks: ways in which what must be foretold is known beforehand, found in a split and in what was fitted."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from serendip.data.splits import Split
from serendip.evaluation.leakage.finding import LEAKS, Finding
from serendip.evaluation.leakage.fitted import arrays, attributes
from serendip.evaluation.leakage.future import future_items
from serendip.evaluation.leakage.sides import copies, history, order, tuning, vocabulary, withheld

__all__ = ["LEAKS", "Finding", "arrays", "future_items", "leaks"]


def leaks(
    split: Split,
    ratings: bool = False,
    fitted: Mapping[str, Any] | None = None,
    vocabularies: Mapping[str, Collection[str]] | None = None,
    tuned_on: Split | None = None,
) -> list[Finding]:
    """Every leak that can be seen in a split and in what was fitted; none in clean data.

    Args:
        ratings: A person's rating of an item must not be learned from where another rating of the pair is foretold.
            Lists need no such rule: what somebody has seen is not asked for, or may be asked for again on purpose.
        fitted: Arrays by name, such as the `weights` of a model: those with one number per item or person are
            compared with what the events say.
        vocabularies: Ids or attribute values by name, that were collected from training events.
        tuned_on: The split by which settings were chosen.
    """
    return [
        *copies(split, ratings),
        *order(split),
        *history(split),
        *withheld(split),
        *attributes(split),
        *arrays(split, fitted or {}),
        *(finding for name, entries in (vocabularies or {}).items() for finding in vocabulary(name, entries, split)),
        *tuning(split, tuned_on),
    ]
