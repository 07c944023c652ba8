"""Tables: what items are is there before anything is learned."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from serendip.training.blocks.tables import ContentTable

N_KINDS, OF_A_KIND, WIDTH = 8, 5, 64


def test_before_anything_is_learned_items_are_near_what_they_are_like() -> None:
    torch.manual_seed(0)
    own = nn.Embedding(N_KINDS * OF_A_KIND, WIDTH)
    nn.init.normal_(own.weight, std=WIDTH**-0.5)
    kinds = torch.arange(N_KINDS).repeat_interleave(OF_A_KIND)
    vectors = functional.normalize(ContentTable(own, torch.eye(N_KINDS)[kinds]).weight, dim=1).detach()
    alike = (kinds[:, None] == kinds) & ~torch.eye(len(kinds), dtype=torch.bool)
    cosines = vectors @ vectors.T
    assert cosines[alike].mean() > 0.9  # 0.75 where own vectors start as long as they were drawn
    assert cosines[kinds[:, None] != kinds].mean().abs() < 0.2
