"""Negatives: what a right answer is told apart from. Drawn for a whole batch at once, so that one product scores them.

Each sampler says with what chance an item is among those drawn: a loss that knows it estimates the sum over the whole
catalogue without bias (`losses.softmax`). The right answer of a place is a candidate for certain, so it is left out of
that sum; of a batch of M answers the others have M - 1 places to come from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from serendip.data.arrays import FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class Drawn:
    """Candidates shared by a batch, each once."""

    places: IntArray  # (C,) int64, ascending
    log_chance: FloatArray  # (C,) float32: ln P(it is a candidate beside one right answer, which it is not), 0 at most

    def among(self, targets: IntArray) -> IntArray:
        """Where each of `targets`, all of which are candidates, stands among them."""
        return np.searchsorted(self.places, targets)


Sampler = Callable[[IntArray, np.random.Generator], Drawn]
"""From the right answers of a batch (M,) and a generator to its candidates, the right answers among them."""


def everything(n_items: int) -> Sampler:
    """No sampling: every item is a candidate."""
    drawn = Drawn(np.arange(n_items), np.zeros(n_items, np.float32))
    return lambda targets, generator: drawn


def uniform(n_items: int, negatives: int) -> Sampler:
    """`negatives` draws among all items, each as likely as the other."""
    return popular(np.ones(n_items), negatives, 0.0)


def popular(people: FloatArray, negatives: int, power: float) -> Sampler:
    """`negatives` draws with a chance that grows like `people` (N,) to a `power`; 0 is uniform, 1 as popularity is."""
    chance = np.power(people, power, where=people > 0, out=np.zeros(len(people)))
    chance /= max(chance.sum(), 1e-300)
    bounds = np.cumsum(chance)

    def draw(targets: IntArray, generator: np.random.Generator) -> Drawn:
        found = np.searchsorted(bounds, generator.random(negatives) * bounds[-1], side="right")
        drawn = _candidates(targets, np.minimum(found, len(people) - 1), _within(chance, negatives))
        drawn.log_chance[drawn.among(targets)] = 0.0  # beside these answers they are there for certain
        return drawn

    return draw


def in_batch(people: FloatArray) -> Sampler:
    """The right answers of the other places of the batch, each as likely as `people` (N,) want it."""
    share = people / max(people.sum(), 1e-300)
    none = np.empty(0, np.int64)
    return lambda targets, generator: _candidates(targets, none, _within(share, len(targets) - 1))


def mixed(people: FloatArray, negatives: int) -> Sampler:
    """The right answers of the batch and `negatives` uniform draws: Yang et al., "Mixed negative sampling", WWW 2020.

    Among the right answers alone, what few want would never be told apart from anything.
    """
    share, n_items = people / max(people.sum(), 1e-300), len(people)
    drawn = _within(np.full(n_items, 1 / max(1, n_items)), negatives)

    def draw(targets: IntArray, generator: np.random.Generator) -> Drawn:
        met = _within(share, len(targets) - 1)
        return _candidates(targets, generator.integers(n_items, size=negatives), 1 - (1 - met) * (1 - drawn))

    return draw


def _within(chance: FloatArray, draws: int) -> FloatArray:
    """The chance of each item to be met at least once in so many draws, (N,): 1 - (1 - q)^draws."""
    return np.asarray(-np.expm1(draws * np.log1p(-np.minimum(chance, 1 - 1e-12))))


def _candidates(targets: IntArray, drawn: IntArray, chance: FloatArray) -> Drawn:
    places = np.unique(np.concatenate([targets, drawn]))
    log_chance = np.log(np.maximum(chance[places], 1e-12))
    return Drawn(places, log_chance.astype(np.float32))


def others(positives: IntArray, n_items: int, negatives: int, generator: np.random.Generator) -> IntArray:
    """`negatives` uniform draws for each of `positives` (M,), none of them that positive itself, (M, K)."""
    drawn = generator.integers(max(1, n_items - 1), size=(len(positives), negatives))
    return np.asarray(drawn + (drawn >= positives[:, None]) * (n_items > 1))


def hardest(scores: Tensor, kept: int) -> Tensor:
    """Where the `kept` stand that score best of (M, K) drawn negatives, (M, kept): Zhang et al., SIGIR 2013."""
    return torch.topk(scores.detach(), min(kept, scores.shape[1]), dim=1, sorted=False).indices
