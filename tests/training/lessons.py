"""A small lesson to test the loop with: it has noise from both generators, and its grades are as told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from serendip.data.arrays import IntArray
from serendip.training.options import FitOptions
from serendip.training.session import torch_session

ROWS, WIDTH = 48, 6


class Lesson:
    """A linear map to be found again, by a network that leaves out numbers at random."""

    def __init__(self, grades: Sequence[float] = (), width: int = 8, stop_before: int | None = None) -> None:
        generator = np.random.default_rng(4)
        self.x = torch.from_numpy(generator.standard_normal((ROWS, WIDTH)).astype(np.float32))
        self.y = self.x @ torch.arange(1.0, WIDTH + 1)[:, None]
        self.net = nn.Sequential(nn.Linear(WIDTH, width), nn.Dropout(0.3), nn.Tanh(), nn.Linear(width, 1))
        self.grades, self.stop_before, self.n_epochs = list(grades), stop_before, 0
        self.seen: list[dict[str, Tensor]] = []

    def batches(self, generator: np.random.Generator) -> Iterable[IntArray]:
        if self.n_epochs == self.stop_before:
            raise KeyboardInterrupt
        self.n_epochs += 1
        return np.split(generator.permutation(ROWS), 4)

    def loss(self, batch: IntArray) -> Tensor:
        rows = torch.from_numpy(batch)
        return (self.net(self.x[rows]) - self.y[rows]).square().mean()

    def examined(self) -> float | None:
        """The grades in turn, and the weights that were there to be graded."""
        self.seen.append(weights_of(self.net))
        return self.grades[len(self.seen) - 1] if self.grades else -float((self.net(self.x) - self.y).square().mean())


def weights_of(net: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in net.state_dict().items()}


def fresh(options: FitOptions, **told: object) -> Lesson:
    """A lesson whose network starts as the seed has it."""
    with torch_session(options):
        return Lesson(**told)  # type: ignore[arg-type]


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    """Whether all weights are the same to the last bit."""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
