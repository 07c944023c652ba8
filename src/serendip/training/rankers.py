"""Rankers: networks that look at a pair of person and item by many columns. Shared by all ranking models.

Columns stand in fields. Those of an item: the item itself, and each attribute by its labels or tenths; those of a
person: the same fields of the items in their history, added up and divided by √n, and the context, which is how long
the history is and in which period its newest event lies. All columns have their vectors in one table.

A ranker is that table and a head, which makes scores of the vectors of fields. It is taught what people wanted
against drawn negatives, with what was known of them by then (`training.pairs`), by binary cross-entropy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
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

from serendip.data import Dataset, Queries
from serendip.data.arrays import FloatArray, IntArray
from serendip.features.columns import blocks
from serendip.training import losses, withheld
from serendip.training.loop import Schedule, learn
from serendip.training.options import FitOptions
from serendip.training.pairs import LENGTHS, PERIODS, Known, Pairs, declined, periods
from serendip.training.sequences import Sequences
from serendip.training.session import torch_session
from serendip.training.settings import ModelConfig, NotSearched, Search

FEWEST_STEPS = 16
"""Batches are made smaller until an epoch has so many steps, or they hold one event each."""
AT_ONCE = 1 << 22
"""Numbers of one layer that are held at once when answering."""
EXAMINED_PAIRS = 2_000_000
"""Of people and items that an examination scores at most, unless that were fewer than `FEWEST_EXAMINED` people."""
FEWEST_EXAMINED = 100
START = 0.1
"""Spread of the vectors at the start."""
CONTEXTS = 2
"""Fields of the context."""


class RankerConfig(ModelConfig):
    """What all rankers have in common."""

    embedding_size: Annotated[int, Search(8, 64, log=True)] = Field(16, ge=1)
    """D, the width of the vectors of columns."""
    hidden_size: Annotated[int, Search(32, 512, log=True)] = Field(64, ge=1)
    """Width of the layers of the tower."""
    layers: Annotated[int, Search(1, 4)] = Field(2, ge=1)
    """Layers of the tower, one after the other."""
    max_history: Annotated[int, NotSearched("a bound on time and memory")] = Field(200, ge=1)
    """Only the last so many events of a history are looked at."""
    dropout: Annotated[float, Search(0.0, 0.5)] = Field(0.2, ge=0, lt=1)
    """Share of the numbers between layers of the tower that is left out at random while learning."""
    l2: Annotated[float, Search(1e-4, 0.1, log=True)] = Field(0.01, ge=0)
    """Pull of the vectors of fields towards 0, each time that they are looked at."""
    negatives: Annotated[int, Search(1, 16, log=True)] = Field(4, ge=1)
    """Items drawn for each one that is wanted."""
    popularity: Annotated[float, Search(0, 1)] = Field(0.0, ge=0, le=1)
    """Share of the negatives drawn like what people want, instead of evenly."""
    declined: Annotated[float, Search(0, 1)] = Field(0.0, ge=0, le=1)
    """How often the first negative is something that the person is known not to want, where there is such a thing."""
    epochs: Annotated[int, NotSearched("learning stops by itself")] = Field(10, ge=1)
    """Passes over everything that is wanted at most."""
    patience: Annotated[int, NotSearched("learning stops by itself")] = Field(3, ge=0)
    """Stop after so many epochs without a better NDCG@10 on what was withheld; 0: never, and nothing is withheld."""
    examined: Annotated[int, NotSearched("a bound on time")] = Field(1_000, ge=1)
    """People whose last item is withheld to examine by, a fifth of all at most."""
    learning_rate: Annotated[float, Search(1e-3, 3e-2, log=True)] = Field(1e-2, gt=0)
    """The largest; it falls to 0 along half a cosine."""
    batch_size: Annotated[int, NotSearched("a trade of time for accuracy")] = Field(1_024, ge=1)
    """Pairs of a step, negatives included."""


@dataclass(frozen=True, eq=False)
class Columns:
    """The columns of each item that takes part: those of its first field, then those of the next, and so on."""

    counts: IntArray  # (A, F): how many columns of each field
    columns: IntArray  # (all,) int64
    shares: FloatArray  # (all,) float32: those of a field have length 1

    @classmethod
    def of(cls, dataset: Dataset, place: IntArray) -> Columns:
        """A column for each item that takes part, and those of the attributes."""
        taking_part = np.flatnonzero(place >= 0)
        places = np.arange(len(taking_part) + 1)
        cells = (np.ones(len(taking_part), np.float32), places[:-1], places)
        own = sp.csr_array(cells, shape=(len(taking_part), len(taking_part)))
        fields = [own, *(block[taking_part] for block in blocks(dataset.items.attributes))]
        joined = sp.csr_array(sp.hstack(fields, format="csr"))
        joined.sort_indices()
        counts = np.stack([np.diff(field.indptr) for field in fields], axis=1)
        return cls(counts.astype(np.int64), joined.indices.astype(np.int64), joined.data.astype(np.float32))

    @property
    def n_fields(self) -> int:
        return int(self.counts.shape[1])

    @property
    def n_columns(self) -> int:
        return int(self.columns.max(initial=-1)) + 1

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {"counts": self.counts, "columns": self.columns, "shares": self.shares}

    @cached_property
    def digest(self) -> str:
        """By which they are told from any others."""
        return sha256(b"".join(array.tobytes() for array in self.arrays().values())).hexdigest()


@dataclass(frozen=True, eq=False)
class People:
    """Who is asked for: their events, oldest first, one person after the other, and their context."""

    told: Tensor  # (R, F, W): the vectors of what may stand in a history
    events: Tensor  # (E,) int64: which of them
    offsets: Tensor  # (B + 1,) int64: the history of person b is events[offsets[b]:offsets[b + 1]]
    context: Tensor  # (B, X, W)

    @cached_property
    def lengths(self) -> Tensor:
        """(B,) int64."""
        return self.offsets.diff()

    @cached_property
    def pooled(self) -> Tensor:
        """The vectors of each history, added up and divided by √n, (B, F, W)."""
        flat = functional.embedding_bag(self.events, self.told.flatten(1), self.offsets[:-1], mode="sum")
        return (flat / self.lengths.clamp(min=1).sqrt()[:, None]).reshape(len(flat), *self.told.shape[1:])

    @cached_property
    def fields(self) -> Tensor:
        """All that is known of each person, (B, F + X, W)."""
        return torch.cat([self.pooled, self.context], dim=1)

    def padded(self) -> tuple[Tensor, Tensor]:
        """The vectors of each event, (B, T, F * W), and which of them are real, (B, T) bool."""
        longest = int(self.lengths.max()) if len(self.lengths) else 0
        real = torch.arange(longest, device=self.events.device) < self.lengths[:, None]
        places = torch.zeros(real.shape, dtype=torch.long, device=real.device)
        places[real] = self.events
        return functional.embedding(places, self.told.flatten(1)), real


class Head(nn.Module):
    """Makes scores of vectors."""

    width: int
    """W, of the vectors of columns."""
    apart: bool
    """Whether an item in a history has vectors of its own, other than those it has when it is asked about."""
    numbers: int
    """How many the largest layer holds for each pair."""

    def forward(self, people: People, items: Tensor) -> Tensor:
        """Log-odds that people want items, (B, C); `items` (B, C, F, W) or, the same for all, (1, C, F, W)."""
        raise NotImplementedError


class Ranker(nn.Module):
    """A table of vectors and a head."""

    counts: Tensor
    columns: Tensor
    shares: Tensor
    starts: Tensor

    def __init__(self, columns: Columns, head: Head) -> None:
        super().__init__()
        self.head = head
        self.first_told = columns.n_columns if head.apart else 0
        self.first_context = self.first_told + columns.n_columns
        self.table = nn.Parameter(START * torch.randn(self.first_context + LENGTHS + PERIODS, head.width))
        starts = np.concatenate([[0], np.cumsum(columns.counts.sum(axis=1))])
        for name, array in {**columns.arrays(), "starts": starts}.items():
            self.register_buffer(name, torch.from_numpy(array), persistent=False)

    @property
    def n_items(self) -> int:
        return len(self.counts)

    def items(self, places: Tensor) -> Tensor:
        """The vectors of the fields of items, (R, F, W), as they are when they are asked about."""
        return self._fields(places, 0)

    def told(self, places: Tensor) -> Tensor:
        """The same as they are in a history."""
        return self._fields(places, self.first_told)

    def people(self, told: Tensor, events: IntArray, known: Known) -> People:
        """Those of whom `known` is known, whose `events` (E,) are places in `told` (R, F, W)."""
        found, offsets, context = (
            _on(told.device, array) for array in (events, known.sequences.offsets, known.context)
        )
        return People(told, found, offsets, functional.embedding(self.first_context + context, self.table))

    def _fields(self, places: Tensor, first: int) -> Tensor:
        counts = self.counts[places]  # (R, F)
        lengths = counts.sum(1)
        before = lengths.cumsum(0) - lengths
        chosen = torch.repeat_interleave(self.starts[places] - before, lengths)
        chosen += torch.arange(len(chosen), device=places.device)
        flat = counts.flatten()
        bags = functional.embedding_bag(
            self.columns[chosen] + first,
            self.table,
            flat.cumsum(0) - flat,
            mode="sum",
            per_sample_weights=self.shares[chosen],
        )
        return bags.reshape(*counts.shape, bags.shape[1])


Build = Callable[[int], Head]
"""From the number of fields of an item to a fresh head."""


@dataclass(frozen=True, eq=False)
class RankingLesson:
    """What people wanted, told apart from drawn items by what was known of them by then."""

    net: Ranker
    pairs: Pairs
    config: RankerConfig
    device: torch.device
    asked: Known
    exam: withheld.Withheld | None

    @classmethod
    def of(cls, net: Ranker, whole: Sequences, unwanted: Sequences, config: RankerConfig, options: FitOptions) -> Self:
        most = min(config.examined, max(FEWEST_EXAMINED, EXAMINED_PAIRS // max(1, net.n_items)))
        most *= config.patience > 0
        left, asked, exam = withheld.last_items(whole, net.n_items, most, options.generator())
        pairs = Pairs(left, unwanted, net.n_items, periods(left.times_ms))
        return cls(net, pairs, config, net.table.device, Known.of(asked, pairs.borders, config.max_history), exam)

    def batches(self, generator: np.random.Generator) -> Iterable[tuple[IntArray, np.random.Generator]]:
        n_events = int(np.count_nonzero(self.pairs.counts))
        size = min(self.config.batch_size // (1 + self.config.negatives), n_events // FEWEST_STEPS)
        for events in self.pairs.batches(max(1, size), generator):
            yield events, generator

    def loss(self, batch: tuple[IntArray, np.random.Generator]) -> Tensor:
        events, generator = batch
        config, net, pairs = self.config, self.net, self.pairs
        known = pairs.known(events, config.max_history)
        drawn, wanted = pairs.others(events, config.negatives, config.popularity, config.declined, generator)
        candidates = np.column_stack([pairs.sequences.places[events], drawn])  # (M, 1 + K)
        met, place = _occurring(net.n_items, candidates, known.sequences.places)
        looked_up = _on(self.device, met)
        items = _chosen(net.items(looked_up), _on(self.device, place[candidates]))  # (M, 1 + K, F, W)
        people = net.people(net.told(looked_up), place[known.sequences.places], known)
        odds = net.head(people, items)
        negative = odds[:, 1:].masked_fill(_on(self.device, wanted), -torch.inf)
        pulled = (items.square().sum() + people.fields.square().sum()) / len(events)
        return losses.binary_cross_entropy(odds[:, 0], negative) + config.l2 / 2 * pulled

    def examined(self) -> float | None:
        if self.exam is None:
            return None
        answers = Answers.of(self.net)
        return self.exam.ndcg(lambda part: answers.scores(self.asked[np.arange(part.start, part.stop)]))


def _occurring(n_items: int, *places: IntArray) -> tuple[IntArray, IntArray]:
    """Which items occur, ascending (R,), and where each of all stands among them, (A,)."""
    occurs = np.zeros(n_items, np.bool_)
    for some in places:
        occurs[some] = True
    return np.flatnonzero(occurs), np.cumsum(occurs) - 1


def _on(device: torch.device, array: NDArray[Any]) -> Tensor:
    return torch.from_numpy(array).to(device)


def _chosen(vectors: Tensor, places: Tensor) -> Tensor:
    """`vectors[places]`, (..., F, W) for `vectors` (R, F, W), whose gradient is found faster."""
    return functional.embedding(places, vectors.flatten(1)).reshape(*places.shape, *vectors.shape[1:])


@dataclass(frozen=True, eq=False)
class Answers:
    """A network that learns nothing more, with the vectors of all items at hand."""

    net: Ranker
    items: Tensor  # (A, F, W)
    told: Tensor  # (A, F, W)

    @classmethod
    def of(cls, net: Ranker) -> Answers:
        places = torch.arange(net.n_items, device=net.table.device)
        items = net.items(places)
        return cls(net, items, net.told(places) if net.head.apart else items)

    def scores(self, known: Known, places: IntArray | None = None) -> FloatArray:
        """ln(1 + odds) that people want items, above 0: of all (B, A), or of those at `places` (B, C), (B, C)."""
        n_columns = self.net.n_items if places is None else places.shape[1]
        found = np.empty((len(known), n_columns), np.float32)
        most = max(1, AT_ONCE // self.net.head.numbers)
        height = max(1, most // max(1, n_columns))
        for start in range(0, len(known), height):
            members = slice(start, min(start + height, len(known)))
            part = known[np.arange(members.start, members.stop)]
            people = self.net.people(self.told, part.sequences.places, part)
            for first in range(0, n_columns, most):
                block = members, slice(first, first + most)
                items = self.items[None, block[1]] if places is None else _chosen(self.items, self._on(places[block]))
                found[block] = functional.softplus(self.net.head(people, items)).cpu().numpy()
        return found

    def _on(self, places: IntArray) -> Tensor:
        return _on(self.items.device, places)


@dataclass(frozen=True, eq=False)
class Taught:
    """A ranker that has learned, and where each item stands among those that take part, -1 for the others."""

    net: Ranker
    place: IntArray  # (N,)
    borders: IntArray
    columns: Columns
    max_history: int

    @classmethod
    def by(cls, build: Build, dataset: Dataset, config: RankerConfig, options: FitOptions, label: str) -> Self:
        """Teach a fresh network."""
        wanted = np.unique(dataset.matrix().indices)
        place = np.full(dataset.n_items, -1)
        place[wanted] = np.arange(len(wanted))
        columns, queries = Columns.of(dataset, place), dataset.histories()
        whole, unwanted = Sequences.of(queries, place), declined(queries, place)
        about = (config, whole.digest, unwanted.digest, columns.digest)
        with torch_session(options, len(whole.places)) as device:
            net = Ranker(columns, build(columns.n_fields)).to(device)
            lesson = RankingLesson.of(net, whole, unwanted, config, options)
            if lesson.pairs.counts.any():
                schedule = Schedule(config.epochs, config.learning_rate, config.patience)
                learn(lesson, schedule, options, label, about)
        return cls(net.to("cpu").eval(), place, lesson.pairs.borders, columns, config.max_history)

    @classmethod
    def restored(cls, build: Build, weights: dict[str, NDArray[Any]], config: RankerConfig) -> Self:
        columns = Columns(*(weights[f"columns.{name}"] for name in ("counts", "columns", "shares")))
        with torch.random.fork_rng(devices=[]):  # a fresh network draws numbers, which are not needed here
            net = Ranker(columns, build(columns.n_fields))
        net.load_state_dict({name: torch.from_numpy(weights[f"net.{name}"]) for name in net.state_dict()})
        return cls(net.eval(), weights["place"], weights["borders"], columns, config.max_history)

    def weights(self) -> dict[str, NDArray[Any]]:
        columns = {f"columns.{name}": array for name, array in self.columns.arrays().items()}
        learned = {f"net.{name}": value.numpy() for name, value in self.net.state_dict().items()}
        return {"place": self.place, "borders": self.borders, **columns, **learned}

    @cached_property
    def _answers(self) -> Answers:
        return Answers.of(self.net)

    def score(self, queries: Queries, rows: IntArray | None = None) -> FloatArray:
        """(B, N) or (B, C) float32; 0 for histories without a known item and for items that nobody wanted."""
        whole = Sequences.of(queries, self.place)
        members = np.flatnonzero(whole.lengths)
        known = Known.of(whole[members], self.borders, self.max_history)
        found = np.zeros((len(queries), len(self.place)) if rows is None else rows.shape, np.float32)
        with torch.inference_mode():
            if rows is None:
                found[np.ix_(members, np.flatnonzero(self.place >= 0))] = self._answers.scores(known)
            else:
                places = self.place[rows[members]]
                found[members] = np.where(places >= 0, self._answers.scores(known, np.maximum(places, 0)), 0)
        return found
