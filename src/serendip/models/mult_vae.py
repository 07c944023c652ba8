"""Mult-VAE: an autoencoder that reads what somebody wants and foretells how they share out their attention.

A history x, divided by its length, is read into a Gaussian, z ~ N(μ(x), σ²(x)), and what is decoded from z are the
logits of one draw among all items: the person's history is n such draws. It learns by making

    Σ_i x_i ln softmax(f(z))_i - β KL(N(μ, σ²) | N(0, I))

large, where part of x is left out of what is read but not of what is foretold, and β grows from 0 to `kl` over the
first epochs: as much as helps, less than the 1 of a true lower bound. Without `variational` z is μ and there is no
second term: Mult-DAE. An answer is decoded from μ. Liang, Krishnan, Hoffman and Jebara, "Variational autoencoders for
collaborative filtering", WWW 2018, equations 2 and 6, section 2.2.2.

Use it where histories are long and people many; the authors of `rec_vae` find theirs ahead of it, for more time. On
sparse catalogues linear models are better (Steck, "Embarrassingly shallow autoencoders for sparse data", WWW 2019,
section 4.3); where order counts, models that read it are.

The first layer adds up one vector for each item of a history. With A items that somebody wants, widths D and H: an
epoch O(U·A·H), memory 32·A·H bytes while fitting and 8·A·H kept. An answer costs O(T·H + A·H).
"""

from __future__ import annotations

from typing import Annotated, Self, cast

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from serendip.data import Dataset, Queries
from serendip.data.arrays import FloatArray, IntArray
from serendip.models.base import NotSearched, Search, Weights, fitted, take
from serendip.training import FitOptions, losses
from serendip.training.profiles import FirstLayer, ProfileConfig, ProfileNet, Profiles, Taught


class MultVaeConfig(ProfileConfig):
    embedding_size: Annotated[int, Search(50, 400, log=True)] = Field(200, ge=1)
    """D, the width of z."""
    hidden_size: Annotated[int, Search(200, 1_200, log=True)] = Field(600, ge=1)
    """H, the width of the layer before z and of the one after it."""
    dropout: Annotated[float, Search(0.2, 0.8)] = Field(0.5, ge=0, lt=1)
    """Share of a history that is left out at random of what is read while learning."""
    variational: Annotated[bool, NotSearched("without it is another model")] = True
    """Mult-VAE; False: Mult-DAE."""
    kl: Annotated[float, Search(0.05, 1.0, log=True)] = Field(0.2, ge=0)
    """β once it has grown."""
    annealing: Annotated[int, NotSearched("it goes with `epochs`")] = Field(20, ge=0)
    """Epochs in which β grows."""
    # Steps that shrink to nothing while β grows: with those of `ProfileConfig` it stops too early.
    epochs: Annotated[int, NotSearched("learning stops by itself")] = Field(50, ge=1)
    """Passes over all people at most."""
    patience: Annotated[int, NotSearched("learning stops by itself")] = Field(20, ge=0)
    """Stop after so many epochs without a better NDCG@10 for the examined; 0: never, and nobody is examined."""
    learning_rate: Annotated[float, Search(1e-4, 1e-2, log=True)] = Field(2e-3, gt=0)
    """The largest; it falls to 0 along half a cosine."""
    batch_size: Annotated[int, NotSearched("a trade of time for accuracy")] = Field(200, ge=1)
    """People of a step, fewer where there are few people."""


class _Net(ProfileNet):
    def __init__(self, n_items: int, config: MultVaeConfig) -> None:
        super().__init__()
        self.config = config
        width, hidden = config.embedding_size, config.hidden_size
        self.first = FirstLayer(n_items, hidden)
        self.mean = nn.Linear(hidden, width)
        self.decoder = nn.Sequential(nn.Linear(width, hidden), nn.Tanh(), nn.Linear(hidden, n_items))
        if config.variational:
            self.aside.add_module("spread", nn.Linear(hidden, width))  # ln σ²
        self.aside.register_buffer("epochs", torch.zeros((), dtype=torch.int64))

    def forward(self, people: Profiles) -> Tensor:
        return self._decoded(self.mean(self._hidden(people)))

    def begin(self, part: str) -> None:
        cast(Tensor, self.aside.epochs).add_(1)

    def loss(self, people: Profiles, part: str, generator: np.random.Generator) -> Tensor:
        hidden, wanted = self._hidden(people), people.dense()
        mean = self.mean(hidden)  # (B, D)
        if not self.config.variational:
            return losses.multinomial(self._decoded(mean), wanted)
        spread = cast(nn.Linear, self.aside.spread)(hidden)  # (B, D)
        z = mean + torch.randn_like(mean) * torch.exp(spread / 2)
        return losses.multinomial(self._decoded(z), wanted) + self._beta() * divergence(mean, spread)

    def _hidden(self, people: Profiles) -> Tensor:
        read = functional.dropout(people.unit(), self.config.dropout, self.training)
        return torch.tanh(self.first(people, read))

    def _decoded(self, z: Tensor) -> Tensor:
        return cast(Tensor, self.decoder(z))

    def _beta(self) -> float:
        over = int(cast(Tensor, self.aside.epochs)) - 1
        return self.config.kl * min(1.0, over / self.config.annealing if self.config.annealing else 1.0)


def divergence(mean: Tensor, spread: Tensor) -> Tensor:
    """KL(N(μ, σ²) | N(0, I)) with ln σ² = `spread`, both (B, D), the mean over people, ()."""
    return 0.5 * (mean.square() + spread.exp() - 1 - spread).sum(1).mean()


class MultVae:
    Config = MultVaeConfig
    personalised = True

    def __init__(self, config: MultVaeConfig = MultVaeConfig()) -> None:
        self.config = config
        self._taught: Taught | None = None

    def _build(self, n_items: int) -> _Net:
        return _Net(n_items, self.config)

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        self._taught = Taught.by(self._build, dataset.matrix(), self.config, options, "Mult-VAE")
        return self

    def score(self, queries: Queries, rows: IntArray | None = None) -> FloatArray:
        return take(fitted(self._taught).score(queries), rows)

    def weights(self) -> Weights:
        return fitted(self._taught).weights()

    def restore(self, weights: Weights) -> Self:
        self._taught = Taught.restored(self._build, weights)
        return self
