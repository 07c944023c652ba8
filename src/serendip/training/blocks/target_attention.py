"""Target attention: what a history says depends on the item it is asked about.

    v(t) = 1 / √n Σ_j a(h_j, t) h_j,   a(h, t) = w · φ(W [h, t, h ⊙ t, h - t] + b) + c

over the n events h_j of the history: Zhou et al., "Deep interest network for click-through rate prediction", KDD 2018,
section 4.3. As there, the weights a are not made to add up to 1, so that a history full of things like the target says
more than one with a single such thing; dividing by √n is ours, so that long histories do not drown the rest.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class TargetAttention(nn.Module):
    """The local activation unit, with one hidden layer and PReLU, and the sum that it weighs."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.mixed = nn.Linear(4 * width, hidden)
        self.bend = nn.PReLU()
        self.out = nn.Linear(hidden, 1)

    def forward(self, history: Tensor, real: Tensor, targets: Tensor) -> Tensor:
        """What each history says of each target, (B, C, W).

        `history` (B, T, W), `real` (B, T) bool, `targets` (B, C, W) or, the same for all, (1, C, W).
        """
        weights = self.weights(history, targets) * real[:, :, None]  # (B, T, C)
        lengths = real.sum(1).clamp(min=1)
        return weights.transpose(1, 2) @ history / lengths.sqrt()[:, None, None]

    def weights(self, history: Tensor, targets: Tensor) -> Tensor:
        """a(h, t) of each event and target, (B, T, C).

        W [h, t, h ⊙ t, h - t] is (W_1 + W_4) h + (W_2 - W_4) t + (W_3 ⊙ t) h: the first two are found once per event
        and target, and the third is a product of matrices, so that nothing of width 4 W is held for each pair.
        """
        own, target, product, difference = self.mixed.weight.chunk(4, dim=1)  # each (H, W)
        of_history = history @ (own + difference).T + self.mixed.bias  # (B, T, H)
        of_targets = targets @ (target - difference).T  # (B, C, H)
        turned = (targets[:, :, None] * product).flatten(1, 2)  # (B, C * H, W)
        hidden = history @ turned.transpose(1, 2)
        hidden = hidden.reshape(*history.shape[:2], targets.shape[1], len(product))  # (B, T, C, H)
        hidden = hidden + of_history[:, :, None] + of_targets[:, None]
        found: Tensor = self.out(self.bend(hidden))
        return torch.squeeze(found, -1)
