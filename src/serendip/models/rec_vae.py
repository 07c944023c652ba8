"""RecVAE: Mult-VAE with a deeper reader, a prior that remembers, and encoder and decoder taught by turns.

As in Mult-VAE a history is read into z ~ q(z|x) = N(μ(x), σ²(x)), and decoded (here by one layer) into the logits of a
draw among all items. What is made large is

    Σ_i x_i ln softmax(f(z))_i - γ |x| KL(q(z|x) | p(z|x)),   |x| = Σ_i x_i

where the longer a history, the more its z is held. It is held to a mixture for each number of z,

    p(z|x) = 0.15 N(0, 1) + 0.75 q'(z|x) + 0.1 N(0, e^10)

in which q' is the encoder as it stood one epoch ago, so that it moves by small steps and forgets less. In each epoch
the encoder is taught three times, part of each history left out of what is read, and the decoder once, from whole
histories; each stands still while the other learns. The encoder has five layers, each of which is given the sum of all
before it. Shenbin, Alekseev, Tutubalina, Malykh and Nikolenko, "RecVAE: a new variational autoencoder for top-N
recommendations with implicit feedback", WSDM 2020, sections 3.2 to 3.5. The mixture of whole vectors that the paper
writes down is one of each number here, and an answer is decoded from μ.

Use it where histories are long and people many and some time to learn is no matter: its authors find it ahead of
Mult-VAE. On sparse catalogues linear models are better; where order counts, models that read it are.

The first layer adds up one vector for each item of a history. With A items that somebody wants, widths D and H: an
epoch O(U·(A·D + H²)), four passes; memory 16·A·(D + H) + 4·A·H bytes while fitting, 4·A·(D + H) kept. An answer costs
O(T·H + H² + A·D).
"""

from __future__ import annotations

import math
from copy import deepcopy
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

ENCODER, DECODER = "encoder", "decoder"
LAYERS = 5
NEAR, OLD, FAR = 0.15, 0.75, 0.1
"""Shares of the prior: the standard Gaussian, the encoder of one epoch ago, and one that is nearly flat."""
FLAT = 10.0
"""ln σ² of the last."""
EPSILON = 1e-5
"""Added to variances before they divide."""


class RecVaeConfig(ProfileConfig):
    embedding_size: Annotated[int, Search(50, 400, log=True)] = Field(200, ge=1)
    """D, the width of z."""
    hidden_size: Annotated[int, Search(100, 800, log=True)] = Field(256, ge=1)
    """H, the width of the layers of the encoder."""
    dropout: Annotated[float, Search(0.2, 0.8)] = Field(0.5, ge=0, lt=1)
    """Share of a history that is left out at random of what is read while the encoder learns."""
    gamma: Annotated[float, Search(0.001, 0.05, log=True)] = Field(0.005, ge=0)
    """γ, how much z is held, for each item of a history."""
    encoder_passes: Annotated[int, NotSearched("three in the paper")] = Field(3, ge=1)
    """Times that the encoder is taught before the decoder is, in each epoch."""


class _Encoder(nn.Module):
    def __init__(self, n_items: int, config: RecVaeConfig) -> None:
        super().__init__()
        width, hidden = config.embedding_size, config.hidden_size
        self.first = FirstLayer(n_items, hidden)
        self.deeper = nn.ModuleList(nn.Linear(hidden, hidden) for _ in range(LAYERS - 1))
        self.norms = nn.ModuleList(nn.LayerNorm(hidden, EPSILON) for _ in range(LAYERS))
        self.mean, self.spread = nn.Linear(hidden, width), nn.Linear(hidden, width)

    def forward(self, people: Profiles, dropout: float) -> tuple[Tensor, Tensor]:
        """μ and ln σ², (B, D) each."""
        x = self._read(people, dropout)
        return self.mean(x), self.spread(x)

    def middle(self, people: Profiles) -> Tensor:
        """μ alone, (B, D)."""
        return cast(Tensor, self.mean(self._read(people, 0.0)))

    def _read(self, people: Profiles, dropout: float) -> Tensor:
        """(B, H)."""
        x = self.norms[0](functional.silu(self.first(people, functional.dropout(people.unit(), dropout))))
        before = x
        for layer, norm in zip(self.deeper, self.norms[1:], strict=True):
            x = norm(functional.silu(layer(x) + before))
            before = before + x
        return cast(Tensor, x)


class _Net(ProfileNet):
    fewest_steps = 4  # of each of the passes

    def __init__(self, n_items: int, config: RecVaeConfig) -> None:
        super().__init__()
        self.config = config
        self.passes = (*[ENCODER] * config.encoder_passes, DECODER)
        self.encoder = _Encoder(n_items, config)
        self.decoder = nn.Linear(config.embedding_size, n_items)
        self.aside.add_module("old", deepcopy(self.encoder).requires_grad_(False))

    def forward(self, people: Profiles) -> Tensor:
        return cast(Tensor, self.decoder(self.encoder.middle(people)))

    def begin(self, part: str) -> None:
        if part == DECODER:
            cast(_Encoder, self.aside.old).load_state_dict(self.encoder.state_dict())

    def loss(self, people: Profiles, part: str, generator: np.random.Generator) -> Tensor:
        return self._of_encoder(people) if part == ENCODER else self._of_decoder(people)

    def _of_encoder(self, people: Profiles) -> Tensor:
        mean, spread = self.encoder(people, self.config.dropout)
        with torch.no_grad():
            old = cast(_Encoder, self.aside.old)(people, 0.0)
        z = drawn(mean, spread)
        held = (log_normal(z, mean, spread) - log_prior(z, *old)).sum(1)  # (B,)
        logits = functional.linear(z, self.decoder.weight.detach(), self.decoder.bias.detach())
        pull = (self.config.gamma * people.totals(people.values) * held).mean()
        return losses.multinomial(logits, people.dense()) + pull

    def _of_decoder(self, people: Profiles) -> Tensor:
        with torch.no_grad():
            z = drawn(*self.encoder(people, 0.0))
        return losses.multinomial(self.decoder(z), people.dense())


def drawn(mean: Tensor, spread: Tensor) -> Tensor:
    """z ~ N(μ, σ²) with ln σ² = `spread`, through which gradients reach both."""
    return mean + torch.randn_like(mean) * torch.exp(spread / 2)


def log_normal(z: Tensor, mean: Tensor, spread: Tensor) -> Tensor:
    """ln N(z; μ, σ²) of each number, with ln σ² = `spread`."""
    return -0.5 * (math.log(2 * math.pi) + spread + (z - mean).square() / spread.exp())


def log_prior(z: Tensor, old_mean: Tensor, old_spread: Tensor) -> Tensor:
    """ln p(z) of each number under the mixture."""
    zero = z.new_zeros(())
    parts = (
        log_normal(z, zero, zero) + math.log(NEAR),
        log_normal(z, old_mean, old_spread) + math.log(OLD),
        log_normal(z, zero, zero + FLAT) + math.log(FAR),
    )
    return torch.logsumexp(torch.stack(parts), dim=0)


class RecVae:
    Config = RecVaeConfig
    personalised = True

    def __init__(self, config: RecVaeConfig = RecVaeConfig()) -> None:
        self.config = config
        self._taught: Taught | None = None

    def _build(self, n_items: int) -> _Net:
        return _Net(n_items, self.config)

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        self._taught = Taught.by(self._build, dataset.matrix(), self.config, options, "RecVAE")
        return self

    def score(self, queries: Queries, rows: IntArray | None = None) -> FloatArray:
        return take(fitted(self._taught).score(queries), rows)

    def weights(self) -> Weights:
        return fitted(self._taught).weights()

    def restore(self, weights: Weights) -> Self:
        self._taught = Taught.restored(self._build, weights)
        return self
