"""Propagation: vectors sent back and forth over the graph of who wants what. Shared by all graph models.

With X (U, A), what people want of the items that anybody wants, degrees D_U and D_I (the sums of its rows and columns)
and R = D_U^-½ X D_I^-½, people P and items Q get layer upon layer

    P_k = R Q_(k-1),    Q_k = Rᵀ P_(k-1),

and the vector of each is the mean of its layers: He et al., "LightGCN", SIGIR 2020, equations 7 and 4. Q_0 is learned.
P_0 is 0 in the place of one learned for each id, so every other layer is 0, which is left out, and of a person only
the history counts. With its weights w, whose sum is W,

    p = mean_k P_k = W^-½ Σ_j w_j a_j,    a_j = d_j^-½ mean_k Q_(k-1),j,

for those taught and for strangers alike. What is learned stays as it is, so an answer is one sum in which each event
has its share, and needs neither the graph nor torch. With `ids` P_0 is learned too, as in the paper, and answers are
given without it.

While a preference is asked for, it is not in the graph. Else the vector of the person would hold the very item that is
to be told apart, and that of the item the person. Learning starts where the leading singular vectors of R say.
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

from serendip.algebra.histories import shares
from serendip.algebra.spectrum import leading
from serendip.data import Dataset, Queries
from serendip.data.arrays import BoolArray, FloatArray, IntArray, Sparse
from serendip.training import losses, negatives, withheld
from serendip.training.blocks.graph import Graph, Layers, blurred, owners, sums
from serendip.training.loop import Schedule, learn
from serendip.training.options import FitOptions
from serendip.training.session import torch_session
from serendip.training.settings import ModelConfig, NotSearched, Search

FEWEST_STEPS = 10
"""Batches are made smaller until an epoch has so many."""
WITHHELD = 0.2
"""Share of the items of those examined that is withheld."""
SHORTEST = 1e-6
"""What is shorter has no direction."""


class GraphConfig(ModelConfig):
    """What all graph models have in common."""

    embedding_size: Annotated[int, Search(32, 256, log=True)] = Field(64, ge=1)
    """D, the width of the vectors."""
    layers: Annotated[int, Search(2, 4)] = Field(3, ge=2)
    """K, how many steps over the graph are taken, each from items to people or back."""
    ids: Annotated[bool, NotSearched("answers are given without them")] = False
    """Learn a vector for each person too; answers are given without it."""
    temperature: Annotated[float, Search(0.05, 0.3, log=True)] = Field(0.15, gt=0)
    """Products of the direction of a person and the vector of an item are divided by it."""
    negatives: Annotated[int, NotSearched("a trade of time for accuracy")] = Field(1_024, ge=1)
    """Items drawn for each step that answers are told apart from, beside those of the others."""
    epochs: Annotated[int, NotSearched("learning stops by itself")] = Field(20, ge=1)
    """Passes over everything that people want at most."""
    patience: Annotated[int, NotSearched("learning stops by itself")] = Field(4, ge=0)
    """Stop after so many epochs without a better NDCG@10 on what was withheld; 0: never, and nothing is withheld."""
    examined: Annotated[int, NotSearched("a bound on time")] = Field(1_000, ge=1)
    """People of whose items a fifth is withheld to examine by, a tenth of all at most."""
    learning_rate: Annotated[float, Search(1e-3, 2e-2, log=True)] = Field(5e-3, gt=0)
    """The largest; it falls to 0 along half a cosine."""
    weight_decay: Annotated[float, Search(0, 0.1)] = Field(0.0, ge=0)
    """Pull of all vectors towards 0."""
    batch_size: Annotated[int, NotSearched("a trade of time for accuracy")] = Field(2_048, ge=1)
    """Preferences asked for in one step."""
    memory: Annotated[float | None, Search(1, 100, log=True)] = Field(None, gt=0)
    """Events of the asking history after which one counts for 1/e; None: all count the same."""


class Net(nn.Module):
    """The first layer: a vector for each item and, with `ids`, for each person."""

    def __init__(self, shape: tuple[int, int], config: GraphConfig) -> None:
        super().__init__()
        people, items = (torch.randn(n, config.embedding_size) * config.embedding_size**-0.5 for n in shape)
        self.items = nn.Parameter(items)
        self.people = nn.Parameter(people) if config.ids else None
        self.layers = config.layers

    def start(self, graph: Graph, generator: np.random.Generator) -> None:
        """Let items start where the leading right singular vectors of R say, each with a length of 1."""
        (n_items, width), rows = self.items.shape, graph.rows
        cells = tuple(part.cpu().numpy() for part in (rows.cells, rows.columns, rows.offsets))
        _, vectors = leading(sp.csr_array(cells, shape=(len(rows.offsets) - 1, n_items)), width, generator)
        with torch.no_grad():
            self.items[:, : vectors.shape[1]] = functional.normalize(torch.from_numpy(vectors), dim=1)

    def forward(self, graph: Graph, noise: float = 0.0) -> Layers:
        """All layers; each after the first blurred by `noise`."""
        people: Tensor | None = self.people
        items: Tensor | None = self.items
        found = Layers([people], [items])
        for _ in range(self.layers):
            people, items = (
                None if items is None else blurred(graph.to_people(items), noise),
                None if people is None else blurred(graph.to_items(people), noise),
            )
            found.people.append(people)
            found.items.append(items)
        return found


@dataclass(frozen=True, eq=False)
class Pairs:
    """What one step asks for: who wants what, among which others."""

    people: Tensor  # (M,) int64
    items: Tensor  # (M,) int64
    candidates: Tensor  # (C,) int64
    right: Tensor  # (M,) int64: where each of `items` stands among the candidates
    offsets: Tensor  # (C,) float32: minus the logarithm of the chance with which each is a candidate


def recognised(people: Tensor, items: Tensor, pairs: Pairs, temperature: float) -> Tensor:
    """Cross-entropy of the item that each person wants among the candidates, by p · q / (|p| τ), ().

    Of a person only the direction counts, since more history does not make it surer what comes next; of an item the
    length counts too, which says how wanted it is.
    """
    asking = functional.normalize(people[pairs.people], dim=1, eps=SHORTEST) / temperature
    return losses.softmax(asking, items[pairs.candidates], pairs.right, pairs.offsets)


def ranked(people: Tensor, items: Tensor, pairs: Pairs) -> Tensor:
    """BPR of the item that each person wants and one drawn evenly from all, (): as the papers have it."""
    people, wanted = people[pairs.people], items[pairs.items]  # (M, D)
    other = items[torch.randint(len(items), pairs.items.shape, device=items.device)]
    return losses.bpr((people * wanted).sum(1), (people * other).sum(1, keepdim=True))


@dataclass(frozen=True)
class Method:
    """What tells one graph model from another."""

    loss: Callable[[Net, Graph, Pairs], Tensor]
    first: int
    """The first layer that counts."""
    build: Callable[[tuple[int, int], Any], Net] = Net
    """From so many people and items, and the configuration, to a fresh network."""
    pruned: float = 0.0
    """Share of the preferences that are out of the graph for an epoch; see `Pruned`."""

    def tables(self, net: Net, graph: Graph) -> tuple[FloatArray, FloatArray]:
        """What an event at each item says of a person, and the vectors that this is compared with, both (A, D)."""
        with torch.inference_mode():
            layers = net(graph)
            sources, items = layers.sources(self.first) * graph.narrowing[:, None], layers.vectors(self.first)[1]
            return sources.cpu().numpy(), items.cpu().numpy()


@dataclass(frozen=True, eq=False)
class Pruned:
    """The graph of one epoch, without a share of the preferences, its degrees those of what is left.

    A preference stays with a chance that falls with the degrees of both its ends, (d_u d_i)^-½: among so many, those
    of busy people and of what everybody wants are the likeliest noise. Zhou and Shen, "A tale of two graphs: freezing
    and denoising graph structures for multimodal recommendation", ACM MM 2023, section 3.2.
    """

    graph: Graph
    place: IntArray  # (E,): where each preference stands in it, -1 for those that are out

    @classmethod
    def of(cls, matrix: Sparse, share: float, generator: np.random.Generator, device: torch.device) -> Self:
        people, items = owners(matrix), matrix.indices
        degrees = np.diff(matrix.indptr)[people] * np.bincount(items, minlength=matrix.shape[1])[items]
        late = generator.exponential(size=matrix.nnz) * np.sqrt(degrees)  # the first to come are drawn
        left = np.zeros(matrix.nnz, bool)
        left[np.argsort(late, kind="stable")[: max(1, round(matrix.nnz * (1 - share)))]] = True
        cells = (matrix.data[left], (people[left], items[left]))
        graph = Graph.of(sp.csr_array(cells, shape=matrix.shape), device)
        return cls(graph, np.where(left, np.cumsum(left) - 1, -1))


@dataclass(frozen=True, eq=False)
class PairLesson:
    """Who wants what, told apart from candidates shared by the batch."""

    net: Net
    matrix: Sparse
    graph: Graph
    method: Method
    config: GraphConfig
    exam: withheld.Withheld | None

    @cached_property
    def chance(self) -> FloatArray:
        """How likely an epoch asks for each preference: as its weight is; never of whom nothing else is known, (E,)."""
        others = np.diff(self.matrix.indptr)[self.people] > 1
        return np.asarray(others * self.matrix.data / self.matrix.data.max(initial=1e-30))

    @cached_property
    def people(self) -> IntArray:
        return owners(self.matrix)

    @cached_property
    def sampler(self) -> negatives.Sampler:
        asked = sums(self.matrix.indices, self.chance, self.matrix.shape[1])
        return negatives.mixed(asked, self.config.negatives)

    def batches(self, generator: np.random.Generator) -> Iterable[tuple[IntArray, Pruned, np.random.Generator]]:
        pruned = Pruned(self.graph, np.arange(self.matrix.nnz))
        if self.method.pruned:
            pruned = Pruned.of(self.matrix, self.method.pruned, generator, self.graph.places.device)
        chosen = np.flatnonzero(generator.random(len(self.chance)) < self.chance)
        size = min(self.config.batch_size, max(1, len(chosen) // FEWEST_STEPS))
        for cells in np.array_split(generator.permutation(chosen), max(1, -(-len(chosen) // size))):
            if len(cells):
                yield cells, pruned, generator

    def loss(self, batch: tuple[IntArray, Pruned, np.random.Generator]) -> Tensor:
        cells, pruned, generator = batch
        people, items = self.people[cells], self.matrix.indices[cells].astype(np.int64)
        drawn = self.sampler(items, generator)
        arrays = (people, items, drawn.places, drawn.among(items), -drawn.log_chance)
        there = pruned.place[cells]
        graph = pruned.graph.without(self._on(there[there >= 0]))
        return self.method.loss(self.net, graph, Pairs(*(self._on(array) for array in arrays)))

    def examined(self) -> float | None:
        exam = self.exam
        if exam is None:
            return None
        sources, targets = self.method.tables(self.net, self.graph)
        return exam.ndcg(lambda part: (exam.seen[part] @ sources) @ targets.T)

    def _on(self, array: NDArray[Any]) -> Tensor:
        return torch.from_numpy(array).to(self.graph.places.device)


@dataclass(frozen=True, eq=False)
class Smoothed:
    """What was learned: a person is a sum over their history, and scores are products with the vectors of items."""

    sources: FloatArray  # (N, D) float32: a; 0 for items that nobody wants
    targets: FloatArray  # (N, D) float32; 0 for these too
    memory: float | None

    @classmethod
    def by(cls, method: Method, dataset: Dataset, config: GraphConfig, options: FitOptions, label: str) -> Self:
        """Teach a fresh network what everybody wants."""
        matrix = dataset.matrix()
        sources, targets = (np.zeros((dataset.n_items, config.embedding_size), np.float32) for _ in range(2))
        if matrix.nnz:
            wanted = np.unique(matrix.indices)
            known = sp.csr_array(matrix[np.diff(matrix.indptr) > 0][:, wanted])
            known.sort_indices()
            sources[wanted], targets[wanted] = _taught(method, known, config, options, label)
        return cls(sources, targets, config.memory)

    @cached_property
    def known(self) -> BoolArray:
        """Which items anybody wants, (N,)."""
        return np.asarray(self.sources.any(axis=1))

    def query_vectors(self, queries: Queries) -> FloatArray:
        """(B, D) float32; 0 for a history without an item that anybody wants."""
        cells = (self._shares(queries), queries.item_rows, queries.offsets)
        shares = sp.csr_array(cells, shape=(len(queries), len(self.sources)))
        return np.asarray(shares @ self.sources, np.float32)

    def score(self, queries: Queries) -> FloatArray:
        """(B, N) float32."""
        return np.asarray(self.query_vectors(queries) @ self.targets.T)

    def contributions(self, queries: Queries, rows: IntArray) -> FloatArray:
        """W^-½ w_e a_e · q_i of event e for candidate i, (E, C) float32 for `rows` (B, C)."""
        events = self.sources[queries.item_rows] * self._shares(queries)[:, None]  # (E, D)
        parts = np.empty((len(events), rows.shape[1]), np.float32)
        for place in range(rows.shape[1]):
            parts[:, place] = np.einsum("ed,ed->e", events, self.targets[rows[queries.query_rows, place]])
        return parts

    def _shares(self, queries: Queries) -> FloatArray:
        """W^-½ w of each event, (E,) float32, 0 for what nobody wants."""
        recent, _, scale = shares(queries, self.known, self.memory)
        return recent * scale

    def weights(self) -> dict[str, NDArray[Any]]:
        return {"sources": self.sources, "targets": self.targets}


def _taught(
    method: Method, known: Sparse, config: GraphConfig, options: FitOptions, label: str
) -> tuple[FloatArray, FloatArray]:
    """The tables of a network taught X (U, A), what was withheld back in the graph."""
    left, exam = _examination(known, config, options.generator())
    schedule = Schedule(config.epochs, config.learning_rate, config.patience, weight_decay=config.weight_decay)
    with torch_session(options, known.nnz) as device, options.limited():
        graph = Graph.of(left, device)
        net = method.build(known.shape, config).to(device)
        net.start(graph, options.generator())
        lesson = PairLesson(net, left, graph, method, config, exam)
        learn(lesson, schedule, options, label, (config, _digest(known)))
        return method.tables(net, Graph.of(known, device))


def _examination(
    known: Sparse, config: GraphConfig, generator: np.random.Generator
) -> tuple[Sparse, withheld.Withheld | None]:
    """What may be learned from and what is withheld; those examined stay in the graph with the rest of their items."""
    people, exam = withheld.some_items(known, config.examined if config.patience else 0, WITHHELD, generator)
    if exam is None or not exam.wanted.nnz:
        return known, None
    back = sp.csr_array(
        (np.ones(len(people), np.float32), (people, np.arange(len(people)))), (known.shape[0], len(people))
    )
    left = sp.csr_array(known - back @ exam.wanted)
    left.eliminate_zeros()
    left.sort_indices()
    return left, exam


def _digest(matrix: Sparse) -> str:
    parts = (matrix.indptr, matrix.indices, matrix.data)
    return sha256(b"".join(np.ascontiguousarray(part).tobytes() for part in parts)).hexdigest()
