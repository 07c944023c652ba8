"""Recurrence: what is known of a history is one vector, changed by each event in turn.

Gated recurrent units: Cho et al., "Learning phrase representations using RNN encoder-decoder for statistical machine
translation", EMNLP 2014, section 2.3. Sequences are padded on the right, so nothing real ever follows padding.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn


class Recurrent(nn.Module):
    """Layers of gated units over the events of a history, normalised before; each position is brought back to D."""

    def __init__(self, width: int, hidden: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.units = nn.GRU(width, hidden, layers, batch_first=True, dropout=dropout if layers > 1 else 0.0)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) to (B, T, D)."""
        return cast(Tensor, self.out(self.dropout(self._states(x))))

    def last(self, x: Tensor, lengths: Tensor) -> Tensor:
        """The last real position of each sequence, (B, D)."""
        ends = (lengths - 1).clamp(min=0)
        newest = self._states(x)[torch.arange(len(x), device=x.device), ends]
        return cast(Tensor, self.out(self.dropout(newest)))

    def _states(self, x: Tensor) -> Tensor:
        """What is known after each event, (B, T, H)."""
        states: Tensor = self.units(self.norm(x))[0]
        return states
