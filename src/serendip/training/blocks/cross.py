"""Cross layers: products of the numbers that describe a pair, one degree more with each layer.

    x_{l+1} = x_0 ⊙ (W_l x_l + b_l) + x_l

Wang, Shivanna, Cheng, Jain, Lin, Hong and Chi, "DCN V2: improved deep & cross network", WWW 2021, equation 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn


class Cross(nn.Module):
    """Cross layers one after the other; `inner` makes the map W_l x + b_l of each, or what stands in its place."""

    def __init__(self, layers: int, inner: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.inner = nn.ModuleList(inner() for _ in range(layers))

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) to (..., D)."""
        first = x
        for inner in self.inner:
            x = torch.addcmul(x, first, inner(x))
        return x


class LowRank(nn.Module):
    """U V' x + b, with U and V (D, r): what few directions say. Equation 2 of the paper."""

    def __init__(self, width: int, rank: int) -> None:
        super().__init__()
        self.down, self.up = nn.Linear(width, rank, bias=False), nn.Linear(rank, width)

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) to (..., D)."""
        return cast(Tensor, self.up(self.down(x)))


class BentLowRank(LowRank):
    """U tanh(C tanh(V' x)) + b, with C (r, r): an expert of the paper's equations 3 and 4."""

    def __init__(self, width: int, rank: int) -> None:
        super().__init__(width, rank)
        self.between = nn.Linear(rank, rank, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) to (..., D)."""
        return cast(Tensor, self.up(torch.tanh(self.between(torch.tanh(self.down(x))))))
