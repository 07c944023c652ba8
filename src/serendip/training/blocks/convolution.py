"""Causal convolution: each position of a history is a map of itself and of those at fixed distances before it.

With distances that grow like powers of two, a few layers see hundreds of events: van den Oord et al., "WaveNet", 2016,
section 2.1. Sequences are padded on the right, so nothing real ever looks at padding.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional


class CausalConvolution(nn.Module):
    """y_t = b + Σ_k W_k x_{t - k·d}, k = 0, 1, ..., with d the dilation; before the first event everything is 0.

    A sum of products of matrices, each as short as what it reaches, so that a short history costs no padding.
    """

    def __init__(self, width: int, kernel: int, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.taps = nn.ModuleList(nn.Linear(width, width, bias=not back) for back in range(kernel))

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) to (B, T, D)."""
        found = cast(Tensor, self.taps[0](x))
        for back, tap in enumerate(self.taps):
            lag = back * self.dilation
            if 0 < lag < x.shape[1]:
                found = found + functional.pad(tap(x[:, :-lag]), (0, 0, lag, 0))
        return found


class DilatedBlock(nn.Module):
    """Two causal convolutions, the second twice as far apart, each normalised and rectified, added to what came before.

    Yuan, Karatzoglou, Arapakis, Jose and He, "A simple convolutional generative network for next item recommendation",
    WSDM 2019, figure 3b.
    """

    def __init__(self, width: int, kernel: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(CausalConvolution(width, kernel, times * dilation) for times in (1, 2))
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) to (B, T, D)."""
        found = x
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            found = torch.relu(norm(convolution(found)))
        return x + cast(Tensor, self.dropout(found))
