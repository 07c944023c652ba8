"""DropoutNet: networks that rebuild what a factorisation says, also where half of it is taken away.

With the leading singular vectors Q (N, K) of the preferences, as in `pure_svd`, and p = x Q of a history x, two
networks learn to say the same from less:

    min Σ (p · Q_i - f(p) · g(m_i Q_i, c_i))²,   m_i = 0 for a share of the items of each step, else 1

over pairs of people and items, half of them wanted. c_i is what item i is (`training.content_reader`). An item that
nobody met has m = 0. Volkovs, Yu and Poutanen, "DropoutNet: addressing cold start in recommender systems", NeurIPS
2017.

Use it as what `two_tower` is measured by. The networks can at best say what the factorisation says.

With width D and F numbers of content, an epoch O(E (K + F) D); memory 4·N·(K + F + D) bytes. A score costs
O(K T + D² + N·D).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np
import scipy.sparse as sp
import torch
from pydantic import Field
from torch import Tensor, nn

from serendip.algebra.spectrum import leading
from serendip.data import Dataset, Queries
from serendip.data.arrays import FloatArray, IntArray, Sparse
from serendip.models.base import NotSearched, Search, Weights, fitted, take
from serendip.training import FitOptions, losses
from serendip.training.content_reader import ContentConfig, ContentReader, side_by_side
from serendip.training.loop import Schedule, learn
from serendip.training.session import torch_session

SHARE = 4
"""At most one vector for so many people or items."""


class DropoutNetConfig(ContentConfig):
    known_size: Annotated[int, Search(16, 512, log=True)] = Field(128, ge=1)
    """K, the singular vectors that are rebuilt."""
    embedding_size: Annotated[int, Search(32, 256, log=True)] = Field(128, ge=2)
    """D, the width of what the networks say."""
    own_dropout: Annotated[float, Search(0.1, 0.9)] = Field(0.5, ge=0, le=1)
    """Share of the items of a step of which the singular vector is taken away."""
    epochs: Annotated[int, NotSearched("a bound on time")] = Field(20, ge=1)
    """Passes over all people."""
    learning_rate: Annotated[float, Search(3e-4, 1e-2, log=True)] = Field(2e-3, gt=0)
    """The largest; it falls to 0 along half a cosine."""
    weight_decay: Annotated[float, Search(0, 0.5)] = Field(0.01, ge=0)
    """Pull of all weights towards 0."""
    batch_size: Annotated[int, NotSearched("a trade of time for accuracy")] = Field(256, ge=1)
    """People of a step, and about as many items."""


def _layers(inner: int, width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inner, 2 * width), nn.Tanh(), nn.Linear(2 * width, width, bias=False))


class _Net(nn.Module):
    def __init__(self, known: int, content: int, width: int) -> None:
        super().__init__()
        self.person, self.item = _layers(known, width), _layers(known + content, width)


@dataclass(frozen=True, eq=False)
class _Lesson:
    net: _Net
    matrix: Sparse  # (U, N)
    known: Tensor  # Q, (N, K)
    content: Tensor  # (N, F)
    met: IntArray
    config: DropoutNetConfig
    device: torch.device

    def batches(self, generator: np.random.Generator) -> Iterable[tuple[IntArray, IntArray]]:
        """Some people, and items of which about half are theirs."""
        people = generator.permutation(np.flatnonzero(np.diff(self.matrix.indptr)))
        size = self.config.batch_size
        for start in range(0, len(people), size):
            some = people[start : start + size]
            theirs = self.matrix[some].indices
            wanted = generator.choice(theirs, min(size // 2, len(theirs)), replace=False)
            yield some, np.unique(np.concatenate([wanted, generator.choice(self.met, size // 2)]))

    def loss(self, batch: tuple[IntArray, IntArray]) -> Tensor:
        people, items = batch
        p = torch.from_numpy(self.matrix[people] @ self.known.numpy())
        rows = torch.from_numpy(items.astype(np.int64))
        known = self.known[rows]
        kept = torch.rand(len(rows), 1) >= self.config.own_dropout
        said = self.net.item(torch.cat([known * kept, self.content[rows]], 1).to(self.device))
        return losses.squared_error(self.net.person(p.to(self.device)) @ said.T, (p @ known.T).to(self.device))

    def examined(self) -> None:
        return None


class DropoutNet:
    Config = DropoutNetConfig
    personalised = True

    def __init__(self, config: DropoutNetConfig = DropoutNetConfig()) -> None:
        self.config = config
        self._net: _Net | None = None
        self._known = np.empty((0, 0), np.float32)  # Q, (N, K), zeros for what nobody met
        self._vectors = np.empty((0, 0), np.float32)  # (N, D)

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        config, matrix = self.config, dataset.matrix()
        reader = ContentReader.of(config, options)
        content = side_by_side(reader.fit_encode(dataset, options), dataset.n_items)
        met = np.flatnonzero(np.bincount(matrix.indices, minlength=dataset.n_items))
        present = min(len(met), int(np.count_nonzero(np.diff(matrix.indptr))))
        count = max(1, min(config.known_size, -(-present // SHARE)))
        with options.limited():
            known = leading(sp.csr_array(matrix), count, options.generator())[1]
        self._known = known if known.shape[1] else np.zeros((dataset.n_items, 1), np.float32)
        with torch_session(options, matrix.nnz) as device:
            net = _Net(self._known.shape[1], content.shape[1], config.embedding_size).to(device)
            if len(met):
                tensors = torch.from_numpy(self._known), torch.from_numpy(content)
                lesson = _Lesson(net, matrix.astype(np.float32), *tensors, met, config, device)
                schedule = Schedule(config.epochs, config.learning_rate, weight_decay=config.weight_decay)
                learn(lesson, schedule, options, "dropout_net", config)
        self._net = net.to("cpu").eval()
        self._vectors = self._said(self._known, content)
        return self

    def _said(self, known: FloatArray, content: FloatArray) -> FloatArray:
        """What the network says of items, (n, D); zeros of those of which nothing is known."""
        inputs = np.concatenate([known, content], axis=1)
        with torch.inference_mode():
            said = fitted(self._net).item(torch.from_numpy(inputs)).numpy()
        return np.asarray(said * inputs.any(axis=1, keepdims=True))

    def score(self, queries: Queries, rows: IntArray | None = None) -> FloatArray:
        return take(self.query_vectors(queries) @ self.item_vectors().T, rows)

    def query_vectors(self, queries: Queries) -> FloatArray:
        net = fitted(self._net)
        p = np.asarray(queries.matrix(len(self._known)) @ self._known, np.float32)
        with torch.inference_mode():
            return np.asarray(net.person(torch.from_numpy(p)).numpy() * p.any(axis=1, keepdims=True))

    def item_vectors(self) -> FloatArray:
        fitted(self._net)
        return self._vectors

    def weights(self) -> Weights:
        learned = {f"net.{name}": value.numpy() for name, value in fitted(self._net).state_dict().items()}
        return {"known": self._known, "vectors": self._vectors, **learned}

    def restore(self, weights: Weights) -> Self:
        net = {name.removeprefix("net."): array for name, array in weights.items() if name.startswith("net.")}
        self._known, self._vectors = weights["known"], weights["vectors"]
        width = net["item.0.weight"].shape[1]
        with torch.device("meta"):  # without drawing numbers that are thrown away
            self._net = _Net(self._known.shape[1], width - self._known.shape[1], self.config.embedding_size)
        self._net.load_state_dict({name: torch.tensor(value) for name, value in net.items()}, assign=True)
        self._net.eval()
        return self
