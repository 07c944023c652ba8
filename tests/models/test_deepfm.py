"""DeepFM: what is special about it; the promises of every model are in test_contract.py."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch
from torch import Tensor

from serendip import models
from serendip.data import Dataset, Tables, event_frame
from serendip.training import FitOptions
from serendip.training.rankers import Head, People

OPTIONS = FitOptions(seed=5, threads=1)
SIZE, FIELDS = 4, 3


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
    hidden = torch.relu(net.tower.rest[3](hidden))
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


def opposites() -> Dataset:
    """Things go in pairs, and who wants one of a pair wants the other: only products of columns can know it."""
    generator = np.random.default_rng(0)
    rows = []
    for person in range(150):
        for pair in generator.permutation(15)[:3]:
            rows += [(f"u{person:03}", f"i{2 * pair + side:02}") for side in (0, 1)]
    users, items = (list(column) for column in zip(*rows, strict=True))
    return Dataset.from_tables(Tables(event_frame({"user_id": users, "item_id": items, "type": ["like"] * len(rows)})))


def test_products_of_columns_know_what_goes_together() -> None:
    """Of a person's pairs one half is hidden: it scores above the things of all other pairs."""
    data = opposites()
    model = models.make("deepfm", {"epochs": 30, "patience": 0, "l2": 1e-3}).fit(data, OPTIONS)
    ids = data.items.vocabulary
    from serendip.data import Queries

    asked = [(ids.rows([f"i{2 * pair:02}"]), np.zeros(1), np.ones(1)) for pair in range(15)]
    scores = model.score(Queries.of_histories(asked))
    scores[np.arange(15), [rows[0] for rows, _, _ in asked]] = -np.inf
    assert list(ids.ids(scores.argmax(1))) == [f"i{2 * pair + 1:02}" for pair in range(15)]
