"""Towers: layers one after the other over what several parts say of a pair."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import torch
from torch import Tensor, nn


class Tower(nn.Module):
    """Layers of one width. The first takes its parts one by one, which is the same as all of them side by side:

        W [a, b, ...] = W_a a + W_b b + ...

    so that what a part says of a person is multiplied once, however many items are asked for, and what one says of an
    item once for all people.
    """

    def __init__(
        self,
        parts: Sequence[int],
        width: int,
        layers: int,
        dropout: float,
        activation: Callable[[int], nn.Module] = lambda width: nn.ReLU(),
    ) -> None:
        super().__init__()
        self.first = nn.ModuleList(nn.Linear(part, width, bias=not place) for place, part in enumerate(parts))
        self.rest = nn.Sequential(activation(width), nn.Dropout(dropout))
        for _ in range(layers - 1):
            self.rest.extend([nn.Linear(width, width), activation(width), nn.Dropout(dropout)])

    def forward(self, *parts: Tensor) -> Tensor:
        """Parts of shapes (..., W_a), (..., W_b), ... that fit each other, to (..., D)."""
        added = self.first[0](parts[0])
        for layer, part in zip(list(self.first)[1:], parts[1:], strict=True):
            added = added + layer(part)
        return cast(Tensor, self.rest(added))


class Dice(nn.Module):
    """p x + (1 - p) α x with p = σ((x - mean) / deviation): a ReLU whose bend lies where the numbers do.

    Zhou et al., "Deep interest network for click-through rate prediction", KDD 2018, equation 3. Mean and deviation
    are those of the batch while learning, and their moving averages afterwards.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(width, eps=1e-8, affine=False)
        self.alpha = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) to (..., D)."""
        share = torch.sigmoid(self.norm(x.reshape(-1, x.shape[-1]))).reshape(x.shape)
        return x * (share + (1 - share) * self.alpha)
