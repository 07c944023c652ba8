"""Causal convolutions against those of torch, and how far back a block sees."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from serendip.training.blocks.convolution import CausalConvolution, DilatedBlock


@pytest.mark.parametrize(
    ("kernel", "dilation", "length"), [(3, 1, 9), (3, 4, 9), (2, 4, 9), (3, 4, 5), (3, 16, 4), (4, 2, 1)]
)
def test_a_convolution_is_the_one_of_torch_with_nothing_before_the_first_event(
    kernel: int, dilation: int, length: int
) -> None:
    torch.manual_seed(0)
    made, x = CausalConvolution(4, kernel, dilation), torch.randn(2, length, 4)
    weight = torch.stack([tap.weight for tap in reversed(made.taps)], dim=2)  # (D, D, kernel), oldest first
    padded = functional.pad(x.transpose(1, 2), ((kernel - 1) * dilation, 0))
    expected = functional.conv1d(padded, weight, made.taps[0].bias, dilation=dilation).transpose(1, 2)
    torch.testing.assert_close(made(x), expected)


def test_a_block_sees_exactly_as_far_back_as_it_says_and_never_ahead() -> None:
    torch.manual_seed(0)
    made, x = DilatedBlock(8, 3, 2, 0.0), torch.randn(1, 30, 8, requires_grad=True)
    made(x)[0, 20].square().sum().backward()
    assert x.grad is not None
    seen = x.grad[0].abs().sum(1).nonzero()
    assert seen.flatten().tolist() == list(range(20 - 2 * (2 + 4), 21, 2))  # every second event, twelve back


def test_a_block_adds_to_what_came_before() -> None:
    made = DilatedBlock(8, 3, 1, 0.0)
    torch.nn.init.zeros_(made.norms[1].weight)
    x = torch.randn(2, 5, 8)
    torch.testing.assert_close(made(x), x)
