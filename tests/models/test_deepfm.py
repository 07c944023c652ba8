"""DeepFM: what is special about it; the promises of every model are in test_contract.py."""

from __future__ import annotations

from itertools import combinations

import pytest
import torch
from torch import Tensor

from serendip import models
from serendip.training.rankers import Head, People

SIZE, FIELDS = 4, 3
FIRST = torch.tensor([1.0] + [0.0] * SIZE)  # leaves b and takes v away


def head() -> Head:
    settings = {"embedding_size": SIZE, "hidden_size": 5, "layers": 2, "dropout": 0.0}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return models.make("deepfm", settings)._build(FIELDS)  # type: ignore[attr-defined, no-any-return]


def people() -> People:
    generator = torch.Generator().manual_seed(2)
    told, context = (
        torch.randn(6, FIELDS, 1 + SIZE, generator=generator),
        torch.randn(2, 2, 1 + SIZE, generator=generator),
    )
    return People(told, torch.tensor([0, 3, 5, 2]), torch.tensor([0, 3, 4]), context)


def by_the_book(net: Head, person: Tensor, item: Tensor) -> Tensor:
    """All fields of a pair (F, 1 + D) each with each, and the tower over all of them side by side."""
    fields = torch.cat([person, item])
    found = fields[:, 0].sum()
    for one, other in combinations(fields[:, 1:], 2):
        found = found + one @ other
    whole = torch.cat([layer.weight for layer in net.tower.first], dim=1)
    hidden = torch.relu(whole @ fields[:, 1:].flatten() + net.tower.first[0].bias)
    hidden = torch.relu(net.tower.rest[2](hidden))
    return found + net.out(hidden)[0]


@pytest.mark.parametrize("shared", [True, False])
def test_the_odds_are_those_of_the_formula(shared: bool) -> None:
    net, asked = head(), people()
    items = torch.randn(1 if shared else 2, 4, FIELDS, 1 + SIZE)
    found = net(asked, items)
    for row in range(2):
        for column in range(4):
            expected = by_the_book(net, asked.fields[row], items[0 if shared else row, column])
            torch.testing.assert_close(found[row, column], expected, atol=1e-4, rtol=1e-4)


def test_without_vectors_everybody_is_given_the_same() -> None:
    """The first-order part alone has one order for all; what is personal comes from products and the tower."""
    net, asked = head(), people()
    items = torch.randn(1, 4, FIELDS, 1 + SIZE)
    with torch.no_grad():
        net.out.weight.zero_()
    without = People(asked.told * FIRST, asked.events, asked.offsets, asked.context * FIRST)
    first, second = net(without, items)
    torch.testing.assert_close(first - first[0], second - second[0])
    first, second = net(asked, items)
    assert not torch.allclose(first - first[0], second - second[0], atol=1e-2)
