"""Networks that read pictures: convolutions, or attention between patches. Small ones, to be taught on a catalogue.

Both take (B, 3, S, S) float32 from -1 to 1 and give (B, D).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

PatchKind = Literal["cnn", "vit"]
PATCH = 8


class Convolutions(nn.Module):
    """Convolution, normalisation and GELU, each layer half as fine and twice as deep, then the mean over all places.

    LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition", Proceedings of the
    IEEE 86 (1998); strides take the place of pooling between layers, the mean that of pooling at the end.
    """

    def __init__(self, width: int, first: int = 32, layers: int = 4) -> None:
        super().__init__()
        depths = [3, *(first << place for place in range(layers))]
        self.layers = nn.Sequential()
        for inner, outer in pairwise(depths):
            self.layers.extend(
                [nn.Conv2d(inner, outer, 3, stride=2, padding=1, bias=False), nn.GroupNorm(8, outer), nn.GELU()]
            )
        self.out = nn.Linear(depths[-1], width)

    def forward(self, pictures: Tensor) -> Tensor:
        found = self.layers(pictures).mean((2, 3))  # (B, C)
        return cast(Tensor, self.out(found))


class Patches(nn.Module):
    """Squares of `PATCH` pixels as a sequence, blocks of attention between all of them, then their mean.

    Dosovitskiy et al., "An image is worth 16x16 words", ICLR 2021.
    """

    def __init__(self, side: int, width: int, blocks: int = 3, heads: int = 4) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, PATCH, stride=PATCH)
        self.places = nn.Parameter(torch.randn(1, (side // PATCH) ** 2, width) * 0.02)
        layer = nn.TransformerEncoderLayer(
            width, heads, 2 * width, dropout=0.1, activation=functional.gelu, batch_first=True, norm_first=True
        )
        self.blocks = nn.TransformerEncoder(layer, blocks, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(width)

    def forward(self, pictures: Tensor) -> Tensor:
        x = self.patches(pictures).flatten(2).transpose(1, 2) + self.places  # (B, P, D)
        return cast(Tensor, self.norm(self.blocks(x)).mean(1))


def picture_net(kind: PatchKind, side: int, width: int) -> nn.Module:
    """A fresh network of that kind."""
    return Convolutions(width) if kind == "cnn" else Patches(side, width)
