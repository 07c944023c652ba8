"""HSTU: attention without a softmax, that knows how many events and how much time lie between two events.

    U, Q, V, K = silu(W x),   A_ij = silu(Q_i · K_j + p(i - j) + r(τ_ij)) / n_i,   y = x + W' (norm(A V) ∘ U)

over the n_i positions j <= i, with learned tables p and r per head: Zhai et al., "Actions speak louder than words:
trillion-parameter sequential transducers for generative recommendations", ICML 2024, section 3. Shares do not add up
to 1 and may be negative; U takes the place of the layers of a Transformer that follow attention. What is divided by n_i
is normalised afterwards, so that this only keeps numbers in a good range, whatever the length of the padding.

τ_ij is the time from event j to event i, or, where the time of asking counts (`Times`), to the moment when what follows
event i is looked for. A constant added to r can be taken from p, so r is 0 for the shortest spans: where no times are
known, they change nothing.

Sequences are padded on the right, so causality alone keeps padding out of what is real.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from serendip.training.sequences import Batch

Times = Literal["none", "past", "asking"]
"""What counts: the order of events alone; the times between them too; those, up to the time of asking."""

BUCKETS = 80
"""Kinds of time spans; the last is some 700 years."""
STEP = 0.301
"""A span of kind b + 1 is longer than one of kind b by the factor e to this power."""

NEAR, FADES = 4.0, 8.0
"""p(d) starts as 4 exp(-d / 8): the newest few events count most before anything has been learned, which is far sooner
left behind than a mean of everything that came before."""


@dataclass(frozen=True, eq=False)
class View:
    """What `R` asking positions of each sequence may look at. Shared by all blocks; a first axis of 1 serves all."""

    far: Tensor  # (B or 1, R, T) int64: how many events back
    spans: Tensor | None  # (B, R, T) int64: the kind of the time that lies between; None: 0, or not looked at
    shares: Tensor  # (B or 1, R, T) float32: 1 / n where position j may be looked at, 0 elsewhere

    @classmethod
    def of_all(cls, batch: Batch, times: Times) -> View:
        """Every position asks, R = T."""
        positions = torch.arange(batch.places.shape[1], device=batch.places.device)
        far = (positions[:, None] - positions)[None]  # (1, T, T)
        shares = (far >= 0) / (positions[:, None] + 1.0)
        return cls(far, _spans(batch, times), shares)

    @classmethod
    def of_last(cls, batch: Batch, times: Times) -> View:
        """The last real position of each sequence asks, R = 1."""
        positions = torch.arange(batch.places.shape[1], device=batch.places.device)
        far = (batch.lengths[:, None] - 1 - positions)[:, None]  # (B, 1, T)
        shares = (far >= 0) / batch.lengths.clamp(min=1)[:, None, None]
        return cls(far, _spans(batch, times, _ends(batch)[:, None]), shares)


def _spans(batch: Batch, times: Times, asking: Tensor | None = None) -> Tensor | None:
    """⌊ln(max(1, |Δ|)) / 0.301⌋ with Δ the seconds from each event to when `asking` (B, R) or all positions ask.

    None: all are 0, or do not count.
    """
    if times == "none" or not batch.times_ms.any():
        return None
    moments = batch.until_ms if times == "asking" else batch.times_ms
    asked_ms = moments if asking is None else moments.gather(1, asking)  # (B, R)
    seconds = (asked_ms[:, :, None] - batch.times_ms[:, None]).abs() / 1000  # (B, R, T)
    return (seconds.clamp(min=1).log() / STEP).long().clamp(max=BUCKETS - 1)


def _ends(batch: Batch) -> Tensor:
    return (batch.lengths - 1).clamp(min=0)


class Hstu(nn.Module):
    """One block."""

    def __init__(self, width: int, heads: int, dropout: float, longest: int) -> None:
        super().__init__()
        self.heads, self.width = heads, width
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.mixed = nn.Linear(width, 4 * width)
        self.by_distance = nn.Parameter((NEAR * torch.exp(-torch.arange(longest) / FADES)).repeat(heads, 1))
        self.by_span = nn.Parameter(torch.zeros(heads, BUCKETS - 1))
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, view: View) -> Tensor:
        """(B, T, D) to (B, T, D) as seen by all positions."""
        gates, queries, values, keys = functional.silu(self.mixed(self.norms[0](x))).chunk(4, dim=-1)
        return self._added(x, gates, self._found(queries, keys, values, view))

    def last(self, x: Tensor, view: View, batch: Batch) -> Tensor:
        """The same for the last real position of each sequence alone, (B, D)."""
        halves = (torch.split(part, 2 * self.width) for part in (self.mixed.weight, self.mixed.bias))
        own, other = zip(*halves, strict=True)
        newest, normed = (torch.arange(len(x), device=x.device), _ends(batch)), self.norms[0](x)
        gates, queries = functional.silu(functional.linear(normed[newest], *own)).chunk(2, dim=-1)  # (B, D) each
        values, keys = functional.silu(functional.linear(normed, *other)).chunk(2, dim=-1)  # (B, T, D) each
        return self._added(x[newest], gates, self._found(queries[:, None], keys, values, view)[:, 0])

    def _found(self, queries: Tensor, keys: Tensor, values: Tensor, view: View) -> Tensor:
        """Σ_j A_ij V_j, (B, R, D)."""
        query, key, value = (self._parts(side) for side in (queries, keys, values))  # (B, H, R or T, D / H)
        scores = query @ key.transpose(2, 3)  # (B, H, R, T)
        scores = scores + _looked_up(self.by_distance, view.far.clamp(0, self.by_distance.shape[1] - 1))
        if view.spans is not None:
            scores = scores + _looked_up(functional.pad(self.by_span, (1, 0)), view.spans)
        found = (functional.silu(scores) * view.shares[:, None]) @ value  # (B, H, R, D / H)
        return found.transpose(1, 2).flatten(2)

    def _parts(self, x: Tensor) -> Tensor:
        return x.reshape(*x.shape[:2], self.heads, -1).transpose(1, 2)

    def _added(self, x: Tensor, gates: Tensor, found: Tensor) -> Tensor:
        return x + cast(Tensor, self.out(self.dropout(self.norms[1](found) * gates)))


def _looked_up(table: Tensor, places: Tensor) -> Tensor:
    """For each row of `table` (H, n) what stands at `places` (B, R, T), (B, H, R, T).

    Row by row, because the gradient of picking numbers is found many times faster than that of picking rows.
    """
    flat = places.reshape(-1)
    return torch.stack([row.index_select(0, flat).view(places.shape) for row in table], dim=1)


class HstuStack(nn.Module):
    """Blocks one after the other, normalised at the end."""

    def __init__(self, blocks: int, width: int, heads: int, dropout: float, longest: int, times: Times) -> None:
        super().__init__()
        self.times: Times = times
        self.blocks = nn.ModuleList(Hstu(width, heads, dropout, longest) for _ in range(blocks))
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor, batch: Batch) -> Tensor:
        """(B, T, D) to (B, T, D)."""
        view = View.of_all(batch, self.times)
        for block in self.blocks:
            x = block(x, view)
        return cast(Tensor, self.norm(x))

    def last(self, x: Tensor, batch: Batch) -> Tensor:
        """(B, T, D) to the last real position of each sequence, (B, D); the last block computes nothing else."""
        *first, final = self.blocks
        view = View.of_all(batch, self.times) if first else None
        for block in first:
            x = block(x, view)
        return cast(Tensor, self.norm(cast(Hstu, final).last(x, View.of_last(batch, self.times), batch)))
