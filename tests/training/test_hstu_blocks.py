"""HSTU blocks against the formula, pair by pair; times that are not there change nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from serendip.training.blocks.hstu import Hstu, HstuStack, View
from serendip.training.sequences import Batch, Sequences

CPU = torch.device("cpu")
WIDTH, HEADS, LONGEST = 8, 2, 6
DAY_S = 86_400


def batch(*times_s: list[float]) -> Batch:
    """Sequences with events at these times."""
    lengths = [len(times) for times in times_s]
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    times_ms = np.array([1000 * time for times in times_s for time in times], np.int64)
    return Sequences(offsets, np.zeros(len(times_ms), np.int64), times_ms).batch(CPU)


def block() -> Hstu:
    torch.manual_seed(0)
    made = Hstu(WIDTH, HEADS, 0.0, LONGEST)
    for table in (made.by_distance, made.by_span):
        torch.nn.init.normal_(table)
    return made.eval()


def by_hand(made: Hstu, x: torch.Tensor, times_s: list[float]) -> torch.Tensor:
    """One sequence (T, D) by the book."""
    gates, queries, values, keys = functional.silu(made.mixed(made.norms[0](x))).chunk(4, dim=1)
    found = torch.zeros_like(x)
    part = WIDTH // HEADS
    for head in range(HEADS):
        own = slice(head * part, (head + 1) * part)
        for i in range(len(x)):
            for j in range(i + 1):
                span = int(math.log(max(1.0, times_s[i] - times_s[j])) / 0.301)
                by_span = made.by_span[head, span - 1] if span else 0.0
                score = queries[i, own] @ keys[j, own] + made.by_distance[head, min(i - j, LONGEST - 1)] + by_span
                found[i, own] += functional.silu(score) / (i + 1) * values[j, own]
    return x + made.out(made.norms[1](found) * gates)


@torch.no_grad()
def test_a_block_is_the_formula() -> None:
    times = [[0.0, 3.0, 3.5, 100.0, 5 * DAY_S, 900 * DAY_S, 901 * DAY_S, 901 * DAY_S], [10.0, 11.0, 400.0]]
    made, x = block(), torch.randn(2, 8, WIDTH)
    found = made(x, View.of_all(batch(*times), times="past"))
    for row, own in enumerate(times):
        torch.testing.assert_close(found[row, : len(own)], by_hand(made, x[row, : len(own)], own))
    # Distance and time are part of it.
    torch.nn.init.zeros_(made.by_span)
    assert not torch.allclose(made(x, View.of_all(batch(*times), times="past"))[1, :3], found[1, :3], atol=1e-3)


@pytest.mark.parametrize(("seconds", "kind"), [(0, 0), (1, 0), (1.36, 1), (-1.36, 1), (10, 7), (DAY_S, 37), (1e13, 79)])
def test_spans_grow_like_logarithms(seconds: float, kind: int) -> None:
    spans = View.of_all(batch([1e9, 1e9 + seconds]), times="past").spans
    assert spans is not None
    assert spans[0, 1, 0] == kind


@torch.no_grad()
def test_the_last_position_alone_is_the_last_of_all_and_nothing_looks_at_padding() -> None:
    torch.manual_seed(0)
    stack = HstuStack(2, WIDTH, HEADS, 0.0, LONGEST, times="past").eval()
    for table in stack.parameters():
        torch.nn.init.normal_(table, std=0.5)
    asked = batch([5.0, 60.0, 4000.0, 4001.0, 9e5, 1e6, 2e6], [7.0], [1.0, 2.0, DAY_S])
    x = torch.randn(3, 7, WIDTH)
    found = stack.last(x, asked)
    torch.testing.assert_close(found, stack(x, asked)[torch.arange(3), asked.lengths - 1])
    x[1, 1:] = 100.0
    x[2, 3:] = -100.0
    torch.testing.assert_close(stack.last(x, asked), found)
    x[2, 2:] = -100.0
    assert not torch.allclose(stack.last(x, asked)[2], found[2])


@torch.no_grad()
def test_without_times_order_is_all_there_is() -> None:
    made, x = block(), torch.randn(2, 3, WIDTH)
    untimed = made(x, View.of_all(batch([0, 0, 0], [0, 0]), times="none"))
    torch.testing.assert_close(made(x, View.of_all(batch([0, 0, 0], [0, 0]), times="past")), untimed)
    together = made(x, View.of_all(batch([0, 0, 0], [5, 5e6]), times="past"))  # beside one that has times
    torch.testing.assert_close(together[0], untimed[0])
    assert not torch.allclose(together[1, 1], untimed[1, 1])
