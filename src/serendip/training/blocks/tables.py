"""Tables: a vector for each item, where what items are may have a part in it."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

SMALL = 0.03
"""How far own vectors are shortened before they learn: as long as content, what was drawn by chance would hide what an
item is wherever few events teach otherwise."""


class ContentTable(nn.Module):
    """e_i + W c_i: a vector of the item's own, and what its content (A, K), which stays as it is, adds to it.

    Items that few turned to are near what they are like; what many did moves them away from it. It takes the place of
    an `nn.Embedding`.
    """

    def __init__(self, own: nn.Embedding, content: Tensor) -> None:
        super().__init__()
        self.own = own
        with torch.no_grad():
            own.weight.mul_(SMALL)
        self.lift = nn.Linear(content.shape[1], own.embedding_dim, bias=False)
        self.content: Tensor
        self.register_buffer("content", content)

    @property
    def num_embeddings(self) -> int:
        return self.own.num_embeddings

    @property
    def embedding_dim(self) -> int:
        return self.own.embedding_dim

    @property
    def weight(self) -> Tensor:
        """All of it, (A, D)."""
        return cast(Tensor, self.own.weight + self.lift(self.content))

    def forward(self, places: Tensor) -> Tensor:
        """Of some, (..., D)."""
        distinct, inverse = torch.unique(places, return_inverse=True)  # each item once, however often it stands there
        return cast(Tensor, (self.own(distinct) + self.lift(self.content[distinct]))[inverse])
