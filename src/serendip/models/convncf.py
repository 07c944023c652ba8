"""ConvNCF: the products of all numbers of a person with all numbers of an item are a picture, and a small CNN reads it.

    s = b_i + p · q_i + CNN(p qᵢᵀ),   p qᵢᵀ a map of D × D numbers

Each layer of the CNN takes squares of 2 × 2 to one place with `channels` numbers, so that after log2 D layers there is
one place, of which a linear form is taken. Every layer sees how groups of numbers go together, at twice the scale of
the one before. He, Du, Wang, Tian, Tang and Chua, "Outer product-based neural collaborative filtering", IJCAI 2018,
sections 3.1 and 3.2, learned by BPR as there. The paper starts from vectors learned by a factorisation; here that
factorisation, which is the sum of the diagonal of the map, is part of the score and is learned at the same time. In
the place of an id of their own a person has the sum of vectors of their history (`training.meetings`).

Use it to compare with. What it adds to a factorisation is small, and it is the dearest of all models to ask, since
every pair of a person and an item has a map of its own.

With width D and C channels: an epoch O(E·K·(D² C + D² C²/12)), an answer O(A·(D² C + D² C²/12)) for A items that
somebody wants; memory 32·A·D bytes while fitting, 8·A·D kept.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self, cast

from pydantic import Field, field_validator
from torch import Tensor, nn
from torch.nn import functional

from serendip.data import Dataset, Queries
from serendip.data.arrays import FloatArray, IntArray
from serendip.models.base import NotSearched, Search, Weights, fitted, take
from serendip.training import FitOptions
from serendip.training.meetings import PairConfig, PairNet
from serendip.training.profiles import Taught

SQUARE = 2


class ConvNcfConfig(PairConfig):
    embedding_size: Annotated[int, Search(8, 64, log=True)] = Field(16, ge=2)
    """D, the width of the vectors; a power of 2."""
    channels: Annotated[int, Search(8, 32, log=True)] = Field(16, ge=1)
    """Numbers for each place of a layer."""
    objective: Annotated[Literal["binary", "bpr"], NotSearched("as in the paper")] = "bpr"
    """`bpr`: what is wanted is put above what is not; `binary`: each is told by itself."""
    negatives: Annotated[int, Search(1, 8, log=True)] = Field(2, ge=1)
    """Items drawn for each of a history, which it is put above."""
    batch_size: Annotated[int, NotSearched("a trade of time for accuracy")] = Field(2_048, ge=1)
    """Events of a step, fewer where there are few."""
    examined: Annotated[int, NotSearched("a bound on time")] = Field(200, ge=1)
    """People who are left out of learning to examine by, a tenth of all at most."""

    @field_validator("embedding_size")
    @classmethod
    def _halves(cls, size: int) -> int:
        if size & (size - 1):
            raise ValueError("a power of 2 is needed, so that a map can be halved until one place is left")
        return size


class _Net(PairNet):
    def __init__(self, n_items: int, config: ConvNcfConfig) -> None:
        super().__init__(n_items, config.embedding_size, config)
        self.held = config.embedding_size**2 * max(1, config.channels // SQUARE**2)
        self.cnn = _Cnn(config.embedding_size, config.channels)

    def meeting(self, people: Tensor, items: Tensor) -> Tensor:
        maps = people[..., :, None] * items[..., None, :]  # (B, C, D, D)
        read = self.cnn(maps.flatten(0, 1)).view(maps.shape[:2])
        return (people * items).sum(-1) + cast(Tensor, read)


class _Cnn(nn.Module):
    """Convolutions of squares that do not overlap: each is one product with a matrix."""

    def __init__(self, width: int, channels: int) -> None:
        super().__init__()
        depth = width.bit_length() - 1
        inputs = [1] + [channels] * (depth - 1)
        self.layers = nn.ModuleList(nn.Linear(SQUARE**2 * many, channels) for many in inputs)
        self.out = nn.Linear(channels, 1, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        """(M, D, D) to (M,)."""
        x = maps[..., None]  # (M, D, D, 1)
        for layer in self.layers:
            x = functional.relu(layer(squares(x)))
        return cast(Tensor, self.out(x.flatten(1))[:, 0])


def squares(x: Tensor) -> Tensor:
    """Each square of 2 × 2 places of (M, H, H, C) as one place, (M, H / 2, H / 2, 4 C)."""
    size, side, _, channels = x.shape
    half = side // SQUARE
    return x.reshape(size, half, SQUARE, half, SQUARE, channels).transpose(2, 3).flatten(3)


class ConvNcf:
    Config = ConvNcfConfig
    personalised = True

    def __init__(self, config: ConvNcfConfig = ConvNcfConfig()) -> None:
        self.config = config
        self._taught: Taught | None = None

    def _build(self, n_items: int) -> _Net:
        return _Net(n_items, self.config)

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        self._taught = Taught.by(self._build, dataset.matrix(), self.config, options, "ConvNCF")
        return self

    def score(self, queries: Queries, rows: IntArray | None = None) -> FloatArray:
        return take(fitted(self._taught).score(queries), rows)

    def weights(self) -> Weights:
        return fitted(self._taught).weights()

    def restore(self, weights: Weights) -> Self:
        self._taught = Taught.restored(self._build, weights)
        return self
