"""Meetings: networks that look at one person and one item together, and say how well they meet.

The person is the sum of vectors y_j of their history, p = W^-1/2 Σ_j w_j y_j with W = Σ_j w_j, and the item has a
vector q_i of its own. While learning, what is asked about is left out of the history that it is told apart from others
by: Kabbur, Ning and Karypis, "FISM: factored item similarity models", KDD 2013, equation 6.
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from serendip.training import losses, negatives
from serendip.training.profiles import ProfileConfig, ProfileNet, Profiles
from serendip.training.settings import NotSearched, Search

SPREAD = 0.1
"""Of the vectors before the first step."""
NUMBERS_AT_ONCE = 1 << 21
"""What networks hold of the pairs that are answered at once."""


class PairConfig(ProfileConfig):
    """What networks over pairs have in common."""

    negatives: Annotated[int, Search(1, 16, log=True)] = Field(4, ge=1)
    """Items drawn for each of a history, which it is told apart from."""
    objective: Annotated[Literal["binary", "bpr"], NotSearched("two ways to say what is wrong")] = "binary"
    """`binary`: what is wanted is told from what is not, one by one; `bpr`: the one is put above the other."""
    dropout: Annotated[float, Search(0.0, 0.6)] = Field(0.2, ge=0, lt=1)
    """Share of the numbers of persons that is left out at random while learning."""
    batch_size: Annotated[int, NotSearched("a trade of time for accuracy")] = Field(4_096, ge=1)
    """Events of a step, fewer where there are few."""


class PairNet(ProfileNet):
    """Vectors of histories and of items, and what happens when two of them meet, which is for a model to say."""

    fewest_steps = 16
    counts_events = True
    held = 1
    """Numbers that are held of a pair at most."""

    def __init__(self, n_items: int, width: int, config: PairConfig) -> None:
        super().__init__()
        self.settings = config
        self.given, self.wanted = nn.Embedding(n_items, width), nn.Embedding(n_items, width)
        for table in (self.given, self.wanted):
            nn.init.normal_(table.weight, std=SPREAD)
        self.bias = nn.Parameter(torch.zeros(n_items))

    def meeting(self, people: Tensor, items: Tensor) -> Tensor:
        """How well `people` (B, 1, W) meet `items` (B or 1, C, W), (B, C)."""
        raise NotImplementedError

    def sources(self) -> Tensor:
        """What an event at each item says of a person, y, (A, W)."""
        return self.given.weight

    def targets(self) -> Tensor:
        """What people meet of each item, q, (A, W)."""
        return self.wanted.weight

    def biases(self) -> Tensor:
        """How much each item is wanted whoever asks, (A,)."""
        return self.bias

    def person(self, people: Profiles) -> Tensor:
        """What stands for each person, (B, W)."""
        return _scaled(people.sums(self.sources(), people.values), people.totals(people.values))

    def forward(self, people: Profiles) -> Tensor:
        p = self.person(people)
        at_once = max(1, NUMBERS_AT_ONCE // (self.held * people.n_items))
        items = self.targets()[None]  # (1, A, W)
        return torch.cat([self.meeting(part[:, None], items) for part in torch.split(p, at_once)]) + self.biases()

    def loss(self, people: Profiles, part: str, generator: np.random.Generator) -> Tensor:
        drawn = negatives.others(people.columns.cpu().numpy(), people.n_items, self.settings.negatives, generator)
        others = torch.from_numpy(drawn).to(people.columns.device)  # (E, K)
        asked = torch.cat([people.columns[:, None], others], dim=1)  # (E, 1 + K)
        p = functional.dropout(self.without(people), self.settings.dropout, self.training)
        scores = self.meeting(p[:, None], functional.embedding(asked, self.targets())) + self.biases()[asked]
        right, wrong = scores[:, 0], scores[:, 1:]
        return (
            losses.bpr(right, wrong) if self.settings.objective == "bpr" else losses.binary_cross_entropy(right, wrong)
        )

    def without(self, people: Profiles) -> Tensor:
        """For each event its person, as if they had not met its item, (E, W)."""
        rows, weights, sources = people.rows, people.values, self.sources()
        own = weights[:, None] * functional.embedding(people.columns, sources)
        rest = people.totals(weights)[rows] - weights
        sums = people.sums(sources, weights)[rows] - own
        return _scaled(sums, torch.where(rest > 1e-4 * weights, rest, 0))  # what rounding leaves is nothing


def _scaled(sums: Tensor, totals: Tensor) -> Tensor:
    """`sums` (B, W) divided by the root of `totals` (B,), 0 where there is nothing."""
    return sums * torch.where(totals > 0, totals, torch.inf).rsqrt()[:, None]
