"""Readers: networks that read a history and say what comes next. Shared by all sequential models.

A reader is a table of item vectors and an encoder of sequences of them. It is taught at every position of every history
at once: what stands there, against the items that could have. It answers with the vector of the last position, whose
products with the table are the scores.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from serendip.data import Dataset, Queries
from serendip.data.arrays import FloatArray, IntArray
from serendip.training import losses, negatives, withheld
from serendip.training.blocks.tables import ContentTable
from serendip.training.loop import Schedule, learn
from serendip.training.options import FitOptions
from serendip.training.sequences import Batch, Sequences, budgeted
from serendip.training.session import torch_session
from serendip.training.settings import ModelConfig, NotSearched, Search

FEWEST_STEPS = 8
"""Batches are made smaller until an epoch has so many steps, or they hold one sequence each."""
READ_AT_ONCE = 8_192
"""Positions of the histories that are read at once when answering."""


class ReaderConfig(ModelConfig):
    """What all readers have in common."""

    embedding_size: Annotated[int, Search(32, 256, log=True)] = Field(64, ge=2)
    """D, the width of item vectors and of all layers."""
    max_history: Annotated[int, NotSearched("a bound on time and memory")] = Field(200, ge=2)
    """Only the last so many events of a history are read."""
    dropout: Annotated[float, Search(0.0, 0.6)] = Field(0.2, ge=0, lt=1)
    """Share of the numbers between layers that is left out at random while learning."""
    negatives: Annotated[int | None, NotSearched("a trade of time for accuracy")] = Field(None, ge=1)
    """Items drawn for each step that answers are told apart from, beside those of the others; None: all there are."""
    temperature: Annotated[float | None, Search(0.03, 0.2, log=True)] = Field(None, gt=0)
    """Scores are cosines divided by it; None: plain products."""
    epochs: Annotated[int, NotSearched("learning stops by itself")] = Field(40, ge=1)
    """Passes over all histories at most."""
    patience: Annotated[int, NotSearched("learning stops by itself")] = Field(5, ge=0)
    """Stop after so many epochs without a better NDCG@10 on what was withheld; 0: never, and nothing is withheld."""
    examined: Annotated[int, NotSearched("a bound on time")] = Field(1_000, ge=1)
    """People whose last item is withheld to examine by, a fifth of all at most."""
    learning_rate: Annotated[float, Search(3e-4, 1e-2, log=True)] = Field(3e-3, gt=0)
    """The largest; it falls to 0 along half a cosine."""
    weight_decay: Annotated[float, Search(0, 0.5)] = Field(0.0, ge=0)
    """Pull of all weights towards 0."""
    batch_size: Annotated[int, NotSearched("a trade of time for accuracy")] = Field(4_096, ge=1)
    """Events of a step, padding included."""
    averaging: Annotated[float, NotSearched("longer averages need longer learning")] = Field(0.9, ge=0, lt=1)
    """The weights kept are a moving average over steps, of which each step leaves this share; 0: those of the last."""


class Encoder(Protocol):
    """Reads sequences of item vectors."""

    def __call__(self, x: Tensor, batch: Batch) -> Tensor:
        """(B, T, D) to (B, T, D), where position t knows nothing of what comes after it."""
        ...

    def last(self, x: Tensor, batch: Batch) -> Tensor:
        """The last real position of each sequence, (B, D)."""
        ...


class Reader(nn.Module):
    """A table of item vectors and an encoder of sequences of them."""

    def __init__(self, n_items: int, config: ReaderConfig, encoder: nn.Module) -> None:
        super().__init__()
        table = nn.Embedding(n_items, config.embedding_size)
        nn.init.normal_(table.weight, std=config.embedding_size**-0.5)
        self.items: nn.Embedding | ContentTable = table
        self.encoder = encoder
        self.dropout = nn.Dropout(config.dropout)
        self.temperature = config.temperature

    @property
    def width(self) -> int:
        """How many numbers `last` finds for each sequence."""
        return self.items.embedding_dim

    def forward(self, batch: Batch) -> Tensor:
        """What is expected after each position, (B, T, D)."""
        found: Tensor = self.encoder(self.dropout(self.items(batch.places)), batch)
        return self._scaled(found)

    def last(self, batch: Batch) -> Tensor:
        """What is expected after the last position, (B, D)."""
        found: Tensor = self.encoder.last(self.items(batch.places), batch)  # type: ignore[operator]
        return self._scaled(found)

    def table(self, places: Tensor | None = None) -> Tensor:
        """The vectors of all items (A, D) or of some (C, D), as scores are products with them."""
        rows = self.items.weight if places is None else self.items(places)
        return rows if self.temperature is None else functional.normalize(rows, dim=1)

    def _scaled(self, found: Tensor) -> Tensor:
        return found if self.temperature is None else functional.normalize(found, dim=-1)


Build = Callable[[int], Reader]
"""From the number of items that take part to a fresh network."""


@dataclass(frozen=True, eq=False)
class NextItemLesson:
    """What follows each position of each history, told apart from candidates shared by the batch."""

    net: Reader
    sequences: Sequences
    config: ReaderConfig
    sampler: negatives.Sampler
    device: torch.device
    asked: Sequences
    exam: withheld.Withheld | None

    def batches(self, generator: np.random.Generator) -> Iterable[tuple[Sequences, np.random.Generator]]:
        windows = self.windows(generator)
        tokens = min(self.config.batch_size, int((windows.lengths - 1).sum()) // FEWEST_STEPS)
        for members in budgeted(windows.lengths - 1, tokens, generator):
            yield windows[members], generator

    def windows(self, generator: np.random.Generator) -> Sequences:
        """What is read of each history of two events or more in one epoch."""
        windows = self.sequences.windows(self.config.max_history + 1, generator)
        return windows[np.flatnonzero(windows.lengths >= 2)]

    def loss(self, batch: tuple[Sequences, np.random.Generator]) -> Tensor:
        sequences, generator = batch
        inputs = sequences.between(sequences.offsets[:-1], sequences.offsets[1:] - 1).batch(self.device)
        targets = sequences.between(sequences.offsets[:-1] + 1, sequences.offsets[1:]).places  # (M,)
        return self.told_apart(self.net(inputs)[inputs.real], targets, generator)

    def told_apart(self, hidden: Tensor, targets: IntArray, generator: np.random.Generator) -> Tensor:
        """How badly `hidden` (M, D) tells `targets` (M,) apart from what is drawn, ()."""
        table, right, offsets = self.candidates(targets, generator)
        return losses.softmax(hidden / (self.config.temperature or 1.0), table, right, offsets)

    def candidates(self, targets: IntArray, generator: np.random.Generator) -> tuple[Tensor, Tensor, Tensor | None]:
        """The vectors (C, D) that `targets` (M,) are among, where (M,), and the offsets (C,) of `losses.softmax`."""
        drawn = self.sampler(targets, generator)
        some = None if len(drawn.places) == self.net.items.num_embeddings else self._on(drawn.places)
        offsets = None if some is None else -self._on(drawn.log_chance)
        return self.net.table(some), self._on(drawn.among(targets)), offsets

    def examined(self) -> float | None:
        if self.exam is None:
            return None
        table = self.net.table().T
        return self.exam.ndcg(lambda part: (read(self.net, self._part(part), self.device) @ table).cpu().numpy())

    def _part(self, part: slice) -> Sequences:
        return self.asked[np.arange(part.start, part.stop)]

    def _on(self, array: NDArray[Any]) -> Tensor:
        return torch.from_numpy(array).to(self.device)


def read(net: Reader, sequences: Sequences, device: torch.device) -> Tensor:
    """What the network finds for each sequence, (S, D), those of about one length read together; 0 for empty ones."""
    lengths = sequences.lengths
    found = torch.zeros(len(sequences), net.width, device=device)
    order = np.argsort(lengths, kind="stable")[np.count_nonzero(lengths == 0) :]
    start = 0
    while start < len(order):
        end = start + max(1, int(np.searchsorted(_padded(lengths[order[start:]]), READ_AT_ONCE, side="right")))
        members = order[start:end]
        found[torch.from_numpy(members).to(device)] = net.last(sequences[members].batch(device))
        start = end
    return found


def _padded(lengths: IntArray) -> IntArray:
    """Positions of the first 1, 2, ... of sequences in order of length."""
    return lengths * np.arange(1, len(lengths) + 1)


@dataclass(frozen=True, eq=False)
class Taught:
    """A reader that has learned, and where each item stands in its table, -1 for those that nobody turned to."""

    net: Reader
    place: IntArray  # (N,)
    max_history: int

    @classmethod
    def by(
        cls,
        build: Build,
        dataset: Dataset,
        config: ReaderConfig,
        options: FitOptions,
        label: str,
        lesson: type[NextItemLesson] = NextItemLesson,
    ) -> Self:
        """Teach a fresh network all histories."""
        people = np.bincount(dataset.matrix().indices, minlength=dataset.n_items)
        place = _places(people)
        whole = Sequences.of(dataset.histories(), place)
        with torch_session(options, len(whole.places)) as device:
            net = build(int(place.max(initial=-1)) + 1).to(device)
            if len(whole.places):
                taught = _lesson(lesson, net, whole, people[place >= 0], config, options, device)
                learn(taught, _schedule(config), options, label, (config, whole.digest))
        return cls(net.to("cpu").eval(), place, config.max_history)

    @classmethod
    def restored(cls, build: Build, weights: dict[str, NDArray[Any]], config: ReaderConfig) -> Self:
        place = weights["place"]
        with torch.device("meta"):  # without drawing numbers that are thrown away
            net = build(int(place.max(initial=-1)) + 1)
        learned = {name: torch.tensor(value) for name, value in weights.items() if name != "place"}
        net.load_state_dict(learned, assign=True)
        return cls(net.eval(), place, config.max_history)

    def weights(self) -> dict[str, NDArray[Any]]:
        return {"place": self.place} | {name: value.numpy() for name, value in self.net.state_dict().items()}

    def query_vectors(self, queries: Queries) -> FloatArray:
        """(B, D) float32; 0 for a history without a known item."""
        sequences = Sequences.of(queries, self.place, self.max_history)
        with torch.inference_mode():
            return np.asarray(read(self.net, sequences, torch.device("cpu")).numpy())

    def item_vectors(self) -> FloatArray:
        """(N, D) float32; 0 for items that nobody turned to."""
        vectors = np.zeros((len(self.place), self.net.items.embedding_dim), np.float32)
        with torch.inference_mode():
            vectors[self.place >= 0] = self.net.table().numpy()
        return vectors

    def score(self, queries: Queries) -> FloatArray:
        """(B, N) float32."""
        return self.query_vectors(queries) @ self.item_vectors().T


def _places(people: IntArray) -> IntArray:
    """The place of each item that somebody turned to, in the order of rows, -1 for others, (N,)."""
    place = np.full(len(people), -1)
    place[people > 0] = np.arange(np.count_nonzero(people))
    return place


def _lesson(
    kind: type[NextItemLesson],
    net: Reader,
    whole: Sequences,
    people: IntArray,
    config: ReaderConfig,
    options: FitOptions,
    device: torch.device,
) -> NextItemLesson:
    n_items = len(people)
    most = config.examined if config.patience else 0
    left, asked, exam = withheld.last_items(whole, n_items, most, options.generator())
    drawn = config.negatives
    sampler = negatives.everything(n_items) if drawn is None else negatives.mixed(people.astype(float), drawn)
    return kind(net, left, config, sampler, device, asked.last(config.max_history), exam)


def _schedule(config: ReaderConfig) -> Schedule:
    return Schedule(
        config.epochs,
        config.learning_rate,
        config.patience,
        weight_decay=config.weight_decay,
        warmup=0.02,
        averaging=config.averaging,
    )
