"""Content towers: one network for what items are, one for people, and both in one space.

The tower of items takes what each kind of content says, weighs the kinds by gates, and adds a vector of the item's own:

    f = Σ_m g_m W_m x_m,   g = softmax_m(v_m · tanh(W_m x_m)),   z = f + F(norm f) + e_i,   a_i = z / |z|

over the kinds that say something. While learning, e_i is left out for a share of the items of each step, so that the
content has to do without; of an item that nobody met there is none. Volkovs, Yu and Poutanen, "DropoutNet: addressing
cold start in recommender systems", NeurIPS 2017. A person is the sum of the vectors of their history through a layer:

    p = Σ_j w_j a_j / sqrt(Σ_j w_j),   v = (p + P(norm p)) / |p + P(norm p)|,   u = v - mean v,   s_i = τ u · a_i + b_i

with a learned τ. b_i says how much an item is wanted by all: where n_i people want it, it starts at log(1 + n_i) and
learns; of items that nobody met it is told from contents afterwards (`features.fame`). As people have nothing in common
in u, nothing else can say what everybody wants: what towers learn of that, from the few items that stand for most of
what people do, does not hold of new ones.

People are told by a part of their history, of some only by a little of it, what stands in the rest, against
candidates shared by the batch (`losses.softmax`): Yi et al., "Sampling-bias-corrected neural modeling for large
corpus item recommendations", RecSys 2019. Where candidates are drawn (`negatives`), they are the answers of the batch
and uniform ones (`negatives.mixed`), under the refined log-Q correction. Where somebody teaches, each step also
learns some of what was said of lists (`distillation`), from whole histories.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal, Protocol, TypeAlias

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from serendip.data.arrays import BoolArray, FloatArray, IntArray
from serendip.training import losses, negatives, withheld
from serendip.training.content_reader import ContentConfig
from serendip.training.distillation import TEMPERATURE, Marked
from serendip.training.sequences import Sequences, budgeted
from serendip.training.settings import NotSearched, Search
from serendip.training.spoken import Heard, Spoken

NONE = -1e9
SLOWLY = 0.05
"""How much of the mean of all people is forgotten at each step."""
BRIEF = 0.25
"""Share of the people of a step of whom perhaps only little is shown, as of those who have just come."""
SHARPEST = math.log(100.0)
"""The largest logarithm of τ: a softmax that is sharper learns from hardly anything."""


class TowerConfig(ContentConfig):
    """What content towers have in common."""

    unevenness: Annotated[float | None, Search(0.01, 10, log=True)] = Field(1.0, gt=0)
    """How far strong directions of a kind of content count more than weak ones, which may be chance: this share of the
    mean strength is added to each before it is divided by. None: each is as strong as it was."""
    fusion: Annotated[Literal["gates", "concatenation"], NotSearched("an ablation")] = "gates"
    """How the kinds become one: by gates, or side by side through one layer."""
    embedding_size: Annotated[int, Search(32, 256, log=True)] = Field(128, ge=2)
    """D, the width of both towers."""
    own: Annotated[bool, NotSearched("an ablation")] = True
    """Items have a vector of their own beside their content."""
    fame: Annotated[bool, NotSearched("an ablation")] = True
    """How many people want an item, or would by what it is, counts beside how near it is."""
    own_dropout: Annotated[float, Search(0.05, 0.9, log=True)] = Field(0.1, ge=0, le=1)
    """Share of the items of a step whose own vector is left out while learning."""
    dropout: Annotated[float, Search(0.0, 0.6)] = Field(0.2, ge=0, lt=1)
    """Share of the numbers of contents that is left out at random while learning."""
    shown: Annotated[float, Search(0.3, 0.9)] = Field(0.7, gt=0, lt=1)
    """Share of a history that the rest is foretold from, on average."""
    memory: Annotated[float | None, Search(1, 100, log=True)] = Field(None, gt=0)
    """In events: so many events ago, an event counts 1/e of what it did. None: nothing fades."""
    max_history: Annotated[int, NotSearched("a bound on time and memory")] = Field(200, ge=2)
    """Only the last so many events of a history are read."""
    negatives: Annotated[int | None, NotSearched("a trade of time for accuracy")] = Field(None, ge=1)
    """Items drawn for each step that answers are told apart from, beside those of the others; None: all there are."""
    distilled: Annotated[float, NotSearched("without a teacher it is nothing")] = Field(1.0, ge=0)
    """How much what a teacher says (`FitOptions.teacher`) counts beside what people did."""
    epochs: Annotated[int, NotSearched("a trade of time for accuracy")] = Field(40, ge=1)
    """Passes over all histories at most."""
    patience: Annotated[int, NotSearched("a trade of time for accuracy")] = Field(0, ge=0)
    """Stop after so many epochs without a better NDCG@10 on what was withheld; 0: never, and nothing is withheld."""
    examined: Annotated[int, NotSearched("a bound on time")] = Field(1_000, ge=1)
    """People whose last item is withheld to examine by, a fifth of all at most."""
    learning_rate: Annotated[float, Search(3e-4, 1e-2, log=True)] = Field(2e-3, gt=0)
    """The largest; it falls to 0 along half a cosine."""
    weight_decay: Annotated[float, Search(0, 0.5)] = Field(0.01, ge=0)
    """Pull of all weights towards 0."""
    batch_size: Annotated[int, NotSearched("a trade of time for accuracy")] = Field(16_384, ge=1)
    """Events of a step."""


class ItemTower(nn.Module):
    """Contents and own vectors to one vector of length 1 for each item."""

    def __init__(self, widths: Sequence[int], n_own: int, config: TowerConfig) -> None:
        super().__init__()
        width = config.embedding_size
        self.parts = nn.ModuleList(nn.Linear(part, width, bias=False) for part in widths)
        self.voices = nn.ParameterList(nn.Parameter(torch.zeros(width)) for _ in widths)
        self.joined = nn.Linear(width * max(1, len(widths)), width) if config.fusion == "concatenation" else None
        self.deep = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(), nn.Linear(width, width))
        self.own = nn.Embedding(max(1, n_own), width)
        nn.init.normal_(self.own.weight, std=0.1 * width**-0.5)
        self.content_dropout, self.own_dropout = nn.Dropout(config.dropout), config.own_dropout

    def forward(self, contents: Sequence[Tensor], own: Tensor) -> Tensor:
        """(n, D) of `contents`, one (n, K_m) for each kind; `own` (n,) are places of own vectors, -1: none."""
        known = own >= 0
        if self.training and contents:
            known = known & (torch.rand(len(own), device=own.device) >= self.own_dropout)
        z = self.own(own.clamp(min=0)) * known[:, None]
        if contents:
            says = torch.stack([x.any(1) for x in contents], 1)  # (n, M)
            fused = self._fused(contents, says)
            z = z + (fused + self.deep(fused)) * says.any(1, keepdim=True)
        return functional.normalize(z, dim=1)

    def _fused(self, contents: Sequence[Tensor], says: Tensor) -> Tensor:
        turned = [part(self.content_dropout(x)) for part, x in zip(self.parts, contents, strict=True)]  # (n, D) each
        if self.joined is not None:
            joined: Tensor = self.joined(torch.cat(turned, dim=1))
            return joined
        calls = torch.stack([(torch.tanh(h) * voice).sum(1) for h, voice in zip(turned, self.voices, strict=True)], 1)
        gates = torch.softmax(calls.masked_fill(~says, NONE), dim=1) * says
        return (torch.stack(turned, 1) * gates[:, :, None]).sum(1)


class Towers(nn.Module):
    """Both towers."""

    def __init__(self, widths: Sequence[int], n_own: int, config: TowerConfig) -> None:
        """For kinds of content of so many numbers, and so many items that have a vector of their own."""
        super().__init__()
        width = config.embedding_size
        self.items = ItemTower(widths, n_own, config)
        self.person = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(), nn.Linear(width, width))
        self.standing = nn.Parameter(torch.zeros(max(1, n_own)), requires_grad=config.fame)
        """b of the items that have a vector of their own."""
        self.middle: Tensor
        self.register_buffer("middle", torch.zeros(width))
        self.sharpness = nn.Parameter(torch.tensor(math.log(20.0)))

    def start(self, people: IntArray) -> None:
        """From how many `people` (A,) want each item that has a vector of its own."""
        if self.standing.requires_grad:
            with torch.no_grad():
                self.standing.copy_(torch.from_numpy(np.log1p(people)))

    @property
    def tau(self) -> Tensor:
        return self.sharpness.clamp(max=SHARPEST).exp()

    def of_people(self, sums: Tensor) -> Tensor:
        """From the sums p (B, D) of what they met to u (B, D), 0 where there is nothing."""
        turned: Tensor = self.person(sums)
        unit, known = functional.normalize(sums + turned, dim=1), sums.any(1, keepdim=True)
        return (unit - self._middle(unit, known)) * known

    def _middle(self, unit: Tensor, known: Tensor) -> Tensor:
        """The mean of those who are `known`, (D,); while learning that of the batch."""
        if not (self.standing.requires_grad and self.training and len(unit) > 1):
            return self.middle
        middle = (unit * known).sum(0) / known.sum().clamp(min=1)
        with torch.no_grad():
            self.middle.lerp_(middle, SLOWLY)
        return middle


def asking(people: Tensor) -> Tensor:
    """People (n, D) with a number more that is 1 for all, so that what is `asked_of` items counts as it is."""
    return functional.pad(people, (0, 1), value=1.0)


def asked_of(vectors: Tensor, standing: Tensor) -> Tensor:
    """Items (n, D) with what they are more wanted (n,) beside, (n, D + 1)."""
    return torch.cat([vectors, standing[:, None]], dim=1)


def sums(vectors: Tensor, weights: Tensor, owners: Tensor, n_people: int) -> Tensor:
    """Σ_j w_j a_j / sqrt(Σ_j w_j) of each owner, (B, D), from vectors (E, D), weights (E,) and owners (E,)."""
    added = vectors.new_zeros(n_people, vectors.shape[1]).index_add(0, owners, vectors * weights[:, None])
    totals = weights.new_zeros(n_people).index_add(0, owners, weights)
    return added * torch.where(totals > 0, totals, torch.inf).rsqrt()[:, None]


class Rows(Protocol):
    """What one kind of content says of each item: a matrix, or an encoder that learns along (`training.text_tower`)."""

    def __getitem__(self, places: Tensor) -> Tensor:
        """(n, K_m) of the items at `places` (n,)."""
        ...


Batch: TypeAlias = tuple[Sequences, IntArray, np.random.Generator]
"""Sequences, the places of these among all, and where draws come from."""


@dataclass(frozen=True, eq=False)
class TowerLesson:
    """What stands in the rest of each history, told from a part of it."""

    net: Towers
    sequences: Sequences
    contents: Sequence[Rows]  # of the items that somebody met, (A, K_m) for each kind
    n_items: int  # A
    config: TowerConfig
    sampler: negatives.Sampler
    asked: Sequences
    exam: withheld.Withheld | None
    device: torch.device
    marked: Marked | None = None
    """What a teacher said; None: there is none."""
    spoken: Spoken | None = None
    """What people said; None: nothing."""
    examined_people: IntArray = field(default_factory=lambda: np.empty(0, np.int64))
    """Whose sequences `asked` are, (B,)."""
    examined_ms: IntArray = field(default_factory=lambda: np.empty(0, np.int64))
    """When they did what is withheld, (B,)."""

    def batches(self, generator: np.random.Generator) -> Iterable[Batch]:
        windows = self.sequences.windows(self.config.max_history, generator)
        able = np.flatnonzero(windows.lengths >= 2)
        windows = windows[able]
        tokens = min(self.config.batch_size, max(1, len(windows.places) // 8))
        for members in budgeted(np.ones_like(windows.lengths), max(1, tokens // _mean(windows.lengths)), generator):
            yield windows[members], able[members], generator

    def loss(self, batch: Batch) -> Tensor:
        sequences, members, generator = batch
        shown, hidden = parted(sequences, self.config.shown, generator)  # (E,) both
        targets = sequences.places[hidden]
        drawn = self.sampler(targets, generator)
        told = self.marked.drawn(len(sequences), generator) if self.marked else None
        more = (told.histories.places, told.candidates.ravel()) if told else ()
        vectors, met, candidates, *others = self._of(sequences.places[shown], drawn.places, *more)
        asked = self._on(np.repeat(np.arange(len(sequences)), sequences.lengths)[hidden])
        heard = self._heard(sequences, shown, members, sequences.times_ms[sequences.offsets[1:] - 1])
        people = self._people(sequences, shown, vectors[met], heard)
        asking_for = asking(people * self.net.tau)
        table = asked_of(vectors[candidates], self.net.standing[self._on(drawn.places)])
        right = self._on(drawn.among(targets))
        if drawn.log_chance.any():  # each answer is exempt from its own offset, so none is like another
            found = losses.softmax(asking_for[asked], table, right, -self._on(drawn.log_chance))
        else:
            found = losses.softmax_of_many(asking_for, table, asked, right)
        return found + self.config.distilled * self._imitated(told, vectors, *others) if told else found

    def _imitated(self, told: Marked, vectors: Tensor, met: Tensor, listed: Tensor) -> Tensor:
        """How far the scores of some lists are from what the teacher said of them, ()."""
        people = self._people(told.histories, np.ones(len(met), bool), vectors[met]) * self.net.tau
        items = vectors[listed].view(*told.candidates.shape, -1)  # (L, K, D)
        scores = (items @ people[:, :, None])[..., 0] + self.net.standing[self._on(told.candidates)]
        return losses.imitation(scores, self._on(told.marks), TEMPERATURE)

    def examined(self) -> float | None:
        if self.exam is None:
            return None
        items = self._items(torch.arange(self.n_items, device=self.device))
        everything = np.ones(len(self.asked.places), bool)
        heard = self._heard(self.asked, everything, self.examined_people, self.examined_ms)
        people = self._people(self.asked, everything, items[self._on(self.asked.places)], heard)
        people = people * self.net.tau
        return self.exam.ndcg(lambda part: (people[part] @ items.T + self.net.standing).cpu().numpy())

    def _heard(self, sequences: Sequences, shown: BoolArray, members: IntArray, until_ms: IntArray) -> Heard | None:
        """What is known that `members` (B,) said, of whom `shown` (E,) events are."""
        return self.spoken.heard(members, sequences, shown, until_ms) if self.spoken else None

    def _people(self, sequences: Sequences, shown: BoolArray, met: Tensor, heard: Heard | None = None) -> Tensor:
        """(B, D) of length 1, from the vectors (E, D) of the events that are `shown` and from what was said."""
        owners = np.repeat(np.arange(len(sequences)), sequences.lengths)[shown]
        weights = recency(sequences, shown, self.config.memory)
        if heard is not None and self.spoken is not None:
            rows = self._on(heard.rows)
            said = self.net.items([part[rows] for part in self.spoken.contents], torch.full_like(rows, -1))
            met = torch.cat([met, said])
            owners, weights = np.append(owners, heard.owners), np.append(weights, heard.weights)
        return self.net.of_people(sums(met, self._on(weights), self._on(owners), len(sequences)))

    def _of(self, *places: IntArray) -> list[Tensor]:
        """The vectors (n, D) of all items at `places`, each once, and where each of `places` stands among them."""
        distinct, inverse = np.unique(np.concatenate(places), return_inverse=True)
        ends = np.cumsum([len(part) for part in places])[:-1]
        return [self._items(self._on(distinct)), *map(self._on, np.split(inverse, ends))]

    def _items(self, places: Tensor) -> Tensor:
        """(n, D)."""
        own = places if self.config.own else torch.full_like(places, -1)
        found: Tensor = self.net.items([part[places] for part in self.contents], own)
        return found

    def _on(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(array).to(self.device)


def parted(sequences: Sequences, share: float, generator: np.random.Generator) -> tuple[BoolArray, BoolArray]:
    """Which events are shown and which are asked for, both (E,): of each sequence one at least, and none is both.

    About a `share` is shown and the rest is asked for. Of some (`BRIEF`) only a part of that share is shown, little as
    likely as much, so that newcomers are learned too; what they are asked for is no more than of others.
    """
    lengths = sequences.lengths
    order = generator.random(len(sequences.places))
    rank = np.lexsort((order, np.repeat(np.arange(len(lengths)), lengths)))
    place = np.empty(len(order), np.int64)
    place[rank] = np.arange(len(order)) - np.repeat(sequences.offsets[:-1], lengths)
    drawn = np.round(lengths * np.clip(generator.normal(share, 0.15, len(lengths)), 0.05, 0.95)).astype(np.int64)
    drawn = np.clip(drawn, 1, lengths - 1)
    fewer = np.floor((drawn + 1) ** generator.random(len(lengths))).astype(np.int64)  # 1 to drawn, by their logarithms
    shown = np.where(generator.random(len(lengths)) < BRIEF, fewer, drawn)
    return place < np.repeat(shown, lengths), place >= np.repeat(drawn, lengths)


def recency(sequences: Sequences, shown: np.ndarray, memory: float | None) -> FloatArray:
    """w_j = exp(-d_j / memory) of the events shown, d_j of which came after event j, float32; None: 1."""
    if memory is None:
        return np.ones(int(shown.sum()), np.float32)
    so_far = np.cumsum(shown)
    total = np.concatenate([[0], so_far])[sequences.offsets[1:]]
    after = np.repeat(total, sequences.lengths) - so_far
    return np.asarray(np.exp(-after[shown] / memory), np.float32)


def _mean(lengths: IntArray) -> int:
    return max(1, int(lengths.mean())) if len(lengths) else 1
