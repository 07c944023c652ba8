"""Cross layers, towers, mixtures of experts and target attention, each against its formula written out."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from serendip.training.blocks.cross import BentLowRank, Cross, LowRank
from serendip.training.blocks.experts import Mixture
from serendip.training.blocks.target_attention import TargetAttention
from serendip.training.blocks.towers import Dice, Tower

WIDTH = 6


@pytest.fixture(autouse=True)
def _own_numbers() -> object:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        yield


def near(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_cross_layers_are_those_of_the_formula() -> None:
    cross, first = Cross(3, lambda: nn.Linear(WIDTH, WIDTH)), torch.randn(4, WIDTH)
    x = first
    for inner in cross.inner:
        x = first * (x @ inner.weight.T + inner.bias) + x
    near(cross(first), x)


def test_each_cross_layer_is_one_degree_more() -> None:
    """Without biases L layers make a polynomial whose largest degree is L + 1."""
    cross, x = Cross(2, lambda: nn.Linear(WIDTH, WIDTH, bias=False)), torch.randn(1, WIDTH, dtype=torch.float64)
    values = torch.stack([cross.double()(scale * x)[0] for scale in torch.arange(5, dtype=torch.float64)])
    third, fourth = values.diff(n=3, dim=0), values.diff(n=4, dim=0)
    torch.testing.assert_close(fourth, torch.zeros_like(fourth), atol=1e-9, rtol=0)
    assert third.abs().max() > 1e-3


def test_a_low_rank_is_a_product_of_thin_matrices() -> None:
    inner, x = LowRank(WIDTH, 2), torch.randn(4, WIDTH)
    whole = inner.up.weight @ inner.down.weight
    assert torch.linalg.matrix_rank(whole) == 2
    near(inner(x), x @ whole.T + inner.up.bias)


def test_an_expert_bends_between_its_matrices() -> None:
    inner, x = BentLowRank(WIDTH, 2), torch.randn(4, WIDTH)
    bent = torch.tanh(torch.tanh(x @ inner.down.weight.T) @ inner.between.weight.T)
    near(inner(x), bent @ inner.up.weight.T + inner.up.bias)


def test_a_mixture_is_the_sum_that_the_gate_weighs() -> None:
    mixture, x = Mixture(3, lambda: nn.Linear(WIDTH, 2), WIDTH), torch.randn(2, 4, WIDTH)
    shares = torch.softmax(x @ mixture.gate.weight.T, dim=-1)
    expected = sum(shares[..., place, None] * expert(x) for place, expert in enumerate(mixture.experts))
    assert isinstance(expected, Tensor)
    near(mixture(x), expected)


def test_the_gate_of_a_mixture_tells_inputs_apart() -> None:
    mixture = Mixture(2, lambda: nn.Linear(1, 1), 1)
    with torch.no_grad():
        mixture.gate.weight.copy_(torch.tensor([[100.0], [-100.0]]))
    x = torch.tensor([[1.0], [-1.0]])
    near(mixture(x), torch.stack([mixture.experts[0](x[0]), mixture.experts[1](x[1])]))


def test_the_parts_of_a_tower_are_one_input_side_by_side() -> None:
    tower = Tower([WIDTH, 2], 5, 2, 0.0)
    person, items = torch.randn(3, 1, WIDTH), torch.randn(1, 4, 2)
    joined = torch.cat([person.expand(3, 4, WIDTH), items.expand(3, 4, 2)], dim=2)
    whole = torch.cat([layer.weight for layer in tower.first], dim=1)
    first = torch.relu(joined @ whole.T + tower.first[0].bias)
    second = tower.rest[2]
    near(tower(person, items), torch.relu(first @ second.weight.T + second.bias))


def test_a_tower_leaves_out_only_while_it_learns() -> None:
    tower, x = Tower([WIDTH], 50, 2, 0.5), torch.randn(3, WIDTH)
    assert not torch.equal(tower(x), tower(x))
    tower.eval()
    assert torch.equal(tower(x), tower(x))


def test_dice_bends_where_the_numbers_lie() -> None:
    dice, x = Dice(2), torch.randn(500, 2) + torch.tensor([10.0, -10.0])
    with torch.no_grad():
        dice.alpha.fill_(0.25)
    share = torch.sigmoid((x - x.mean(0)) / x.var(0, unbiased=False).sqrt())
    near(dice(x), share * x + (1 - share) * 0.25 * x)
    for _ in range(200):
        dice(x)
    dice.eval()
    torch.testing.assert_close(dice(x[:1]), (share * x + (1 - share) * 0.25 * x)[:1], atol=0.02, rtol=0.01)


def by_the_book(attention: TargetAttention, history: Tensor, targets: Tensor) -> Tensor:
    """One history (T, W), its targets (C, W): each event beside each target, product and difference, (C, W)."""
    found = []
    for target in targets:
        beside = torch.stack([torch.cat([event, target, event * target, event - target]) for event in history])
        weights = attention.out(attention.bend(attention.mixed(beside)))  # (T, 1)
        found.append((weights * history).sum(0) / len(history) ** 0.5)
    return torch.stack(found)


@pytest.mark.parametrize("shared", [True, False])
def test_target_attention_is_that_of_the_formula(shared: bool) -> None:
    attention, history = TargetAttention(WIDTH, 4), torch.randn(3, 5, WIDTH)
    targets = torch.randn(1 if shared else 3, 7, WIDTH)
    lengths = torch.tensor([5, 1, 3])
    found = attention(history, torch.arange(5) < lengths[:, None], targets)
    for row, length in enumerate(lengths):
        near(found[row], by_the_book(attention, history[row, :length], targets[0 if shared else row]))


def test_what_is_padded_says_nothing() -> None:
    attention, history, targets = TargetAttention(WIDTH, 4), torch.randn(2, 5, WIDTH), torch.randn(2, 3, WIDTH)
    real = torch.tensor([[True, True, False, False, False], [False] * 5])
    found = attention(history, real, targets)
    changed = attention(torch.where(real[:, :, None], history, 7.0), real, targets)
    near(found, changed)
    near(found[1], torch.zeros(3, WIDTH))
