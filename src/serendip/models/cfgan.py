"""CFGAN: one network makes up what people want, another tells it from what they do want, and both get better.

The generator reads a history x and gives each item a number r̂ in (0, 1). The discriminator is shown the history and
either x itself or r̂, the latter with 0 wherever an item is neither in the history nor among a random share of the
others. By turns,

    discriminator:  -ln D(x | x) - ln(1 - D(r̂ ⊙ m | x))   is made small
    generator:      -ln D(r̂ ⊙ m | x) + α Σ_{i in z} r̂_i²

with m the history and a `negative_share` of the other items, z such a share again (what the authors call PM and ZR,
together ZP). Chae, Kang, Kim and Lee, "CFGAN: a generic collaborative filtering framework based on generative
adversarial networks", CIKM 2018, section 4. -ln D stands in the place of ln(1 - D): the slope is steeper where the
generator is bad (Goodfellow et al., NeurIPS 2014, section 3). Part of what is read is left out while learning, which
the paper does not do: without it a generator may learn to copy.

Do not expect more of it than of an autoencoder: with a history as condition and nothing random in it, there is one
right answer to each question, and the discriminator is a detour to the squared error. Ferrari Dacrema's group found
its figures neither reproducible nor ahead of simple models (Pérez Maurera, Ferrari Dacrema and Cremonesi, "An
evaluation study of generative adversarial networks for collaborative filtering", ECIR 2022). It is here so that the
claim can be tested, and it is no choice for a service: take `mult_vae` or `rec_vae`.

With A items that somebody wants and width H: an epoch O(U·A·H), memory 64·A·H bytes while fitting, 8·A·H kept. An
answer costs O(T·H + A·H).
"""

from __future__ import annotations

from typing import Annotated, Self, cast

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from serendip.data import Dataset, Queries
from serendip.data.arrays import FloatArray, IntArray
from serendip.models.base import NotSearched, Search, Weights, fitted, take
from serendip.training import FitOptions
from serendip.training.profiles import FirstLayer, ProfileConfig, ProfileNet, Profiles, Taught

DISCRIMINATOR, GENERATOR = "discriminator", "generator"


class CfGanConfig(ProfileConfig):
    embedding_size: Annotated[int, Search(50, 400, log=True)] = Field(200, ge=1)
    """H, the width of the hidden layer of both networks."""
    dropout: Annotated[float, Search(0.0, 0.8)] = Field(0.5, ge=0, lt=1)
    """Share of a history that is left out at random of what is read while the generator learns."""
    negative_share: Annotated[float, Search(0.1, 0.9)] = Field(0.7, ge=0, le=1)
    """Share of the items outside of a history that a step shows, and that it pulls towards 0."""
    negative_weight: Annotated[float, Search(0.01, 1.0, log=True)] = Field(0.3, ge=0)
    """α, how much that pull weighs."""
    generator_passes: Annotated[int, NotSearched("it has the harder task")] = Field(4, ge=1)
    """Times that the generator is taught after the discriminator was, in each epoch."""
    # The first thing that is learned is what is popular; only much later does what is read begin to tell.
    epochs: Annotated[int, NotSearched("learning stops by itself")] = Field(100, ge=1)
    """Passes over all people at most, of each network."""
    patience: Annotated[int, NotSearched("learning stops by itself")] = Field(20, ge=0)
    """Stop after so many epochs without a better NDCG@10 for the examined; 0: never, and nobody is examined."""
    learning_rate: Annotated[float, Search(1e-4, 1e-2, log=True)] = Field(3e-3, gt=0)
    """The largest; it falls to 0 along half a cosine."""


class _Net(ProfileNet):
    fewest_steps = 4  # of each of the passes

    def __init__(self, n_items: int, config: CfGanConfig) -> None:
        super().__init__()
        self.config = config
        self.passes = (DISCRIMINATOR, *[GENERATOR] * config.generator_passes)
        self.first = FirstLayer(n_items, config.embedding_size)
        self.out = nn.Linear(config.embedding_size, n_items)
        self.aside.add_module("discriminator", _Discriminator(n_items, config.embedding_size))

    def forward(self, people: Profiles) -> Tensor:
        """The logits of r̂, (B, A)."""
        read = functional.dropout(people.unit(), self.config.dropout, self.training)
        return cast(Tensor, self.out(torch.tanh(self.first(people, read))))

    def loss(self, people: Profiles, part: str, generator: np.random.Generator) -> Tensor:
        wanted = (people.dense() > 0).to(people.values)  # (B, A)
        return self._told_apart(people, wanted) if part == DISCRIMINATOR else self._made_up(people, wanted)

    def _told_apart(self, people: Profiles, wanted: Tensor) -> Tensor:
        tell = cast(_Discriminator, self.aside.discriminator)
        with torch.no_grad():
            made_up = torch.sigmoid(self(people)) * masked(wanted, self.config.negative_share)
        return (functional.softplus(-tell(people, wanted)) + functional.softplus(tell(people, made_up))).mean()

    def _made_up(self, people: Profiles, wanted: Tensor) -> Tensor:
        made_up = torch.sigmoid(self(people))
        tell = cast(_Discriminator, self.aside.discriminator)
        still = {name: weight.detach() for name, weight in tell.named_parameters()}
        shown = made_up * masked(wanted, self.config.negative_share)
        convinced = functional_call(tell, still, (people, shown))  # (B,)
        zeros = masked(wanted, self.config.negative_share) - wanted
        pull = (made_up.square() * zeros).sum(1)
        return (functional.softplus(-convinced) + self.config.negative_weight * pull).mean()


class _Discriminator(nn.Module):
    """Given a history, does somebody want these items, or were they made up?"""

    def __init__(self, n_items: int, width: int) -> None:
        super().__init__()
        self.of_history = FirstLayer(n_items, width)
        self.of_items = nn.Linear(n_items, width, bias=False)
        self.out = nn.Linear(width, 1)

    def forward(self, people: Profiles, items: Tensor) -> Tensor:
        """The logit of what was not made up, (B,), for `items` (B, A)."""
        x = torch.tanh(self.of_history(people, people.unit()) + self.of_items(items))
        return cast(Tensor, self.out(x)[:, 0])


def masked(wanted: Tensor, share: float) -> Tensor:
    """1 for what is `wanted` (B, A), and for a random `share` of the rest, else 0."""
    return torch.maximum(wanted, (torch.rand_like(wanted) < share).to(wanted))


class CfGan:
    Config = CfGanConfig
    personalised = True

    def __init__(self, config: CfGanConfig = CfGanConfig()) -> None:
        self.config = config
        self._taught: Taught | None = None

    def _build(self, n_items: int) -> _Net:
        return _Net(n_items, self.config)

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        self._taught = Taught.by(self._build, dataset.matrix(), self.config, options, "CFGAN")
        return self

    def score(self, queries: Queries, rows: IntArray | None = None) -> FloatArray:
        return take(fitted(self._taught).score(queries), rows)

    def weights(self) -> Weights:
        return fitted(self._taught).weights()

    def restore(self, weights: Weights) -> Self:
        self._taught = Taught.restored(self._build, weights)
        return self
