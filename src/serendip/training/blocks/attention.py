"""Causal attention: each position of a history looks at those before it and at itself.

Sequences are padded on the right, so causality alone keeps padding out of what is real, and the fast kernel without a
mask can be used. Where something stands enters by rotation (Su et al., "RoFormer", 2021): only distances count, so that
the last position, which is the one that is asked for, works as all others did in training.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

BASE = 10_000.0
"""The slowest rotation takes so many positions for a radian."""


class Attention(nn.Module):
    """Scaled dot products of several heads: Vaswani et al., "Attention is all you need", NeurIPS 2017, section 3.2."""

    def __init__(self, width: int, heads: int, causal: bool = True) -> None:
        super().__init__()
        self.heads, self.causal = heads, causal
        self.mixed = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)

    def forward(self, x: Tensor, real: Tensor | None = None) -> Tensor:
        """(B, T, D) to (B, T, D). `real` (B, T) bool says what may be looked at where it is not causal."""
        query, key, value = (self._heads(part) for part in self.mixed(x).chunk(3, dim=-1))  # (B, H, T, D / H)
        turns = _turns(x.shape[1], query.shape[-1], x)
        mask = None if self.causal or real is None else real[:, None, None]
        found = functional.scaled_dot_product_attention(
            _turned(query, turns), _turned(key, turns), value, attn_mask=mask, is_causal=self.causal
        )
        return cast(Tensor, self.out(self._joined(found)))

    def last(self, x: Tensor, lengths: Tensor) -> Tensor:
        """What the last real position of each sequence finds, (B, D); the others are looked at, not computed."""
        query_part, other_parts = torch.split(self.mixed.weight, [x.shape[2], 2 * x.shape[2]])
        ends = (lengths - 1).clamp(min=0)
        newest = x[torch.arange(len(x), device=x.device), ends]  # (B, D)
        key, value = (self._heads(part) for part in functional.linear(x, other_parts).chunk(2, dim=-1))
        query = self._heads(functional.linear(newest, query_part)[:, None])  # (B, H, 1, D / H)
        turns = _turns(x.shape[1], query.shape[-1], x)
        own = tuple(turn[ends][:, None, None] for turn in turns)  # (B, 1, 1, D / H / 2)
        real = torch.arange(x.shape[1], device=x.device) < lengths[:, None]  # (B, T)
        found = functional.scaled_dot_product_attention(
            _turned(query, own), _turned(key, turns), value, attn_mask=real[:, None, None]
        )
        return cast(Tensor, self.out(self._joined(found)[:, 0]))

    def beside(self, x: Tensor, others: Tensor, after: Tensor) -> Tensor:
        """What each of `others` (B, M, D) finds that would stand right after the first `after` (B, M) positions.

        It looks at those positions of `x` (B, T, D) and at itself; nothing looks at it. So a history is read once for
        all that could come next.
        """
        _, other_parts = torch.split(self.mixed.weight, [x.shape[2], 2 * x.shape[2]])
        key, value = (self._heads(part) for part in functional.linear(x, other_parts).chunk(2, dim=-1))
        query, own_key, own_value = (self._heads(part) for part in self.mixed(others).chunk(3, dim=-1))  # (B, H, M, d)
        itself = (query * own_key).sum(-1, keepdim=True)  # turned by the same angles, which does not change it
        turns = _turns(x.shape[1] + 1, query.shape[-1], x)
        query = _turned(query, tuple(turn[after][:, None] for turn in turns))
        scores = query @ _turned(key, tuple(turn[:-1] for turn in turns)).transpose(-1, -2)  # (B, H, M, T)
        later = torch.arange(x.shape[1], device=x.device) >= after[:, :, None]  # (B, M, T)
        scores = torch.cat([scores.masked_fill(later[:, None], -torch.inf), itself], dim=-1)
        shares = torch.softmax(scores * query.shape[-1] ** -0.5, dim=-1)
        found = shares[..., :-1] @ value + shares[..., -1:] * own_value
        return cast(Tensor, self.out(self._joined(found)))

    def _heads(self, x: Tensor) -> Tensor:
        return x.reshape(*x.shape[:2], self.heads, -1).transpose(1, 2)

    @staticmethod
    def _joined(x: Tensor) -> Tensor:
        return x.transpose(1, 2).flatten(2)


def _turns(length: int, width: int, like: Tensor) -> tuple[Tensor, ...]:
    """Cosines and sines of each position's angles, each (T, width / 2)."""
    speeds = BASE ** -torch.linspace(0, 1, width // 2, device=like.device, dtype=like.dtype)
    angles = torch.arange(length, device=like.device, dtype=like.dtype)[:, None] * speeds
    return angles.cos(), angles.sin()


def _turned(x: Tensor, turns: tuple[Tensor, ...]) -> Tensor:
    cosines, sines = turns
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cosines - second * sines, first * sines + second * cosines], dim=-1)


class Block(nn.Module):
    """Attention, then two layers for each position alone, each added to what came before and normalised first.

    With `gated`, a LiGR block: a sigmoid of the position says how much is added, and SwiGLU takes the place of the two
    layers, which is what lets many blocks be trained: Borisyuk et al., "LiGR", 2025, section 3, and Tikhonovich et al.,
    "eSASRec", RecSys 2025.
    """

    def __init__(self, width: int, heads: int, growth: int, dropout: float, gated: bool, causal: bool = True) -> None:
        super().__init__()
        self.attention = Attention(width, heads, causal)
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.inner: nn.Module = SwiGlu(width, growth * width) if gated else TwoLayers(width, growth * width)
        self.gates = nn.ModuleList([nn.Linear(width, width), nn.Linear(width, width)]) if gated else None
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, real: Tensor | None = None) -> Tensor:
        """(B, T, D) to (B, T, D)."""
        return self._inner(self._added(0, x, self.attention(self.norms[0](x), real)))

    def last(self, x: Tensor, lengths: Tensor) -> Tensor:
        """The same for the last real position of each sequence alone, (B, D)."""
        newest = x[torch.arange(len(x), device=x.device), (lengths - 1).clamp(min=0)]
        return self._inner(self._added(0, newest, self.attention.last(self.norms[0](x), lengths)))

    def beside(self, x: Tensor, others: Tensor, after: Tensor) -> Tensor:
        """`others` (B, M, D) to (B, M, D), each as if it came right after the first `after` (B, M) positions of `x`."""
        found = self.attention.beside(self.norms[0](x), self.norms[0](others), after)
        return self._inner(self._added(0, others, found))

    def _inner(self, x: Tensor) -> Tensor:
        return self._added(1, x, self.inner(self.norms[1](x)))

    def _added(self, place: int, x: Tensor, found: Tensor) -> Tensor:
        found = self.dropout(found)
        if self.gates is None:
            return x + found
        return torch.addcmul(x, torch.sigmoid(self.gates[place](x)), found)


class TwoLayers(nn.Module):
    """A wider layer with GELU and one back."""

    def __init__(self, width: int, wider: int) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(width, wider), nn.Linear(wider, width)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.down(functional.gelu(self.up(x))))


class SwiGlu(nn.Module):
    """down(silu(gate x) * up x): Shazeer, "GLU variants improve Transformer", 2020."""

    def __init__(self, width: int, wider: int) -> None:
        super().__init__()
        self.both, self.down = nn.Linear(width, 2 * wider, bias=False), nn.Linear(wider, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        gate, up = self.both(x).chunk(2, dim=-1)
        return cast(Tensor, self.down(functional.silu(gate) * up))


class Stack(nn.Module):
    """Blocks one after the other, normalised at the end."""

    def __init__(self, blocks: int, make: Callable[[], Block], width: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(make() for _ in range(blocks))
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor, real: Tensor | None = None) -> Tensor:
        """(B, T, D) to (B, T, D)."""
        for block in self.blocks:
            x = block(x, real)
        return cast(Tensor, self.norm(x))

    def last(self, x: Tensor, lengths: Tensor) -> Tensor:
        """(B, T, D) to the last real position of each sequence, (B, D); the last block computes nothing else."""
        *first, final = self.blocks
        for block in first:
            x = block(x)
        return cast(Tensor, self.norm(cast(Block, final).last(x, lengths)))

    def beside(self, x: Tensor, others: Tensor, after: Tensor) -> tuple[Tensor, Tensor]:
        """`x` (B, T, D) as `forward` reads it, and `others` (B, M, D), each right after `after` (B, M) of it."""
        for block in self.blocks:
            others, x = cast(Block, block).beside(x, others, after), block(x)
        return self.norm(x), self.norm(others)
