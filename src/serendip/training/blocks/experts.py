"""Mixture of experts: several networks answer, and a gate says how much each counts for this input.

    y = Σ_e g_e(x) E_e(x),   g = softmax(G x)

Jacobs, Jordan, Nowlan and Hinton, "Adaptive mixtures of local experts", Neural Computation 3, 1991; Ma et al.,
"Modeling task relationships in multi-task learning with multi-gate mixture-of-experts", KDD 2018, section 4.2.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


class Mixture(nn.Module):
    """`make` makes each of the experts, which map (..., width) to one common shape (..., D)."""

    def __init__(self, experts: int, make: Callable[[], nn.Module], width: int) -> None:
        super().__init__()
        self.experts = nn.ModuleList(make() for _ in range(experts))
        self.gate = nn.Linear(width, experts, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(..., width) to (..., D)."""
        shares = torch.softmax(self.gate(x), dim=-1)  # (..., experts)
        first, *others = self.experts
        found: Tensor = shares[..., :1] * first(x)
        for place, expert in enumerate(others, 1):
            found = torch.addcmul(found, shares[..., place : place + 1], expert(x))
        return found
