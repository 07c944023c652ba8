"""DIN: what is special about it; the promises of every model are in test_contract.py."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from serendip import models
from serendip.data import Dataset, Queries, Tables, event_frame
from serendip.training import FitOptions
from serendip.training.rankers import Head, People

OPTIONS = FitOptions(seed=5, threads=1)
SIZE, FIELDS = 4, 2


def head() -> Head:
    settings = {"embedding_size": SIZE, "hidden_size": 5, "layers": 1, "dropout": 0.0, "attention_size": 3}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return models.make("din", settings)._build(FIELDS).eval()  # type: ignore[attr-defined, no-any-return]


def people() -> People:
    generator = torch.Generator().manual_seed(2)
    told, context = torch.randn(6, FIELDS, SIZE, generator=generator), torch.randn(2, 2, SIZE, generator=generator)
    return People(told, torch.tensor([0, 3, 5, 2]), torch.tensor([0, 3, 4]), context)


@pytest.mark.parametrize("shared", [True, False])
def test_the_odds_are_those_of_the_formula(shared: bool) -> None:
    net, asked = head(), people()
    items = torch.randn(1 if shared else 2, 4, FIELDS, SIZE)
    found = net(asked, items)
    whole = torch.cat([layer.weight for layer in net.tower.first], dim=1)
    for row, history in enumerate(([0, 3, 5], [2])):
        for column in range(4):
            target = items[0 if shared else row, column].flatten()
            told = torch.zeros(FIELDS * SIZE)
            for event in asked.told[history].flatten(1):
                beside = torch.cat([event, target, event * target, event - target])
                told = told + net.attention.out(net.attention.bend(net.attention.mixed(beside))) * event
            told = told / len(history) ** 0.5
            joined = torch.cat([told, target, told * target, asked.context[row].flatten()])
            hidden = net.tower.rest[0](whole @ joined + net.tower.first[0].bias)
            torch.testing.assert_close(found[row, column], told @ target + net.out(hidden)[0], atol=1e-4, rtol=1e-4)


def interests() -> Dataset:
    """Ten groups of six things; a person has three interests and wants half of the things of each."""
    generator = np.random.default_rng(0)
    rows = [
        (f"u{person:03}", f"i{6 * group + place:02}")
        for person in range(150)
        for group in generator.permutation(10)[:3]
        for place in generator.permutation(6)[:3]
    ]
    users, items = (list(column) for column in zip(*rows, strict=True))
    return Dataset.from_tables(Tables(event_frame({"user_id": users, "item_id": items, "type": ["like"] * len(rows)})))


def group_of(data: Dataset) -> np.ndarray:
    return np.array([int(item[1:]) // 6 for item in data.items.vocabulary.ids(np.arange(data.n_items))])


def test_unseen_things_of_all_interests_stand_above_others() -> None:
    data = interests()
    scores = models.make("din").fit(data, OPTIONS).score(data.histories())
    seen, groups = data.matrix().toarray() > 0, group_of(data)
    right = []
    for row, mask in zip(scores, seen, strict=True):
        own = np.isin(groups, groups[mask])
        right.append((row[own & ~mask][:, None] > row[~own]).mean())
    assert np.mean(right) > 0.95


def test_of_a_history_what_has_to_do_with_the_target_counts() -> None:
    """An event more of the target's group moves its score further than one of any other."""
    data = interests()
    model, groups = models.make("din").fit(data, OPTIONS), group_of(data)
    first = [np.flatnonzero(groups == group)[:2] for group in range(10)]

    def score(history: list[int], target: int) -> float:
        asked = Queries.of_histories([(np.array(history), np.zeros(len(history)), np.ones(len(history)))])
        return float(model.score(asked, np.array([[target]]))[0, 0])

    related, unrelated = [], []
    for group in range(10):
        target, own = first[group]
        near, far = first[(group + 1) % 10][0], first[(group + 2) % 10][0]
        before = score([int(near)], int(target))
        related.append(abs(score([int(near), int(own)], int(target)) - before))
        unrelated.append(abs(score([int(near), int(far)], int(target)) - before))
    assert np.mean(related) > 2 * np.mean(unrelated)


def test_the_order_of_a_history_says_nothing() -> None:
    data = interests()
    model = models.make("din", {"epochs": 2}).fit(data, OPTIONS)
    histories = [(np.array(rows), np.zeros(3), np.ones(3)) for rows in ([3, 20, 41], [41, 3, 20])]
    one, other = model.score(Queries.of_histories(histories))
    np.testing.assert_allclose(one, other, atol=1e-5)
