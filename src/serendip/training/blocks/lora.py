"""LoRA: a layer that was taught elsewhere, and a small one beside it that learns what is missing.

    y = W x + b + B A x,   A (r, in) drawn at random, B (out, r) zeros at first

W and b stay as they are; A and B learn. Hu, Shen, Wallis, Allen-Zhu, Li, Wang, Wang and Chen, "LoRA: low-rank
adaptation of large language models", ICLR 2022, section 4.1. Only A and B are weights of the module and are saved.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

ADAPTED = ("query", "value")
"""The projections of attention that learn along: section 7.1 finds these two the best for a given number of weights."""


class Lora(nn.Module):
    """Says what a linear layer says, and more."""

    def __init__(self, base: nn.Linear, rank: int) -> None:
        super().__init__()
        self._base = (base,)  # within a tuple it is no part of this module: it neither learns nor is saved
        self.down = nn.Parameter(torch.randn(rank, base.in_features) * base.in_features**-0.5)
        self.up = nn.Parameter(torch.zeros(base.out_features, rank))

    def forward(self, x: Tensor) -> Tensor:
        """(., in) to (., out)."""
        said: Tensor = self._base[0](x)
        return said + (x @ self.down.T) @ self.up.T


def adapted(layers: Iterable[nn.Module], rank: int) -> nn.ModuleDict:
    """Put a `Lora` in the place of each projection that is called as one of `ADAPTED`; returns them by their places."""
    found = nn.ModuleDict()
    for place, layer in enumerate(layers):
        for module in list(layer.modules()):
            for name in ADAPTED:
                if isinstance(base := getattr(module, name, None), nn.Linear):
                    found[f"{place}_{name}"] = Lora(base, rank)
                    setattr(module, name, found[f"{place}_{name}"])
    return found
