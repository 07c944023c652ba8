"""Profiles: networks that read a whole history at once, without its order, and say how much each item is wanted.

A profile is a person as a row of what they prefer, sparse: what is read costs the items of a history, not those of the
catalogue. People are learned from many at a time; some are left out of it and serve as an examination, where from most
of their items the others are to be found. Whoever asks later is read in the same way, so nobody has weights of their
own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Annotated, Any, Self

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from serendip.data import Queries
from serendip.data.arrays import FloatArray, IntArray, Sparse
from serendip.training import withheld
from serendip.training.loop import Course, Schedule, learn
from serendip.training.options import FitOptions
from serendip.training.session import torch_session
from serendip.training.settings import ModelConfig, NotSearched, Search

HIDDEN_SHARE = 0.2
"""Share of the items of the examined that are to be found."""
READ_AT_ONCE = 256
"""People who are answered at once."""
CPU = torch.device("cpu")


class ProfileConfig(ModelConfig):
    """What networks over whole histories have in common."""

    epochs: Annotated[int, NotSearched("learning stops by itself")] = Field(100, ge=1)
    """Passes over all people at most."""
    patience: Annotated[int, NotSearched("learning stops by itself")] = Field(10, ge=0)
    """Stop after so many epochs without a better NDCG@10 for the examined; 0: never, and nobody is examined."""
    examined: Annotated[int, NotSearched("a bound on time")] = Field(1_000, ge=1)
    """People who are left out of learning to examine by, a tenth of all at most."""
    learning_rate: Annotated[float, Search(1e-4, 1e-2, log=True)] = Field(1e-3, gt=0)
    """The largest; it falls to 0 along half a cosine."""
    weight_decay: Annotated[float, Search(0.0, 0.1)] = Field(0.0, ge=0)
    """Pull of all weights towards 0."""
    batch_size: Annotated[int, NotSearched("a trade of time for accuracy")] = Field(500, ge=1)
    """People of a step, fewer where there are few people."""


@dataclass(frozen=True, eq=False)
class Profiles:
    """Some people at once, each as a row of numbers for items, by place among those that take part."""

    columns: Tensor  # (E,) int64
    values: Tensor  # (E,) float32
    offsets: Tensor  # (B + 1,) int64
    n_items: int

    @classmethod
    def of(cls, matrix: Sparse, device: torch.device = CPU) -> Self:
        """From the rows of `matrix` (B, A)."""
        columns, offsets = (torch.from_numpy(part.astype(np.int64)) for part in (matrix.indices, matrix.indptr))
        values = torch.from_numpy(matrix.data.astype(np.float32))
        return cls(columns.to(device), values.to(device), offsets.to(device), matrix.shape[1])

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @cached_property
    def rows(self) -> Tensor:
        """Whose each number is, (E,) int64."""
        people = torch.arange(len(self), device=self.offsets.device)
        return people.repeat_interleave(self.offsets.diff())

    def totals(self, numbers: Tensor) -> Tensor:
        """The sum over each person of `numbers` (E,), (B,)."""
        return numbers.new_zeros(len(self)).index_add(0, self.rows, numbers)

    def unit(self) -> Tensor:
        """The values, each row divided by its length, (E,)."""
        lengths = self.totals(self.values.square()).sqrt().clamp(min=1e-9)
        return self.values / lengths[self.rows]

    def dense(self) -> Tensor:
        """(B, A)."""
        found = self.values.new_zeros(len(self), self.n_items)
        found[self.rows, self.columns] = self.values
        return found

    def sums(self, table: Tensor, numbers: Tensor) -> Tensor:
        """Σ over the items of each person of `numbers` (E,) times the item's row of `table` (A, D), (B, D)."""
        return functional.embedding_bag(
            self.columns, table, self.offsets, mode="sum", per_sample_weights=numbers, include_last_offset=True
        )


class FirstLayer(nn.Module):
    """A dense layer over profiles that adds up a vector for each item there is, and skips the zeros."""

    def __init__(self, n_items: int, width: int) -> None:
        super().__init__()
        self.items = nn.Embedding(n_items, width)
        nn.init.normal_(self.items.weight, std=math.sqrt(2 / (n_items + width)))  # Glorot and Bengio, AISTATS 2010
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, people: Profiles, numbers: Tensor) -> Tensor:
        """(B, D), from the `numbers` (E,) in the place of the values of `people`."""
        return people.sums(self.items.weight, numbers) + self.bias


class ProfileNet(nn.Module):
    """A network over profiles: called with `Profiles`, it says how much each item is wanted, (B, A)."""

    passes: tuple[str, ...] = ("all",)
    """What an epoch is made of: passes over all people, each by the name of what it teaches."""
    fewest_steps = 8
    """Batches are made smaller until a pass has so many steps, or they hold one person each."""
    counts_events = False
    """`batch_size` counts events in the place of people."""

    def __init__(self) -> None:
        super().__init__()
        self.aside = nn.Module()  # what only learning needs: it is kept in checkpoints, not in the model

    def begin(self, part: str) -> None:
        """A pass begins that teaches `part`."""

    def loss(self, people: Profiles, part: str, generator: np.random.Generator) -> Tensor:
        """How wrong it is about `people`, () to be made small by changing `part`."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class Step:
    """What one step looks at."""

    part: str
    first: bool
    """Whether it is the first of its pass."""
    members: IntArray  # (B,)
    generator: np.random.Generator


@dataclass(frozen=True, eq=False)
class ProfileLesson:
    """All people, some at a time."""

    net: ProfileNet
    matrix: Sparse  # (U, A)
    batch_size: int
    device: torch.device
    exam: withheld.Withheld | None = None

    def batches(self, generator: np.random.Generator) -> Iterator[Step]:
        costs = np.diff(self.matrix.indptr) if self.net.counts_events else np.ones(self.matrix.shape[0], np.int64)
        size = min(self.batch_size, int(costs.sum()) // self.net.fewest_steps)
        for part in self.net.passes:
            for place, members in enumerate(groups(costs, max(1, size), generator)):
                yield Step(part, place == 0, members, generator)

    def loss(self, batch: Step) -> Tensor:
        if batch.first:
            self.net.begin(batch.part)
        people = Profiles.of(self.matrix[batch.members], self.device)
        return self.net.loss(people, batch.part, batch.generator)

    def examined(self) -> float | None:
        if self.exam is None:
            return None
        seen = self.exam.seen
        return self.exam.ndcg(lambda part: self.net(Profiles.of(seen[part], self.device)).cpu().numpy())


def groups(costs: IntArray, size: int, generator: np.random.Generator) -> list[IntArray]:
    """Everybody once, in an order at random, in groups whose costs come to about `size`."""
    order = generator.permutation(len(costs))
    group = (np.cumsum(costs[order]) - 1) // size
    return np.split(order, np.flatnonzero(np.diff(group)) + 1)


def examination(
    matrix: Sparse, config: ProfileConfig, generator: np.random.Generator
) -> tuple[Sparse, withheld.Withheld | None]:
    """The rows of `matrix` (U, A) that may be learned from, and what the others are examined by, if anything."""
    most = config.examined if config.patience else 0
    people, exam = withheld.some_items(matrix, most, HIDDEN_SHARE, generator)
    if exam is None or not exam.wanted.nnz:
        return matrix, None
    return matrix[np.delete(np.arange(matrix.shape[0]), people)], exam


Build = Callable[[int], ProfileNet]
"""From the number of items that take part, at least 1, to a fresh network."""


@dataclass(frozen=True, eq=False)
class Taught:
    """A network over profiles that has learned, and where each item stands in it, -1 for those that take no part."""

    net: ProfileNet
    place: IntArray  # (N,)

    @classmethod
    def by(cls, build: Build, matrix: Sparse, config: ProfileConfig, options: FitOptions, label: str) -> Self:
        """Teach a fresh network the preferences of all people, `matrix` (U, N)."""
        schedule = Schedule(config.epochs, config.learning_rate, config.patience, weight_decay=config.weight_decay)
        place = places(matrix)
        known = among(matrix, place)
        left, exam = examination(known[np.diff(known.indptr) > 0], config, options.generator())
        with torch_session(options, left.nnz) as device:
            net = build(_width(place)).to(device)
            teach(ProfileLesson(net, left, config.batch_size, device, exam), schedule, options, label, config)
        return cls(net.to("cpu").eval(), place)

    @classmethod
    def restored(cls, build: Build, weights: dict[str, NDArray[Any]]) -> Self:
        place = weights["place"]
        with torch.device("meta"):  # without drawing numbers that are thrown away
            net = build(_width(place))
        learned = {name: torch.tensor(value) for name, value in weights.items() if name != "place"}
        net.load_state_dict(learned, strict=False, assign=True)  # nothing is there of what only learning needs
        return cls(net.eval(), place)

    def weights(self) -> dict[str, NDArray[Any]]:
        state = self.net.state_dict()
        return {"place": self.place} | {
            name: value.numpy() for name, value in state.items() if not name.startswith("aside.")
        }

    def read(self, matrix: Sparse) -> FloatArray:
        """What the network says of each item for the rows of `matrix` (B, N), (B, N) float32.

        0 for items that take no part, and in rows without any that does.
        """
        found = np.zeros(matrix.shape, np.float32)
        known, columns = among(matrix, self.place), np.flatnonzero(self.place >= 0)
        telling = np.flatnonzero(np.diff(known.indptr))
        with torch.inference_mode():
            for start in range(0, len(telling), READ_AT_ONCE):
                people = telling[start : start + READ_AT_ONCE]
                found[np.ix_(people, columns)] = self.net(Profiles.of(known[people])).numpy()
        return found

    def score(self, queries: Queries) -> FloatArray:
        """By how much more each item is wanted than the one that is wanted least, (B, N) float32, not below 0.

        Items that nobody wanted stand beside that one, and so do all where a history says nothing.
        """
        found = self.read(queries.matrix(len(self.place)))
        columns = self.place >= 0
        if columns.any():
            found[:, columns] -= found[:, columns].min(axis=1, keepdims=True)
        return found


def teach(lesson: ProfileLesson, schedule: Schedule, options: FitOptions, label: str, config: ModelConfig) -> Course:
    """`loop.learn`, if there is anybody to learn from."""
    if not lesson.matrix.nnz:
        return Course()
    return learn(lesson, schedule, options, label, (config, digest(lesson.matrix)))


def digest(matrix: Sparse) -> str:
    """By which a matrix is told from any other."""
    parts = (np.array(matrix.shape), matrix.indptr, matrix.indices, matrix.data)
    return sha256(b"".join(np.ascontiguousarray(part).tobytes() for part in parts)).hexdigest()


def places(matrix: Sparse) -> IntArray:
    """The place of each column of `matrix` (U, N) that has an entry, in their order, -1 for others, (N,)."""
    place = np.full(matrix.shape[1], -1)
    held = np.unique(matrix.indices)
    place[held] = np.arange(len(held))
    return place


def among(matrix: Sparse, place: IntArray) -> Sparse:
    """The columns of `matrix` (B, N) that take part, (B, A)."""
    return sp.csr_array(matrix[:, np.flatnonzero(place >= 0)])


def _width(place: IntArray) -> int:
    """How many items a network is made for: one that stands idle where there is none."""
    return max(1, int(place.max(initial=-1)) + 1)
